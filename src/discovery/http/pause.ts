/**
 * A pause of a watch, which keeps no process alive.
 *
 * @module
 */
import type { Clock, Timer } from "../../time/index.ts";

/** What a pause needs. */
export interface PauseOptions {
  /** Whose time it is. */
  readonly clock: Clock;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Resolves after `delayMs` milliseconds, up to 8 ms late, or rejects with the signal's reason as soon as it is aborted; either way its
 * timer and its listener are gone. Unlike `sleep` it keeps no process alive: a registry is no reason to.
 *
 * @example
 * ```ts
 * import { pause } from "servicekit/discovery/http";
 * import { systemClock } from "servicekit/time";
 *
 * const gone = AbortSignal.abort(new Error("called off"));
 * await pause(60_000, { clock: systemClock, signal: gone }); // throws called off
 * ```
 */
export function pause(delayMs: number, { clock, signal }: PauseOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const timer: Timer = clock.expire(delayMs, {
      expire() {
        signal.removeEventListener("abort", abort);
        resolve();
      },
    });
    function abort(): void {
      timer.cancel();
      reject(signal.reason as Error);
    }
    signal.addEventListener("abort", abort, { once: true });
  });
}
