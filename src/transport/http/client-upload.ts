/**
 * Sending many messages in one request, as fast as the peer takes them and no faster.
 *
 * @module
 */
import type { ClientRequest } from "node:http";
import { toServiceError, type ServiceError } from "../../errors/index.ts";
import { ndjson } from "./frames.ts";
import { Outlet, type OutletUser } from "./node-outlet.ts";

/** Where messages come from, and who hears of the end. */
export interface UploadFrom {
  readonly messages: AsyncIterable<unknown>;
  /** Writes one message as JSON. */
  write(message: unknown): string;
  /** So many bytes have gone out. */
  sent(bytes: number): void;
  /** The source failed, or a message cannot be written. */
  failed(error: ServiceError): void;
}

/** The messages of one request on their way out. */
export class Upload implements OutletUser {
  readonly #from: UploadFrom;
  readonly #request: ClientRequest;
  readonly #outlet: Outlet;
  #iterator: AsyncIterator<unknown> | undefined = undefined;
  #isAsking = false;
  #isOver = false;

  constructor(request: ClientRequest, from: UploadFrom) {
    this.#from = from;
    this.#request = request;
    this.#outlet = new Outlet(request, this);
    // The peer may well have something to say before the first message is there.
    request.flushHeaders();
    this.#iterator = from.messages[Symbol.asyncIterator]();
    this.go();
  }

  go(): void {
    if (this.#isAsking || this.#isOver) return;
    this.#isAsking = true;
    try {
      this.#iterator!.next().then(this.#given, this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  }

  readonly #given = (step: IteratorResult<unknown, unknown>): void => {
    this.#isAsking = false;
    if (this.#isOver) return;
    if (step.done === true) {
      this.#isOver = true;
      return this.#outlet.end("");
    }
    let text: string;
    try {
      text = ndjson.frame(this.#from.write(step.value), "");
    } catch (error) {
      return this.#failed(error);
    }
    this.#from.sent(this.#outlet.write(text));
    if (!this.#outlet.isBehind) this.go();
  };

  readonly #failed = (error: unknown): void => {
    if (this.#isOver) return;
    this.stop();
    this.#from.failed(toServiceError(error));
  };

  /** Sends no more, and lets the source clean up; the connection is closed unless all was sent. */
  stop(): void {
    this.#outlet.stop();
    if (this.#isOver) return;
    this.#isOver = true;
    // Not awaited: a source that is stuck must not hold the call, and what it throws has nobody left to be told.
    try {
      this.#iterator?.return?.().then(undefined, () => undefined);
    } catch {
      // As above.
    }
  }

  /** Whether everything is with the peer, so that the connection can go on. */
  get isComplete(): boolean {
    return this.#request.writableEnded;
  }

  stalled(): void {}

  released(): void {}
}
