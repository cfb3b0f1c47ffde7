/**
 * The trace a call belongs to, as far as every room must know it. How it is decided, recorded and exported is the trace
 * room's.
 *
 * @module
 */

/** A call's place in a trace. Identifiers are made when first read, so an unsampled call allocates none. */
export interface Trace {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits: this call's own span. */
  readonly spanId: string;
  /** Whether spans of this trace are recorded. */
  readonly sampled: boolean;
  /** The vendor list of W3C `tracestate`, passed on unchanged; "" when there is none. */
  readonly state: string;
}
