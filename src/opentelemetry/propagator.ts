/**
 * Our trace formats as a propagator, for an SDK that is to understand both kinds of peers.
 *
 * @module
 */
import {
  isSpanContextValid,
  trace,
  type Context,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from "@opentelemetry/api";
import { checkNames, checkOneOf, shown } from "../internal/check.ts";
import { readTrace, writeTrace, type TraceFormat } from "../trace/index.ts";
import { fromSpanContext, toSpanContext } from "./span-context.ts";

/** Which formats a propagator reads and writes. */
export interface PropagatorOptions {
  /** Looked for in this order. Default: w3c, b3, b3multi, so that either kind of peer is understood. */
  readonly read?: readonly TraceFormat[] | undefined;
  /** All of these are written. Default: w3c, since every tracer of today reads it. */
  readonly write?: readonly TraceFormat[] | undefined;
}

const FORMATS: readonly TraceFormat[] = ["w3c", "b3", "b3multi"];

const FIELDS: Readonly<Record<TraceFormat, readonly string[]>> = {
  w3c: ["traceparent", "tracestate"],
  b3: ["b3"],
  b3multi: ["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
};

/**
 * Reads W3C and B3 headers and writes W3C, for any user of `@opentelemetry/api`. It carries no baggage: join it with the
 * SDK's baggage propagator for that. A B3 decision without identifiers (`b3: 0`) has no place in OpenTelemetry's API and
 * is passed over.
 *
 * @throws {RangeError | TypeError} when a format is none of ours.
 *
 * @example
 * ```ts
 * import { defaultTextMapGetter, ROOT_CONTEXT, trace } from "@opentelemetry/api";
 * import { openTelemetryPropagator } from "servicekit/opentelemetry";
 *
 * const headers = { b3: "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1" };
 * const context = openTelemetryPropagator().extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
 * trace.getSpanContext(context)?.spanId; // => "b7ad6b7169203331"
 * ```
 */
export function openTelemetryPropagator(options: PropagatorOptions = {}): TextMapPropagator {
  checkNames("openTelemetryPropagator", options, ["read", "write"]);
  const read = checkFormats("read", options.read ?? FORMATS);
  const write = checkFormats("write", options.write ?? ["w3c"]);
  const fields = write.flatMap((format) => FIELDS[format]);
  return {
    inject<C>(context: Context, carrier: C, setter: TextMapSetter<C>): void {
      const spanContext = trace.getSpanContext(context);
      const headers = fromSpanContext(spanContext);
      if (headers !== undefined) writeTrace(headers, (name, value) => setter.set(carrier, name, value), write);
    },
    extract<C>(context: Context, carrier: C, getter: TextMapGetter<C>): Context {
      const headers = readTrace({ get: (name) => first(getter.get(carrier, name)) }, read);
      if (headers === undefined) return context;
      const spanContext = toSpanContext(headers, true);
      return isSpanContextValid(spanContext) ? trace.setSpanContext(context, spanContext) : context;
    },
    fields: () => [...fields],
  };
}

function checkFormats(name: string, formats: readonly TraceFormat[]): readonly TraceFormat[] {
  if (!Array.isArray(formats)) throw new TypeError(`${name} should be a list of formats, got ${shown(formats)}`);
  return formats.map((format) => checkOneOf(name, format, FORMATS));
}

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === "object" ? value[0] : value;
}
