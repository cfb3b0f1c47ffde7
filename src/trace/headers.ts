/**
 * A trace as it stands in the metadata of a message, whatever format it is written in.
 *
 * @module
 */

/**
 * How trace identifiers are written: `"w3c"` is `traceparent` and `tracestate`, `"b3"` the single header `b3`,
 * `"b3multi"` the headers `x-b3-…`.
 */
export type TraceFormat = "w3c" | "b3" | "b3multi";

/** What the headers of a message say about its trace. Every `Trace` is one. */
export interface TraceHeaders {
  /** 32 lower-case hex digits; "" when only a decision came, as in `b3: 0`. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the span of the one who sent it; "" when only a decision came. */
  readonly spanId: string;
  /** Whether the sender records this trace; undefined leaves the decision to the receiver (B3 only). */
  readonly sampled: boolean | undefined;
  /** The vendor list of `tracestate`; "" when there is none. */
  readonly state: string;
  /** The span above `spanId` (B3 only). Default: not known. */
  readonly parentSpanId?: string | undefined;
  /** Whether recording is forced (B3 only). Default: false. */
  readonly debug?: boolean | undefined;
  /** Whether the last 7 bytes of the trace id are random (W3C Level 2 only). Default: false. */
  readonly random?: boolean | undefined;
}

/** Takes one outgoing header, name in lower case. */
export type SetHeader = (name: string, value: string) => void;

/** The flags of a trace as bits: the two of `traceparent` in their places, and B3's debug. */
export const SAMPLED = 1;
export const RANDOM = 2;
export const DEBUG = 4;
