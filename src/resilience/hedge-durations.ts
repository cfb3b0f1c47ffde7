/**
 * How long calls take, as far as a hedge needs to know: one quantile, of the last thousands of calls.
 *
 * @module
 */

/** Steps per doubling: a quantile is at most 4.5 % above what it should be. */
const PER_DOUBLING = 16;
const LEAST_MS = 1 / 16;
const STEPS = 26 * PER_DOUBLING;

/** How many durations are counted before a quantile is worth anything. */
const ENOUGH = 100;
/** The quantile is looked up again after so many more. */
const STALE = 32;
/** When so many are counted, each counts half from then on, so that a new time outweighs an old one. */
const FULL = 4096;

/** A histogram with steps of equal ratio, which forgets slowly. Recording allocates nothing. */
export class Durations {
  readonly #counts: Float64Array = new Float64Array(STEPS);
  #total = 0;
  #sinceLook = 0;
  #quantile: number;
  /** The quantile in milliseconds, rounded up to its step; Infinity before 100 durations are known. */
  quantileMs: number = Infinity;

  /** `quantile` from 0 to 1. */
  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  /** How many durations count now. */
  get count(): number {
    return this.#total;
  }

  record(durationMs: number): void {
    const step = durationMs > LEAST_MS ? Math.floor(Math.log2(durationMs / LEAST_MS) * PER_DOUBLING) : 0;
    this.#counts[Math.min(step, STEPS - 1)]!++;
    this.#total++;
    if (++this.#sinceLook < STALE && this.#total !== ENOUGH) return;
    if (this.#total >= FULL) this.#halve();
    this.#look();
  }

  /** Asks for another quantile from now on. */
  set(quantile: number): void {
    this.#quantile = quantile;
    this.#look();
  }

  #halve(): void {
    this.#total = 0;
    for (let step = 0; step < STEPS; step++) {
      this.#counts[step]! /= 2;
      this.#total += this.#counts[step]!;
    }
  }

  #look(): void {
    this.#sinceLook = 0;
    if (this.#total < ENOUGH) return;
    let above = this.#total * (1 - this.#quantile);
    let step = STEPS - 1;
    // From the top: the slow ones are few.
    for (; step > 0; step--) {
      above -= this.#counts[step]!;
      if (above < 0) break;
    }
    this.quantileMs = LEAST_MS * 2 ** ((step + 1) / PER_DOUBLING);
  }
}
