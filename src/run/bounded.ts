/**
 * Waiting for somebody else's promise, but not for ever.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";

/** How a bounded wait ended: the work did, with or without an error; its time did; or the wait was called off. */
export type Ending =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "late" }
  | { readonly kind: "off" };

/** How long to wait at most, and what calls the wait off. */
export interface Bounds {
  readonly clock: Clock;
  readonly ms: number;
  readonly off: AbortSignal;
}

/**
 * Starts `work` and waits for it within `bounds`; its timer and listener are gone afterwards. The timer is one that keeps
 * the process alive: a drain that hangs on a lost promise must not end the process as if it had succeeded.
 */
export function bounded(work: () => Promise<void> | void, bounds: Bounds): Promise<Ending> {
  const { clock, ms, off } = bounds;
  return new Promise((resolve) => {
    let result: Promise<void> | void;
    try {
      result = work();
    } catch (error) {
      return resolve({ kind: "failed", error });
    }
    const timer = clock.after(ms, () => end({ kind: "late" }));
    function end(ending: Ending): void {
      timer.cancel();
      off.removeEventListener("abort", abort);
      resolve(ending);
    }
    const abort = (): void => end({ kind: "off" });
    off.addEventListener("abort", abort, { once: true });
    Promise.resolve(result).then(
      () => end({ kind: "done" }),
      (error: unknown) => end({ kind: "failed", error }),
    );
    if (off.aborted) abort();
  });
}
