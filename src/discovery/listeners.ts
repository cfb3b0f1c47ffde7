/**
 * Those who listen to a source.
 *
 * @module
 */
import type { Subscription } from "../endpoint/index.ts";
import type { ListingChange } from "./source.ts";

/** Called with a change. */
export type Listener = (change: ListingChange) => void;

/** Listeners that may come and go at any moment, also while they are being told. */
export class Listeners {
  readonly #first: () => void;
  readonly #last: () => void;
  readonly #thrown: (error: unknown) => void;
  readonly #all = new Set<{ readonly hear: Listener }>();

  constructor(on: {
    readonly first: () => void;
    readonly last: () => void;
    readonly thrown: (error: unknown) => void;
  }) {
    this.#first = on.first;
    this.#last = on.last;
    this.#thrown = on.thrown;
  }

  get size(): number {
    return this.#all.size;
  }

  add(hear: Listener): Subscription {
    const entry = { hear };
    this.#all.add(entry);
    if (this.#all.size === 1) this.#first();
    return {
      cancel: () => {
        if (this.#all.delete(entry) && this.#all.size === 0) this.#last();
      },
    };
  }

  /** Tells everybody, whatever one of them throws. */
  tell(change: ListingChange): void {
    // A copy: one who joins now has seen this listing already.
    for (const entry of [...this.#all]) {
      if (!this.#all.has(entry)) continue;
      try {
        entry.hear(change);
      } catch (error) {
        this.#thrown(error);
      }
    }
  }
}
