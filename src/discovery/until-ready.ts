/**
 * Waiting until a source holds something to go by.
 *
 * @module
 */
import type { Clock, Timer } from "../time/index.ts";
import type { Listing, Source } from "./source.ts";

/** How long one timer keeps the process alive; then comes the next. */
const HOLD_MS = 3_600_000;

/**
 * Joins the source until its listing is more than a beginning; `waiting` are called when that may be so. With a clock the
 * process goes on meanwhile: a watch keeps nothing alive, and a program whose first line waits would be over.
 */
export function awaitListing(
  source: Source,
  waiting: Set<() => void>,
  { clock, signal }: { readonly clock?: Clock; readonly signal: AbortSignal | undefined },
): Promise<Listing> {
  if (source.listing.state !== "starting") return Promise.resolve(source.listing);
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    let held: Timer | undefined;
    const hold = (): void => void (held = clock?.expire(HOLD_MS, { keepsAlive: true, expire: hold }));
    hold();
    const joined = source.subscribe(() => undefined);
    function leave(): void {
      held?.cancel();
      waiting.delete(wake);
      signal?.removeEventListener("abort", abort);
      joined.cancel();
    }
    function wake(): void {
      const { listing } = source;
      if (listing.state === "starting") return;
      // The listing that is awaited, and not that of a source that was just left.
      resolve(listing);
      leave();
    }
    function abort(): void {
      leave();
      reject(signal!.reason as Error);
    }
    waiting.add(wake);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
