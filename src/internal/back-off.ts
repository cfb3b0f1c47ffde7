/**
 * How long to wait before the next attempt: drawn from the whole interval (full jitter), so that those who failed together
 * do not come back together. (Brooker, "Exponential backoff and jitter".)
 *
 * @module
 */

/** The interval of the first wait, and the longest one. */
export interface BackOffRange {
  /** The most that is waited before the second attempt, in milliseconds; it doubles with each further one. */
  readonly baseMs: number;
  /** The most that is ever waited, in milliseconds. */
  readonly maxMs: number;
}

/** The wait after attempt number `attempt` (from 1) has failed, in milliseconds. */
export function backOff(
  attempt: number,
  { baseMs, maxMs }: BackOffRange,
  random: { readonly fraction: () => number },
): number {
  return random.fraction() * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
}
