/**
 * Cases that count on an instance's time to live, on machines that stand still for longer than that.
 *
 * @module
 */
import type { Announcer } from "../discovery/index.ts";
import { systemClock } from "../time/index.ts";
import { Place } from "./registry-sample.ts";
import type { RegistryHarness } from "./source-suite.ts";

/** So often a case may be disturbed. */
const MAX_ROUNDS = 5;

const TICK_MS = 20;

/**
 * Runs a case, and anew when it failed while this process stood still, or the registry did not answer, for a third of the time
 * after which it gives an instance up: nobody can renew then, and what was seen says nothing about who renews. A failure in a
 * round that was not disturbed counts.
 */
export async function inTime(harness: RegistryHarness, run: (place: Place) => Promise<void>): Promise<void> {
  for (let round = 1; ; round++) {
    using delays = new Delays();
    const made: Announcer[] = [];
    function timed(announcer: Announcer): Announcer {
      const one = delays.timed(announcer);
      made.push(one);
      return one;
    }
    try {
      return await run(new Place(harness, timed));
    } catch (error) {
      if (delays.longestMs < harness.ttlMs / 3 || round === MAX_ROUNDS) throw error;
      for (const one of made) await one.close!();
    }
  }
}

/** The longest time for which this process stood still, or an announcer waited for its registry. */
class Delays implements Disposable {
  #longestMs = 0;
  #lastMs: number = systemClock.now();
  #timer = systemClock.expire(TICK_MS, this);

  get longestMs(): number {
    this.#note(this.#lastMs + TICK_MS);
    return this.#longestMs;
  }

  expire(): void {
    this.#note(this.#lastMs + TICK_MS);
    this.#lastMs = systemClock.now();
    this.#timer = systemClock.expire(TICK_MS, this);
  }

  /** The same announcer, closed once however often one says so. */
  timed(announcer: Announcer): Announcer {
    const timed = async (work: Promise<void>): Promise<void> => {
      const startMs = systemClock.now();
      await work.finally(() => this.#note(startMs));
    };
    let closed: Promise<void> | undefined;
    return {
      name: announcer.name,
      renewMs: announcer.renewMs,
      register: (one, signal) => timed(announcer.register(one, signal)),
      renew: (one, signal) => timed(announcer.renew(one, signal)),
      deregister: (one, signal) => timed(announcer.deregister(one, signal)),
      close: () => (closed ??= Promise.resolve(announcer.close?.())),
    };
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #note(sinceMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, systemClock.now() - sinceMs);
  }
}
