/**
 * A clock that moves only when told, for tests without sleeps and for simulations.
 *
 * @module
 */
import { checkNumber } from "../internal/check.ts";
import { VirtualTime } from "../internal/virtual-time.ts";
import type { Clock } from "../time/index.ts";

/** A clock under the test's control. */
export interface VirtualClock extends Clock {
  /**
   * Moves time forward by `ms`, firing what falls due in order of time, and between any two timers lets promises that
   * are ready run.
   */
  advance(ms: number): Promise<void>;
  /** How many timers wait: 0 at the end of a test means that nothing leaked. */
  readonly pending: number;
}

/** Where a virtual clock begins. */
export interface VirtualClockOptions {
  /** What `date()` says at the start, in milliseconds since 1970. Default: 2026-01-01T00:00:00Z. */
  readonly dateMs?: number | undefined;
}

/**
 * Makes a clock that stands at 0 until `advance` moves it.
 *
 * @example
 * ```ts
 * import { virtualClock } from "servicekit/testing";
 *
 * const clock = virtualClock();
 * let rang = false;
 * clock.after(60_000, () => (rang = true));
 * await clock.advance(60_000);
 * rang; // => true
 * ```
 */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { dateMs = Date.UTC(2026, 0, 1) } = options;
  const time = new VirtualTime(dateMs);
  const { now, date, after, expire } = time;
  return {
    now,
    date,
    after,
    expire,
    get pending() {
      return time.pending;
    },
    async advance(ms) {
      const untilMs = now() + checkNumber("ms", ms, { min: 0 });
      await settled();
      while (time.dueMs <= untilMs) {
        time.fire();
        await settled();
      }
      time.moveTo(untilMs);
    },
  };
}

/**
 * Lets every promise that is ready run, with those that become ready by it: a macrotask comes after all of them.
 *
 * @example
 * ```ts
 * import { settled } from "servicekit/testing";
 *
 * let isDone = false;
 * void Promise.resolve().then(() => (isDone = true));
 * await settled();
 * isDone; // => true
 * ```
 */
export function settled(): Promise<void> {
  // oxlint-disable-next-line no-restricted-globals -- not a wait: the one way to let all promises run first
  return new Promise((resolve) => void setImmediate(resolve));
}
