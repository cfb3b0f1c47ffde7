/**
 * One gRPC call on its way through the server, on one of node's HTTP/2 streams.
 *
 * @module
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Metadata } from "../../endpoint/index.ts";
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import { nextTurn } from "../../internal/turn.ts";
import type { Timer } from "../../time/index.ts";
import { CANCEL, endIncoming } from "../http/http2-connection.ts";
import { REQUEST_ID } from "../names.ts";
import type { OneWays } from "../one-way.ts";
import { ServerCall } from "../server-call.ts";
import { deflate, deflateLater, deflatesAtOnce, unpack } from "./compression.ts";
import { agreeing, trailersOf, withPushBack } from "./details.ts";
import { frame, FrameReader, onlyFrame, type Frame } from "./frame.ts";
import { incomingMetadata } from "./metadata.ts";
import { packsFor, unfit, type GrpcIncoming } from "./server-head.ts";
import {
  addAll,
  ReplyDraft,
  RequestView,
  withLate,
  type GrpcReply,
  type GrpcRequest,
  type Writable,
} from "./server-message.ts";
import { HEAD, OK_TRAILERS, PACKED_HEAD, type GrpcPlan } from "./server-plan.ts";
import { OK, statusOf } from "./status.ts";
import { parseTimeout } from "./timeout.ts";

/** Below this, compression saves a packet seldom. */
export const MIN_PACKED_BYTES = 1024;

// One object for every call. Services have clocks: a date says nothing, and would be made and sent each second anew.
const RESPOND = { waitForTrailers: true, sendDate: false };
const RESPOND_LAST = { endStream: true, sendDate: false };

const CALL: unique symbol = Symbol("call") as never;

/** A stream that knows its call. */
type Held = ServerHttp2Stream & { [CALL]: GrpcCall };

/** Drives one call that is answered once, and writes the answer to its stream. */
export class GrpcCall extends ServerCall<GrpcRequest, GrpcReply> {
  readonly plan: GrpcPlan;
  readonly from: GrpcIncoming;
  #view: RequestView | undefined = undefined;
  /** The one message there is, once it has come. */
  #message: Frame | undefined = undefined;
  #frames: FrameReader | undefined = undefined;
  #trailers: OutgoingHttpHeaders = OK_TRAILERS;
  #late: Timer | undefined = undefined;
  /** Whether the answer is being compressed, which ends the call. */
  #isPacking = false;
  /** Whether the next turn looks after it. */
  #isListed = false;
  /** Knows the call when the peer has been told that it is accepted. */
  #holder: OneWays | undefined = undefined;

  constructor(plan: GrpcPlan, from: GrpcIncoming, startMs: number) {
    const { info, around } = plan.bound;
    const timeout = from.headers["grpc-timeout"] as string | undefined;
    // Who sends a one-way call does not wait for the work.
    const theirMs = timeout === undefined || info.oneWay === true ? undefined : parseTimeout(timeout);
    const timeoutMs = theirMs === undefined || theirMs > info.timeoutMs ? info.timeoutMs : theirMs;
    const incoming = incomingMetadata(from.headers as never);
    super(
      plan.bound,
      from.connection.start({ startMs, timeoutMs, transport: "grpc", incoming, values: around.values }),
      plan.hooks,
    );
    this.plan = plan;
    this.from = from;
    from.connection.opened();
    this.peer = from.connection.peer;
    this.target = from.headers[":path"] ?? "";
    (from.stream as Held)[CALL] = this;
    from.stream.on("error", ignore);
    from.stream.on("close", GrpcCall.#onClose);
  }

  // One listener of each kind for all calls: a stream is `this` to its listeners.
  static readonly #onClose = function closed(this: Held): void {
    const call = this[CALL];
    call.from.connection.closed();
    call.#late?.cancel();
    if (call.outcome === undefined && call.#holder === undefined) call.abandon(policyError("canceled"));
  };
  static readonly #onData = function took(this: Held, chunk: Buffer): void {
    this[CALL].#take(chunk);
  };
  static readonly #onEnd = function taken(this: Held): void {
    this[CALL].#taken();
  };
  static readonly #onWantTrailers = function sendTrailers(this: Held): void {
    this[CALL].#sendTrailers();
  };

  /** The request as hooks see it; made at the first read. */
  get request(): GrpcRequest {
    return (this.#view ??= new RequestView(this.from.headers as never, this.incoming));
  }

  /** Takes the call through its pipeline; `refusal` is an error that was plain from its head. */
  run(refusal?: ServiceError): void {
    this.begin();
    const refused = refusal ?? unfit(this.from, this.plan.limits);
    if (refused !== undefined) return this.fail(refused);
    const admitted = this.admit();
    if (admitted === true) this.take();
    else if (admitted !== false) void admitted.then((passes) => (passes ? this.take() : undefined));
  }

  /** It is admitted: reads its message. */
  protected take(): void {
    const { stream } = this.from;
    this.#lookLater();
    stream.on("data", GrpcCall.#onData);
    stream.on("end", GrpcCall.#onEnd);
  }

  // Most messages come in the turn of their head, and most answers go out in theirs: those need no timers.
  #lookLater(): void {
    if (this.#isListed) return;
    this.#isListed = true;
    this.from.connection.nextTurn(this);
  }

  /** A turn later: what it still waits for has a bound from now on. */
  look(): void {
    this.#isListed = false;
    const { stream } = this.from;
    if (this.outcome === undefined) this.arm();
    if (stream.writableEnded && stream.writableLength > 0 && !stream.destroyed) this.watchReader();
  }

  #take(chunk: Buffer): void {
    if (this.outcome !== undefined) return;
    this.requestBytes += chunk.length;
    if (this.#message === undefined && this.#frames === undefined) {
      const only = onlyFrame(chunk);
      if (only !== undefined && only.data.length <= this.plan.limits.maxBodyBytes) {
        this.#message = only;
        return;
      }
    }
    try {
      const frames = (this.#frames ??= new FrameReader(this.plan.limits.maxBodyBytes));
      frames.push(chunk);
      for (let next = frames.take(); next !== undefined; next = frames.take()) {
        if (this.#message !== undefined) throw oneOnly("more than one");
        this.#message = next;
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #taken(): void {
    // A reset without an error ends a stream as if that were all of it. The stream's end ends the call.
    if (this.outcome !== undefined || this.from.stream.aborted) return;
    try {
      this.#frames?.end();
      const message = this.#message;
      if (message === undefined) throw oneOnly("no");
      this.#message = undefined;
      if (!message.isCompressed) return this.dispatch(this.plan.request.read(message.data, this.plan.limits.maxDepth));
      const data = this.unpack(message.data);
      if (data instanceof Uint8Array) return this.#read(data);
      data.then(
        (plain) => this.#read(plain),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  #read(data: Uint8Array): void {
    if (this.outcome !== undefined) return;
    let wire: unknown;
    try {
      wire = this.plan.request.read(data, this.plan.limits.maxDepth);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  /** Unpacks a message that says it is compressed. */
  protected unpack(data: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return unpack(data, this.from.headers["grpc-encoding"], this.plan.limits.maxBodyBytes);
  }

  protected succeed(response: unknown): void {
    const bytes = this.plan.response.write(response);
    if (this.hooks.after === undefined && !this.plan.compress && this.outgoingIfAny === undefined)
      this.answer(HEAD, frame(bytes));
    else this.#drafted(bytes);
    if (!this.#isPacking) this.finish("ok");
  }

  #drafted(bytes: Uint8Array): void {
    const draft = this.open(bytes);
    const message = draft.message ?? bytes;
    const head = this.headOf(draft);
    if (head["grpc-encoding"] === undefined || message.length < MIN_PACKED_BYTES)
      return this.answer(head, frame(message));
    if (deflatesAtOnce(message)) return this.answer(head, frame(deflate(message), true));
    this.#isPacking = true;
    const packed = (data: Uint8Array): void => {
      if (this.outcome !== undefined) return;
      this.answer(head, frame(data, true));
      this.finish("ok");
    };
    deflateLater(message)
      .then(packed)
      .catch((error: unknown) => this.fail(error));
  }

  /** Runs the after hooks, and keeps what they say of the trailers. */
  protected open(bytes: Uint8Array | undefined): ReplyDraft {
    const draft = new ReplyDraft(bytes);
    this.after(draft);
    this.status = draft.status;
    this.#trailers = draft.status === OK && draft.trailers.size === 0 ? OK_TRAILERS : draft.trailerFields();
    return draft;
  }

  /** The head of an answer with its metadata. */
  protected headOf(draft: ReplyDraft | undefined): OutgoingHttpHeaders {
    const { compress } = this.plan;
    const packs = compress && packsFor(this.from.headers["grpc-accept-encoding"]);
    const head = packs ? PACKED_HEAD : HEAD;
    const hasMore = this.outgoingIfAny !== undefined || (draft !== undefined && draft.headers.size > 0);
    if (!hasMore) return head;
    const fields: Writable = { ...(head as Writable) };
    if (draft !== undefined) addAll(fields, draft.headers);
    if (this.outgoingIfAny !== undefined) addAll(fields, this.outgoingIfAny);
    return fields;
  }

  /** Writes the one answer there is. */
  protected answer(head: OutgoingHttpHeaders, framed: Buffer): void {
    const { stream } = this.from;
    this.responseBytes = framed.length;
    this.respond(head);
    stream.end(framed);
    if (stream.writableLength > 0) this.#lookLater();
  }

  /** Writes the head; the trailers follow the last message. */
  protected respond(head: OutgoingHttpHeaders): void {
    const { stream } = this.from;
    stream.respond(head, RESPOND);
    stream.on("wantTrailers", GrpcCall.#onWantTrailers);
  }

  #sendTrailers(): void {
    const { stream } = this.from;
    if (stream.destroyed || stream.closed) return;
    const { outgoingIfAny } = this;
    if (this.plan.answersMany && outgoingIfAny !== undefined)
      this.guarded(() => {
        this.#trailers = withLate(this.#trailers as Writable, outgoingIfAny, stream.sentHeaders);
      });
    stream.sendTrailers(this.#trailers);
    // Node writes trailers in the next turn, and a reset before them would take their place.
    if (!stream.readableEnded) nextTurn(endIncoming, stream);
  }

  protected refuse(error: ServiceError): void {
    const { stream } = this.from;
    this.status = statusOf(error);
    if (!stream.destroyed && !stream.closed && !stream.writableEnded) {
      const trailers: Writable = trailersOf(error, (thrown) => this.report(thrown));
      if (!this.#refusedBy(error, trailers)) this.#endWith(trailers, undefined);
    }
    this.finish(error.code);
  }

  /** Whether the contract's mapping or the user's encoder has answered. */
  #refusedBy(error: ServiceError, plain: Writable): boolean {
    const own = error.origin === "declared" ? this.#foreign(error) : undefined;
    if (own === undefined && this.hooks.errorEncoder === undefined) return false;
    const draft = new ReplyDraft(own);
    if (own === undefined) {
      const statusDetails = plain["grpc-status-details-bin"] as string | undefined;
      const said = { status: this.status, statusMessage: error.message, statusDetails };
      Object.assign(draft, said);
      if (!this.encodeError(error, draft)) return false;
      if (!this.guarded(() => void (draft.statusDetails = agreeing(said, draft)))) return false;
    }
    return this.guarded(() => {
      const trailers = withPushBack(draft.trailerFields(), plain);
      if (draft.message === undefined) this.#endWith(trailers, draft.headers);
      else {
        const head = this.headOf(draft);
        this.#trailers = trailers;
        this.answer(head, frame(draft.message));
      }
      this.status = draft.status;
    });
  }

  #foreign(error: ServiceError): Uint8Array | undefined {
    let bytes: Uint8Array | undefined;
    this.guarded(() => (bytes = this.plan.writeError?.(error)));
    return bytes;
  }

  #endWith(trailers: Writable, more: Metadata | undefined): void {
    const { stream } = this.from;
    if (more !== undefined) addAll(trailers, more);
    if (stream.headersSent) {
      this.#trailers = trailers;
      return this.end();
    }
    // One frame, a head that is the end too ("Trailers-Only"). Who wants to know what went wrong asks by the id.
    const fields: Writable = { ...(HEAD as Writable), [REQUEST_ID]: this.requestId, ...trailers };
    const { outgoingIfAny } = this;
    if (outgoingIfAny !== undefined) this.guarded(() => addAll(fields, outgoingIfAny));
    stream.respond(fields, RESPOND_LAST);
    endIncoming(stream);
    if (stream.writableLength > 0) this.watchReader();
  }

  /** Ends a stream of answers: its trailers follow. */
  protected end(): void {
    this.from.stream.end();
  }

  /** The peer has not taken all of it: one that stops reading would hold its answer in memory for ever. */
  protected watchReader(): void {
    const { stream, writeTimeoutMs } = this.from;
    this.#late ??= this.bound.around.clock.expire(writeTimeoutMs, { expire: () => stream.close(CANCEL) });
  }

  /** It reads again. */
  protected unwatchReader(): void {
    this.#late?.cancel();
    this.#late = undefined;
  }

  // The answer to a one-way call is an empty message, and says that it is accepted.
  protected override acknowledge(): void {
    this.#drafted(this.plan.response.write({}));
    this.#holder = this.from.oneWays;
    this.#holder.add(this);
  }

  protected override done(): void {
    this.finish("ok");
  }

  protected override finish(outcome: Outcome): void {
    this.#holder?.remove(this);
    super.finish(outcome);
  }
}

function oneOnly(number: string): ServiceError {
  return policyError("malformed_message", { message: `the method takes one message, and there was ${number}` });
}

function ignore(): void {}
