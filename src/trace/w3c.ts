/**
 * W3C Trace Context, Level 2: `traceparent`, and `tracestate` beside it. Nothing here throws, whatever came in.
 *
 * @module
 */
import type { Carrier } from "../endpoint/index.ts";
import { RANDOM, SAMPLED } from "./headers.ts";
import type { SetHeader, TraceHeaders } from "./headers.ts";
import { cleanState } from "./trace-state.ts";

export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";

const DASH = 0x2d;
const ZERO = 0x30;

/** The length of a `traceparent` of version 00. */
const LENGTH = 55;

const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

// Written out: 26 ns for the whole header, where a counted `{32}` takes 67 and a loop over the characters as long.
const HEX = "[0-9a-f]";
const FIELDS = `-${HEX.repeat(32)}-${HEX.repeat(16)}-${HEX.repeat(2)}`;
const PLAIN = new RegExp(`^00${FIELDS}$`);
const LATER = new RegExp(`^${HEX.repeat(2)}${FIELDS}`);

/**
 * The flags of a `traceparent` of version 00 that says not sampled, looking at one character of it; else -1. Each
 * character costs 2 ns, so whether the rest is well formed is seen when an identifier is first read, if ever.
 */
export function unsampledFlags(header: string): number {
  if (header.length !== LENGTH) return -1;
  const flags = header.charCodeAt(LENGTH - 1) - ZERO;
  return flags === 0 || flags === RANDOM ? flags : -1;
}

/** The flags of a `traceparent`, or -1 when it is malformed in any character. */
export function flagsIn(header: string | undefined): number {
  if (header === undefined || header.length < LENGTH) return -1;
  if (header.startsWith(NO_TRACE, 3) || header.startsWith(NO_SPAN, 36)) return -1;
  if (PLAIN.test(header)) return digit(header.charCodeAt(LENGTH - 1)) & (SAMPLED | RANDOM);
  // A later version may say more, after a dash; only its sampled bit is understood (§3.2, versioning).
  const isLater = LATER.test(header) && !header.startsWith("00") && !header.startsWith("ff");
  if (!isLater || (header.length > LENGTH && header.charCodeAt(LENGTH) !== DASH)) return -1;
  return digit(header.charCodeAt(LENGTH - 1)) & SAMPLED;
}

// Of a character that is known to be a lower-case hex digit.
function digit(code: number): number {
  return code <= 0x39 ? code - ZERO : code - 0x57;
}

/** Reads `traceparent` and, only beside a good one, `tracestate` (§3.3). */
export function readW3c(carrier: Carrier): TraceHeaders | undefined {
  const header = carrier.get(TRACEPARENT);
  const flags = flagsIn(header);
  if (header === undefined || flags < 0) return undefined;
  return {
    traceId: header.slice(3, 35),
    spanId: header.slice(36, 52),
    sampled: (flags & SAMPLED) !== 0,
    state: cleanState(carrier.get(TRACESTATE)),
    random: (flags & RANDOM) !== 0,
  };
}

/** Writes `traceparent` in version 00, and `tracestate` when there is one. */
export function writeW3c(headers: TraceHeaders, set: SetHeader): void {
  const { traceId, state } = headers;
  if (traceId === "") return;
  const flags = (headers.sampled === true ? SAMPLED : 0) | (headers.random === true ? RANDOM : 0);
  set(TRACEPARENT, `00-${traceId}-${headers.spanId}-0${flags}`);
  if (state !== "") set(TRACESTATE, state);
}
