/**
 * Those who wait for a bucket's tokens, first come first served. Their tokens are taken off the bucket when they join, so
 * nobody passes them; one timer, for the first, serves them all. Who leaves gives the tokens back, and all behind move up
 * (golang.org/x/time/rate gives back only what nobody reserved after).
 *
 * @module
 */
import type { Clock, Timer } from "../time/index.ts";
import { refusal, SLACK_MS, type Rate } from "./rate.ts";

/** Platform timers hold 31 bits of milliseconds; a longer delay would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** What somebody waits for. */
export interface Wanted {
  readonly count: number;
  readonly untilMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The bucket, as its line needs it. */
export interface Lined {
  readonly rate: Rate;
  readonly clock: Clock;
  /** When it was empty, or will be with all that is promised. */
  emptyMs: number;
}

class Waiter {
  readonly wanted: Wanted;
  readonly #line: WaitingLine;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(line: WaitingLine, wanted: Wanted, ends: { resolve: () => void; reject: (error: unknown) => void }) {
    this.wanted = wanted;
    this.#line = line;
    this.#resolve = ends.resolve;
    this.#reject = ends.reject;
    wanted.signal?.addEventListener("abort", this, { once: true });
  }

  handleEvent(): void {
    this.#line.leave(this);
    this.#reject(this.wanted.signal!.reason);
  }

  grant(): void {
    this.wanted.signal?.removeEventListener("abort", this);
    this.#resolve();
  }

  refuse(waitMs: number): void {
    this.wanted.signal?.removeEventListener("abort", this);
    this.#reject(refusal(waitMs));
  }
}

/** The line of one bucket. */
export class WaitingLine {
  readonly #bucket: Lined;
  // A Set keeps the order of arrival and gives up a place in its middle at no cost.
  readonly #waiters = new Set<Waiter>();
  #promised = 0;
  #timer: Timer | undefined = undefined;

  constructor(bucket: Lined) {
    this.#bucket = bucket;
  }

  join(wanted: Wanted): Promise<void> {
    const bucket = this.#bucket;
    return new Promise((resolve, reject) => {
      this.#waiters.add(new Waiter(this, wanted, { resolve, reject }));
      bucket.emptyMs += wanted.count * bucket.rate.msPerToken;
      this.#promised += wanted.count;
      if (this.#waiters.size === 1) this.#arm(bucket.clock.now());
    });
  }

  leave(waiter: Waiter): void {
    const wasFirst = this.#first() === waiter;
    this.#giveBack(waiter);
    if (wasFirst) this.#arm(this.#bucket.clock.now());
  }

  retime(nowMs: number): void {
    const { msPerToken } = this.#bucket.rate;
    let dueMs = this.#startMs();
    for (const waiter of this.#waiters) {
      const { count, untilMs } = waiter.wanted;
      if (dueMs + count * msPerToken > untilMs) {
        this.#giveBack(waiter);
        waiter.refuse(dueMs + count * msPerToken - nowMs);
      } else {
        dueMs += count * msPerToken;
      }
    }
    this.#arm(nowMs);
  }

  #giveBack(waiter: Waiter): void {
    const { count } = waiter.wanted;
    this.#waiters.delete(waiter);
    this.#promised -= count;
    this.#bucket.emptyMs -= count * this.#bucket.rate.msPerToken;
  }

  #first(): Waiter | undefined {
    for (const waiter of this.#waiters) return waiter;
    return undefined;
  }

  /** When the bucket would have been empty without those who wait. */
  #startMs(): number {
    return this.#bucket.emptyMs - this.#promised * this.#bucket.rate.msPerToken;
  }

  #arm(nowMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const first = this.#first();
    if (first === undefined) return;
    const delayMs = this.#startMs() + first.wanted.count * this.#bucket.rate.msPerToken - nowMs;
    this.#timer = this.#bucket.clock.after(Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS), this.#serve);
  }

  readonly #serve = (): void => {
    this.#timer = undefined;
    const { clock, rate } = this.#bucket;
    const nowMs = clock.now();
    for (const waiter of this.#waiters) {
      // A platform timer may fire a little early: whose time has not come is waited for again.
      if (this.#startMs() + waiter.wanted.count * rate.msPerToken > nowMs + SLACK_MS) break;
      this.#waiters.delete(waiter);
      this.#promised -= waiter.wanted.count;
      waiter.grant();
    }
    this.#arm(nowMs);
  };
}
