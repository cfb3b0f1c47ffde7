/**
 * Traces: W3C and B3 in and out, a decision before anything is made, spans to an exporter.
 *
 * @module
 */
export { annotate, noteEvent, span } from "./span.ts";
export { tracer, type TraceFormats, type Tracer, type TracerOptions } from "./tracer.ts";
export { traceCalls } from "./trace-calls.ts";
export { consoleExporter, memoryExporter, type MemoryExporter, type MemoryExporterOptions } from "./exporters.ts";
export type { TracerStats } from "./span-queue.ts";

// For people who write exporters and transports.
export type { SpanExporter } from "./exporters.ts";
export { ForeignTrace } from "./foreign.ts";
export { injectTrace } from "./inject.ts";
export { readTrace, writeTrace } from "./propagate.ts";
export type { SetHeader, TraceFormat, TraceHeaders } from "./headers.ts";
export {
  toUnixNanos,
  type Attributes,
  type AttributeValue,
  type SpanData,
  type SpanEvent,
  type SpanLink,
} from "./span-data.ts";
