/**
 * Whether and when to ask a second instance while the first still works: the decision, apart from whatever asks.
 *
 * @module
 */
import type { HedgePolicy } from "../contract/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import type { Budget } from "./budget.ts";
import { Durations } from "./hedge-durations.ts";

/** A hedge policy, checked and ready; it learns how long calls take. */
export interface HedgePlan {
  /** How many attempts run side by side at most, the first included. */
  readonly tries: number;
  /** How long to wait for the attempts that run before one more begins; Infinity: no hedge, for instance while too little is known. */
  delayMs(): number;
  /** A call was answered after so long: from its first attempt on. */
  answered(durationMs: number): void;
  /** Whether one more may begin now. Takes from the budget. */
  take(nowMs: number): boolean;
  /**
   * Changes what is named and leaves the rest, and what was learnt, as it is.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(change: HedgeChange): void;
  /** How it stands, as plain data. */
  snapshot(): HedgeSnapshot;
  describe(): string;
}

/** A change of a hedge policy. */
export interface HedgeChange extends Omit<HedgePolicy, "afterMs"> {
  /** Another wait, in milliseconds; "learned": found from the durations of calls again. Default: as it is. */
  readonly afterMs?: number | "learned" | undefined;
}

/** What a plan is made of. */
export interface HedgePlanOptions extends HedgePolicy {
  /** Where further attempts are taken from, besides `extra`; whoever makes the calls deposits. Default: none. */
  readonly budget?: Budget | undefined;
}

/** A hedge plan at one moment, fit for JSON. */
export interface HedgeSnapshot {
  /** How long it waits now, in milliseconds; undefined while too little is known. */
  readonly delayMs: number | undefined;
  /** How many durations that is found from. */
  readonly samples: number;
  /** Further attempts that began since it was made. */
  readonly begun: number;
  /** Further attempts that were refused, because `extra` or the budget was used up. */
  readonly refused: number;
}

/** The most further attempts that may be saved up. */
const SAVED = 10;

/** A nearer delay is nothing a timer can keep. */
const LEAST_DELAY_MS = 1;

interface Numbers {
  readonly afterMs: number | undefined;
  readonly extra: number;
  readonly tries: number;
}

class Plan implements HedgePlan {
  #numbers: Numbers;
  readonly #budget: Budget | undefined;
  readonly #durations: Durations;
  // Answers fill it. A back-end that answers nothing is not helped by being asked twice.
  #saved = SAVED;
  #begun = 0;
  #refused = 0;

  constructor(options: HedgePlanOptions) {
    checkNames("hedgePlan", options, [...NAMES, "budget"]);
    this.#numbers = numbersOf(options, { afterMs: undefined, extra: 0.05, tries: 2 });
    this.#budget = options.budget;
    if (this.#budget !== undefined) checkFunction("hedge: budget.withdraw", (this.#budget as Partial<Budget>).withdraw);
    this.#durations = new Durations(1 - this.#numbers.extra);
  }

  get tries(): number {
    return this.#numbers.tries;
  }

  delayMs(): number {
    return this.#numbers.afterMs ?? Math.max(LEAST_DELAY_MS, this.#durations.quantileMs);
  }

  answered(durationMs: number): void {
    this.#saved = Math.min(SAVED, this.#saved + this.#numbers.extra);
    if (this.#numbers.afterMs === undefined) this.#durations.record(durationMs);
  }

  take(nowMs: number): boolean {
    if (this.#saved < 1 || this.#budget?.withdraw(nowMs) === false) {
      this.#refused++;
      return false;
    }
    this.#saved--;
    this.#begun++;
    return true;
  }

  set(change: HedgeChange): void {
    checkNames("hedge", change, NAMES);
    this.#numbers = numbersOf(change, this.#numbers);
    this.#durations.set(1 - this.#numbers.extra);
  }

  snapshot(): HedgeSnapshot {
    const delayMs = this.delayMs();
    return {
      delayMs: delayMs === Infinity ? undefined : delayMs,
      samples: Math.round(this.#durations.count),
      begun: this.#begun,
      refused: this.#refused,
    };
  }

  describe(): string {
    const { afterMs, extra, tries } = this.#numbers;
    const when = afterMs === undefined ? "when it is late" : `after ${afterMs} ms`;
    const from = this.#budget === undefined ? "no budget" : this.#budget.describe();
    return `hedge ${when}, at most ${extra} of calls, ${tries} side by side, ${from}`;
  }
}

/**
 * Makes the decision of a hedge policy, for whoever makes the attempts. Unless `afterMs` says it, the wait is found from how
 * long calls take: so long that only the part `extra` takes longer, once 100 durations are known. Whatever the wait, each
 * answer earns `extra` of a further attempt, and at most 10 are saved up: when nothing is answered, nothing is asked twice
 * for long. (Dean and Barroso, "The Tail at Scale".)
 *
 * @throws {RangeError} when a number is out of range.
 *
 * @example
 * ```ts
 * import { hedgePlan } from "servicekit/resilience";
 *
 * const plan = hedgePlan({ extra: 0.05 });
 * plan.delayMs(); // => Infinity
 * for (let ms = 1; ms <= 100; ms++) plan.answered(ms);
 * Math.round(plan.delayMs()); // => 99
 * ```
 */
export function hedgePlan(options: HedgePlanOptions = {}): HedgePlan {
  return new Plan(options);
}

const NAMES: readonly string[] = ["afterMs", "extra", "tries"];

function numbersOf(options: HedgeChange, before: Numbers): Numbers {
  const afterMs = options.afterMs ?? before.afterMs;
  return {
    afterMs:
      afterMs === undefined || afterMs === "learned"
        ? undefined
        : checkNumber("hedge: afterMs", afterMs, { min: 0, max: 86_400_000 }),
    extra: checkNumber("hedge: extra", options.extra ?? before.extra, { min: 0.0001, max: 1 }),
    tries: checkNumber("hedge: tries", options.tries ?? before.tries, { min: 2, max: 5, integer: true }),
  };
}
