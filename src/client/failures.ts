/**
 * What the attempts of a call failed with, kept on the error that its caller gets.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";
import { keepAttempts, type FailedAttempt } from "../resilience/index.ts";
import type { Attempt } from "./attempt.ts";

/** The failures of one call, in order. */
export class Failures {
  readonly #all: FailedAttempt[] = [];

  add(attempt: Attempt<unknown>, error: ServiceError, nowMs: number): void {
    this.#all.push({
      attempt: this.#all.length + 1,
      instance: attempt.member.value.name,
      error,
      durationMs: nowMs - attempt.startMs,
    });
  }

  /**
   * Keeps them on the error, and gives the one to be told; a single one is kept only where it is not that error itself: nobody was left to
   * be asked, say. Where nobody could be reached the first says why, and the others that it was not tried again so soon.
   */
  keepOn(error: ServiceError): ServiceError {
    const [first] = this.#all;
    if (first === undefined) return error;
    const told = error.reason === "unreachable" && first.error.reason === "unreachable" ? first.error : error;
    if (first.error !== told || this.#all.length > 1) keepAttempts(told, this.#all);
    return told;
  }
}
