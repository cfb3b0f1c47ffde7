/**
 * A call that is answered by a stream: messages are read as they are asked for, and the peer is held back when they are not.
 *
 * @module
 */
import type { ClientHttp2Stream } from "node:http2";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { Answer } from "./client-answer.ts";
import { unreadable } from "./client-errors.ts";
import { Exchange, type MethodPlan } from "./client-exchange.ts";
import { framed, valueIn } from "./client-message.ts";
import { Upload } from "./client-upload.ts";
import { FrameReader } from "./frame.ts";
import type { Fields } from "./metadata.ts";

type Step = IteratorResult<unknown, undefined>;

const DONE: Step = { done: true, value: undefined };

/** Bytes that are kept of messages nobody has asked for yet; what comes beyond stays with the peer. */
const AHEAD_BYTES = 65_536;

/** The answers of one call, to be iterated once. The call begins when the first is asked for. */
export class AnswerStream implements AsyncIterableIterator<unknown> {
  readonly #make: () => StreamExchange;
  #exchange: StreamExchange | undefined = undefined;
  #isClosed = false;

  constructor(plan: MethodPlan, request: unknown, call: ActiveCall) {
    this.#make = () => new StreamExchange(plan, request, call);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    if (this.#isClosed) return Promise.resolve(DONE);
    if (this.#exchange === undefined) {
      this.#exchange = this.#make();
      this.#exchange.start();
    }
    return this.#exchange.next();
  }

  return(): Promise<Step> {
    this.#isClosed = true;
    this.#exchange?.leave();
    return Promise.resolve(DONE);
  }
}

interface Asking {
  resolve(step: Step): void;
  reject(error: ServiceError): void;
}

/** One call in flight. */
class StreamExchange extends Exchange {
  readonly #request: unknown;
  readonly #frames: FrameReader;
  #message: Uint8Array | undefined = undefined;
  #frame: Buffer | undefined = undefined;
  #upload: Upload | undefined = undefined;
  #asking: Asking | undefined = undefined;
  #aheadBytes = 0;
  #isReading = false;
  #isAtEnd = false;
  #untold: ServiceError | undefined = undefined;

  constructor(plan: MethodPlan, request: unknown, call: ActiveCall) {
    super(plan, call);
    this.#request = request;
    this.#frames = new FrameReader(plan.way.options.limits.maxBodyBytes);
  }

  start(): void {
    if (this.call.method.kind === "bidi") return this.enter();
    let frame: Buffer | Promise<Buffer>;
    try {
      this.#message = this.plan.request.write(this.#request);
      frame = framed(this.#message, this.plan.compressBytes);
    } catch (error) {
      return this.fail(toServiceError(error));
    }
    if (!isPromise(frame)) return this.#start(frame as Buffer);
    void (frame as Promise<Buffer>).then(
      (later) => this.#start(later),
      (error: unknown) => this.fail(toServiceError(error)),
    );
  }

  #start(frame: Buffer): void {
    this.#frame = frame;
    this.call.requestBytes = frame.length;
    this.enter();
  }

  protected get message(): Uint8Array | undefined {
    return this.#message;
  }

  protected get isRepeatable(): boolean {
    return this.#upload?.hasTaken !== true;
  }

  protected send(stream: ClientHttp2Stream): void {
    stream.once("end", () => this.#readAll(stream));
    if (this.call.method.kind !== "bidi") return void stream.end(this.#frame);
    this.#upload ??= new Upload({
      plan: this.plan,
      call: this.call,
      messages: this.#request as AsyncIterable<unknown>,
      failed: (error) => this.fail(error),
    });
    this.#upload.attach(stream);
  }

  protected override withdrawn(): void {
    this.#upload?.detach();
  }

  protected begun(headers: Fields): void {
    // What came before the messages is there while they are read.
    this.call.incoming = new Answer(headers, undefined);
    try {
      this.look();
    } catch (error) {
      this.fail(toServiceError(error));
    }
  }

  protected take(chunk: Buffer): void {
    this.#frames.push(chunk);
    this.#aheadBytes += chunk.length;
    if (this.#asking !== undefined) this.#pull();
    if (this.#aheadBytes > AHEAD_BYTES && this.#asking === undefined) this.stream?.pause();
  }

  protected concluded(): void {
    // At once where there are no messages: nothing of such an answer would ever "end".
    if (this.trailers === this.headers) this.#conclude();
  }

  #readAll(stream: ClientHttp2Stream): void {
    if (stream !== this.stream || this.isOver) return;
    this.#isAtEnd = true;
    if (this.trailers !== undefined) this.#conclude();
  }

  // Everything has been pushed; what was not asked for yet comes first.
  #conclude(): void {
    this.#isAtEnd = true;
    if (this.#asking !== undefined) this.#pull();
  }

  next(): Promise<Step> {
    return new Promise((resolve, reject) => {
      if (this.#untold !== undefined) {
        const error = this.#untold;
        this.#untold = undefined;
        return reject(error);
      }
      if (this.isOver) return resolve(DONE);
      this.#asking = { resolve, reject };
      if (this.headers !== undefined) this.#pull();
    });
  }

  #pull(): void {
    if (this.#isReading) return;
    let wire: unknown;
    try {
      const frame = this.#frames.take();
      if (frame === undefined) return this.#wait();
      wire = valueIn(this.plan, frame, this.headers!);
    } catch (error) {
      return this.fail(unreadable(toServiceError(error)));
    }
    if (!isPromise(wire)) return this.#give(wire);
    this.#isReading = true;
    wire.then(
      (later) => {
        this.#isReading = false;
        this.#give(later);
      },
      (error: unknown) => this.fail(toServiceError(error)),
    );
  }

  #give(value: unknown): void {
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.resolve({ done: false, value });
  }

  // Everything there is has been given.
  #wait(): void {
    this.#aheadBytes = 0;
    if (!this.#isAtEnd || this.trailers === undefined) {
      if (this.stream?.isPaused() === true) this.stream.resume();
      return;
    }
    let error: ServiceError | undefined;
    try {
      if (this.trailers === this.headers) this.look();
      error = this.said();
      if (error === undefined) this.#frames.end();
    } catch (thrown) {
      error = unreadable(toServiceError(thrown));
    }
    if (error !== undefined) return this.fail(error);
    this.release();
    this.#upload?.stop();
    this.#finish(undefined);
    this.finished(undefined);
  }

  protected failed(error: ServiceError): void {
    this.#upload?.stop();
    this.#finish(error);
  }

  #finish(error: ServiceError | undefined): void {
    const asking = this.#asking;
    this.#asking = undefined;
    if (asking === undefined) this.#untold = error;
    else if (error === undefined) asking.resolve(DONE);
    else asking.reject(error);
  }

  /** The caller has seen enough. */
  leave(): void {
    if (this.isOver) return;
    this.fail(policyError("canceled"));
    this.#untold = undefined;
  }
}
