/**
 * Waiting until a source holds something to go by.
 *
 * @module
 */
import type { Listing, Source } from "./source.ts";

/** Joins the source until its listing is more than a beginning; `waiting` are called when that may be so. */
export function awaitListing(
  source: Source,
  waiting: Set<() => void>,
  signal: AbortSignal | undefined,
): Promise<Listing> {
  if (source.listing.state !== "starting") return Promise.resolve(source.listing);
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const joined = source.subscribe(() => undefined);
    function leave(): void {
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
