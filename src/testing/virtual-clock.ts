/**
 * A clock that moves only when told, for tests without sleeps and for simulations.
 *
 * @module
 */
import { checkNumber } from "../internal/check.ts";
import type { Clock, Expiring, Timer } from "../time/index.ts";

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

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
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
  const waiting = new Set<Waiting>();
  let nowMs = 0;
  let order = 0;
  function set(delayMs: number, run: () => void): Timer {
    const timer: Waiting = { dueMs: nowMs + Math.max(0, delayMs), order: order++, run };
    waiting.add(timer);
    return { cancel: () => void waiting.delete(timer) };
  }
  function earliest(untilMs: number): Waiting | undefined {
    let found: Waiting | undefined;
    for (const timer of waiting) {
      if (timer.dueMs > untilMs) continue;
      if (
        found === undefined ||
        timer.dueMs < found.dueMs ||
        (timer.dueMs === found.dueMs && timer.order < found.order)
      )
        found = timer;
    }
    return found;
  }
  return {
    now: () => nowMs,
    date: () => dateMs + nowMs,
    after: set,
    expire: (delayMs: number, target: Expiring) => set(delayMs, () => target.expire()),
    get pending() {
      return waiting.size;
    },
    async advance(ms) {
      const untilMs = nowMs + checkNumber("ms", ms, { min: 0 });
      await settled();
      for (let timer = earliest(untilMs); timer !== undefined; timer = earliest(untilMs)) {
        waiting.delete(timer);
        nowMs = timer.dueMs;
        timer.run();
        await settled();
      }
      nowMs = untilMs;
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
