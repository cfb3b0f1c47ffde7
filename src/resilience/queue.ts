/**
 * A bounded queue before a limit on calls at work. Few wait long: while all is well, who comes first is first, and a burst
 * may take its time (`intervalMs`). Once the queue has not been empty for that long it is no burst but too much, and then
 * the newest goes first, whose caller still waits, and who has not had a place within `targetMs` hears no. (CoDel as in
 * "Fail at Scale", ACM Queue 13(8), with adaptive LIFO; Nichols and Jacobson, "Controlling Queue Delay".) Equal times for
 * both make it plain first come, first served with a time-out.
 *
 * @module
 */
import { policyError, type ServiceError } from "../errors/index.ts";
import type { Clock, Expiring, Timer } from "../time/index.ts";
import { WaiterList, type Waiter } from "./queue-waiter.ts";

/** How a queue behaves; may change while it runs. */
export interface QueueRules {
  /** The most that wait at once; 0: nobody does. */
  readonly max: number;
  /** How long one waits at most while all is well, in milliseconds, and how long the queue may stand before it is not. */
  readonly intervalMs: number;
  /** How long one waits at most when the queue stands, in milliseconds. */
  readonly targetMs: number;
}

/** By level: how many times `targetMs` one waits. Places come in clumps, and what matters most should get the next one. */
const PATIENCE = [8, 4];

/** The queue. */
export class WaitingLine implements Expiring {
  size = 0;
  /** Who was refused for waiting too long, or for want of room. */
  refused = 0;
  #rules: QueueRules;
  readonly #clock: Clock;
  readonly #lists: readonly WaiterList[];
  #timer: Timer | undefined = undefined;
  #dueMs = 0;
  #busySinceMs = 0;
  /** Until when it counts as standing although it was empty in between: who refuses has too much. */
  #standingUntilMs = -Infinity;

  constructor(rules: QueueRules, { clock, levels }: { readonly clock: Clock; readonly levels: number }) {
    this.#rules = rules;
    this.#clock = clock;
    this.#lists = Array.from({ length: levels }, () => new WaiterList());
  }

  /** Changes how it behaves, also toward those who wait. */
  set(rules: QueueRules): void {
    this.#rules = rules;
    this.#timer?.cancel();
    this.expire();
  }

  /** Whether there is more than can be done, and not only for a moment. */
  isStanding(nowMs: number): boolean {
    const { intervalMs, targetMs } = this.#rules;
    if (targetMs >= intervalMs) return false;
    return nowMs < this.#standingUntilMs || (this.size > 0 && nowMs - this.#busySinceMs >= intervalMs);
  }

  /** Puts somebody into the queue; false when there is no room for it. May refuse one that matters less, or waits longer. */
  add(waiter: Waiter): boolean {
    if (this.size >= this.#rules.max) {
      const out = this.#leastWorth(waiter);
      if (out === undefined) {
        this.refused++;
        return false;
      }
      this.#refuse(out);
    }
    if (this.size === 0) this.#busySinceMs = waiter.sinceMs;
    this.size++;
    this.#listOf(waiter).add(waiter);
    this.#wake(waiter.sinceMs, this.#allowedMs(waiter, waiter.sinceMs));
    return true;
  }

  /** Who is next, taken out; those who have waited too long are refused on the way. */
  take(nowMs: number): Waiter | undefined {
    for (const list of this.#lists) {
      for (;;) {
        const isStanding = this.isStanding(nowMs);
        const waiter = isStanding ? list.newest : list.oldest;
        if (waiter === undefined) break;
        if (nowMs - waiter.sinceMs <= this.#allowedMs(waiter, nowMs)) {
          this.remove(waiter);
          return waiter;
        }
        this.#late(waiter, nowMs);
      }
    }
    return undefined;
  }

  /** Takes somebody out who no longer wants to wait. */
  remove(waiter: Waiter): void {
    if (waiter.list === undefined) return;
    waiter.list.remove(waiter);
    if (--this.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Refuses everybody who has waited too long. */
  expire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    let nextMs = Infinity;
    for (const list of this.#lists) {
      for (let one = list.oldest; one !== undefined; one = list.oldest) {
        const leftMs = one.sinceMs + this.#allowedMs(one, nowMs) - nowMs;
        if (leftMs > 0) {
          nextMs = Math.min(nextMs, leftMs);
          break;
        }
        this.#late(one, nowMs);
      }
    }
    if (this.size === 0) return;
    // The moment from which the shorter time holds is one to look at.
    if (!this.isStanding(nowMs) && this.#rules.targetMs < this.#rules.intervalMs)
      nextMs = Math.min(nextMs, this.#busySinceMs + this.#rules.intervalMs - nowMs);
    // At least a millisecond: sums of fractions are never exact, and a wait of nothing would come again at the same moment.
    this.#wake(nowMs, Math.max(nextMs, 1));
  }

  /** Somebody waits in it. */
  get keepsAlive(): boolean {
    return true;
  }

  refusal(): ServiceError<"overloaded"> {
    return policyError("overloaded", { retryAfterMs: Math.ceil(this.#rules.intervalMs) });
  }

  #allowedMs({ level }: Waiter, nowMs: number): number {
    const { targetMs, intervalMs } = this.#rules;
    return this.isStanding(nowMs) ? Math.min(targetMs * (PATIENCE[level] ?? 1), intervalMs) : intervalMs;
  }

  // One who waits less than those before it must not wait for their time.
  #wake(nowMs: number, delayMs: number): void {
    if (this.#timer !== undefined && this.#dueMs <= nowMs + delayMs) return;
    this.#timer?.cancel();
    this.#dueMs = nowMs + delayMs;
    this.#timer = this.#clock.expire(delayMs, this);
  }

  // Where nobody matters more than others there is one list only.
  #listOf({ level }: Waiter): WaiterList {
    return this.#lists[Math.min(level, this.#lists.length - 1)]!;
  }

  #late(waiter: Waiter, nowMs: number): void {
    if (this.isStanding(nowMs)) this.#standingUntilMs = nowMs + this.#rules.intervalMs;
    this.#refuse(waiter);
  }

  #refuse(waiter: Waiter): void {
    this.remove(waiter);
    this.refused++;
    waiter.refuse(this.refusal());
  }

  // Among those that matter least. One's own kind only when the newest goes first: else the older has the better right.
  #leastWorth(arrival: Waiter): Waiter | undefined {
    for (let level = this.#lists.length - 1; level > arrival.level; level--) {
      const { oldest } = this.#lists[level]!;
      if (oldest !== undefined) return oldest;
    }
    return this.isStanding(arrival.sinceMs) ? this.#listOf(arrival).oldest : undefined;
  }
}
