/**
 * When a breaker opens: the rules as data, and how each counts calls.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, shown } from "../internal/check.ts";
import { CountWindow } from "./count-window.ts";
import { Consecutive, type Tally } from "./tally.ts";
import { TimeWindow } from "./time-window.ts";

/** Opens after so many failures in a row: for upstreams that work or do not. */
export interface ConsecutiveTrip {
  /** The failure that opens, an integer of at least 1. */
  readonly consecutive: number;
}

/** Opens when so large a part of the last calls failed: for upstreams that may fail in part. */
export interface CountTrip {
  /** The part of failures that opens, above 0 and at most 1. */
  readonly ratio: number;
  readonly of: "last";
  /** How many calls are looked back at, from 1 to 1,000,000. Default: 100, which makes one call one per cent. */
  readonly calls?: number | undefined;
  /** No opening before so many calls. Default: 20, or `calls` when fewer: one failure of two calls is no half. */
  readonly minCalls?: number | undefined;
}

/** Opens when so large a part of the calls of the last while failed: follows the clock, whatever the rate of calls. */
export interface TimeTrip {
  /** The part of failures that opens, above 0 and at most 1. */
  readonly ratio: number;
  readonly of: "time";
  /** How long calls are remembered, in milliseconds, at least 1. Default: 10 s, several times a call's time-out. */
  readonly windowMs?: number | undefined;
  /** In how many steps the window moves, from 1 to 1,000. Default: 10, so that it is exact to a tenth. */
  readonly buckets?: number | undefined;
  /** No opening before so many calls. Default: 20: one failure of two calls is no half. */
  readonly minCalls?: number | undefined;
}

/** When a breaker opens. */
export type Trip = ConsecutiveTrip | CountTrip | TimeTrip;

/** Which calls are slow, and when that alone opens. Needs a trip over a window. */
export interface SlowRule {
  /** A call that takes at least this many milliseconds is slow, whatever its answer. Above 0. */
  readonly ms: number;
  /** The part of slow calls that opens, above 0 and at most 1. */
  readonly ratio: number;
}

/** A rule that was checked: how it counts, and how it reads. */
export interface TripRule {
  readonly makeTally: () => Tally;
  readonly text: string;
}

/** Checks a rule. */
export function tripRule(trip: Trip, slow: SlowRule | undefined): TripRule {
  if (slow !== undefined) checkSlow(slow);
  if ("consecutive" in trip) {
    checkNames("circuitBreaker: trip", trip, ["consecutive"]);
    const limit = checkNumber("circuitBreaker: consecutive", trip.consecutive, { min: 1, max: 2 ** 31, integer: true });
    if (slow !== undefined)
      throw new RangeError("circuitBreaker: slow should come with a trip over a window, got a consecutive one");
    return { makeTally: () => new Consecutive(limit), text: `${limit} in a row` };
  }
  const ratio = checkRatio("circuitBreaker: trip.ratio", trip.ratio);
  const ratios = { failures: ratio, slow: slow?.ratio ?? Infinity };
  const ending = slow === undefined ? "" : ` or ${percent(slow.ratio)} slower than ${slow.ms} ms`;
  if (checkOneOf("circuitBreaker: trip.of", trip.of, ["last", "time"]) === "last") {
    checkNames("circuitBreaker: trip", trip, ["ratio", "of", "calls", "minCalls"]);
    const size = checkNumber("circuitBreaker: trip.calls", (trip as CountTrip).calls ?? 100, {
      min: 1,
      max: 1e6,
      integer: true,
    });
    const least = trip.minCalls ?? Math.min(20, size);
    const minCalls = checkNumber("circuitBreaker: trip.minCalls", least, { min: 1, max: size, integer: true });
    const makeTally = (): Tally => new CountWindow(size, { minCalls, ratios });
    return { makeTally, text: `${percent(ratio)} of the last ${size}${ending}` };
  }
  checkNames("circuitBreaker: trip", trip, ["ratio", "of", "windowMs", "buckets", "minCalls"]);
  const { windowMs = 10_000, buckets = 10, minCalls = 20 } = trip as TimeTrip;
  checkNumber("circuitBreaker: trip.windowMs", windowMs, { min: 1, max: Number.MAX_SAFE_INTEGER });
  checkNumber("circuitBreaker: trip.buckets", buckets, { min: 1, max: 1000, integer: true });
  checkNumber("circuitBreaker: trip.minCalls", minCalls, { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true });
  const makeTally = (): Tally => new TimeWindow({ windowMs, buckets }, { minCalls, ratios });
  return { makeTally, text: `${percent(ratio)} in ${windowMs} ms${ending}` };
}

function checkSlow(slow: SlowRule): void {
  checkNames("circuitBreaker: slow", slow, ["ms", "ratio"]);
  checkNumber("circuitBreaker: slow.ms", slow.ms, { min: Number.MIN_VALUE, max: Number.MAX_VALUE });
  checkRatio("circuitBreaker: slow.ratio", slow.ratio);
}

function checkRatio(name: string, value: unknown): number {
  if (typeof value === "number" && value > 0 && value <= 1) return value;
  throw new RangeError(`${name} should be a number above 0 and at most 1, got ${shown(value)}`);
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(6))}%`;
}
