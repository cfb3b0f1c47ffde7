/**
 * Reading a trace out of a message and writing it into one, for transports of one's own and for messages that no
 * transport here carries. Servers and clients with `traceCalls` need neither.
 *
 * @module
 */
import type { Carrier } from "../endpoint/index.ts";
import { readB3, readB3Multi, writeB3, writeB3Multi } from "./b3.ts";
import type { SetHeader, TraceFormat, TraceHeaders } from "./headers.ts";
import { readW3c, writeW3c } from "./w3c.ts";

/** The formats looked for, in order: the standard first, then B3 by its own rule (one header before many). */
export const READ_FORMATS: readonly TraceFormat[] = ["w3c", "b3", "b3multi"];

/** The format written: the one that everybody reads. */
export const WRITE_FORMATS: readonly TraceFormat[] = ["w3c"];

const readers: Readonly<Record<TraceFormat, (carrier: Carrier) => TraceHeaders | undefined>> = {
  w3c: readW3c,
  b3: readB3,
  b3multi: readB3Multi,
};

const writers: Readonly<Record<TraceFormat, (headers: TraceHeaders, set: SetHeader) => void>> = {
  w3c: writeW3c,
  b3: writeB3,
  b3multi: writeB3Multi,
};

/**
 * Reads the trace a message belongs to: the first format that is there and well formed. Never throws.
 * (W3C Trace Context Level 2; openzipkin/b3-propagation.)
 *
 * @param formats default: w3c, b3, b3multi.
 *
 * @example
 * ```ts
 * import { Metadata } from "servicekit/endpoint";
 * import { readTrace } from "servicekit/trace";
 *
 * const incoming = new Metadata();
 * incoming.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
 * readTrace(incoming)?.spanId; // => "b7ad6b7169203331"
 * ```
 */
export function readTrace(carrier: Carrier, formats: readonly TraceFormat[] = READ_FORMATS): TraceHeaders | undefined {
  for (const format of formats) {
    const headers = readers[format](carrier);
    if (headers !== undefined) return headers;
  }
  return undefined;
}

/**
 * Writes a trace into a message. A decision without identifiers is written in the formats of B3 only: W3C has no word
 * for it.
 *
 * @param formats default: w3c.
 *
 * @example
 * ```ts
 * import { Metadata } from "servicekit/endpoint";
 * import { writeTrace } from "servicekit/trace";
 *
 * const outgoing = new Metadata();
 * const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true, state: "" };
 * writeTrace(trace, (name, value) => outgoing.set(name, value));
 * outgoing.get("traceparent"); // => "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
 * ```
 */
export function writeTrace(
  headers: TraceHeaders,
  set: SetHeader,
  formats: readonly TraceFormat[] = WRITE_FORMATS,
): void {
  for (const format of formats) writers[format](headers, set);
}
