/**
 * Starts the call a stream is for, and answers what is no call.
 *
 * @module
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { endIncoming } from "../http/http2-connection.ts";
import type { OneWays } from "../one-way.ts";
import type { App } from "../server.ts";
import { GrpcCall } from "./server-call.ts";
import { grpcConnectionOf } from "./server-connection.ts";
import { isGrpc, type GrpcIncoming } from "./server-head.ts";
import type { GrpcPlan } from "./server-plan.ts";
import { GrpcStream } from "./server-stream.ts";

/** The pseudo-headers of a request (RFC 9113 §8.3.1), which are not counted as headers. */
const PSEUDO_HEADERS = 4;

const NO_GRPC = policyError("unsupported_media_type", { message: "this port speaks gRPC: POST with application/grpc" });

/** What is served, and how. */
export interface Served {
  readonly app: App;
  /** By path. */
  readonly plans: ReadonlyMap<string, GrpcPlan>;
  /** For calls of no method. */
  readonly other: GrpcPlan;
  readonly writeTimeoutMs: number;
  readonly oneWays: OneWays;
}

/** Serves streams. */
export class GrpcDispatcher {
  readonly #served: Served;

  constructor(served: Served) {
    this.#served = served;
  }

  /** Serves one stream. */
  handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    // It was reset before its turn came.
    if (stream.session === undefined || stream.destroyed) return;
    const { app, plans, other, writeTimeoutMs, oneWays } = this.#served;
    const connection = grpcConnectionOf(stream.session as ServerHttp2Session);
    const from: GrpcIncoming = {
      stream,
      headers,
      headerCount: rawHeaders.length / 2 - PSEUDO_HEADERS,
      connection,
      writeTimeoutMs,
      oneWays,
    };
    const startMs = app.clock.now();
    const plan = plans.get(headers[":path"] ?? "");
    if (headers[":method"] !== "POST" || !isGrpc(headers["content-type"]))
      return new NoGrpc(other, from, startMs).run(NO_GRPC);
    if (plan === undefined) return new GrpcCall(other, from, startMs).run(policyError("unknown_method"));
    const call =
      plan.takesMany || plan.answersMany ? new GrpcStream(plan, from, startMs) : new GrpcCall(plan, from, startMs);
    call.run();
  }
}

// gRPC over HTTP/2, "Requests": whoever does not speak gRPC would not understand its trailers.
class NoGrpc extends GrpcCall {
  protected override refuse(error: ServiceError): void {
    const { stream } = this.from;
    this.status = 415;
    if (!stream.destroyed && !stream.closed) {
      stream.respond({ ":status": 415 }, { endStream: true });
      endIncoming(stream);
    }
    this.finish(error.code);
  }
}
