/**
 * Power of two choices by cost: the default.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";
import { pairs, type Better } from "./pairs.ts";
import type { Strategy } from "./strategy.ts";

/** How costs are learned. */
export interface P2cOptions {
  /**
   * How long a slow answer or a failure is remembered, in milliseconds, above 0: after this time 37 % of it is left. Default: 10 s,
   * long enough that a slow instance is not asked again every second, and short enough that a repaired one is soon back.
   */
  readonly tauMs?: number | undefined;
  /**
   * What a call to a member that always fails counts as, in milliseconds; where half of the calls fail, a quarter of it. 0: failures
   * count as answers, so that whoever fails fast gets most calls. Default: 1000.
   */
  readonly failureMs?: number | undefined;
}

/**
 * Of two members drawn by weight, the one whose next call costs less: the peak EWMA of its durations times the calls it has, more when
 * it fails or reports load. It finds slow, failing and busy instances by itself, and does not herd to the best one. A member
 * of which nothing is known gets one call, and the next when that has been answered.
 * (Mitzenmacher, The Power of Two Choices; Finagle's `p2cPeakEwma`, which is blind for failures.)
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { balancer, p2c } from "servicekit/balance";
 *
 * const two = balancer({ from: ["a:1", "b:1"], open: ({ address }) => address, strategy: p2c({ tauMs: 5000 }) });
 * const busy = two.pick(0)!;
 * busy.begin(0);
 * two.pick(1)!.value !== busy.value; // => true
 * ```
 */
export function p2c(options: P2cOptions = {}): Strategy {
  checkNames("p2c", options, ["tauMs", "failureMs"]);
  const learning = {
    tauMs: checkNumber("tauMs", options.tauMs ?? 10_000, { min: 1, max: 3_600_000 }),
    failureMs: checkNumber("failureMs", options.failureMs ?? 1000, { min: 0, max: 3_600_000 }),
  };
  return {
    text: "p2c",
    learning,
    start: (random) => pairs(random, cheaper),
  };
}

const cheaper: Better = {
  // oxlint-disable-next-line max-params -- an object per pick is what must not be
  at: (group, one, other, nowMs) => group.cost(one, nowMs) <= group.cost(other, nowMs),
  of: (one, other, nowMs) => one.cost(nowMs) <= other.cost(nowMs),
};
