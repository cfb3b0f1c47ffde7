/**
 * A call that is answered once.
 *
 * @module
 */
import type { ClientHttp2Stream } from "node:http2";
import type { ActiveCall } from "../../endpoint/index.ts";
import { toServiceError, type ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { invalidAnswer, unreadable } from "./client-errors.ts";
import { Exchange, type MethodPlan } from "./client-exchange.ts";
import { framed, valueIn } from "./client-message.ts";
import { Upload } from "./client-upload.ts";
import { FrameReader, onlyFrame, type Frame } from "./frame.ts";

/** Who waits for an answer, and for what. */
export interface Waiting {
  readonly request: unknown;
  readonly call: ActiveCall;
  resolve(wire: unknown): void;
  reject(error: ServiceError): void;
}

/** A call whose answer is one message. */
abstract class OneAnswer extends Exchange {
  protected readonly waiting: Waiting;
  #frame: Frame | undefined = undefined;
  #reader: FrameReader | undefined = undefined;

  constructor(plan: MethodPlan, waiting: Waiting) {
    super(plan, waiting.call);
    this.waiting = waiting;
  }

  protected begun(): void {}

  protected take(chunk: Buffer): void {
    const { maxBodyBytes } = this.plan.way.options.limits;
    if (this.#frame === undefined && this.#reader === undefined && chunk.length - 5 <= maxBodyBytes) {
      this.#frame = onlyFrame(chunk);
      if (this.#frame !== undefined) return;
    }
    if (chunk.length === 0) return;
    const reader = (this.#reader ??= new FrameReader(maxBodyBytes));
    try {
      reader.push(chunk);
      for (let next = reader.take(); next !== undefined; next = reader.take()) {
        if (this.#frame !== undefined) return this.reject(invalidAnswer("the answer should be one message, got more"));
        this.#frame = next;
      }
    } catch (error) {
      this.reject(unreadable(toServiceError(error)));
    }
  }

  protected concluded(): void {
    const { stream } = this;
    // The trailers may overtake what has not been given out yet.
    if (stream !== undefined && stream.readableLength > 0) return void stream.once("end", () => this.#conclude());
    this.#conclude();
  }

  #conclude(): void {
    if (this.isOver) return;
    let wire: unknown;
    try {
      this.look();
      const error = this.said();
      if (error !== undefined) return this.fail(error);
      this.#reader?.end();
      if (this.#frame === undefined) throw invalidAnswer("the answer should be one message, got none");
      wire = valueIn(this.plan, this.#frame, this.headers!);
    } catch (error) {
      return this.fail(unreadable(toServiceError(error)));
    }
    if (!isPromise(wire)) return this.#succeed(wire);
    wire.then(
      (later) => this.#succeed(later),
      (error: unknown) => this.fail(toServiceError(error)),
    );
  }

  #succeed(wire: unknown): void {
    if (this.isOver) return;
    this.release();
    this.stopped();
    this.waiting.resolve(wire);
    this.finished(undefined);
  }

  protected failed(error: ServiceError): void {
    this.stopped();
    this.waiting.reject(error);
  }

  /** It is over: nothing more is sent. */
  protected stopped(): void {}
}

/** One message each way. */
export class UnaryExchange extends OneAnswer {
  #message: Uint8Array | undefined = undefined;
  #frame: Buffer | undefined = undefined;

  start(): void {
    let frame: Buffer | Promise<Buffer>;
    try {
      this.#message = this.plan.request.write(this.waiting.request);
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
    return true;
  }

  protected send(stream: ClientHttp2Stream): void {
    stream.end(this.#frame);
  }
}

/** Many messages, answered once. */
export class CollectExchange extends OneAnswer {
  #upload: Upload | undefined = undefined;

  start(): void {
    this.enter();
  }

  protected get message(): undefined {
    return undefined;
  }

  protected get isRepeatable(): boolean {
    return this.#upload?.hasTaken !== true;
  }

  protected send(stream: ClientHttp2Stream): void {
    this.#upload ??= new Upload({
      plan: this.plan,
      call: this.call,
      messages: this.waiting.request as AsyncIterable<unknown>,
      failed: (error) => this.fail(error),
    });
    this.#upload.attach(stream);
  }

  protected override withdrawn(): void {
    this.#upload?.detach();
  }

  protected override stopped(): void {
    this.#upload?.stop();
  }
}
