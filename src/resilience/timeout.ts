/**
 * A time limit around any function.
 *
 * @module
 */
import type { Context, Subscription } from "../endpoint/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import { systemClock, type Clock, type Expiring, type Timer } from "../time/index.ts";
import { deadlineError } from "./stall.ts";

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
  checkNumber("ms", ms);
  checkFunction("fn", fn);
  checkNames("timeout", options, ["signal", "context", "clock"]);
  const { signal, context } = options;
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  if (context?.canceledBy !== undefined) return Promise.reject(context.canceledBy);
  return new Promise((resolve, reject) => new TimedRun<T>(options, { resolve, reject }).begin(ms, fn));
}

interface Ends<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

class TimedRun<T> implements Expiring {
  readonly #ends: Ends<T>;
  readonly #options: TimeoutOptions;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #dueMs = Infinity;
  #timer: Timer | undefined = undefined;
  #subscription: Subscription | undefined = undefined;
  #isOver = false;

  constructor(options: TimeoutOptions, ends: Ends<T>) {
    this.#ends = ends;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  begin(ms: number, fn: (signal: AbortSignal) => T | Promise<T>): void {
    const { signal, context } = this.#options;
    const nowMs = this.#clock.now();
    this.#dueMs = Math.min(nowMs + ms, context?.deadlineMs ?? Infinity);
    if (this.#dueMs <= nowMs) return this.#callOff(deadlineError());
    if (this.#dueMs !== Infinity) this.#timer = this.#clock.expire(this.#dueMs - nowMs, this);
    signal?.addEventListener("abort", this, { once: true });
    this.#subscription = context?.onCancel((reason) => this.#callOff(reason));
    let result: T | Promise<T>;
    try {
      result = fn(this.#controller.signal);
    } catch (error) {
      if (this.#end()) this.#ends.reject(error);
      return;
    }
    if (!isPromise(result)) return this.#answer(result as T);
    result.then(
      (value) => this.#answer(value as T),
      (error: unknown) => {
        if (this.#end()) this.#ends.reject(error);
      },
    );
  }

  /** Its caller waits. */
  get keepsAlive(): boolean {
    return true;
  }

  expire(): void {
    this.#callOff(deadlineError(this.#clock.now() - this.#dueMs));
  }

  handleEvent(): void {
    this.#callOff(this.#options.signal!.reason);
  }

  #answer(value: T): void {
    if (this.#end()) this.#ends.resolve(value);
  }

  #callOff(reason: unknown): void {
    if (!this.#end()) return;
    this.#ends.reject(reason);
    this.#controller.abort(reason);
  }

  /** Frees everything; false when it was over already. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener("abort", this);
    this.#subscription?.cancel();
    return true;
  }
}
