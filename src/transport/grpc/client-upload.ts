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

/** The messages of one call on their way out. */
export class Upload {
  readonly #stream: ClientHttp2Stream;
  readonly #from: UploadFrom;
  #iterator: AsyncIterator<unknown> | undefined = undefined;
  #isOver = false;
  /** Whether the source has given anything: it will not give it again. */
  hasTaken = false;

  constructor(stream: ClientHttp2Stream, from: UploadFrom) {
    this.#stream = stream;
    this.#from = from;
    try {
      this.#iterator = from.messages[Symbol.asyncIterator]();
    } catch (error) {
      queueMicrotask(() => this.#failed(error));
      return;
    }
    stream.on("drain", this.#ask);
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

  readonly #given = (step: IteratorResult<unknown, unknown>): void => {
    if (this.#isOver) return;
    this.hasTaken = true;
    if (step.done === true) {
      this.#isOver = true;
      this.#stream.removeListener("drain", this.#ask);
      this.#stream.end();
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
    if (this.#stream.write(frame)) this.#ask();
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
    this.#stream.removeListener("drain", this.#ask);
    // Not awaited: a source that is stuck must not hold the call, and what it throws has nobody left to be told.
    try {
      this.#iterator?.return?.().then(undefined, () => undefined);
    } catch {
      // As above.
    }
  }
}
