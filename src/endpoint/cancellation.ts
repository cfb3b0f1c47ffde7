/**
 * Cancellation without the platform's price: a number-sized state that turns into an AbortSignal only when somebody reads
 * one (an AbortController with its signal costs 1.9 µs, a listener 1.5 more).
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";

/** A listener that can be taken off again. */
export interface Subscription {
  cancel(): void;
}

class Listener implements Subscription {
  run: ((reason: ServiceError) => void) | undefined;
  next: Listener | undefined;

  constructor(run: (reason: ServiceError) => void, next: Listener | undefined) {
    this.run = run;
    this.next = next;
  }

  cancel(): void {
    this.run = undefined;
  }
}

/**
 * Whether something was called off, why, and who wants to know. Never fires after normal completion.
 *
 * @example
 * ```ts
 * import { Cancellation } from "servicekit/endpoint";
 * import { policyError } from "servicekit/errors";
 *
 * const work = new Cancellation();
 * let seen = "";
 * work.onCancel(({ reason }) => (seen = reason));
 * work.cancel(policyError("canceled"));
 * seen; // => "canceled"
 * ```
 */
export class Cancellation {
  /** Why it was called off; undefined while it is not. */
  canceledBy: ServiceError | undefined = undefined;
  #listeners: Listener | undefined = undefined;
  #controller: AbortController | undefined = undefined;

  /** An AbortSignal, made at the first read. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.canceledBy !== undefined) this.#controller.abort(this.canceledBy);
    }
    return this.#controller.signal;
  }

  /** Calls everything off; only the first call counts. What a listener throws is thrown when all have heard. */
  cancel(reason: ServiceError): void {
    if (this.canceledBy !== undefined) return;
    this.canceledBy = reason;
    let listener = this.#listeners;
    this.#listeners = undefined;
    const thrown: unknown[] = [];
    for (; listener !== undefined; listener = listener.next) {
      try {
        listener.run?.(reason);
      } catch (error) {
        thrown.push(error);
      }
    }
    this.#controller?.abort(reason);
    if (thrown.length > 0) throw thrown[0];
  }

  /** Runs `run` when this is called off, at once if it was already. Cheaper than a listener on `signal`. */
  onCancel(run: (reason: ServiceError) => void): Subscription {
    // Taken-off listeners in front are dropped here, so that a long call with many short children stays small.
    while (this.#listeners !== undefined && this.#listeners.run === undefined) this.#listeners = this.#listeners.next;
    const listener = new Listener(run, this.#listeners);
    if (this.canceledBy !== undefined) run(this.canceledBy);
    else this.#listeners = listener;
    return listener;
  }
}
