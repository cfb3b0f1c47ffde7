/**
 * Limits around any function: no contract, no server.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import type { WaitOptions } from "./bucket.ts";
import { checkMethod, refusal } from "./rate.ts";
import type { Allower, Waiting } from "./token-bucket.ts";

/** How `paced` waits. */
export interface PacedOptions {
  /**
   * The longest wait in milliseconds, from 0: a call that would wait longer fails at once, which also bounds how many
   * wait. Default: 3 s, the time a call may take everywhere here.
   */
  readonly maxWaitMs?: number | undefined;
  /** Calls all waits off. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Wraps a function so that it runs only when the bucket has a token; what it answers stays as it is, a plain value a plain
 * value. A refusal is thrown; a function that is `async`, or has answered with a promise before, rejects instead. (Go kit
 * `ratelimit/token_bucket.go`, NewErroringLimiter.)
 *
 * @throws {ServiceError} `resource_exhausted` (reason `rate_limited`), with `retryAfterMs`, when there is no token.
 *
 * @example
 * ```ts
 * import { limited, tokenBucket } from "servicekit/ratelimit";
 *
 * const square = limited((n: number) => n * n, tokenBucket({ perSecond: 1, burst: 1 }));
 * square(4); // => 16
 * square(4); // throws rate limit exceeded
 * ```
 */
export function limited<A extends unknown[], R>(fn: (...args: A) => R, bucket: Allower): (...args: A) => R {
  checkFunction("fn", fn);
  checkMethod(bucket, "take");
  let rejects = isAsync(fn);
  return function limitedCall(this: unknown, ...args: A): R {
    if (bucket.take()) {
      const result = fn.apply(this, args);
      if (!rejects && isPromise(result)) rejects = true;
      return result;
    }
    const error = refusal(bucket.waitMs?.());
    if (rejects) return Promise.reject(error) as R;
    throw error;
  };
}

/**
 * Wraps a function so that its calls wait for tokens, first come, first served. A call for which there is a token runs at
 * once and its plain value stays one. (Go kit `ratelimit/token_bucket.go`, NewDelayingLimiter.)
 *
 * @throws {ServiceError} `resource_exhausted` (reason `rate_limited`, as a rejection, at once) when the wait would be
 * longer than `maxWaitMs`.
 *
 * @example
 * ```ts
 * import { paced, tokenBucket } from "servicekit/ratelimit";
 *
 * const send = paced((text: string) => text.length, tokenBucket({ perSecond: 200, burst: 1 }));
 * send("now"); // => 3
 * await send("in 5 ms"); // => 7
 * ```
 */
export function paced<A extends unknown[], R>(
  fn: (...args: A) => R,
  bucket: Waiting,
  options: PacedOptions = {},
): (...args: A) => R | Promise<Awaited<R>> {
  checkFunction("fn", fn);
  checkMethod(bucket, "wait");
  checkNames("paced", options, ["maxWaitMs", "signal"]);
  const maxWaitMs = checkNumber("maxWaitMs", options.maxWaitMs ?? 3000, { min: 0 });
  const how: WaitOptions = { maxWaitMs, signal: options.signal };
  return function pacedCall(this: unknown, ...args: A): R | Promise<Awaited<R>> {
    const waiting = bucket.wait(how);
    if (waiting === undefined) return fn.apply(this, args);
    return waiting.then(() => fn.apply(this, args)) as Promise<Awaited<R>>;
  };
}

function isAsync(fn: (...args: never[]) => unknown): boolean {
  return Object.prototype.toString.call(fn) === "[object AsyncFunction]";
}
