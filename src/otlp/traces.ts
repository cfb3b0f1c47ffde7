/**
 * Spans to an OpenTelemetry collector, or whatever else takes OTLP over HTTP. The tracer gathers and bounds them; this
 * only sends.
 *
 * @module
 */
import { toUnixNanos, type SpanData, type SpanExporter } from "../trace/index.ts";
import { OtlpChannel, type OtlpStats } from "./channel.ts";
import { checkOtlp, type OtlpOptions } from "./options.ts";
import type { Message } from "./proto.ts";
import { TRACES } from "./schema.ts";
import { keyValues, resourceOf, SCOPE } from "./values.ts";

/** What an exporter of spans may be told. The name of the service is the tracer's. */
export interface OtlpTracesOptions extends OtlpOptions {}

/** An exporter for `tracer({ exporter })`. */
export interface OtlpTraces extends SpanExporter {
  /** What has become of the spans; those that the tracer itself dropped are in its own. */
  readonly stats: OtlpStats;
  close(): Promise<void>;
}

/**
 * Exports spans over OTLP/HTTP: one request at a time, tried again where OTLP allows it, and given up in time. What is
 * given up is reported here and, as a failed export, to the tracer.
 *
 * A span's kind, status, events, links and `tracestate` go along; `refused` becomes its dropped attributes.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { otlpTraces } from "servicekit/otlp";
 * import { tracer } from "servicekit/trace";
 *
 * const exporter = otlpTraces({ url: "http://localhost:4318", version: "1.2.0" });
 * await tracer({ service: "add", exporter }).close();
 * exporter.stats.sent; // => 0
 * ```
 */
export function otlpTraces(options: OtlpTracesOptions = {}): OtlpTraces {
  const checked = checkOtlp("otlpTraces", options);
  const channel = new OtlpChannel(TRACES, checked);
  return {
    export(spans) {
      if (spans.length === 0) return;
      return channel.send({ resourceSpans: byService(spans, checked.resource) }, spans.length);
    },
    async close() {
      channel.close();
    },
    get stats() {
      return channel.stats;
    },
  };
}

function byService(spans: readonly SpanData[], resource: ReturnType<typeof checkOtlp>["resource"]): Message[] {
  const services = new Map<string, Message[]>();
  for (const span of spans) {
    const own = services.get(span.service);
    if (own === undefined) services.set(span.service, [spanMessage(span)]);
    else own.push(spanMessage(span));
  }
  return [...services].map(([service, own]) => ({
    resource: resourceOf({ service, ...resource }),
    scopeSpans: [{ scope: SCOPE, spans: own }],
  }));
}

const KINDS: Readonly<Record<SpanData["kind"], number>> = { internal: 1, server: 2, client: 3 };

const STATUS_ERROR = 2;

// SpanFlags: the sampled bit of the trace flags; whether it is known that the parent is elsewhere; that it is.
const SAMPLED = 0x1;
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

function spanMessage(span: SpanData): Message {
  const { traceId, spanId, parentSpanId, traceState, kind } = span;
  const isRemote = kind === "server" && parentSpanId !== "";
  return {
    traceId,
    spanId,
    traceState: traceState || undefined,
    parentSpanId: parentSpanId || undefined,
    name: span.name,
    kind: KINDS[kind],
    startTimeUnixNano: toUnixNanos(span.startUnixMs),
    endTimeUnixNano: toUnixNanos(span.startUnixMs + span.durationMs),
    attributes: keyValues(Object.entries(span.attributes)),
    droppedAttributesCount: span.refused || undefined,
    events: span.events.map(({ name, unixMs, attributes }) => ({
      timeUnixNano: toUnixNanos(unixMs),
      name,
      attributes: keyValues(Object.entries(attributes)),
    })),
    links: span.links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
    status: span.status === "error" ? { message: span.statusMessage || undefined, code: STATUS_ERROR } : {},
    flags: SAMPLED | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0),
  };
}
