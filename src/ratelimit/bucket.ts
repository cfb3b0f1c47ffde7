/**
 * The arithmetic of a token bucket: one number, the time at which it was (or, with a line of waiters, will be) empty.
 * Tokens are the time since then; nothing ever has to be filled. (The virtual scheduling form of the generic cell rate
 * algorithm, ITU-T I.371.)
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import type { Clock } from "../time/index.ts";
import { refusal, SLACK_MS, type Rate } from "./rate.ts";
import { WaitingLine, type Lined } from "./waiting-line.ts";

/** How to wait for tokens. */
export interface WaitOptions {
  /** How many tokens, above 0. Default: 1. */
  readonly count?: number | undefined;
  /** Gives the place in line back: the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** On the bucket's clock: a wait that would end later fails at once. Default: none (Infinity). */
  readonly deadlineMs?: number | undefined;
  /** The longest wait in milliseconds: one that would be longer fails at once. Default: none (Infinity). */
  readonly maxWaitMs?: number | undefined;
}

/** One bucket. */
export class Bucket implements Lined {
  readonly rate: Rate;
  readonly clock: Clock;
  /** When it was empty; in the future when tokens are promised that it does not have yet. */
  emptyMs: number = -Infinity;
  #line: WaitingLine | undefined = undefined;

  constructor(rate: Rate, clock: Clock) {
    this.rate = rate;
    this.clock = clock;
  }

  takeAt(nowMs: number, count: number): boolean {
    const { msPerToken, spanMs } = this.rate;
    const fullMs = nowMs - spanMs;
    const afterMs = (this.emptyMs < fullMs ? fullMs : this.emptyMs) + count * msPerToken;
    if (afterMs > nowMs + SLACK_MS) return false;
    this.emptyMs = afterMs;
    return true;
  }

  waitAt(nowMs: number, count: number): number {
    const { burst, msPerToken } = this.rate;
    if (count > burst) return Infinity;
    const waitMs = this.startAt(nowMs) + count * msPerToken - nowMs;
    return waitMs > SLACK_MS ? waitMs : 0;
  }

  tokensAt(nowMs: number): number {
    return (nowMs - this.startAt(nowMs)) / this.rate.msPerToken;
  }

  /** Whether forgetting it would change nothing. */
  isFullAt(nowMs: number): boolean {
    return this.emptyMs <= nowMs - this.rate.spanMs;
  }

  /** When it was empty, as if what overflowed had never been. */
  startAt(nowMs: number): number {
    const fullMs = nowMs - this.rate.spanMs;
    return this.emptyMs < fullMs ? fullMs : this.emptyMs;
  }

  wait(options: WaitOptions = {}): Promise<void> | undefined {
    const { count = 1, signal, deadlineMs = Infinity, maxWaitMs = Infinity } = options;
    checkCount(count);
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const nowMs = this.clock.now();
    if (this.takeAt(nowMs, count)) return undefined;
    const waitMs = this.waitAt(nowMs, count);
    const untilMs = Math.min(deadlineMs, nowMs + maxWaitMs);
    if (waitMs === Infinity || nowMs + waitMs > untilMs) return Promise.reject(refusal(waitMs));
    this.#line ??= new WaitingLine(this);
    return this.#line.join({ count, untilMs, signal });
  }

  /** Changes the pace; those who wait keep their order and are told at once when they would now wait too long. */
  changeTo(next: Rate): void {
    const { rate } = this;
    const nowMs = this.clock.now();
    const tokens = this.tokensAt(nowMs);
    rate.burst = next.burst;
    rate.msPerToken = next.msPerToken;
    rate.spanMs = next.spanMs;
    this.emptyMs = nowMs - tokens * next.msPerToken;
    this.#line?.retime(nowMs);
  }
}

/** Throws a RangeError unless `count` is a number of tokens: a negative one would fill the bucket. */
export function checkCount(count: number): void {
  if (!(count > 0)) throw new RangeError(`count should be a number above 0, got ${shown(count)}`);
}
