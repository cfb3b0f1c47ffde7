/**
 * How fast a bucket fills and how much it holds: the options of every limiter, checked once.
 *
 * @module
 */
import { policyError, type ServiceError } from "../errors/index.ts";
import { checkFunction, checkNumber, shown } from "../internal/check.ts";

/** Sums of fractions of milliseconds are never exact: what is short by less than this counts as enough. */
export const SLACK_MS = 1e-6;

/** How many calls may begin. */
export interface RateOptions {
  /** Tokens per second in the long run: above 0 and finite. */
  readonly perSecond: number;
  /**
   * The most tokens a bucket holds, at least 1: how many calls may begin at once after a pause. Default: one second's
   * worth, at least 1, so that callers who send evenly are not refused over a small hiccup.
   */
  readonly burst?: number | undefined;
}

/** The same as the arithmetic needs it. Buckets of one table share one object. */
export class Rate {
  msPerToken: number;
  burst: number;
  /** How long an empty bucket takes to fill. */
  spanMs: number;

  constructor(options: RateOptions) {
    const { perSecond, burst = Math.max(1, Math.ceil(perSecond)) } = options;
    if (!(typeof perSecond === "number" && perSecond > 0 && perSecond < Infinity)) {
      throw new RangeError(`perSecond should be a finite number above 0, got ${shown(perSecond)}`);
    }
    this.msPerToken = 1000 / perSecond;
    this.burst = checkNumber("burst", burst, { min: 1, max: Number.MAX_VALUE });
    this.spanMs = this.burst * this.msPerToken;
  }

  /** As people write it: `100/s burst 20`. */
  get text(): string {
    return `${Number((1000 / this.msPerToken).toPrecision(6))}/s burst ${this.burst}`;
  }
}

/** The error of a call that was not let through; without a hint when no wait would help. */
export function refusal(waitMs: number | undefined): ServiceError<"rate_limited"> {
  const retryAfterMs = waitMs === undefined || waitMs === Infinity ? undefined : Math.ceil(waitMs);
  return policyError("rate_limited", { retryAfterMs });
}

/** Throws a TypeError unless `subject` has the method a limiter needs. */
export function checkMethod(subject: object | undefined, name: string): void {
  checkFunction(`bucket.${name}`, (subject as Record<string, unknown> | undefined)?.[name]);
}
