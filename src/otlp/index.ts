/**
 * OTLP over HTTP: spans, metrics and log lines to an OpenTelemetry collector, or to whatever else takes them.
 *
 * @module
 */
export { otlpTraces, type OtlpTraces, type OtlpTracesOptions } from "./traces.ts";
export { otlpMetrics, type OtlpMetrics, type OtlpMetricsOptions } from "./metrics.ts";
export { otlpLogs, type OtlpLogs, type OtlpLogsOptions } from "./logs.ts";
export type { OtlpOptions } from "./options.ts";
export type { OtlpStats } from "./channel.ts";
