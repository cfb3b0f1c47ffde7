/**
 * A token bucket per caller, tenant or address, in a table that cannot grow. For fairness among callers; what protects the
 * machine from all of them together is one bucket for all.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { Bucket, checkCount, type WaitOptions } from "./bucket.ts";
import { Rate, type RateOptions } from "./rate.ts";
import { shortKey } from "./short-key.ts";

/** Buckets by key, all of one pace and size. */
export interface KeyedBuckets {
  /** Takes `count` tokens (default 1) from the key's bucket if that many are there; else takes none. */
  take(key: string, count?: number): boolean;
  /** Milliseconds until `count` tokens (default 1) could be taken; Infinity when more than fit. */
  waitMs(key: string, count?: number): number;
  /** Takes tokens from the key's bucket, now or in turn, as `TokenBucket.wait` does. */
  wait(key: string, options?: WaitOptions): Promise<void> | undefined;
  /** How many buckets are kept, never more than `maxKeys`. */
  readonly size: number;
}

/** What a table of buckets is made of. */
export interface KeyedBucketsOptions extends RateOptions {
  /**
   * The most buckets kept at a time, an integer of at least 1. Default: 10,000, about 2 MB: more callers than most
   * services see within the time a bucket takes to fill.
   */
  readonly maxKeys?: number | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** The most buckets looked at to make room for one. */
const LOOKS = 8;

class KeyedBucket extends Bucket {
  readonly key: string;

  constructor(key: string, rate: Rate, clock: Clock) {
    super(rate, clock);
    this.key = key;
  }
}

/** The table itself; `bucket` is for the gate, which reads the clock once for all. */
export class BucketTable implements KeyedBuckets {
  readonly rate: Rate;
  readonly clock: Clock;
  readonly #maxKeys: number;
  readonly #byKey = new Map<string, KeyedBucket>();
  readonly #all: KeyedBucket[] = [];
  #hand = 0;

  constructor(options: KeyedBucketsOptions) {
    this.rate = new Rate(options);
    this.clock = options.clock ?? systemClock;
    this.#maxKeys = checkNumber("maxKeys", options.maxKeys ?? 10_000, { min: 1, max: 2 ** 24, integer: true });
  }

  take(key: string, count: number = 1): boolean {
    if (count !== 1) checkCount(count);
    const nowMs = this.clock.now();
    return this.bucket(key, nowMs).takeAt(nowMs, count);
  }

  waitMs(key: string, count: number = 1): number {
    checkCount(count);
    const bucket = this.#byKey.get(shortKey(key));
    // Who is not in the table has a full bucket; asking about it must not push another out.
    if (bucket === undefined) return count > this.rate.burst ? Infinity : 0;
    return bucket.waitAt(this.clock.now(), count);
  }

  wait(key: string, options?: WaitOptions): Promise<void> | undefined {
    return this.bucket(key, this.clock.now()).wait(options);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** How many of the buckets hold less than one token. Looks at each: for people, not for calls. */
  emptyAt(nowMs: number): number {
    return this.#all.reduce((count, bucket) => (bucket.tokensAt(nowMs) < 1 ? count + 1 : count), 0);
  }

  /** The key's bucket, made when there is none. */
  bucket(key: string, nowMs: number): Bucket {
    const short = shortKey(key);
    return this.#byKey.get(short) ?? this.#add(short, nowMs);
  }

  #add(key: string, nowMs: number): Bucket {
    const bucket = new KeyedBucket(key, this.rate, this.clock);
    if (this.#all.length < this.#maxKeys) {
      this.#all.push(bucket);
    } else {
      const place = this.#placeToFree(nowMs);
      this.#byKey.delete(this.#all[place]!.key);
      this.#all[place] = bucket;
    }
    this.#byKey.set(key, bucket);
    return bucket;
  }

  /** The first full bucket at the hand, else the fullest of a few: the one nearest to being as good as absent. */
  #placeToFree(nowMs: number): number {
    const all = this.#all;
    let fullest = this.#hand;
    for (let looks = Math.min(LOOKS, all.length); looks > 0; looks--) {
      const place = this.#hand;
      this.#hand = place + 1 === all.length ? 0 : place + 1;
      if (all[place]!.isFullAt(nowMs)) return place;
      if (all[place]!.emptyMs < all[fullest]!.emptyMs) fullest = place;
    }
    return fullest;
  }
}

/**
 * Makes a table of token buckets by key. A bucket that has filled up again is as good as absent, so those go first when
 * room is needed: a hand goes round the table and looks at eight at most, whatever its size.
 *
 * When all of those are in use, the fullest of them is forgotten and its key begins full again: with more than `maxKeys`
 * keys active at once the limit per key becomes loose, and nobody is refused who should not be. Keys are any strings; of
 * those over 256 characters a short stand-in is kept.
 *
 * @throws {RangeError} when `perSecond` is not above 0 and finite, `burst` is below 1 or `maxKeys` not an integer of at
 * least 1.
 *
 * @example
 * ```ts
 * import { keyedBuckets } from "servicekit/ratelimit";
 *
 * const perTenant = keyedBuckets({ perSecond: 1, burst: 1 });
 * perTenant.take("ada"); // => true
 * perTenant.take("ada"); // => false
 * perTenant.take("bob"); // => true
 * ```
 */
export function keyedBuckets(options: KeyedBucketsOptions): KeyedBuckets {
  checkNames("keyedBuckets", options, ["perSecond", "burst", "maxKeys", "clock"]);
  return new BucketTable(options);
}
