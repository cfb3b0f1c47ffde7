/**
 * One attempt at work, and the signal that calls it off.
 *
 * @module
 */

/** What a function knows of the attempt it is. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Aborts when nobody waits for this attempt any more. Made at the first read. */
  readonly signal: AbortSignal;
}

/** An attempt; its signal is made at the first read, since most functions do not ask. */
export class RunningAttempt implements Attempt {
  readonly number: number;
  readonly startMs: number;
  #controller: AbortController | undefined = undefined;
  #isAborted = false;
  #reason: unknown = undefined;

  constructor(number: number, startMs: number) {
    this.number = number;
    this.startMs = startMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Nobody waits for it any more. */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
