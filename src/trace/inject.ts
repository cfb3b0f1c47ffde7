/**
 * What a client transport calls to send the trace along.
 *
 * @module
 */
import { ActiveCall, CallContext, type Context } from "../endpoint/index.ts";
import { B3, B3_MULTI } from "./b3.ts";
import { currentTrace } from "./current.ts";
import { ForeignTrace } from "./foreign.ts";
import type { SetHeader, TraceFormat } from "./headers.ts";
import { LightTrace } from "./light-trace.ts";
import { WRITE_FORMATS, writeTrace } from "./propagate.ts";
import { RecordedSpan } from "./recorded-span.ts";
import { TRACEPARENT, TRACESTATE } from "./w3c.ts";

/** The headers that are handed on as they are where nobody traces. */
const HEADERS: readonly string[] = [TRACEPARENT, TRACESTATE, B3, ...Object.values(B3_MULTI)];

/** The longest header that is handed on: that of a `tracestate`. */
const MAX_CHARS = 512;

const PRINTABLE = /^[\x20-\x7e]+$/;

/**
 * Writes the trace of an outgoing call into its message: identifiers and decision, sampled or not. Where tracing is off
 * it is the trace of the call around it, and where that has none either, the headers which that call came with, as they
 * are. Never throws by what came in.
 *
 * @param context the context of the outgoing call.
 * @param formats default: what the tracer writes, or w3c.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { injectTrace } from "servicekit/trace";
 *
 * const sent: string[] = [];
 * injectTrace(backgroundContext(), (name) => sent.push(name));
 * sent; // => []
 * ```
 */
export function injectTrace(context: Context, set: SetHeader, formats?: readonly TraceFormat[]): void {
  const trace = currentTrace(context);
  if (trace !== undefined) {
    if (trace instanceof LightTrace || trace instanceof RecordedSpan) {
      return writeTrace(trace, set, formats ?? trace.source.write);
    }
    if (trace instanceof ForeignTrace && formats === undefined) return trace.inject(set);
    return writeTrace(trace, set, formats ?? WRITE_FORMATS);
  }
  const outer = parentOf(context);
  if (outer !== undefined) injectTrace(outer, set, formats);
  else if (context.method.side === "server") handOn(context, set);
}

function parentOf(context: Context): Context | undefined {
  const call = context instanceof CallContext ? context.call : undefined;
  return call instanceof ActiveCall ? call.parent : undefined;
}

function handOn(context: Context, set: SetHeader): void {
  for (const name of HEADERS) {
    const value = context.metadata(name);
    // HTTP lets bytes through that no other protocol carries: they must not fail the call they would go out with.
    if (value !== undefined && value.length <= MAX_CHARS && PRINTABLE.test(value)) set(name, value);
  }
}
