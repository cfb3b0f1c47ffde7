/**
 * The one place that reads the platform's time and sets its timers.
 *
 * @module
 */
import { Wheel, type Turn, type Wakeable } from "./wheel.ts";

interface Cancelable {
  cancel(): void;
}

class PlatformTimer {
  readonly #handle: ReturnType<typeof setTimeout>;

  constructor(delayMs: number, run: () => void) {
    this.#handle = setTimeout(run, delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

const wheel = new Wheel({
  now: () => performance.now(),
  // Outside Node a timer is a number, and has no such methods.
  start: (delayMs, run) => setTimeout(run, delayMs) as Turn,
});

/** Monotonic milliseconds. */
export const now = (): number => performance.now();

/** Milliseconds since 1970, for dates on the wire and in logs only. */
export const date = (): number => Date.now();

/** Runs `run` once after `delayMs`. */
export const after = (delayMs: number, run: () => void): Cancelable => new PlatformTimer(delayMs, run);

/** Wakes `target` through the shared wheel. */
export const expire = (delayMs: number, target: Wakeable, nowMs?: number): Cancelable =>
  wheel.add(delayMs, target, nowMs);
