/**
 * A token bucket for one thing that is limited: an upstream, a job, a method. For one bucket per caller see
 * `keyedBuckets`.
 *
 * @module
 */
import { checkNames } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { Bucket, checkCount, type WaitOptions } from "./bucket.ts";
import { Rate, type RateOptions } from "./rate.ts";

/** What says at once whether a call may begin (Go kit's `Allower`). Any object with this shape will do. */
export interface Allower {
  /** Takes a token if there is one. */
  take(): boolean;
  /** Milliseconds until there will be one: the hint a refusal carries. */
  waitMs?(): number;
}

/** What lets a caller wait until it may begin (Go kit's `Waiter`). Any object with this shape will do. */
export interface Waiting {
  /** Undefined when the call may begin now, else a promise of its turn. */
  wait(options?: WaitOptions): Promise<void> | undefined;
}

/** A bucket that starts full, fills at a steady pace and gives tokens away. */
export interface TokenBucket extends Allower, Waiting {
  /** Takes `count` tokens (default 1) if that many are there; else takes none. */
  take(count?: number): boolean;
  /** Milliseconds until `count` tokens (default 1) could be taken, behind those who wait; Infinity when more than fit. */
  waitMs(count?: number): number;
  /**
   * Takes `count` tokens, now or in turn: first come, first served. Undefined when they were there at once. The promise
   * rejects with the signal's reason when the wait is called off: the tokens then go to those behind.
   *
   * @throws {ServiceError} `resource_exhausted` (reason `rate_limited`, as a rejection, at once) when the turn would come
   * after the deadline, or never.
   */
  wait(options?: WaitOptions): Promise<void> | undefined;
  /**
   * Changes pace and size while running; the default of `burst` is as at construction. Tokens that are there stay, up to
   * the new size; those who wait keep their order.
   *
   * @throws {RangeError} when a value is out of range; nothing has changed then.
   */
  set(rate: RateOptions): void;
  /** The tokens there now, with fractions. */
  readonly available: number;
  readonly perSecond: number;
  readonly burst: number;
}

/** What a token bucket is made of. */
export interface TokenBucketOptions extends RateOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

class PacedBucket extends Bucket implements TokenBucket {
  take(count: number = 1): boolean {
    if (count !== 1) checkCount(count);
    return this.takeAt(this.clock.now(), count);
  }

  waitMs(count: number = 1): number {
    checkCount(count);
    return this.waitAt(this.clock.now(), count);
  }

  set(rate: RateOptions): void {
    this.changeTo(new Rate(rate));
  }

  get available(): number {
    return Math.max(0, this.tokensAt(this.clock.now()));
  }

  get perSecond(): number {
    return 1000 / this.rate.msPerToken;
  }

  get burst(): number {
    return this.rate.burst;
  }
}

/**
 * Makes a token bucket: `burst` calls at once, `perSecond` in the long run, never more. It starts full, has no timer
 * unless somebody waits, and costs one reading of the clock a call (golang.org/x/time/rate, which Go kit limits with;
 * here a wait that is called off lets everybody behind it move up).
 *
 * @throws {RangeError} when `perSecond` is not above 0 and finite, or `burst` is below 1.
 *
 * @example
 * ```ts
 * import { tokenBucket } from "servicekit/ratelimit";
 *
 * const bucket = tokenBucket({ perSecond: 0.1, burst: 2 });
 * [bucket.take(), bucket.take(), bucket.take()]; // => [true, true, false]
 * Math.round(bucket.waitMs() / 1000); // => 10
 * ```
 */
export function tokenBucket(options: TokenBucketOptions): TokenBucket {
  checkNames("tokenBucket", options, ["perSecond", "burst", "clock"]);
  return new PacedBucket(new Rate(options), options.clock ?? systemClock);
}
