/**
 * Lines of a logger as OTLP's log records.
 *
 * @module
 */
import { toUnixNanos } from "../trace/index.ts";
import type { Message } from "./proto.ts";
import { anyValue, keyValues } from "./values.ts";

/** A line as it came, and when. */
export interface Line {
  readonly text: string;
  readonly dateMs: number;
}

/** SeverityNumber, by our levels. */
const SEVERITIES: ReadonlyMap<unknown, number> = new Map([
  ["debug", 5],
  ["info", 9],
  ["warn", 13],
  ["error", 17],
]);

const SAMPLED = 1;

/** One line as a record; one that is no JSON object becomes the body as it stands. */
export function recordOf({ text, dateMs }: Line): Message {
  const observedTimeUnixNano = toUnixNanos(dateMs);
  try {
    if (text.startsWith("{")) return { ...recordFrom(JSON.parse(text) as Fields), observedTimeUnixNano };
  } catch {
    // No JSON, or nested too deep to be written again.
  }
  return { body: { stringValue: text }, observedTimeUnixNano };
}

type Fields = Readonly<Record<string, unknown>>;

function recordFrom(fields: Fields): Message {
  const { time, level, msg, trace_id: traceId, span_id: spanId, sampled } = fields;
  const timeMs = typeof time === "string" ? Date.parse(time) : NaN;
  const severityNumber = SEVERITIES.get(level);
  const isTraced = isHex(traceId, 32);
  const taken = new Set<string>();
  if (timeMs >= 0) taken.add("time");
  if (severityNumber !== undefined) taken.add("level");
  if (msg !== undefined) taken.add("msg");
  if (isTraced) taken.add("trace_id").add("sampled");
  const hasSpan = isTraced && isHex(spanId, 16);
  if (hasSpan) taken.add("span_id");
  return {
    timeUnixNano: taken.has("time") ? toUnixNanos(timeMs) : undefined,
    severityNumber,
    severityText: severityNumber === undefined ? undefined : String(level),
    body: msg === undefined ? undefined : anyValue(msg),
    attributes: attributesOf(fields, taken),
    flags: isTraced && sampled === true ? SAMPLED : undefined,
    traceId: isTraced ? (traceId as string) : undefined,
    spanId: hasSpan ? (spanId as string) : undefined,
  };
}

function attributesOf(fields: Fields, taken: ReadonlySet<string>): Message[] {
  const attributes: [string, unknown][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (taken.has(name)) continue;
    if (name === "error" && isError(value)) attributes.push(...exceptionOf(value));
    else attributes.push([name, value]);
  }
  return keyValues(attributes);
}

interface WrittenError {
  readonly name?: unknown;
  readonly message: string;
  readonly stack?: unknown;
}

function isError(value: unknown): value is WrittenError {
  return typeof value === "object" && value !== null && typeof (value as { message?: unknown }).message === "string";
}

/** An error in OpenTelemetry's words; what these do not hold (code, reason, cause) stays `error`. */
function exceptionOf({ name, message, stack, ...rest }: WrittenError): [string, unknown][] {
  const found: [string, unknown][] = [];
  if (name !== undefined) found.push(["exception.type", name]);
  found.push(["exception.message", message]);
  if (stack !== undefined) found.push(["exception.stacktrace", stack]);
  if (Object.keys(rest).length > 0) found.push(["error", rest]);
  return found;
}

// All zeros is no identifier (W3C Trace Context).
function isHex(value: unknown, digits: number): boolean {
  return typeof value === "string" && value.length === digits && /^(?!0+$)[0-9a-f]+$/.test(value);
}
