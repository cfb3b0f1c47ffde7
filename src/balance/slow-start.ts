/**
 * Gives instances that are new, or back, their share little by little, so that cold caches and fresh processes are not
 * flooded.
 *
 * @module
 */
import type { Entry } from "./entry.ts";

/** The share it begins with. (Envoy's `min_weight_percent`.) */
const FLOOR = 0.1;

/** In how many steps it grows: shares change now and then, not with every pick. */
const STEPS = 20;

/** Those that start slowly. It has no timer: it is asked with every pick whether a step is due. */
export class SlowStart {
  /** When the next step is due. */
  dueMs: number = Infinity;
  readonly #overMs: number;
  readonly #weigh: (entry: Entry<unknown>) => void;
  readonly #ramping = new Set<Entry<unknown>>();

  constructor(overMs: number, weigh: (entry: Entry<unknown>) => void) {
    this.#overMs = overMs;
    this.#weigh = weigh;
  }

  begin(entry: Entry<unknown>, nowMs: number): void {
    if (this.#overMs === 0) return;
    entry.startedMs = nowMs;
    entry.share = FLOOR;
    this.#weigh(entry);
    this.#ramping.add(entry);
    this.dueMs = Math.min(this.dueMs, nowMs + this.#overMs / STEPS);
  }

  /** It is gone. */
  forget(entry: Entry<unknown>): void {
    this.#ramping.delete(entry);
  }

  step(nowMs: number): void {
    for (const entry of this.#ramping) {
      entry.share = Math.max(FLOOR, Math.min(1, (nowMs - entry.startedMs) / this.#overMs));
      this.#weigh(entry);
      if (entry.share === 1) this.#ramping.delete(entry);
    }
    this.dueMs = this.#ramping.size === 0 ? Infinity : nowMs + this.#overMs / STEPS;
  }
}
