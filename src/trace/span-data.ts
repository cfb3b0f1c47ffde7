/**
 * A finished span as plain data: what OTLP and Zipkin need, in neither's form.
 *
 * @module
 */

/** What an attribute may hold. */
export type AttributeValue = string | number | boolean;

/** Named values: OpenTelemetry's names where it has one. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Something that happened within a span. */
export interface SpanEvent {
  readonly name: string;
  /** Milliseconds since 1970, with fractions. */
  readonly unixMs: number;
  readonly attributes: Attributes;
}

/** A span of another trace that this one has to do with. */
export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** A finished span. All of it survives `JSON.stringify`. */
export interface SpanData {
  /** The name of the service that recorded it: the resource. */
  readonly service: string;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** 16 lower-case hex digits; "" for the first span of a trace. */
  readonly parentSpanId: string;
  /** The vendor list of `tracestate`; "" when there is none. */
  readonly traceState: string;
  /** `service/method` for calls, "other" where no method fits, the handler's own name for its spans. */
  readonly name: string;
  readonly kind: "server" | "client" | "internal";
  /**
   * Milliseconds since 1970, with fractions: a double tells a quarter of a microsecond here, finer than two clocks
   * agree. Zipkin wants microseconds (times 1000, rounded), OTLP nanoseconds (`toUnixNanos`).
   */
  readonly startUnixMs: number;
  readonly durationMs: number;
  /** "error" when it failed. "unset" otherwise: OpenTelemetry keeps "ok" for people. */
  readonly status: "unset" | "error";
  /** The public message of the error, "" without one. */
  readonly statusMessage: string;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** How many attributes and events were refused: past the bounds, or not of a kind that can be exported. */
  readonly refused: number;
}

/**
 * A date in milliseconds as nanoseconds in decimal digits: what OTLP wants in JSON, and `BigInt` reads for protobuf.
 *
 * @example
 * ```ts
 * import { toUnixNanos } from "servicekit/trace";
 *
 * toUnixNanos(1_767_225_600_000.25); // => "1767225600000250000"
 * ```
 */
export function toUnixNanos(unixMs: number): string {
  const wholeMs = Math.floor(unixMs);
  const nanos = Math.min(Math.round((unixMs - wholeMs) * 1e6), 999_999);
  return `${wholeMs}${String(nanos).padStart(6, "0")}`;
}
