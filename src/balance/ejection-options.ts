/**
 * When an instance is put out for a while, checked once.
 *
 * @module
 */
import { checkPolicyData } from "../contract/policy.ts";
import { checkNumber } from "../internal/check.ts";

/** Outlier ejection (gRPC A50, Envoy's outlier detection). */
export interface EjectionOptions {
  /** So many failures in a row, from 1. Default: 5, as in Envoy; false turns this rule off. */
  readonly consecutive?: number | false | undefined;
  /** An instance whose rate of success is an outlier among the others'. Default: on; false turns it off. */
  readonly successRate?: SuccessRateOptions | false | undefined;
  /** An instance with too large a part of failures, whatever the others do. Default: off. */
  readonly failureShare?: FailureShareOptions | false | undefined;
  /** How often rates are looked at, in milliseconds. Default: 10 s. */
  readonly intervalMs?: number | undefined;
  /** How long the first ejection lasts; each further one is so much longer again, in milliseconds. Default: 30 s. */
  readonly baseMs?: number | undefined;
  /** The longest ejection, in milliseconds; never shorter than `baseMs`. Default: 5 min. */
  readonly maxMs?: number | undefined;
  /** The largest part of the instances that may be out at once, from 0 to 1; one may always be. Default: 0.1. */
  readonly maxRatio?: number | undefined;
}

/** The rule by comparison. */
export interface SuccessRateOptions {
  /** Out below mean − factor × deviation; from 0 to 100. Default: 1.9. */
  readonly factor?: number | undefined;
  /** Looks only when so many instances had enough calls. Default: 5. */
  readonly minInstances?: number | undefined;
  /** Enough calls in an interval. Default: 100. */
  readonly minCalls?: number | undefined;
}

/** The rule by share. */
export interface FailureShareOptions {
  /** Out at this part of failures, from 0.01 to 1. Default: 0.85. */
  readonly ratio?: number | undefined;
  /** As for `successRate`. Default: 5. */
  readonly minInstances?: number | undefined;
  /** As for `successRate`. Default: 50. */
  readonly minCalls?: number | undefined;
}

/** The same, complete and checked. */
export interface EjectionRules {
  /** Infinity: off. */
  readonly consecutive: number;
  readonly successRate: (Quorum & { readonly factor: number }) | false;
  readonly failureShare: (Quorum & { readonly ratio: number }) | false;
  readonly intervalMs: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly maxRatio: number;
}

interface Quorum {
  readonly minInstances: number;
  readonly minCalls: number;
}

const NAMES = ["consecutive", "successRate", "failureShare", "intervalMs", "baseMs", "maxMs", "maxRatio"];
const MS = { min: 1, max: 86_400_000 };
const COUNT = { min: 1, max: 1e6, integer: true };

/** Checks the options and fills in what was left out; undefined: no ejection. */
export function ejectionRules(options: EjectionOptions | false = {}): EjectionRules | undefined {
  checkPolicyData("ejection", options, NAMES);
  if (options === false) return undefined;
  const { consecutive = 5, successRate = {}, failureShare = false } = options;
  checkPolicyData("ejection.successRate", successRate, ["factor", "minInstances", "minCalls"]);
  checkPolicyData("ejection.failureShare", failureShare, ["ratio", "minInstances", "minCalls"]);
  return {
    consecutive: consecutive === false ? Infinity : checkNumber("ejection.consecutive", consecutive, COUNT),
    successRate: successRate !== false && {
      factor: checkNumber("ejection.successRate.factor", successRate.factor ?? 1.9, { min: 0, max: 100 }),
      minInstances: checkNumber("ejection.successRate.minInstances", successRate.minInstances ?? 5, COUNT),
      minCalls: checkNumber("ejection.successRate.minCalls", successRate.minCalls ?? 100, COUNT),
    },
    failureShare: failureShare !== false && {
      ratio: checkNumber("ejection.failureShare.ratio", failureShare.ratio ?? 0.85, { min: 0.01, max: 1 }),
      minInstances: checkNumber("ejection.failureShare.minInstances", failureShare.minInstances ?? 5, COUNT),
      minCalls: checkNumber("ejection.failureShare.minCalls", failureShare.minCalls ?? 50, COUNT),
    },
    intervalMs: checkNumber("ejection.intervalMs", options.intervalMs ?? 10_000, MS),
    baseMs: checkNumber("ejection.baseMs", options.baseMs ?? 30_000, MS),
    maxMs: checkNumber("ejection.maxMs", options.maxMs ?? 300_000, MS),
    maxRatio: checkNumber("ejection.maxRatio", options.maxRatio ?? 0.1, { min: 0, max: 1 }),
  };
}
