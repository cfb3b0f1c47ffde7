/**
 * What a metric is made of: the options a user writes, and the checked definition two of which can be compared.
 *
 * @module
 */
import { checkNames, checkNumber, checkString, shown } from "../internal/check.ts";
import { checkLabelNames, checkMetricName } from "./names.ts";

/** What every metric is made of. */
export interface MetricOptions<L extends string = never> {
  /**
   * Letters, digits and "_", beginning with a letter. By convention in base units and with the unit at the end
   * (`…_seconds`, `…_bytes`), a counter's with `_total` after it. The text format writes it as it is.
   */
  readonly name: string;
  /** One sentence for those who read the numbers; not empty. */
  readonly help: string;
  /**
   * The names of its labels. `with` takes exactly these. Values should come from a small set: a method, a code; never an
   * address or a user. Default: none, and the metric itself is its only series.
   */
  readonly labels?: readonly L[] | undefined;
  /**
   * The unit, for OpenMetrics. The name must end with it, e.g. `seconds` in `request_duration_seconds`. Default: none
   * stated, which every reader accepts.
   */
  readonly unit?: string | undefined;
  /**
   * The most series, from 1, before all further label values share one. Default: the registry's. Raise it only where the
   * values cannot come from outside.
   */
  readonly maxSeries?: number | undefined;
}

/** What a histogram is made of. */
export interface HistogramOptions<L extends string = never> extends MetricOptions<L> {
  /**
   * The upper bounds of the buckets, each included, strictly increasing, finite; `+Inf` is added. Default:
   * `SECONDS_BUCKETS`, since most histograms are of durations.
   */
  readonly buckets?: readonly number[] | undefined;
}

/**
 * The default bounds, for durations in seconds: those of Prometheus' own clients (5 ms to 10 s), and 1 and 2.5 ms below
 * them, since a call inside one data centre is often over by then.
 */
export const SECONDS_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** What is counted how. */
export type MetricKind = "counter" | "gauge" | "histogram" | "summary";

/** What every metric of a registry has from it. */
export interface Defaults {
  readonly prefix: string;
  /** The names of the constant labels. */
  readonly constants: readonly string[];
  readonly maxSeries: number;
}

/** A checked definition. */
export interface Definition {
  readonly kind: MetricKind;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly unit: string;
  readonly maxSeries: number;
  readonly buckets: readonly number[];
}

const KNOWN = ["name", "help", "labels", "unit", "maxSeries"];

/** Checks a metric's options. */
export function define(kind: MetricKind, options: HistogramOptions<string>, defaults: Defaults): Definition {
  checkNames(`a ${kind}`, options, kind === "histogram" ? [...KNOWN, "buckets"] : KNOWN);
  const name = defaults.prefix + checkMetricName("metric name", options.name);
  const labels = checkLabelNames(`label of ${name}`, options.labels ?? []);
  const constant = labels.find((label) => defaults.constants.includes(label));
  if (constant !== undefined) {
    throw new RangeError(`label of ${name} should not be one of the registry's own, got ${shown(constant)}`);
  }
  return {
    kind,
    name,
    help: checkString(`help of ${name}`, options.help),
    labels,
    unit: options.unit === undefined ? "" : checkUnit(name, options.unit),
    maxSeries: checkNumber(`maxSeries of ${name}`, options.maxSeries ?? defaults.maxSeries, { min: 1 }),
    buckets: kind === "histogram" ? checkBuckets(name, options.buckets ?? SECONDS_BUCKETS) : [],
  };
}

/**
 * Throws when a name that was defined before is defined otherwise now.
 *
 * @throws {RangeError} naming the metric and the first part that differs.
 */
export function checkSame(first: Definition, second: Definition): void {
  for (const part of ["kind", "help", "labels", "unit", "maxSeries", "buckets"] as const) {
    const [was, is] = [JSON.stringify(first[part]), JSON.stringify(second[part])];
    if (was !== is)
      throw new RangeError(`${part} of ${first.name} should be ${was}, as it was defined first, got ${is}`);
  }
}

/** Every name that a metric's samples have in either format: no other metric may have one of them. */
export function sampleNames({ kind, name }: Definition): readonly string[] {
  switch (kind) {
    case "counter":
      return [name, familyName(name), `${familyName(name)}_total`, `${familyName(name)}_created`];
    case "gauge":
      return [name];
    case "histogram":
      return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`, `${name}_created`];
    case "summary":
      return [name, `${name}_sum`, `${name}_count`, `${name}_created`];
  }
}

/** A counter's name without `_total`: what OpenMetrics calls its family. */
export function familyName(name: string): string {
  return name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
}

function checkUnit(name: string, unit: unknown): string {
  const checked = checkMetricName(`unit of ${name}`, unit);
  if (familyName(name).endsWith(`_${checked}`)) return checked;
  throw new RangeError(`unit of ${name} should be the end of its name, got ${shown(unit)}`);
}

function checkBuckets(name: string, bounds: readonly number[]): readonly number[] {
  if (!Array.isArray(bounds) || bounds.length === 0) {
    throw new RangeError(`buckets of ${name} should be a list of at least one bound, got ${shown(bounds)}`);
  }
  bounds.forEach((bound: unknown, i) => {
    const rising = typeof bound === "number" && Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!);
    if (!rising)
      throw new RangeError(`buckets of ${name} should be finite and strictly increasing, got ${shown(bound)} at ${i}`);
  });
  return [...bounds];
}
