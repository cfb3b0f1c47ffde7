/**
 * A time limit around any function.
 *
 * @module
 */
import type { Context } from "../endpoint/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import type { Attempt } from "./attempts-running.ts";
import { FunctionRun } from "./function-run.ts";

/** What else ends the wait, and by which clock. */
export interface TimeoutOptions {
  /** Calls it off earlier: the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** The call this is done for: its deadline is kept and its cancellation passed on. Default: none. */
  readonly context?: Context | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Runs `fn` and settles with what it answers, or after `ms` milliseconds with `deadline_exceeded`. The signal that `fn`
 * gets is aborted then, with that error as its reason; it is never aborted after `fn` has answered. Whatever happens,
 * timer and listeners are gone at the end.
 *
 * JavaScript cannot stop a function: one that does not mind its signal goes on, and what it answers later is dropped. The
 * timer is exact to 8 ms and does not keep the process alive.
 *
 * @param ms the time to run; 0 or less fails without calling `fn`, so that what is left of a budget may be passed as it is.
 * @throws {ServiceError} `deadline_exceeded` (as a rejection) when the time is over, `canceled` when the context's caller
 * has left.
 * @throws {RangeError} when `ms` is not a number.
 *
 * @example
 * ```ts
 * import { sleep } from "servicekit/time";
 * import { timeout } from "servicekit/resilience";
 *
 * await timeout(1000, async () => "in time"); // => "in time"
 * await timeout(5, (signal) => sleep(60_000, { signal })); // throws the deadline passed
 * ```
 */
export function timeout<T>(
  ms: number,
  fn: (signal: AbortSignal) => T | Promise<T>,
  options: TimeoutOptions = {},
): Promise<T> {
  checkNumber("timeout: ms", ms);
  checkFunction("timeout: fn", fn);
  checkNames("timeout", options, ["signal", "context", "clock"]);
  const { signal, context, clock = systemClock } = options;
  const once = (attempt: Attempt): T | Promise<T> => fn(attempt.signal);
  return new Promise((resolve, reject) => {
    const work = { fn: once, resolve, reject, signal, context, clock, timeoutMs: ms, budget: undefined };
    new FunctionRun<T>(work).begin();
  });
}
