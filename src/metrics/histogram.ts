/**
 * Histograms: how observations spread over fixed buckets. They add up over processes, so quantiles of a whole service
 * can be told from them.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import { timer, type Home, type Series } from "./series.ts";

/** Observations in buckets. */
export interface Histogram {
  /**
   * Puts one observation into its bucket. NaN and the infinities are ignored and counted in `metrics_ignored_total`, and
   * so is a negative value unless the first bound is negative: it would make the sum fall, which readers take for a
   * restart.
   *
   * @param traceId of a sampled trace: kept as the bucket's exemplar and written in OpenMetrics. At most 64 characters.
   */
  observe(value: number, traceId?: string): void;
  /** Measures from now: the returned function observes the seconds since, once, and returns them. */
  startTimer(clock?: Clock): () => number;
  readonly count: number;
  readonly sum: number;
  /** Back to 0: for tests. */
  reset(): void;
}

/** The last observation of a bucket that had a trace. */
export interface Exemplar {
  traceId: string;
  value: number;
  dateMs: number;
}

// A scan finds small values first, and most are small; measured equal to halving at about this length.
const SCAN_LIMIT = 24;

// OpenMetrics allows an exemplar's labels 128 characters, names included.
const MAX_TRACE_ID_CHARS = 64;

/** A histogram's series. */
export class HistogramSeries implements Histogram, Series {
  sum = 0;
  /** How many fell into each bucket alone; the last is above every bound. */
  readonly counts: Float64Array;
  /** By bucket; made at the first exemplar. */
  exemplars: (Exemplar | undefined)[] | undefined = undefined;
  readonly values: readonly string[];
  readonly labels: string;
  createdMs: number;
  readonly #home: Home;
  readonly #bounds: Float64Array;
  readonly #least: number;

  constructor(home: Home, values: readonly string[]) {
    this.#home = home;
    this.values = values;
    this.labels = home.render(values);
    this.createdMs = home.clock.date();
    this.#bounds = home.bounds;
    this.#least = home.bounds[0]! < 0 ? -Number.MAX_VALUE : 0;
    this.counts = new Float64Array(home.bounds.length + 1);
  }

  observe(value: number, traceId?: string): void {
    if (!(typeof value === "number" && value >= this.#least && value < Infinity)) return this.#home.ignored();
    const bounds = this.#bounds;
    let bucket = 0;
    if (bounds.length > SCAN_LIMIT) bucket = search(bounds, value);
    else while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
    if (traceId !== undefined) this.#exemplify(bucket, value, traceId);
  }

  startTimer(clock: Clock = this.#home.clock): () => number {
    return timer((seconds) => this.observe(seconds), clock);
  }

  get count(): number {
    return this.counts.reduce((sum, one) => sum + one, 0);
  }

  reset(): void {
    this.sum = 0;
    this.counts.fill(0);
    this.exemplars = undefined;
    this.createdMs = this.#home.clock.date();
  }

  // Written over in place: a bucket keeps one object for its life.
  #exemplify(bucket: number, value: number, traceId: string): void {
    if (traceId.length > MAX_TRACE_ID_CHARS) return;
    this.exemplars ??= Array.from({ length: this.counts.length }, () => undefined);
    const exemplar = (this.exemplars[bucket] ??= { traceId, value, dateMs: 0 });
    exemplar.traceId = traceId;
    exemplar.value = value;
    exemplar.dateMs = this.#home.clock.date();
  }
}

/** The first bound that is not below `value`. */
function search(bounds: Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value > bounds[middle]!) low = middle + 1;
    else high = middle;
  }
  return low;
}
