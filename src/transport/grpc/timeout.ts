/**
 * The time a caller leaves, as `grpc-timeout` says it: at most eight digits and a unit (gRPC over HTTP/2, "Timeout").
 *
 * @module
 */

const MOST = 99_999_999;

/** Milliseconds in each unit, by the unit's character. */
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["H", 3_600_000],
  ["M", 60_000],
  ["S", 1000],
  ["m", 1],
  ["u", 0.001],
  ["n", 0.000_001],
]);

/** Writes milliseconds, rounded down: the peer never believes to have longer than we wait. */
export function formatTimeout(ms: number): string {
  if (ms >= 1) {
    if (ms < MOST + 1) return `${Math.floor(ms)}m`;
    const unit = ms < (MOST + 1) * 1000 ? "S" : ms < (MOST + 1) * 60_000 ? "M" : "H";
    return `${Math.min(MOST, Math.floor(ms / UNIT_MS.get(unit)!))}${unit}`;
  }
  // Not a time at all, or less than there is a word for: none is left.
  return ms > 0 ? `${Math.floor(ms * 1_000_000)}n` : "0n";
}

/** Reads it in milliseconds; undefined when it is no such text. */
export function parseTimeout(text: string): number | undefined {
  const unitMs = UNIT_MS.get(text.charAt(text.length - 1));
  if (unitMs === undefined || text.length < 2 || text.length > 9) return undefined;
  let value = 0;
  for (let i = 0; i < text.length - 1; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value * unitMs;
}
