/**
 * Time as a dependency. Everything that waits, measures or expires takes a `Clock`, so that its tests need no sleep and a
 * simulation can run hours in a second.
 *
 * @module
 */
import { after, date, expire, now } from "../internal/clock.ts";

/** A timer that was set; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Something that can be told that its time is over. */
export interface Expiring {
  expire(): void;
  /**
   * Whether the process goes on for it: for what somebody waits for and would never hear of. Default: false: what a
   * server or a breaker times is no reason to stay alive.
   */
  readonly keepsAlive?: boolean | undefined;
}

/** Where time comes from. */
export interface Clock {
  /** Monotonic milliseconds with fractions; the origin means nothing. */
  now(): number;
  /** Milliseconds since 1970, for dates on the wire and in logs only: it may jump. */
  date(): number;
  /** Runs `run` once after `delayMs` milliseconds. Exact, and keeps the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /**
   * Calls `target.expire()` once `delayMs` have passed: never early, up to 8 ms late, and without keeping the process
   * alive. For time-outs, which are nearly always cancelled: a shared wheel makes one cost a few nanoseconds. `nowMs` is what `now()`
   * said just before, for those who have it: reading it costs more than the rest. Default: it is read.
   */
  expire(delayMs: number, target: Expiring, nowMs?: number): Timer;
}

/**
 * The machine's own clock: the default everywhere a `Clock` is taken.
 *
 * @example
 * ```ts
 * import { systemClock } from "servicekit/time";
 *
 * const start = systemClock.now();
 * systemClock.now() >= start; // => true
 * ```
 */
export const systemClock: Clock = { now, date, after, expire };
