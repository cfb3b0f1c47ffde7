/**
 * What the head of a request must say to be a gRPC call.
 *
 * @module
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { bareError, policyError, type ServiceError } from "../../errors/index.ts";
import type { Limits } from "../limits.ts";
import type { OneWays } from "../one-way.ts";
import type { GrpcConnection } from "./server-connection.ts";
import { parseTimeout } from "./timeout.ts";

const TYPE = "application/grpc";

/**
 * Whether a content type is gRPC's with protobuf: `application/grpc`, `application/grpc+proto`, with parameters or
 * none.
 */
export function isGrpc(contentType: string | undefined): boolean {
  if (contentType === TYPE || contentType === "application/grpc+proto") return true;
  if (contentType === undefined) return false;
  return /^application\/grpc(?:\+proto)?\s*(?:;|$)/i.test(contentType);
}

/** A request's head. */
export interface Head {
  readonly headers: IncomingHttpHeaders;
  /** How many headers there were before repeated ones were joined. */
  readonly headerCount: number;
}

/** What came in. */
export interface GrpcIncoming extends Head {
  readonly stream: ServerHttp2Stream;
  readonly connection: GrpcConnection;
  /** How long a peer may take to read an answer, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** The one-way calls of the server that are acknowledged. */
  readonly oneWays: OneWays;
}

/** What is wrong with the head of a call, or undefined. */
export function unfit({ headers, headerCount }: Head, limits: Limits): ServiceError | undefined {
  if (headerCount > limits.maxHeaders) return policyError("too_many_headers");
  if (headers.te !== "trailers")
    return malformed('the header "te: trailers" is missing: a proxy on the way may drop trailers');
  const timeout = headers["grpc-timeout"];
  if (timeout !== undefined && parseTimeout(String(timeout)) === undefined)
    return malformed("grpc-timeout should be one to eight digits and a unit");
  const encoding = headers["grpc-encoding"];
  if (encoding === undefined || encoding === "identity" || encoding === "gzip") return undefined;
  // gRPC's compression.md: what lists the codings there are is in every answer.
  return bareError("messages may be compressed with gzip, or not at all", {
    code: "unimplemented",
    reason: "unsupported_media_type",
  });
}

function malformed(message: string): ServiceError {
  return policyError("malformed_message", { message });
}

/** Whether a peer takes messages compressed with gzip, by its `grpc-accept-encoding`. */
export function packsFor(accepted: string | string[] | undefined): boolean {
  return (
    accepted !== undefined &&
    String(accepted)
      .split(",", 16)
      .some((one) => one.trim() === "gzip")
  );
}
