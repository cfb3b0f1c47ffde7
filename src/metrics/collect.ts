/**
 * Metrics as data: for whoever shows or sends them in another form than text. Read from the series themselves, at the
 * moment it is asked for; nothing is counted twice.
 *
 * @module
 */
import { CounterSeries } from "./counter.ts";
import type { MetricKind } from "./definition.ts";
import type { Family } from "./family.ts";
import { GaugeSeries } from "./gauge.ts";
import { HistogramSeries } from "./histogram.ts";
import type { Series } from "./series.ts";
import type { SummarySeries } from "./summary.ts";

/** A metric with everything it holds at one moment: plain data, a copy. */
export interface MetricFamily {
  /** With the registry's prefix; a counter's as it was defined, with `_total` where it has that. */
  readonly name: string;
  readonly help: string;
  /** Left out when none was stated. */
  readonly unit?: string | undefined;
  readonly kind: MetricKind;
  /** The upper bounds of a histogram's buckets, each included; empty for the others. `+Inf` is not among them. */
  readonly bounds: readonly number[];
  /** At least one, in the order of their label values. */
  readonly points: readonly MetricPoint[];
}

/** What one series holds at one moment. */
export interface MetricPoint {
  /** The registry's own labels and the series'. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of a counter or gauge; 0 for the others. */
  readonly value: number;
  /** How many observations a histogram or summary has; 0 for the others. */
  readonly count: number;
  /** Of the observations of a histogram or summary; 0 for the others. */
  readonly sum: number;
  /** How many fell into each bucket alone, not cumulative: one more than there are bounds. Empty unless a histogram. */
  readonly buckets: readonly number[];
  /** Since when it counts, in milliseconds since 1970: when the series was made or reset. */
  readonly createdMs: number;
  /** The last traced observation of each bucket that had one; left out when there is none. */
  readonly exemplars?: readonly MetricExemplar[] | undefined;
}

/** An observation with the trace it was made in. */
export interface MetricExemplar {
  readonly traceId: string;
  readonly value: number;
  /** In milliseconds since 1970. */
  readonly dateMs: number;
}

/** Families that have series, as data. */
export function collectFamilies(
  families: readonly Family<Series>[],
  constants: Readonly<Record<string, string>>,
): readonly MetricFamily[] {
  const collected: MetricFamily[] = [];
  for (const { definition, series } of families) {
    const { name, help, unit, kind, buckets, labels } = definition;
    const points: MetricPoint[] = [];
    for (const one of series) {
      // A reading that failed has no value to tell.
      if (one instanceof GaugeSeries && !one.known) continue;
      const own = Object.fromEntries(labels.map((label, i) => [label, one.values[i]!]));
      points.push(pointOf(one, { ...constants, ...own }));
    }
    if (points.length === 0) continue;
    collected.push({ name, help, ...(unit === "" ? {} : { unit }), kind, bounds: buckets, points });
  }
  return collected;
}

const NO_BUCKETS: readonly number[] = [];

function pointOf(series: Series, labels: Readonly<Record<string, string>>): MetricPoint {
  const { createdMs } = series;
  if (series instanceof CounterSeries || series instanceof GaugeSeries) {
    return { labels, value: series.value, count: 0, sum: 0, buckets: NO_BUCKETS, createdMs };
  }
  if (!(series instanceof HistogramSeries)) {
    const { count, sum } = series as SummarySeries;
    return { labels, value: 0, count, sum, buckets: NO_BUCKETS, createdMs };
  }
  const { count, sum } = series;
  const exemplars = series.exemplars?.filter((one) => one !== undefined).map((one) => ({ ...one }));
  const point = { labels, value: 0, count, sum, buckets: [...series.counts], createdMs };
  return exemplars === undefined ? point : { ...point, exemplars };
}
