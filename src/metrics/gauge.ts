/**
 * Gauges: how much there is now.
 *
 * @module
 */
import type { Home, Series } from "./series.ts";

/** A number that goes up and down. */
export interface Gauge {
  /** Sets it; NaN and the infinities are values like any other. What is not a number is ignored and counted. */
  set(value: number): void;
  /** Adds `by`, default 1. NaN and the infinities are ignored and counted: they would stay for ever. */
  inc(by?: number): void;
  /** Takes off `by`, default 1; else as `inc`. */
  dec(by?: number): void;
  /**
   * Reads the value by `read` at each scrape, from now on, and not otherwise; `undefined` ends that. Where `read` throws
   * or gives no number, the series is left out of that scrape, the others are written, and the failure is counted in
   * `metrics_ignored_total`.
   */
  track(read: (() => number) | undefined): void;
  /** As it was set or last read. */
  readonly value: number;
  /** Back to 0: for tests. */
  reset(): void;
}

/** A gauge's series. */
export class GaugeSeries implements Gauge, Series {
  value = 0;
  /** Whether the last reading gave a number. */
  known = true;
  readonly values: readonly string[];
  readonly labels: string;
  createdMs: number;
  readonly #home: Home;
  #read: (() => number) | undefined = undefined;

  constructor(home: Home, values: readonly string[]) {
    this.#home = home;
    this.values = values;
    this.labels = home.render(values);
    this.createdMs = home.clock.date();
  }

  set(value: number): void {
    if (typeof value === "number") this.value = value;
    else this.#home.ignored();
  }

  inc(by = 1): void {
    if (typeof by === "number" && by - by === 0) this.value += by;
    else this.#home.ignored();
  }

  dec(by = 1): void {
    if (typeof by === "number" && by - by === 0) this.value -= by;
    else this.#home.ignored();
  }

  track(read: (() => number) | undefined): void {
    this.#read = read;
    this.known = true;
  }

  reset(): void {
    this.value = 0;
    this.createdMs = this.#home.clock.date();
  }

  /** Called before each scrape. */
  refresh(): void {
    if (this.#read === undefined) return;
    try {
      const value: unknown = this.#read();
      this.known = typeof value === "number";
      if (this.known) this.value = value as number;
    } catch {
      this.known = false;
    }
    if (!this.known) this.#home.ignored();
  }
}
