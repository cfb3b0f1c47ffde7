/**
 * Waiting without keeping the process alive, until a time is over or a signal aborts.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";

/** Resolves after `delayMs`, or as soon as the signal aborts: ask the signal which it was. Its timer and listener are gone then. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = clock.expire(delayMs, { expire: end });
    function end(): void {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end, { once: true });
  });
}
