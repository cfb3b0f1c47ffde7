/**
 * When to try again, as it travels where a protocol has a number for it: whole milliseconds, and -1 for "do not", as
 * gRPC's push-back has it. On an error that is a `retryAfterMs` of Infinity.
 *
 * @module
 */

/** A longer wait than thirty years is none that anybody means. */
const MOST_MS = 1e12;

/** The number to send for an error's `retryAfterMs`; undefined: nothing to say. */
export function encodePushBack(retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs === undefined || Number.isNaN(retryAfterMs)) return undefined;
  if (retryAfterMs === Infinity) return -1;
  return retryAfterMs < MOST_MS ? Math.max(0, Math.ceil(retryAfterMs)) : undefined;
}

/** The `retryAfterMs` that a peer sent, read without trust. */
export function decodePushBack(value: unknown): number | undefined {
  if (typeof value !== "number") return undefined;
  if (value < 0) return Infinity;
  return value < MOST_MS ? value : undefined;
}
