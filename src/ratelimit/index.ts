/**
 * Limits on how many calls may begin: token buckets, one for all or one per caller, as a gate before methods or around
 * any function.
 *
 * @module
 */
export { tokenBucket, type Allower, type TokenBucket, type TokenBucketOptions, type Waiting } from "./token-bucket.ts";
export { keyedBuckets, type KeyedBuckets, type KeyedBucketsOptions } from "./keyed-buckets.ts";
export { limited, paced, type PacedOptions } from "./limited.ts";
export {
  rateLimit,
  type LimitKey,
  type LimitMode,
  type RateLimitOptions,
  type SharedLimitOptions,
} from "./rate-limit.ts";
export type { RateOptions } from "./rate.ts";
export type { WaitOptions } from "./bucket.ts";
