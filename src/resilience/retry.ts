/**
 * Tries again around any async function. A client has this for its calls already: use it for what is no call of one, such
 * as a query or a foreign library.
 *
 * @module
 */
import type { BudgetPolicy, RetryPolicy } from "../contract/index.ts";
import type { Context } from "../endpoint/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, type Clock, type Random } from "../time/index.ts";
import type { Attempt } from "./attempts-running.ts";
import { budget, isBudget, type Budget, type BudgetSnapshot } from "./budget.ts";
import { retryable } from "./retry-errors.ts";
import { checkFits, RETRY_POLICY } from "./retry-options.ts";
import { retryPlan, type RetryEvent } from "./retry-plan.ts";
import { RetryRun, type RetryCounts, type RetryWork } from "./retry-run.ts";

/** What a retry is made of. */
export interface RetryOptions extends RetryPolicy {
  /** How long all attempts and waits may take together, in milliseconds, at least 1. Default: as long as the context's deadline. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether the function may run twice. Default: true, since you put a retry around it; false: only what surely never
   * began is tried again.
   */
  readonly idempotent?: boolean | undefined;
  /**
   * Whether what was thrown is worth another attempt; in place of `codes`. Default: a ServiceError by its code; whatever
   * else was thrown counts as `unavailable`.
   */
  readonly retryable?: ((error: unknown) => boolean) | undefined;
  /** How much may be tried again: numbers of its own, one shared with others, or false for no bound. Default: `budget()`. */
  readonly budget?: Budget | BudgetPolicy | false | undefined;
  /** Is told of each decision, after it. What it throws is dropped. Default: nobody. */
  readonly onEvent?: ((event: RetryEvent) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** The chance of the waits. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** What one run belongs to. */
export interface RunOptions {
  /** Calls it off: the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** The call this is done for: its deadline is kept, its cancellation passed on, its own attempt number minded. Default: none. */
  readonly context?: Context | undefined;
}

/** A retry around functions. */
export interface Retry {
  /**
   * Runs `fn` until it answers, or trying again makes no sense. It rejects with what the last attempt threw, as it is;
   * `attemptsOf` tells of all of them.
   *
   * @throws {ServiceError} `deadline_exceeded` (as a rejection) when the time is over.
   */
  run<T>(fn: (attempt: Attempt) => T | Promise<T>, options?: RunOptions): Promise<T>;
  /** A function that does the same with its arguments. */
  wrap<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>): (...args: A) => Promise<T>;
  /**
   * Changes what is named and leaves the rest as it is, also for runs that have begun.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(options: RetryPolicy): void;
  /** How it stands now, as plain data. */
  snapshot(): RetrySnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

/** A retry at one moment, fit for JSON. */
export interface RetrySnapshot {
  /** Runs since it was made. */
  readonly runs: number;
  /** Attempts after the first. */
  readonly retries: number;
  /** Runs that ended with an error. */
  readonly failed: number;
  readonly budget: BudgetSnapshot | undefined;
}

class FunctionRetry implements Retry {
  readonly #settings: Omit<RetryWork<never>, "fn" | "resolve" | "reject" | "signal" | "context">;

  constructor(options: RetryOptions) {
    checkNames("retry", options, [...RETRY_POLICY, ...OWN]);
    const { tries, baseMs, maxMs, perTryMs, codes, random, onEvent, clock = systemClock } = options;
    const timeoutMs = checkNumber("retry: timeoutMs", options.timeoutMs ?? Infinity, { min: 1 });
    if (options.retryable !== undefined) checkFunction("retry: retryable", options.retryable);
    const budget = budgetOf(options.budget);
    const judge = retryable(options.retryable);
    const plan = retryPlan({ tries, baseMs, maxMs, perTryMs, codes, random, onEvent, budget, retryable: judge });
    checkFits(plan, timeoutMs);
    const counts: RetryCounts = { runs: 0, retries: 0, failed: 0 };
    this.#settings = { plan, timeoutMs, isIdempotent: options.idempotent ?? true, budget, clock, counts };
  }

  run<T>(fn: (attempt: Attempt) => T | Promise<T>, options: RunOptions = {}): Promise<T> {
    checkFunction("run: fn", fn);
    checkNames("run", options, ["signal", "context"]);
    const { signal, context } = options;
    return new Promise((resolve, reject) => {
      new RetryRun<T>({ ...this.#settings, fn, resolve, reject, signal, context }).begin();
    });
  }

  wrap<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>): (...args: A) => Promise<T> {
    checkFunction("wrap: fn", fn);
    const run = this.run.bind(this);
    return function retried(this: unknown, ...args: A): Promise<T> {
      return run(() => fn.apply(this, args));
    };
  }

  set(options: RetryPolicy): void {
    const { plan, timeoutMs } = this.#settings;
    const { tries = plan.tries, perTryMs = plan.perTryMs } = options;
    checkFits({ tries, perTryMs }, timeoutMs);
    plan.set(options);
  }

  snapshot(): RetrySnapshot {
    const { counts, budget, clock } = this.#settings;
    return { ...counts, budget: budget?.snapshot(clock.now()) };
  }

  describe(): string {
    return this.#settings.plan.describe();
  }
}

const OWN = ["timeoutMs", "idempotent", "retryable", "budget", "onEvent", "clock", "random"];

/**
 * Makes a retry: 3 attempts, the waits between them drawn up to 25, then 50 ms and so on, and all in all at most a tenth
 * more work than was asked for (see `budget`). What is tried again, and what never: see `retryPlan`. With `perTryMs` an
 * attempt that takes longer is called off by its signal, and the next begins.
 *
 * @throws {RangeError} when an option is out of range, or `tries` times `perTryMs` is more than `timeoutMs`.
 *
 * @example
 * ```ts
 * import { attemptsOf, retry } from "servicekit/resilience";
 *
 * const again = retry({ tries: 3, baseMs: 1 });
 * await again.run(async ({ number }) => (number < 3 ? Promise.reject(new Error("busy")) : number)); // => 3
 * const error = await again.run(async () => Promise.reject(new Error("down"))).catch((e: unknown) => e);
 * attemptsOf(error).length; // => 3
 * ```
 */
export function retry(options: RetryOptions = {}): Retry {
  return new FunctionRetry(options);
}

function budgetOf(given: RetryOptions["budget"]): Budget | undefined {
  if (given === false) return undefined;
  if (given === undefined || !isBudget("retry", given)) return budget(given);
  checkFunction("retry: budget.deposit", given.deposit);
  return given;
}
