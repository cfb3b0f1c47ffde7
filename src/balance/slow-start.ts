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
  readonly #ramping: Entry<unknown>[] = [];

  constructor(overMs: number, weigh: (entry: Entry<unknown>) => void) {
    this.#overMs = overMs;
    this.#weigh = weigh;
  }

  begin(entry: Entry<unknown>, nowMs: number): void {
    if (this.#overMs === 0) return;
    entry.startedMs = nowMs;
    entry.share = FLOOR;
    this.#weigh(entry);
    if (!entry.isRamping) this.#ramping.push(entry);
    entry.isRamping = true;
    this.dueMs = Math.min(this.dueMs, nowMs + this.#overMs / STEPS);
  }

  /** It is gone. */
  forget(entry: Entry<unknown>): void {
    if (!entry.isRamping) return;
    entry.isRamping = false;
    this.#ramping.splice(this.#ramping.indexOf(entry), 1);
  }

  step(nowMs: number): void {
    for (let i = this.#ramping.length - 1; i >= 0; i--) {
      const entry = this.#ramping[i]!;
      entry.share = Math.max(FLOOR, Math.min(1, (nowMs - entry.startedMs) / this.#overMs));
      this.#weigh(entry);
      if (entry.share < 1) continue;
      entry.isRamping = false;
      this.#ramping.splice(i, 1);
    }
    this.dueMs = this.#ramping.length === 0 ? Infinity : nowMs + this.#overMs / STEPS;
  }
}
