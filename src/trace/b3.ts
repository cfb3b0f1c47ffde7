/**
 * B3, Zipkin's headers, as one header and as several. Nothing here throws, whatever came in.
 * (openzipkin/b3-propagation.)
 *
 * @module
 */
import type { Carrier } from "../endpoint/index.ts";
import type { SetHeader, TraceHeaders } from "./headers.ts";

export const B3 = "b3";
export const B3_MULTI = {
  traceId: "x-b3-traceid",
  spanId: "x-b3-spanid",
  parentSpanId: "x-b3-parentspanid",
  sampled: "x-b3-sampled",
  flags: "x-b3-flags",
} as const;

/** 64 bits as hex. A trace id of one such half is the lower half of ours. */
const HALF = 16;
const ZEROS = "0".repeat(HALF);

// Written out, which is quicker than `{16}` (see `w3c.ts`).
const HEX = "[0-9a-f]".repeat(HALF);
const TRACE_ID = new RegExp(`^(?:${HEX})?${HEX}$`);
const SPAN_ID = new RegExp(`^${HEX}$`);
const SINGLE = new RegExp(`^(?:${HEX})?${HEX}-${HEX}(?:-[01d])?(?:-${HEX})?$`);

/** What follows the span: a dash and a decision, then a dash and a parent; either may be left out. */
const DECISION_CHARS = 2;
const PARENT_CHARS = 1 + HALF;

/** Reads the single header: `{trace}-{span}`, then perhaps `-{0|1|d}`, then perhaps `-{parent}`; or a decision alone. */
export function readB3(carrier: Carrier): TraceHeaders | undefined {
  const header = carrier.get(B3);
  if (header === undefined) return undefined;
  if (header.length === 1) return decisionAlone(header);
  if (!SINGLE.test(header)) return undefined;
  const traceEnd = header.indexOf("-");
  const spanEnd = traceEnd + 1 + HALF;
  const restChars = header.length - spanEnd;
  const hasDecision = restChars === DECISION_CHARS || restChars === DECISION_CHARS + PARENT_CHARS;
  return identified({
    traceId: header.slice(0, traceEnd),
    spanId: header.slice(traceEnd + 1, spanEnd),
    parentSpanId: restChars >= PARENT_CHARS ? header.slice(-HALF) : "",
    sampled: hasDecision ? header[spanEnd + 1] !== "0" : undefined,
    debug: hasDecision && header[spanEnd + 1] === "d",
  });
}

interface Fields {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly sampled: boolean | undefined;
  readonly debug: boolean;
}

// Of hex digits; nothing may be zeros.
function identified({ traceId, spanId, parentSpanId, sampled, debug }: Fields): TraceHeaders | undefined {
  const whole = traceId.length === HALF ? ZEROS + traceId : traceId;
  if (spanId === ZEROS || whole === ZEROS + ZEROS) return undefined;
  // Some proxies send zeros for the parent of a root: no reason to lose the trace.
  const parent = parentSpanId === ZEROS ? "" : parentSpanId;
  return { traceId: whole, spanId, sampled, state: "", parentSpanId: parent, debug };
}

function decisionAlone(header: string): TraceHeaders | undefined {
  if (header !== "0" && header !== "1" && header !== "d") return undefined;
  return decided(header !== "0", header === "d");
}

function decided(sampled: boolean, debug: boolean): TraceHeaders {
  return { traceId: "", spanId: "", sampled, state: "", parentSpanId: "", debug };
}

/** Reads the headers `x-b3-…`. `true` and `false` are older spellings of 1 and 0. */
export function readB3Multi(carrier: Carrier): TraceHeaders | undefined {
  const traceId = carrier.get(B3_MULTI.traceId);
  const flag = carrier.get(B3_MULTI.sampled);
  const debug = carrier.get(B3_MULTI.flags) === "1";
  let sampled: boolean | undefined;
  if (debug || flag === "1" || flag === "true") sampled = true;
  else if (flag === "0" || flag === "false") sampled = false;
  if (traceId === undefined) return sampled === undefined ? undefined : decided(sampled, debug);
  const spanId = carrier.get(B3_MULTI.spanId) ?? "";
  if (!TRACE_ID.test(traceId) || !SPAN_ID.test(spanId)) return undefined;
  const parent = carrier.get(B3_MULTI.parentSpanId) ?? "";
  return identified({ traceId, spanId, parentSpanId: SPAN_ID.test(parent) ? parent : "", sampled, debug });
}

/** Writes the single header. */
export function writeB3(headers: TraceHeaders, set: SetHeader): void {
  const decision = decisionOf(headers);
  if (headers.traceId === "") {
    if (decision !== "") set(B3, decision);
    return;
  }
  const parent = headers.parentSpanId ?? "";
  let value = `${headers.traceId}-${headers.spanId}`;
  if (decision !== "") value += `-${decision}`;
  if (parent !== "") value += `-${parent}`;
  set(B3, value);
}

/** Writes the headers `x-b3-…`. */
export function writeB3Multi(headers: TraceHeaders, set: SetHeader): void {
  const decision = decisionOf(headers);
  if (headers.traceId !== "") {
    set(B3_MULTI.traceId, headers.traceId);
    set(B3_MULTI.spanId, headers.spanId);
    const parent = headers.parentSpanId ?? "";
    if (parent !== "") set(B3_MULTI.parentSpanId, parent);
  }
  if (decision === "d") set(B3_MULTI.flags, "1");
  else if (decision !== "") set(B3_MULTI.sampled, decision);
}

function decisionOf({ sampled, debug }: TraceHeaders): "" | "0" | "1" | "d" {
  if (debug === true) return "d";
  if (sampled === undefined) return "";
  return sampled ? "1" : "0";
}
