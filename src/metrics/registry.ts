/**
 * Where metrics live: a registry of one's own, never a global one, so that two services, or two tests, in a process do
 * not meet by accident.
 *
 * @module
 */
import { checkNames, checkNumber, shown } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { collectFamilies, type MetricFamily } from "./collect.ts";
import { CounterSeries, type Counter } from "./counter.ts";
import {
  checkSame,
  define,
  sampleNames,
  type Defaults,
  type Definition,
  type HistogramOptions,
  type MetricKind,
  type MetricOptions,
} from "./definition.ts";
import { writeOpenMetrics, writeText } from "./exposition.ts";
import { Family, wellFormed, type Metric } from "./family.ts";
import { formatLabels } from "./format.ts";
import { GaugeSeries, type Gauge } from "./gauge.ts";
import { HistogramSeries, type Histogram } from "./histogram.ts";
import { checkLabelNames, checkMetricName } from "./names.ts";
import { OPEN_METRICS_TYPE, TEXT_TYPE, wantsOpenMetrics } from "./negotiate.ts";
import type { Home, Series } from "./series.ts";
import { SummarySeries, type Summary } from "./summary.ts";

/** What a registry may be given. */
export interface RegistryOptions {
  /**
   * Put before every metric's name, RED and runtime metrics too, e.g. `shop_`. Default: none, so that the standard names
   * stay what dashboards expect.
   */
  readonly prefix?: string | undefined;
  /** Labels on every series, e.g. `{ zone: "a" }`. Default: none; a scraper usually adds what it knows of the process. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * The most series of one metric, from 1, before further label values share one. Default: 2000, a megabyte of text for a
   * histogram and more than a person reads.
   */
  readonly maxSeries?: number | undefined;
  /** Measures timers and dates exemplars. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** An answer to a scrape. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** Metrics under one roof. */
export interface Registry {
  /**
   * Defines a counter, or returns the one that was defined the same under this name, so that two servers can share a
   * registry.
   *
   * @throws {RangeError} when an option is wrong, or the name is taken by another definition: the message says which
   * part differs.
   */
  counter<const L extends string = never>(options: MetricOptions<L>): Metric<L, Counter>;
  /** Defines a gauge; as `counter`. */
  gauge<const L extends string = never>(options: MetricOptions<L>): Metric<L, Gauge>;
  /** Defines a histogram; as `counter`. */
  histogram<const L extends string = never>(options: HistogramOptions<L>): Metric<L, Histogram>;
  /** Defines a summary of sum and count; as `counter`. */
  summary<const L extends string = never>(options: MetricOptions<L>): Metric<L, Summary>;
  /**
   * Runs `read` before each scrape and not otherwise: for several gauges set from one reading. What it throws is counted
   * in `metrics_ignored_total{metric="scrape"}`. The returned function takes it off.
   */
  onScrape(read: () => void): () => void;
  /** Everything in the Prometheus text format 0.0.4, in an order that depends on names and label values only. */
  text(): string;
  /** Everything in OpenMetrics 1.0, with units and exemplars. */
  openMetrics(): string;
  /** The answer to a scrape with this Accept header: OpenMetrics where it is asked for, else the text format. */
  expose(accept?: string): Exposition;
  /**
   * Everything as data, in the same order, after the same readings as for a scrape: for those who send metrics, or show
   * them in a form of their own. A copy; metrics without series are left out.
   */
  collect(): readonly MetricFamily[];
  /** Sets every series back to 0 and keeps it, bound ones too: for tests. */
  reset(): void;
  readonly maxSeries: number;
  readonly clock: Clock;
}

/**
 * Makes a registry.
 *
 * Updates that make no sense (a negative increment, NaN) never throw; they are counted in
 * `metrics_ignored_total{metric="…"}`, which appears with the first of them.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { registry } from "servicekit/metrics";
 *
 * const metrics = registry();
 * const calls = metrics.counter({ name: "calls_total", help: "Calls.", labels: ["method"] });
 * const sums = calls.with({ method: "sum" });
 * sums.inc();
 * metrics.text(); // => '# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{method="sum"} 1\n'
 * ```
 */
export function registry(options: RegistryOptions = {}): Registry {
  checkNames("a registry", options, ["prefix", "labels", "maxSeries", "clock"]);
  return new MetricRegistry(options);
}

type Make<S> = (home: Home, values: readonly string[]) => S;

class MetricRegistry implements Registry {
  readonly maxSeries: number;
  readonly clock: Clock;
  readonly #defaults: Defaults;
  readonly #constants: string;
  readonly #constantLabels: Readonly<Record<string, string>>;
  readonly #families = new Map<string, Family<Series>>();
  /** Sample names, and whose they are. */
  readonly #owners = new Map<string, string>();
  readonly #readers = new Set<() => void>();
  readonly #ignored: Metric<"metric", Counter>;

  constructor({ prefix, labels = {}, maxSeries = 2000, clock = systemClock }: RegistryOptions) {
    const constants = checkLabelNames("label of the registry", Object.keys(labels));
    this.maxSeries = checkNumber("maxSeries", maxSeries, { min: 1 });
    this.clock = clock;
    const values = constants.map((name) => constantValue(name, labels[name]));
    this.#constants = formatLabels(constants, values);
    this.#constantLabels = Object.fromEntries(constants.map((name, i) => [name, values[i]!]));
    this.#defaults = {
      prefix: prefix === undefined || prefix === "" ? "" : checkMetricName("prefix", prefix),
      constants,
      maxSeries: this.maxSeries,
    };
    this.#ignored = this.counter({
      name: "metrics_ignored_total",
      help: "Updates that could not be made: a negative or not finite number, or a reading that failed.",
      labels: ["metric"],
    });
  }

  counter<const L extends string = never>(options: MetricOptions<L>): Metric<L, Counter> {
    return this.#register("counter", options, (home, values) => new CounterSeries(home, values)) as Metric<L, Counter>;
  }

  gauge<const L extends string = never>(options: MetricOptions<L>): Metric<L, Gauge> {
    return this.#register("gauge", options, (home, values) => new GaugeSeries(home, values)) as Metric<L, Gauge>;
  }

  histogram<const L extends string = never>(options: HistogramOptions<L>): Metric<L, Histogram> {
    return this.#register("histogram", options, (home, values) => new HistogramSeries(home, values)) as Metric<
      L,
      Histogram
    >;
  }

  summary<const L extends string = never>(options: MetricOptions<L>): Metric<L, Summary> {
    return this.#register("summary", options, (home, values) => new SummarySeries(home, values)) as Metric<L, Summary>;
  }

  onScrape(read: () => void): () => void {
    // Wrapped, so that one function given twice is taken off once.
    const reader = (): void => read();
    this.#readers.add(reader);
    return () => void this.#readers.delete(reader);
  }

  text(): string {
    return writeText(this.#scrape());
  }

  openMetrics(): string {
    return writeOpenMetrics(this.#scrape());
  }

  expose(accept?: string): Exposition {
    return wantsOpenMetrics(accept)
      ? { contentType: OPEN_METRICS_TYPE, body: this.openMetrics() }
      : { contentType: TEXT_TYPE, body: this.text() };
  }

  collect(): readonly MetricFamily[] {
    return collectFamilies(this.#scrape(), this.#constantLabels);
  }

  reset(): void {
    for (const family of this.#families.values()) family.reset();
  }

  #register(kind: MetricKind, options: HistogramOptions<string>, make: Make<Series>): unknown {
    const definition = define(kind, options, this.#defaults);
    let family = this.#families.get(definition.name);
    if (family === undefined) {
      this.#claim(definition);
      family = new Family(this.#home(definition), make);
      this.#families.set(definition.name, family);
    } else checkSame(family.definition, definition);
    return family.only ?? family;
  }

  #claim(definition: Definition): void {
    const names = sampleNames(definition);
    for (const name of names) {
      const owner = this.#owners.get(name);
      if (owner === undefined) continue;
      throw new RangeError(
        `metric name should not clash with ${owner}, which writes ${name}, got ${shown(definition.name)}`,
      );
    }
    for (const name of names) this.#owners.set(name, definition.name);
  }

  #home(definition: Definition): Home {
    const constants = this.#constants;
    return {
      definition,
      bounds: Float64Array.from(definition.buckets),
      clock: this.clock,
      render: (values) => [constants, formatLabels(definition.labels, values)].filter((part) => part !== "").join(","),
      ignored: () => this.#ignored.with({ metric: definition.name }).inc(),
    };
  }

  /** Reads what is read at a scrape, then gives the families in the order of their names. */
  #scrape(): readonly Family<Series>[] {
    for (const read of this.#readers) {
      try {
        read();
      } catch {
        this.#ignored.with({ metric: "scrape" }).inc();
      }
    }
    const families = [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const family of families) for (const one of family.series) if (one instanceof GaugeSeries) one.refresh();
    return families;
  }
}

function constantValue(name: string, value: unknown): string {
  if (typeof value === "string") return wellFormed(value);
  throw new RangeError(`label ${name} of the registry should be a string, got ${shown(value)}`);
}
