/**
 * Counters: how often, how much; only ever more.
 *
 * @module
 */
import type { Home, Series } from "./series.ts";

/** A number that only grows. */
export interface Counter {
  /**
   * Adds `by`, default 1. A negative, infinite or NaN `by` changes nothing but is counted in
   * `metrics_ignored_total{metric="…"}`: it never throws, since a metric must not take down the call it counts (a
   * negative sum in Go kit's addsvc ends the process).
   */
  inc(by?: number): void;
  readonly value: number;
  /** Back to 0: for tests. */
  reset(): void;
}

/** A counter's series: one field and one addition. */
export class CounterSeries implements Counter, Series {
  value = 0;
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

  inc(by = 1): void {
    // A string would be appended, not added: types do not hold in JavaScript.
    if (typeof by === "number" && by >= 0 && by < Infinity) this.value += by;
    else this.#home.ignored();
  }

  reset(): void {
    this.value = 0;
    this.createdMs = this.#home.clock.date();
  }
}
