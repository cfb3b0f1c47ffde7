/**
 * When an instance is put out for a while.
 *
 * @module
 */

/** Outlier ejection (gRPC A50, Envoy's outlier detection). */
export interface EjectionOptions {
  /** So many failures in a row. Default: 5; false turns this rule off. */
  readonly consecutive?: number | false | undefined;
  /** An instance whose rate of success is an outlier among the others'. Default: on; false turns it off. */
  readonly successRate?: SuccessRateOptions | false | undefined;
  /** An instance with too large a part of failures, whatever the others do. Default: off. */
  readonly failureShare?: FailureShareOptions | false | undefined;
  /** How often rates are looked at, in milliseconds. Default: 10 s. */
  readonly intervalMs?: number | undefined;
  /** How long the first ejection lasts; each further one is so much longer again. Default: 30 s. */
  readonly baseMs?: number | undefined;
  /** The longest ejection. Default: 5 min. */
  readonly maxMs?: number | undefined;
  /** The largest part of the instances that may be out at once; one may always be. Default: 0.1. */
  readonly maxRatio?: number | undefined;
}

/** The rule by comparison. */
export interface SuccessRateOptions {
  /** Out below mean − factor × deviation. Default: 1.9. */
  readonly factor?: number | undefined;
  /** Looks only when so many instances had enough calls. Default: 5. */
  readonly minInstances?: number | undefined;
  /** Enough calls in an interval. Default: 100. */
  readonly minCalls?: number | undefined;
}

/** The rule by share. */
export interface FailureShareOptions {
  /** Out at this part of failures. Default: 0.85. */
  readonly ratio?: number | undefined;
  /** Default: 5. */
  readonly minInstances?: number | undefined;
  /** Default: 50. */
  readonly minCalls?: number | undefined;
}
