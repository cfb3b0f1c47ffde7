/**
 * One call on its way over HTTP/2: a place on a connection, the head, what comes back, and its one end. What the messages
 * are is known to those who extend it.
 *
 * @module
 */
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { addAbortSignal, Readable } from "node:stream";
import type { ActiveCall, Subscription } from "../../endpoint/index.ts";
import { policyError, ServiceError, toServiceError } from "../../errors/index.ts";
import type { MessageWire } from "../protobuf/rpc.ts";
import { finalize, type ClientHooks } from "../client-hooks.ts";
import { Answer, type GrpcClientRequest, type GrpcClientResponse } from "./client-answer.ts";
import type { Connection } from "./client-connection.ts";
import { headOf, RequestView, type HeadPlan } from "./client-draft.ts";
import { httpError, invalidAnswer, resetError } from "./client-errors.ts";
import type { Caller, Way } from "./client-way.ts";
import { errorOf } from "./details.ts";
import type { Fields } from "./metadata.ts";

/** What is prepared once per method. */
export interface MethodPlan {
  readonly way: Way;
  readonly head: HeadPlan;
  readonly request: MessageWire;
  readonly response: MessageWire;
  /** Messages from this size on are compressed; undefined for none. */
  readonly compressBytes: number | undefined;
  readonly idempotent: boolean;
  readonly hooks: ClientHooks<GrpcClientRequest, GrpcClientResponse>;
}

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = constants;

const EXCHANGE: unique symbol = Symbol("exchange") as never;

type Owned = ClientHttp2Stream & { [EXCHANGE]: Exchange | undefined };

// One function for all calls each: a call makes no closures but one.
// oxlint-disable-next-line max-params -- node gives them
function onResponse(this: Owned, headers: IncomingHttpHeaders, flags: number, raw: readonly string[]): void {
  const exchange = this[EXCHANGE];
  if (exchange?.fits(raw) === true) exchange.heard(this, headers as Fields, flags);
}
function onData(this: Owned, chunk: Buffer): void {
  this[EXCHANGE]?.got(this, chunk);
}
// oxlint-disable-next-line max-params -- node gives them
function onTrailers(this: Owned, trailers: IncomingHttpHeaders, _flags: number, raw: readonly string[]): void {
  const exchange = this[EXCHANGE];
  if (exchange?.fits(raw) === true) exchange.told(this, trailers as Fields);
}
function onClose(this: Owned): void {
  this[EXCHANGE]?.gone(this);
}
// Its "close" comes next.
function onError(): void {}

/** A call in flight. It ends once. */
export abstract class Exchange implements Caller {
  protected readonly plan: MethodPlan;
  protected readonly call: ActiveCall;
  protected stream: ClientHttp2Stream | undefined = undefined;
  protected headers: Fields | undefined = undefined;
  protected trailers: Fields | undefined = undefined;
  #connection: Connection | undefined = undefined;
  #subscription: Subscription | undefined = undefined;
  #isWaiting = false;
  #isRepeated = false;
  /** Whether the connection had carried calls before this one. */
  #isReused = false;
  #hasLooked = false;
  protected isOver = false;

  constructor(plan: MethodPlan, call: ActiveCall) {
    this.plan = plan;
    this.call = call;
  }

  /** Sends the request's body. */
  protected abstract send(stream: ClientHttp2Stream): void;

  /** The message as hooks see it; undefined where many go. */
  protected abstract get message(): Uint8Array | undefined;

  /** Whether nothing was taken that cannot be taken again. */
  protected abstract get isRepeatable(): boolean;

  /** The peer did not take the stream that `send` was given: it will be given another. */
  protected withdrawn(): void {}

  /** The head of an answer is here. */
  protected abstract begun(headers: Fields): void;

  /** A piece of it. */
  protected abstract take(chunk: Buffer): void;

  /** The status is here; messages may still wait to be read. */
  protected abstract concluded(): void;

  /** There is no answer, or no more of it. */
  protected abstract failed(error: ServiceError): void;

  /** Begins the call. */
  protected enter(): void {
    const { call, plan } = this;
    call.peer = plan.head.authority;
    if (call.canceledBy !== undefined) return this.fail(call.canceledBy);
    this.#isWaiting = true;
    plan.way.enter(this);
    if (!this.isOver) this.#subscription = call.onCancel((reason) => this.fail(reason));
  }

  refused(error: ServiceError): void {
    this.#isWaiting = false;
    this.fail(error);
  }

  go(connection: Connection): void {
    const { plan, call } = this;
    const { way } = plan;
    this.#isWaiting = false;
    this.#connection = connection;
    this.#isReused = connection.begun > 0;
    let stream: Owned;
    try {
      const head = headOf(plan.head, call, call.context.deadlineMs - way.options.clock.now());
      const { before } = plan.hooks;
      if (before !== undefined) {
        const view = new RequestView(plan.head.path, this.message, head);
        for (const one of before) one(call.context, view);
      }
      stream = connection.request(head) as Owned;
    } catch (error) {
      return this.#unsent(connection, error);
    }
    stream[EXCHANGE] = this;
    this.stream = stream;
    stream.on("response", onResponse);
    stream.on("data", onData);
    stream.on("trailers", onTrailers);
    stream.on("close", onClose);
    stream.on("error", onError);
    this.send(stream);
  }

  #unsent(connection: Connection, error: unknown): void {
    if (ServiceError.is(error)) return this.fail(error);
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ERR_HTTP2_INVALID_SESSION" || code === "ERR_HTTP2_GOAWAY_SESSION") {
      connection.close();
      return this.#unprocessed();
    }
    if (!code.startsWith("ERR_HTTP2_") && !code.startsWith("ERR_INVALID_")) return this.fail(toServiceError(error));
    this.fail(policyError("invalid_request", { message: "the metadata cannot be sent", cause: error }));
  }

  /** Whether a head or trailers are within the bounds, which nghttp2 has at 64 KiB; else it ends the call. */
  fits(raw: readonly string[]): boolean {
    if (this.isOver) return false;
    const { maxHeaders, maxHeaderBytes } = this.plan.way.options.limits;
    let bytes = 0;
    for (let i = 0; i < raw.length; i++) bytes += raw[i]!.length;
    if (raw.length <= maxHeaders * 2 && bytes <= maxHeaderBytes) return true;
    this.fail(policyError("too_many_headers"));
    return false;
  }

  heard(stream: ClientHttp2Stream, headers: Fields, flags: number): void {
    if (stream !== this.stream || this.isOver) return;
    this.headers = headers;
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) return this.#ended(headers);
    // With a status in front it is gRPC whatever else it is; what follows is read and not looked at.
    if (headers["grpc-status"] !== undefined) return;
    const status = Number(headers[":status"]);
    if (status !== 200) return this.reject(httpError(status));
    const type = headers["content-type"];
    if (type !== "application/grpc" && !isGrpc(type))
      return this.reject(invalidAnswer("the answer should be application/grpc"));
    this.begun(headers);
  }

  got(stream: ClientHttp2Stream, chunk: Buffer): void {
    if (stream !== this.stream || this.isOver) return;
    this.call.responseBytes += chunk.length;
    if (this.headers!["grpc-status"] === undefined) this.take(chunk);
  }

  told(stream: ClientHttp2Stream, trailers: Fields): void {
    if (stream === this.stream && !this.isOver) this.#ended(trailers);
  }

  #ended(trailers: Fields): void {
    if (trailers["grpc-status"] === undefined) {
      const status = Number(this.headers![":status"]);
      return this.reject(status === 200 ? invalidAnswer("the answer ended without a grpc-status") : httpError(status));
    }
    this.trailers = trailers;
    this.call.incoming = new Answer(this.headers!, trailers);
    this.concluded();
  }

  gone(stream: ClientHttp2Stream): void {
    if (stream !== this.stream || this.isOver) return;
    // All of it is here, and waits to be asked for or to be unpacked.
    if (this.trailers !== undefined && stream.readableEnded) return;
    const connection = this.#connection!;
    const { headers } = this;
    const rstCode = stream.rstCode ?? NGHTTP2_NO_ERROR;
    if (headers?.["grpc-status"] !== undefined) return this.#ended(headers);
    if (headers === undefined) {
      // Neither an answer nor a chance that the peer did anything (RFC 9113 §8.7).
      const isUnsent = stream.id === undefined || stream.id > connection.lastStreamId;
      if (isUnsent || (rstCode === NGHTTP2_REFUSED_STREAM && !connection.isGone)) return this.#unprocessed();
      // Most likely closed by the peer while it was idle, with the request on its way there.
      if (connection.isGone && this.#isReused && this.plan.idempotent && this.#mayRepeat()) return this.#again();
    }
    if (connection.isGone) return this.fail(policyError("connection_lost"));
    if (rstCode !== NGHTTP2_NO_ERROR) return this.fail(resetError(rstCode));
    this.fail(invalidAnswer("the answer ended without a grpc-status"));
  }

  #mayRepeat(): boolean {
    return !this.#isRepeated && this.isRepeatable && this.call.canceledBy === undefined;
  }

  #unprocessed(): void {
    if (this.#mayRepeat()) return this.#again();
    this.fail(policyError("unreachable", { message: "the peer took no call" }));
  }

  #again(): void {
    this.#isRepeated = true;
    const connection = this.#connection!;
    this.#connection = undefined;
    this.stream = undefined;
    this.withdrawn();
    this.#isWaiting = true;
    // Its own end may not have been noticed yet: the call would get its place there again.
    if (connection.isGone) connection.close();
    this.plan.way.leave(connection);
    this.plan.way.enter(this);
  }

  /** Ends the call with what is wrong with its answer. */
  protected reject(error: ServiceError): void {
    const { after } = this.plan.hooks;
    if (after === undefined || this.headers === undefined) return this.fail(error);
    try {
      this.look();
    } catch (thrown) {
      return this.fail(toServiceError(thrown));
    }
    this.fail(error);
  }

  /** Shows the answer to the hooks, once. */
  protected look(): void {
    const { after } = this.plan.hooks;
    if (after === undefined || this.#hasLooked) return;
    this.#hasLooked = true;
    const view = new Answer(this.headers!, this.trailers);
    for (const one of after) one(this.call.context, view);
  }

  /** The error that the trailers tell of; undefined when all went well. */
  protected said(): ServiceError | undefined {
    const trailers = this.trailers!;
    if (trailers["grpc-status"] === "0") return undefined;
    const error = errorOf(trailers);
    this.call.status = new Answer(trailers, undefined).status ?? 2;
    return error;
  }

  /** Ends the call; what the peer still sends belongs to nobody. */
  protected fail(error: ServiceError): void {
    if (this.isOver) return;
    this.release();
    this.failed(error);
    this.finished(error);
  }

  /** Gives the place back. */
  protected release(): void {
    this.isOver = true;
    this.#subscription?.cancel();
    const { way } = this.plan;
    if (this.#isWaiting) return way.forget(this);
    const { stream } = this;
    if (stream !== undefined) {
      // Answered before all was sent, or called off.
      if (!stream.closed && (!stream.writableEnded || this.trailers === undefined)) reset(stream);
      // What waits unread would keep the stream open.
      if (stream.isPaused()) stream.resume();
      // node keeps a stream for a while: what hangs on it would grow old with it, and cost a third more in collecting.
      (stream as Owned)[EXCHANGE] = undefined;
    }
    if (this.#connection !== undefined) way.leave(this.#connection);
  }

  /** Runs the finalizers. */
  protected finished(error: ServiceError | undefined): void {
    const { finalizer } = this.plan.hooks;
    if (finalizer === undefined) return;
    const { call } = this;
    finalize(finalizer, { context: call.context, status: call.status, error });
  }
}

function reset(stream: ClientHttp2Stream): void {
  if (stream.writableEnded) stream.close(NGHTTP2_CANCEL);
  // `close` would first say that this was the whole request. With this error, and no other, node only resets (CANCEL).
  else stream.destroy((abortError ??= madeAbortError()));
}

let abortError: Error | undefined;

// node makes them, but gives their class to nobody.
function madeAbortError(): Error {
  const stopped = new Readable();
  stopped.on("error", () => undefined);
  addAbortSignal(AbortSignal.abort(), stopped);
  return stopped.errored!;
}

function isGrpc(type: string | string[] | undefined): boolean {
  return typeof type === "string" && /^application\/grpc(?:\+proto)?(?:\s*;.*)?$/i.test(type);
}
