/**
 * A source of instances: what balancers and clients take, whichever registry stands behind it.
 *
 * @module
 */
import type { Subscription } from "../endpoint/index.ts";
import type { Instance } from "./instance.ts";

/**
 * Where a list comes from: `starting` (nothing is known yet), `seed` (what the program was given), `snapshot` (what was last
 * known before a restart), `fresh` (the registry answers), `stale` (it does not, and this is what it last said).
 */
export type ListingState = "starting" | "seed" | "snapshot" | "fresh" | "stale";

/** What is known of a service at one moment. */
export interface Listing {
  /** All instances that pass the source's filters, whatever their health. The array is never changed. */
  readonly instances: readonly Instance[];
  readonly state: ListingState;
  /** Why the registry could not be asked, or why its last list was not taken; undefined while all is well. */
  readonly error: Error | undefined;
  /** When the registry last answered, on the source's clock; -Infinity: never. */
  readonly updatedMs: number;
}

/** One change, with what it changes: whoever keeps something per instance need not look at the others. */
export interface ListingChange {
  readonly listing: Listing;
  readonly added: readonly Instance[];
  readonly removed: readonly Instance[];
  /** Same id, something else is different. */
  readonly changed: readonly Instance[];
}

/** Why an instance is in a listing, or is not. */
export interface Explanation {
  readonly instance: Instance;
  readonly isIn: boolean;
  /** For people, e.g. `listed`, `tag "blue" is missing`, `kept: 9 of 10 vanished at once`, `replaced by consul`. */
  readonly because: string;
}

/** What has happened to a source: plain data, each kind with what belongs to it. */
export type SourceEvent =
  | { readonly kind: "change"; readonly source: string; readonly change: ListingChange }
  /** The registry cannot be asked; told once, until it answers again. */
  | { readonly kind: "lost"; readonly source: string; readonly error: Error }
  | { readonly kind: "back"; readonly source: string; readonly afterMs: number }
  /** One more try has failed. */
  | { readonly kind: "retry"; readonly source: string; readonly error: Error; readonly delayMs: number }
  /** A list was not taken: empty, or most instances were missing. Told once per spell. */
  | { readonly kind: "kept"; readonly source: string; readonly because: string }
  /** It has not answered for `maxStaleMs`: the list is empty now. */
  | { readonly kind: "emptied"; readonly source: string; readonly error: Error }
  /** The snapshot cannot be read or written; the list is as good as without one. */
  | { readonly kind: "snapshot"; readonly source: string; readonly error: Error }
  /** One who listens to changes has thrown. */
  | { readonly kind: "listener"; readonly source: string; readonly error: Error }
  /** What came cannot be used, for instance a weight of 0 or an address without a port; the rest of the list was taken. */
  | { readonly kind: "skipped"; readonly source: string; readonly error: Error };

/** A source of the instances of one service. Several may join; they share one watch. */
export interface Source {
  /** For people, e.g. `consul add`. */
  readonly name: string;
  /** What is known now. */
  readonly listing: Listing;
  /**
   * Joins. The listener hears of every change after this; the first who joins begins the watch, the last who leaves ends it,
   * at once, whatever it waits for. What a listener throws is reported and keeps nobody else from hearing.
   */
  subscribe(listener: (change: ListingChange) => void): Subscription;
  /**
   * Resolves with the listing as soon as it holds something to go by (any state but `starting`), at once if it does. The
   * process goes on for whoever waits here, though it does for no watch.
   *
   * @throws the signal's reason when it aborts before.
   */
  ready(signal?: AbortSignal): Promise<Listing>;
  /** The instance with this id, wherever it is now. */
  find(id: string): Instance | undefined;
  /** For each instance it has heard of lately, why it is in or out. */
  explain(): readonly Explanation[];
  readonly "~source": true;
}
