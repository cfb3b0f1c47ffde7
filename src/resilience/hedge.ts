/**
 * Asks a second time while the first still works, around any async function: for reads whose slowest calls are much slower
 * than the rest. A client has this for its idempotent methods, by an option.
 *
 * @module
 */
import type { BudgetPolicy, HedgePolicy } from "../contract/index.ts";
import { ServiceError } from "../errors/index.ts";
import { checkFunction, checkNames } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import type { Attempt } from "./attempts-running.ts";
import { budget, isBudget, type Budget } from "./budget.ts";
import { hedgePlan, type HedgeChange, type HedgeSnapshot } from "./hedge-plan.ts";
import { HedgeRun, type HedgeWork } from "./hedge-run.ts";
import type { RunOptions } from "./retry.ts";
import { hintOf, isFinal, isUnsent, judged } from "./retry-errors.ts";

/** What a hedge is made of. */
export interface HedgeOptions extends HedgePolicy {
  /**
   * Whether an error may be this attempt's alone, so that the others are waited for; any other ends them all. Default: for a
   * ServiceError `unavailable` and `deadline_exceeded`, for whatever else was thrown yes.
   */
  readonly retryable?: ((error: unknown) => boolean) | undefined;
  /**
   * Bounds further attempts besides `extra`. One that you share is only taken from, since a `retry` around it fills it;
   * numbers make one of its own. Default: none.
   */
  readonly budget?: Budget | BudgetPolicy | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** A hedge around functions. */
export interface Hedge {
  /**
   * Runs `fn`, and again beside it when that is late, and answers with the first answer. The others' signals are aborted
   * before the answer is heard of. When all failed, it rejects with what the last one threw; `attemptsOf` tells of all.
   */
  run<T>(fn: (attempt: Attempt) => T | Promise<T>, options?: RunOptions): Promise<T>;
  /** A function that does the same with its arguments. */
  wrap<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>): (...args: A) => Promise<T>;
  /**
   * Changes what is named and leaves the rest, and what was learnt, as it is.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(change: HedgeChange): void;
  /** How it stands now, as plain data. */
  snapshot(): HedgeSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

class FunctionHedge implements Hedge {
  readonly #settings: Omit<HedgeWork<never>, "fn" | "resolve" | "reject" | "signal" | "context">;

  constructor(options: HedgeOptions) {
    checkNames("hedge", options, ["afterMs", "extra", "tries", "retryable", "budget", "clock"]);
    const { afterMs, extra, tries, clock = systemClock, retryable = isLocal, budget: given } = options;
    checkFunction("hedge: retryable", retryable);
    const isShared = given !== undefined && isBudget("hedge", given);
    const own = given === undefined || isShared ? undefined : budget(given);
    const plan = hedgePlan({ afterMs, extra, tries, budget: isShared ? given : own });
    this.#settings = { plan, budget: own, clock, timeoutMs: Infinity, isLocal: retryable };
  }

  run<T>(fn: (attempt: Attempt) => T | Promise<T>, options: RunOptions = {}): Promise<T> {
    checkFunction("run: fn", fn);
    checkNames("run", options, ["signal", "context"]);
    const { signal, context } = options;
    return new Promise((resolve, reject) => {
      new HedgeRun<T>({ ...this.#settings, fn, resolve, reject, signal, context }).begin();
    });
  }

  wrap<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>): (...args: A) => Promise<T> {
    checkFunction("wrap: fn", fn);
    const run = this.run.bind(this);
    return function hedged(this: unknown, ...args: A): Promise<T> {
      return run(() => fn.apply(this, args));
    };
  }

  set(change: HedgeChange): void {
    this.#settings.plan.set(change);
  }

  snapshot(): HedgeSnapshot {
    return this.#settings.plan.snapshot();
  }

  describe(): string {
    return this.#settings.plan.describe();
  }
}

/**
 * Makes a hedge: when a call takes longer than all but 5 % of them do, it is asked once more, and the first answer counts. Only
 * for functions that may run twice, best where the second goes elsewhere. How long it waits, and what bounds it: see
 * `hedgePlan`. An attempt that fails is not repeated, that is a retry's work: `again.run(() => twice.run(load))`.
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { hedge } from "servicekit/resilience";
 * import { sleep } from "servicekit/time";
 *
 * const twice = hedge({ afterMs: 5 });
 * const load = async ({ number, signal }: { number: number; signal: AbortSignal }) =>
 *   sleep(number === 1 ? 60_000 : 1, { signal }).then(() => number);
 * await twice.run(load); // => 2
 * ```
 */
export function hedge(options: HedgeOptions = {}): Hedge {
  return new FunctionHedge(options);
}

function isLocal(thrown: unknown): boolean {
  const error = judged(thrown);
  if (isFinal(error) || hintOf(error) === Infinity) return false;
  return (
    isUnsent(error) || error.code === "unavailable" || error.code === "deadline_exceeded" || !ServiceError.is(thrown)
  );
}
