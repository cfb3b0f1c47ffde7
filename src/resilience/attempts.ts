/**
 * What was tried before a call failed.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";

/** One attempt that failed. */
export interface FailedAttempt {
  /** From 1. */
  readonly attempt: number;
  /** The instance it went to; "" when it reached none. */
  readonly instance: string;
  readonly error: ServiceError;
  readonly durationMs: number;
}

const kept = new WeakMap<object, readonly FailedAttempt[]>();

/**
 * Remembers the attempts behind an error, for `attemptsOf`.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { attemptsOf, keepAttempts } from "servicekit/resilience";
 *
 * const error = new ServiceError("busy", { code: "unavailable" });
 * keepAttempts(error, [{ attempt: 1, instance: "10.0.0.1:80", error, durationMs: 5 }]);
 * attemptsOf(error)[0]?.instance; // => "10.0.0.1:80"
 * ```
 */
export function keepAttempts(error: object, attempts: readonly FailedAttempt[]): void {
  kept.set(error, attempts);
}

/**
 * All attempts of the call that failed with an error, in order, the last one included; an empty list when there was one
 * only, or the error is of something else. They stay inside: nothing of them is sent to a peer.
 *
 * @example
 * ```ts
 * import { attemptsOf, retry } from "servicekit/resilience";
 *
 * const down = async () => Promise.reject(new Error("down"));
 * const error: unknown = await retry({ tries: 2, baseMs: 1 }).run(down).catch((thrown: unknown) => thrown);
 * attemptsOf(error).map(({ attempt }) => attempt); // => [1, 2]
 * ```
 */
export function attemptsOf(error: unknown): readonly FailedAttempt[] {
  return typeof error === "object" && error !== null ? (kept.get(error) ?? []) : [];
}
