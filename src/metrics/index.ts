/**
 * Metrics: counters, gauges, histograms and summaries with bound series, in a registry of one's own, for Prometheus and
 * OpenMetrics.
 *
 * @module
 */
export { registry, type Exposition, type Registry, type RegistryOptions } from "./registry.ts";
export { SECONDS_BUCKETS, type HistogramOptions, type MetricOptions } from "./definition.ts";
export type { MetricExemplar, MetricFamily, MetricPoint } from "./collect.ts";
export type { Labelled, LabelValues, Metric } from "./family.ts";
export type { Counter } from "./counter.ts";
export type { Gauge } from "./gauge.ts";
export type { Histogram } from "./histogram.ts";
export type { Summary } from "./summary.ts";
export { redMetrics, type RedOptions } from "./red.ts";
export { runtimeMetrics, type RuntimeSource } from "./runtime.ts";
