/**
 * How much may be tried again: a part of what is asked for, whoever tries again and why.
 *
 * @module
 */
import type { BudgetPolicy } from "../contract/index.ts";
import { checkNames, checkNumber, shown } from "../internal/check.ts";
import { PairWindow } from "./pair-window.ts";

/** A budget, shared by the retries and hedges of one client. (Finagle's retry budget.) */
export interface Budget {
  /** A request was made. */
  deposit(nowMs: number): void;
  /** Takes what one try more costs; false: there is nothing left. */
  withdraw(nowMs: number): boolean;
  /** How many tries are left. */
  left(nowMs: number): number;
  /**
   * Changes what is named and leaves the rest as it is; what was counted stays, unless `ttlMs` changes.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(options: BudgetPolicy): void;
  /** How it stands at a moment, as plain data. */
  snapshot(nowMs: number): BudgetSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

/** A budget at one moment, fit for JSON. */
export interface BudgetSnapshot {
  /** Requests that count now. */
  readonly requests: number;
  /** Tries again that count now. */
  readonly spent: number;
  readonly left: number;
  /** Tries again that were refused since it was made. */
  readonly refused: number;
}

const STEPS = 10;

/** In one step at most twice its share may be spent: what a window has saved must not come out as one burst. */
const BURST = 2;

/** Products such as 0.29 × 100 come out a little below the whole number they mean. */
const ROUNDING = 1e-9;

class WindowBudget implements Budget {
  #policy: Complete;
  /** Requests, and tries again. */
  #window: PairWindow;
  #refused = 0;

  constructor(options: BudgetPolicy) {
    this.#policy = checked(options, { ratio: 0.1, perSecond: 3, ttlMs: 10_000 });
    this.#window = new PairWindow(this.#policy.ttlMs, STEPS);
  }

  deposit(nowMs: number): void {
    this.#window.turnTo(nowMs);
    this.#window.addFirst();
  }

  withdraw(nowMs: number): boolean {
    if (this.left(nowMs) < 1) {
      this.#refused++;
      return false;
    }
    this.#window.addSecond();
    return true;
  }

  left(nowMs: number): number {
    const window = this.#window;
    const { ratio, perSecond, ttlMs } = this.#policy;
    window.turnTo(nowMs);
    const limit = Math.max(ratio * window.first, (perSecond * ttlMs) / 1000) + ROUNDING;
    const inStep = Math.max(1, (BURST * limit) / window.age) - window.secondInStep;
    return Math.max(0, Math.floor(Math.min(limit - window.second, inStep)));
  }

  set(options: BudgetPolicy): void {
    const { ttlMs } = this.#policy;
    this.#policy = checked(options, this.#policy);
    if (ttlMs !== this.#policy.ttlMs) this.#window = new PairWindow(this.#policy.ttlMs, STEPS);
  }

  snapshot(nowMs: number): BudgetSnapshot {
    const left = this.left(nowMs);
    return { requests: this.#window.first, spent: this.#window.second, left, refused: this.#refused };
  }

  describe(): string {
    const { ratio, perSecond, ttlMs } = this.#policy;
    return `budget ${ratio} per request or ${perSecond}/s, over ${ttlMs} ms`;
  }
}

/**
 * Makes a budget for trying again: within `ttlMs`, `ratio` tries again per request, or `perSecond` where that is more. So at
 * 10 % the work of a back-end on which everything fails grows by a tenth and not by the number of tries, and a client with
 * few calls still has a few tries. In a tenth of that time at most twice its share is spent. It reads no clock: each call
 * brings the time. Keep one for all methods of a client, and give it to `retry` and `hedge`.
 *
 * @throws {RangeError} when a number is out of range.
 *
 * @example
 * ```ts
 * import { budget } from "servicekit/resilience";
 *
 * const tries = budget({ ratio: 0.1, perSecond: 0 });
 * for (let i = 0; i < 20; i++) tries.deposit(0);
 * tries.left(0); // => 2
 * [tries.withdraw(0), tries.withdraw(0), tries.withdraw(0)]; // => [true, true, false]
 * ```
 */
export function budget(options: BudgetPolicy = {}): Budget {
  return new WindowBudget(options);
}

/** Whether `what` was given a budget, or the numbers of one. */
export function isBudget(what: string, given: Budget | BudgetPolicy): given is Budget {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`${what}: budget should be a budget or its numbers, got ${shown(given)}`);
  return "withdraw" in given;
}

type Complete = Required<{ readonly [N in keyof BudgetPolicy]: number }>;

function checked(options: BudgetPolicy, before: Complete): Complete {
  checkNames("budget", options, ["ratio", "perSecond", "ttlMs"]);
  return {
    ratio: checkNumber("budget: ratio", options.ratio ?? before.ratio, { min: 0, max: 10 }),
    perSecond: checkNumber("budget: perSecond", options.perSecond ?? before.perSecond, { min: 0, max: 1e6 }),
    ttlMs: checkNumber("budget: ttlMs", options.ttlMs ?? before.ttlMs, { min: 100, max: 600_000 }),
  };
}
