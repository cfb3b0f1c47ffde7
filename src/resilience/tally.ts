/**
 * How a breaker counts while it is closed.
 *
 * @module
 */

/** What was counted. */
export interface Counts {
  /** Calls that count, in the window; without a window, the failures in a row. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

/** The parts of calls that open a breaker. */
export interface Ratios {
  readonly failures: number;
  readonly slow: number;
}

/** When a window opens its breaker. */
export interface Threshold {
  readonly minCalls: number;
  readonly ratios: Ratios;
}

/** Marks of one call. */
export const FAILED = 1;
export const SLOW = 2;

/** Counts calls and says when it is enough. */
export interface Tally {
  /** Whether `record` needs to know the time; a reading of the clock costs as much as all the rest. */
  readonly needsTime: boolean;
  /** Counts one call by its marks (0: well and in time) and tells whether the breaker opens. */
  record(marks: number, nowMs: number): boolean;
  /** What has been counted, up to `nowMs`. */
  counts(nowMs: number): Counts;
}

/** Failures in a row. */
export class Consecutive implements Tally {
  readonly needsTime: boolean = false;
  readonly #limit: number;
  #failures = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  record(marks: number): boolean {
    if ((marks & FAILED) === 0) {
      this.#failures = 0;
      return false;
    }
    return ++this.#failures >= this.#limit;
  }

  counts(): Counts {
    return { calls: this.#failures, failures: this.#failures, slow: 0 };
  }
}

/** Whether a window's sums are enough to open. */
export function exceeds({ minCalls, ratios }: Threshold, { calls, failures, slow }: Counts): boolean {
  // Divided, not multiplied: 7 of 100 is exactly 0.07, but 0.07 of 100 is a little over 7.
  return calls >= minCalls && (failures / calls >= ratios.failures || slow / calls >= ratios.slow);
}
