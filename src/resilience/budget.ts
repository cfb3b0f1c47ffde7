/**
 * How much may be tried again: a part of what is asked for, whoever tries again and why.
 *
 * @module
 */
import type { BudgetPolicy } from "../contract/index.ts";
import { checkNames, checkNumber, shown } from "../internal/check.ts";

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
  #perMs = 0;
  #floor = 0;
  readonly #deposits: Float64Array = new Float64Array(STEPS);
  readonly #spent: Float64Array = new Float64Array(STEPS);
  #requests = 0;
  #withdrawn = 0;
  /** The newest step, counted from the clock's origin, and its place in the ring. */
  #step = -Infinity;
  #place = 0;
  /** How many steps there have been, up to a whole window. */
  #age = 0;
  #refused = 0;

  constructor(options: BudgetPolicy) {
    this.#policy = checked(options, { ratio: 0.1, perSecond: 3, ttlMs: 10_000 });
    this.#derive();
  }

  deposit(nowMs: number): void {
    this.#turnTo(nowMs);
    this.#deposits[this.#place]!++;
    this.#requests++;
  }

  withdraw(nowMs: number): boolean {
    if (this.left(nowMs) < 1) {
      this.#refused++;
      return false;
    }
    this.#spent[this.#place]!++;
    this.#withdrawn++;
    return true;
  }

  left(nowMs: number): number {
    this.#turnTo(nowMs);
    const limit = Math.max(this.#policy.ratio * this.#requests, this.#floor) + ROUNDING;
    const inStep = Math.max(1, (BURST * limit) / this.#age) - this.#spent[this.#place]!;
    return Math.max(0, Math.floor(Math.min(limit - this.#withdrawn, inStep)));
  }

  set(options: BudgetPolicy): void {
    const { ttlMs } = this.#policy;
    this.#policy = checked(options, this.#policy);
    this.#derive();
    // The steps that were counted had another length.
    if (ttlMs !== this.#policy.ttlMs) this.#step = -Infinity;
  }

  snapshot(nowMs: number): BudgetSnapshot {
    const left = this.left(nowMs);
    return { requests: this.#requests, spent: this.#withdrawn, left, refused: this.#refused };
  }

  describe(): string {
    const { ratio, perSecond, ttlMs } = this.#policy;
    return `budget ${ratio} per request or ${perSecond}/s, over ${ttlMs} ms`;
  }

  #derive(): void {
    const { perSecond, ttlMs } = this.#policy;
    this.#perMs = STEPS / ttlMs;
    this.#floor = (perSecond * ttlMs) / 1000;
  }

  #turnTo(nowMs: number): void {
    const step = Math.floor(nowMs * this.#perMs);
    // A clock that steps back must not bring old steps to life again.
    if (step > this.#step) this.#turn(step);
  }

  #turn(step: number): void {
    const isFirst = this.#step === -Infinity;
    const passed = isFirst ? STEPS : Math.min(STEPS, step - this.#step);
    for (let i = 0; i < passed; i++) {
      this.#place = (this.#place + 1) % STEPS;
      this.#requests -= this.#deposits[this.#place]!;
      this.#withdrawn -= this.#spent[this.#place]!;
      this.#deposits[this.#place] = 0;
      this.#spent[this.#place] = 0;
    }
    this.#age = isFirst ? 1 : Math.min(STEPS, this.#age + passed);
    this.#step = step;
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

/** Whether a budget was given, or the numbers of one. */
export function isBudget(given: Budget | BudgetPolicy): given is Budget {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`budget should be a budget or its numbers, got ${shown(given)}`);
  return "withdraw" in given;
}

type Complete = Required<{ readonly [N in keyof BudgetPolicy]: number }>;

function checked(options: BudgetPolicy, before: Complete): Complete {
  checkNames("budget", options, ["ratio", "perSecond", "ttlMs"]);
  return {
    ratio: checkNumber("ratio", options.ratio ?? before.ratio, { min: 0, max: 10 }),
    perSecond: checkNumber("perSecond", options.perSecond ?? before.perSecond, { min: 0, max: 1e6 }),
    ttlMs: checkNumber("ttlMs", options.ttlMs ?? before.ttlMs, { min: 100, max: 600_000 }),
  };
}
