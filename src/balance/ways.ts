/**
 * The ways to instances: opened once, closed once, and not while a call is on one.
 *
 * @module
 */
import type { Instance } from "../discovery/index.ts";
import { Entry, type EntryOwner } from "./entry.ts";
import type { BalanceEvent } from "./events.ts";

/** How ways begin and end. */
export interface WaysOptions<T> {
  readonly open: (instance: Instance) => T;
  readonly close: ((value: T) => Promise<void> | void) | undefined;
}

export class Ways<T> {
  readonly #options: WaysOptions<T>;
  readonly #tell: (event: BalanceEvent) => void;
  /** Gone from the list, with calls that have not ended. */
  readonly #leaving = new Map<string, Entry<T>>();
  #closing = 0;
  #waiting: (() => void)[] = [];

  constructor(options: WaysOptions<T>, tell: (event: BalanceEvent) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  /** The member for an instance: the one that is just leaving, if it comes back; undefined when it cannot be opened. */
  open(instance: Instance, owner: EntryOwner, isStrict: boolean): Entry<T> | undefined {
    const place = placeOf(instance);
    const leaving = this.#leaving.get(place);
    if (leaving !== undefined) {
      this.#leaving.delete(place);
      leaving.isListed = true;
      leaving.instance = instance;
      return leaving;
    }
    try {
      return new Entry(instance, this.#options.open(instance), owner);
    } catch (error) {
      if (isStrict) throw error;
      this.#tell({ kind: "failed", instance, error });
      return undefined;
    }
  }

  /** An instance is gone: its way ends with its last call. */
  leave(entry: Entry<T>): void {
    if (entry.pending === 0) this.#close(entry);
    else this.#leaving.set(placeOf(entry.instance), entry);
  }

  /** The last call of one that is gone has ended. */
  end(entry: Entry<T>): void {
    const place = placeOf(entry.instance);
    // One that was closed before it was begun may share its place with one that is leaving now.
    if (this.#leaving.get(place) !== entry) return;
    this.#leaving.delete(place);
    this.#close(entry);
  }

  /** Resolves when all ways that are ending have ended. */
  ended(): Promise<void> {
    if (this.#leaving.size === 0 && this.#closing === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #close(entry: Entry<T>): void {
    this.#closing++;
    entry.release();
    void this.#closed(entry.instance, entry.value);
  }

  async #closed(instance: Instance, value: T): Promise<void> {
    try {
      await this.#options.close?.(value);
    } catch (error) {
      this.#tell({ kind: "failed", instance, error });
    }
    this.#closing--;
    if (this.#leaving.size > 0 || this.#closing > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Two processes under one id have two addresses: each is the same only with both. */
function placeOf({ id, address }: Instance): string {
  return JSON.stringify([id, address]);
}
