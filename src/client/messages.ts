/**
 * The messages a caller sends in a stream, counted by the observers and ended with the call.
 *
 * @module
 */
import type { ClientCall } from "./call.ts";
import { policyError } from "../errors/index.ts";

/** The caller's messages on their way out. When the call is over it asks for no more, and lets the source clean up. */
export class Sending implements AsyncIterableIterator<unknown> {
  readonly #source: AsyncIterable<unknown>;
  readonly #call: ClientCall;
  #iterator: AsyncIterator<unknown> | undefined = undefined;
  #isDone = false;

  constructor(source: AsyncIterable<unknown>, call: ClientCall) {
    this.#source = source;
    this.#call = call;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#isDone) return { done: true, value: undefined };
    let result: IteratorResult<unknown, unknown>;
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      result = await this.#iterator.next();
    } catch (error) {
      this.#isDone = true;
      // The caller's own failure: it ends the call with that, while the peer, and the breaker, only hear that it is over.
      const canceled = policyError("canceled", { cause: error });
      this.#call.fail(error);
      this.#call.cancel(canceled);
      throw canceled;
    }
    if (result.done === true) {
      this.#isDone = true;
      return { done: true, value: undefined };
    }
    if (this.#isDone) return { done: true, value: undefined };
    this.#call.plan.observer.message(this.#call, "sent", 0);
    return { done: false, value: result.value };
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the source. */
  stop(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    leave(this.#iterator);
  }
}

/**
 * Ends an iteration that is wanted no more. Not awaited: who is stuck there must not hold the call; and what it throws while it cleans up,
 * now or later, has nobody left to be told.
 */
export function leave(iterator: AsyncIterator<unknown> | undefined): void {
  try {
    const ended = iterator?.return?.();
    if (ended !== undefined) void Promise.resolve(ended).catch(() => undefined);
  } catch {
    // See above.
  }
}
