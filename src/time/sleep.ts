/**
 * Waiting that can be called off.
 *
 * @module
 */
import { systemClock, type Clock } from "./clock.ts";

/** What a wait may be given. */
export interface SleepOptions {
  /** Ends the wait early: the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /**
   * Whether the process goes on for it. False is for what nobody waits for, such as a heart-beat or a back-off: it may be 8
   * ms late. Default: true.
   */
  readonly keepsAlive?: boolean | undefined;
}

/**
 * Resolves after `delayMs` milliseconds, or rejects with the signal's reason as soon as it is aborted; either way its
 * timer and its listener are gone.
 *
 * @example
 * ```ts
 * import { sleep } from "servicekit/time";
 *
 * const gone = AbortSignal.abort(new Error("called off"));
 * await sleep(60_000, { signal: gone }); // throws called off
 * ```
 */
export function sleep(delayMs: number, options: SleepOptions = {}): Promise<void> {
  const { signal, clock = systemClock, keepsAlive = true } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const timer = keepsAlive ? clock.after(delayMs, over) : clock.expire(delayMs, { expire: over });
    function over(): void {
      signal?.removeEventListener("abort", abort);
      resolve();
    }
    function abort(): void {
      timer.cancel();
      reject(signal!.reason as Error);
    }
    signal?.addEventListener("abort", abort, { once: true });
  });
}
