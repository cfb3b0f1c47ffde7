/**
 * Connections that the clients of one transport share: made for the first that wants one, closed with the last.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";

/** What is shared. */
export interface Closable {
  close(): Promise<void>;
}

/** A share in something. */
export interface Share<T> {
  readonly of: T;
  /** Lets go of it, once; resolves when it is closed, if this share was the last. */
  close(): Promise<void>;
}

interface Held<T> {
  readonly of: T;
  readonly clock: Clock;
  users: number;
}

/** What is shared, by address. */
export class Shared<T extends Closable> {
  readonly #held = new Map<string, Held<T>>();

  /** A share in what is at an address. Clients on another clock are rare, and timers of theirs must not run on this one. */
  take(address: string, clock: Clock, make: () => T): Share<T> {
    let found = this.#held.get(address);
    if (found?.clock !== clock) this.#held.set(address, (found = { of: make(), clock, users: 0 }));
    const held = found;
    held.users++;
    let isReleased = false;
    const close = async (): Promise<void> => {
      if (isReleased) return;
      isReleased = true;
      if (--held.users > 0) return;
      if (this.#held.get(address) === held) this.#held.delete(address);
      await held.of.close();
    };
    return { of: held.of, close };
  }
}
