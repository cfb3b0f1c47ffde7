/**
 * The ways in which OpenTelemetry's API writes a moment.
 *
 * @module
 */
import type { TimeInput } from "@opentelemetry/api";
import type { SpanSink } from "../trace/recorded-span.ts";

/** Whether a value is a moment rather than attributes. */
export function isTime(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || isHrTime(value);
}

function isHrTime(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "number" && typeof value[1] === "number";
}

/**
 * A moment in milliseconds since 1970; undefined when it is none. A number that the monotonic clock has passed is one of
 * that clock, as the SDK takes it.
 */
export function unixMsOf(time: TimeInput | undefined, source: Pick<SpanSink, "clock" | "dateOf">): number | undefined {
  let unixMs: number | undefined;
  if (time instanceof Date) unixMs = time.getTime();
  else if (isHrTime(time)) unixMs = time[0] * 1000 + time[1] / 1e6;
  else if (typeof time === "number") unixMs = time <= source.clock.now() ? source.dateOf(time) : time;
  return Number.isFinite(unixMs) ? unixMs : undefined;
}
