/**
 * Policies as plain data: what a server or client reads, per method or for all of them.
 *
 * @module
 */
import type { Code } from "../errors/index.ts";
import { checkNames, checkNumber, checkOneOf, shown } from "../internal/check.ts";

/** How many calls may begin. */
export interface LimitPolicy {
  /** Calls per second in the long run, above 0. */
  readonly perSecond: number;
  /** Calls at once after a pause, at least 1. Default: one second's worth, at least 1. */
  readonly burst?: number | undefined;
  /** Whose calls share the limit: all callers of the method, or each peer's own. Default: "method". */
  readonly per?: "method" | "peer" | undefined;
}

/** When to stop calling what keeps failing. The words are those of `circuitBreaker` in `servicekit/resilience`. */
export interface BreakerPolicy {
  /** Trip after this many failures in a row. Default: 5. */
  readonly consecutive?: number | undefined;
  /** How long it stays open before it probes, in milliseconds. Default: 30 s; before the instances of a client 250 ms at first, up to 3 s. */
  readonly openMs?: number | undefined;
  /** By how much each opening in a row is longer than the one before, at least 1. Default: 1; before the instances of a client 2. */
  readonly growth?: number | undefined;
  /** The longest that `growth` leads to, in milliseconds. Default: ten times `openMs`. */
  readonly maxOpenMs?: number | undefined;
  /** The part, from 0 to 1, by which an opening may be longer by chance. Default: 0; before the instances of a client 0.2. */
  readonly jitter?: number | undefined;
  /** How many probes must succeed before it closes. Default: `permitted`. */
  readonly successes?: number | undefined;
  /** How many probes run at once when half open. Default: 1. */
  readonly permitted?: number | undefined;
}

/** When to try again. The words are those of `retry` in `servicekit/resilience`. */
export interface RetryPolicy {
  /** Attempts in all, the first included, from 1 to 10. Default: 3. */
  readonly tries?: number | undefined;
  /** The most that is waited before the second attempt, in milliseconds; it doubles with each further one. Default: 25. */
  readonly baseMs?: number | undefined;
  /** The most that is ever waited between two attempts, in milliseconds. Default: 1000. */
  readonly maxMs?: number | undefined;
  /** How long one attempt may take, in milliseconds. Default: as long as the call. */
  readonly perTryMs?: number | undefined;
  /** The codes worth another attempt, where the method is idempotent. Default: `["unavailable", "deadline_exceeded"]`. */
  readonly codes?: readonly Code[] | undefined;
}

/** When to ask a second instance while the first still works. The words are those of `hedge` in `servicekit/resilience`. */
export interface HedgePolicy {
  /** How long the first is waited for, in milliseconds. Default: found from the durations of calls, so that `extra` is kept. */
  readonly afterMs?: number | undefined;
  /** The part of calls that may be asked twice, above 0 and at most 1. Default: 0.05. */
  readonly extra?: number | undefined;
  /** Attempts side by side, the first included, from 2 to 5. Default: 2. */
  readonly tries?: number | undefined;
}

/** How much may be tried again, of all calls of a client. The words are those of `budget` in `servicekit/resilience`. */
export interface BudgetPolicy {
  /** Tries again per request, from 0 to 10. Default: 0.1. */
  readonly ratio?: number | undefined;
  /** Tries again per second that are always there. Default: 3. */
  readonly perSecond?: number | undefined;
  /** How long a request counts, in milliseconds. Default: 10 s. */
  readonly ttlMs?: number | undefined;
}

/** The policies of a method. Each is on with its default where the server or client says so; `false` turns it off. */
export interface Policy {
  /** How long a call may take, in milliseconds. Default: the method's own, else 3 s. */
  readonly timeoutMs?: number | undefined;
  /** Default: off on a server, off on a client. */
  readonly limit?: LimitPolicy | false | undefined;
  /** Default: off on a server, on per instance on a client. */
  readonly breaker?: BreakerPolicy | false | undefined;
}

/** The longest time a call may be given: a day, in milliseconds. */
export const DAY_MS = 86_400_000;

/**
 * Checks the words of a policy; the ranges of its numbers are checked by what is built of them.
 *
 * @throws {TypeError | RangeError} with `where` in front.
 */
export function checkPolicy(where: string, { timeoutMs, limit, breaker }: Policy): void {
  if (timeoutMs !== undefined) checkNumber(`${where}timeoutMs`, timeoutMs, { min: 1, max: DAY_MS });
  checkData(`${where}limit`, limit, ["perSecond", "burst", "per"]);
  if (limit !== undefined && limit !== false && limit.per !== undefined)
    checkOneOf(`${where}limit.per`, limit.per, ["method", "peer"]);
  checkData(`${where}breaker`, breaker, undefined);
}

/** Checks that a policy is an object or false, and has no name that is unknown. */
export function checkPolicyData(name: string, data: unknown, known: readonly string[]): void {
  checkData(name, data as object | false | undefined, known);
}

function checkData(name: string, data: object | false | undefined, known: readonly string[] | undefined): void {
  if (data === undefined || data === false) return;
  if (typeof data !== "object" || data === null)
    throw new TypeError(`${name} should be an object or false, got ${shown(data)}`);
  if (known !== undefined) checkNames(name, data, known);
}
