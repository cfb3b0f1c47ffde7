/**
 * Summaries: a sum and a count, from which a mean over any time follows. No quantiles: those of two processes cannot be
 * joined, where histograms can. (What Go's Prometheus client writes for a summary without objectives.)
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import { timer, type Home, type Series } from "./series.ts";

/** The sum and number of what was observed. */
export interface Summary {
  /** Adds one observation. What is negative or not finite is ignored and counted: both parts only ever grow. */
  observe(value: number): void;
  /** Measures from now: the returned function observes the seconds since, once, and returns them. */
  startTimer(clock?: Clock): () => number;
  readonly count: number;
  readonly sum: number;
  /** Back to 0: for tests. */
  reset(): void;
}

/** A summary's series. */
export class SummarySeries implements Summary, Series {
  count = 0;
  sum = 0;
  readonly values: readonly string[];
  readonly labels: string;
  createdMs: number;
  readonly #home: Home;

  constructor(home: Home, values: readonly string[]) {
    this.#home = home;
    this.values = values;
    this.labels = home.render(values);
    this.createdMs = home.clock.date();
  }

  observe(value: number): void {
    if (typeof value === "number" && value >= 0 && value < Infinity) {
      this.sum += value;
      this.count++;
    } else this.#home.ignored();
  }

  startTimer(clock: Clock = this.#home.clock): () => number {
    return timer((seconds) => this.observe(seconds), clock);
  }

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.createdMs = this.#home.clock.date();
  }
}
