/**
 * Sending many messages, as fast as the peer takes them and no faster.
 *
 * @module
 */
import type { ClientHttp2Stream } from "node:http2";
import type { ActiveCall } from "../../endpoint/index.ts";
import { toServiceError, type ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import type { MethodPlan } from "./client-exchange.ts";
import { framed } from "./client-message.ts";

/** Where messages come from, and who hears of the end. */
export interface UploadFrom {
  readonly plan: MethodPlan;
  readonly call: ActiveCall;
  readonly messages: AsyncIterable<unknown>;
  /** The source failed, or a message cannot be written. */
  failed(error: ServiceError): void;
}

type Step = IteratorResult<unknown, unknown>;

/** The messages of one call on their way out. */
export class Upload {
  readonly #from: UploadFrom;
  #stream: ClientHttp2Stream | undefined = undefined;
  #iterator: AsyncIterator<unknown> | undefined = undefined;
  /** What the source gave while there was no stream. */
  #held: Step | undefined = undefined;
  #isOver = false;
  /** Whether the source has given anything: it will not give it again. */
  hasTaken = false;

  constructor(from: UploadFrom) {
    this.#from = from;
  }

  /** Begins to send, or goes on over another stream. */
  attach(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream.on("drain", this.#ask);
    if (this.#iterator === undefined) return this.#begin();
    const held = this.#held;
    this.#held = undefined;
    // Else the source was asked already: what it gives goes over the new stream.
    if (held !== undefined) this.#given(held);
  }

  /** The peer did not take the stream. Only before the source has given anything. */
  detach(): void {
    this.#stream?.removeListener("drain", this.#ask);
    this.#stream = undefined;
  }

  #begin(): void {
    try {
      this.#iterator = this.#from.messages[Symbol.asyncIterator]();
    } catch (error) {
      queueMicrotask(() => this.#failed(error));
      return;
    }
    this.#ask();
  }

  readonly #ask = (): void => {
    if (this.#isOver) return;
    try {
      this.#iterator!.next().then(this.#given, this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  };

  readonly #given = (step: Step): void => {
    if (this.#isOver) return;
    this.hasTaken = true;
    const stream = this.#stream;
    if (stream === undefined) {
      this.#held = step;
      return;
    }
    if (step.done === true) {
      this.#isOver = true;
      stream.removeListener("drain", this.#ask);
      stream.end();
      return;
    }
    const { plan } = this.#from;
    let frame: Buffer | Promise<Buffer>;
    try {
      frame = framed(plan.request.write(step.value), plan.compressBytes);
    } catch (error) {
      return this.#failed(error);
    }
    if (isPromise(frame)) void (frame as Promise<Buffer>).then(this.#write, this.#failed);
    else this.#write(frame);
  };

  readonly #write = (frame: Buffer): void => {
    if (this.#isOver) return;
    this.#from.call.requestBytes += frame.length;
    if (this.#stream!.write(frame)) this.#ask();
  };

  readonly #failed = (error: unknown): void => {
    if (this.#isOver) return;
    this.stop();
    this.#from.failed(toServiceError(error));
  };

  /** Sends no more, and lets the source clean up. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.detach();
    // Not awaited: a source that is stuck must not hold the call, and what it throws has nobody left to be told.
    try {
      this.#iterator?.return?.().then(undefined, () => undefined);
    } catch {
      // As above.
    }
  }
}
