/**
 * Outlier ejection: who is put out, for how long, and who comes back. (gRPC A50; Envoy's outlier detection for failures in a row.)
 *
 * @module
 */
import type { EjectionRules } from "./ejection-options.ts";
import type { Entry } from "./entry.ts";
import type { Because } from "./events.ts";

/** What is done to members. */
export interface OutlierOwner {
  /** All that are listed. */
  readonly members: readonly Entry<unknown>[];
  ejected(entry: Entry<unknown>, because: Because, forMs: number): void;
  spared(entry: Entry<unknown>, because: Because): void;
  returned(entry: Entry<unknown>, nowMs: number): void;
}

/** The rules over the members of one balancer. It has no timer: it is asked with every pick whether something is due. */
export class Outliers {
  /** When to look next: somebody comes back, or an interval is over. */
  dueMs: number = Infinity;
  readonly #rules: EjectionRules;
  readonly #owner: OutlierOwner;
  readonly #out: Entry<unknown>[] = [];
  #sweepMs = Infinity;

  constructor(rules: EjectionRules, owner: OutlierOwner) {
    this.#rules = rules;
    this.#owner = owner;
  }

  /** A call to it has failed. */
  failed(entry: Entry<unknown>, startMs: number, nowMs: number): void {
    if (this.#sweepMs === Infinity) this.#begin(entry, nowMs);
    // An answer that was asked for before it came back says nothing of how it is now.
    if (startMs < entry.returnedMs) entry.row = 0;
    else if (entry.row >= this.#rules.consecutive) this.#eject(entry, "consecutive", nowMs);
  }

  /** It is gone. */
  forget(entry: Entry<unknown>): void {
    const at = this.#out.indexOf(entry);
    if (at >= 0) this.#out.splice(at, 1);
    entry.isEjected = false;
  }

  /** Brings back whose time is over, and looks at rates when an interval is. */
  look(nowMs: number): void {
    for (let i = this.#out.length - 1; i >= 0; i--) {
      const entry = this.#out[i]!;
      if (entry.untilMs > nowMs) continue;
      this.#out.splice(i, 1);
      entry.isEjected = false;
      entry.row = 0;
      entry.returnedMs = entry.forgivenMs = nowMs;
      this.#owner.returned(entry, nowMs);
    }
    if (nowMs >= this.#sweepMs) this.#sweep(nowMs);
    else this.#due();
  }

  #sweep(nowMs: number): void {
    const { intervalMs } = this.#rules;
    const intervals = 1 + Math.floor((nowMs - this.#sweepMs) / intervalMs);
    // Nobody called for a whole interval: what was counted before is no news any more.
    if (intervals === 1) this.#compare(nowMs);
    let isBusy = false;
    for (const entry of this.#owner.members) {
      entry.recentCalls = 0;
      entry.recentFailures = 0;
      entry.isSpared = false;
      if (!entry.isEjected && entry.multiplier > 0) {
        const healthy = Math.floor((nowMs - entry.forgivenMs) / intervalMs);
        entry.multiplier = Math.max(0, entry.multiplier - healthy);
        entry.forgivenMs += healthy * intervalMs;
      }
      isBusy ||= entry.multiplier > 0;
    }
    this.#sweepMs = isBusy ? nowMs + intervalMs : Infinity;
    this.#due();
  }

  #compare(nowMs: number): void {
    const { successRate, failureShare } = this.#rules;
    if (successRate !== false) {
      const counted = this.#enough(successRate.minCalls);
      if (counted.length >= successRate.minInstances) {
        const rates = counted.map(rateOf);
        const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
        const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
        const least = mean - successRate.factor * Math.sqrt(variance);
        for (const entry of counted) if (rateOf(entry) < least) this.#eject(entry, "success_rate", nowMs);
      }
    }
    if (failureShare === false) return;
    const counted = this.#enough(failureShare.minCalls);
    if (counted.length < failureShare.minInstances) return;
    for (const entry of counted)
      if (1 - rateOf(entry) >= failureShare.ratio) this.#eject(entry, "failure_share", nowMs);
  }

  #enough(minCalls: number): readonly Entry<unknown>[] {
    return this.#owner.members.filter(({ recentCalls, isEjected }) => !isEjected && recentCalls >= minCalls);
  }

  #eject(entry: Entry<unknown>, because: Because, nowMs: number): void {
    if (entry.isEjected || !entry.isListed) return;
    const { baseMs, maxMs, maxRatio } = this.#rules;
    if (this.#out.length >= Math.max(1, Math.floor(maxRatio * this.#owner.members.length))) {
      // Told once in an interval; and put out with the next failure, when there is room.
      if (!entry.isSpared) this.#owner.spared(entry, because);
      entry.isSpared = true;
      return;
    }
    entry.ejections++;
    entry.multiplier++;
    const forMs = Math.min(baseMs * entry.multiplier, Math.max(baseMs, maxMs));
    entry.untilMs = nowMs + forMs;
    entry.isEjected = true;
    this.#out.push(entry);
    if (this.#sweepMs === Infinity) this.#schedule(nowMs);
    this.#due();
    this.#owner.ejected(entry, because, forMs);
  }

  /** The first failure after a quiet time begins an interval: nobody is an outlier while nothing fails. */
  #begin(failed: Entry<unknown>, nowMs: number): void {
    for (const entry of this.#owner.members) entry.recentCalls = entry.recentFailures = 0;
    failed.recentCalls = failed.recentFailures = 1;
    this.#schedule(nowMs);
  }

  #schedule(nowMs: number): void {
    this.#sweepMs = nowMs + this.#rules.intervalMs;
    this.#due();
  }

  #due(): void {
    let dueMs = this.#sweepMs;
    for (const { untilMs } of this.#out) if (untilMs < dueMs) dueMs = untilMs;
    this.dueMs = dueMs;
  }
}

function rateOf({ recentCalls, recentFailures }: Entry<unknown>): number {
  return 1 - recentFailures / recentCalls;
}
