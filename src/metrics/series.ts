/**
 * What all series have in common: one combination of label values, and a way to say that an update was of no use.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import type { Definition } from "./definition.ts";

/** What a series knows of the metric it belongs to. */
export interface Home {
  readonly definition: Definition;
  /** The definition's buckets, once for all series. */
  readonly bounds: Float64Array;
  readonly clock: Clock;
  /** The labels as they are written, without braces. */
  render(values: readonly string[]): string;
  /** Counts an update that could not be made. */
  ignored(): void;
}

/** One series, as the exposition sees it. */
export interface Series {
  /** In the order of the label names. */
  readonly values: readonly string[];
  /** Written once, when the series is made: a scrape only joins strings. */
  readonly labels: string;
  /** Since when it counts, in milliseconds since 1970. */
  readonly createdMs: number;
  reset(): void;
}

/**
 * Measures from now on. The returned function hands the seconds to `observe` when first called, and returns them then
 * and later.
 */
export function timer(observe: (seconds: number) => void, clock: Clock): () => number {
  const startMs = clock.now();
  let seconds: number | undefined;
  return function end() {
    if (seconds === undefined) {
      seconds = Math.max(0, clock.now() - startMs) / 1000;
      observe(seconds);
    }
    return seconds;
  };
}
