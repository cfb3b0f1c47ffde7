/**
 * A place in a trace, in OpenTelemetry's form and in ours.
 *
 * @module
 */
import { createTraceState, isSpanContextValid, TraceFlags, type SpanContext } from "@opentelemetry/api";
import type { Trace } from "../endpoint/index.ts";
import type { TraceHeaders } from "../trace/index.ts";

/** The second bit of W3C's flags, for which the API has no name yet (Trace Context Level 2). */
const RANDOM = 2;

/** A trace of ours as a span context. Reads its identifiers, which makes them where they were not made yet. */
export function toSpanContext(trace: Trace | TraceHeaders, isRemote: boolean): SpanContext {
  const { traceId, spanId, sampled, state } = trace;
  const isRandom = (trace as Partial<TraceHeaders>).random === true;
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: (sampled === true ? TraceFlags.SAMPLED : TraceFlags.NONE) | (isRandom ? RANDOM : 0),
    isRemote,
  };
  if (state !== "") context.traceState = createTraceState(state);
  return context;
}

/** A span context in our form; undefined when it is none. */
export function fromSpanContext(context: SpanContext | undefined): TraceHeaders | undefined {
  if (context === undefined || !isSpanContextValid(context)) return undefined;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    sampled: (context.traceFlags & TraceFlags.SAMPLED) !== 0,
    state: context.traceState?.serialize() ?? "",
    random: (context.traceFlags & RANDOM) !== 0,
  };
}
