/**
 * The bounds every transport holds to, so that no peer can take memory or time without end.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";

/** Bounds of one message. */
export interface LimitOptions {
  /** Bytes of a body, 0 to 2³¹−1. Default: 1 MiB, as most peers have it: larger things want a stream. */
  readonly maxBodyBytes?: number | undefined;
  /** Bytes of all headers together, from 1 KiB. Default: 16 KiB, Node's own. */
  readonly maxHeaderBytes?: number | undefined;
  /** Headers of one message, 1 to 1000. Default: 100. */
  readonly maxHeaders?: number | undefined;
  /** How deep a body may nest, 1 to 1000. Default: 64. */
  readonly maxDepth?: number | undefined;
}

/** Bounds with every default filled in. */
export interface Limits {
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxDepth: number;
}

/**
 * Checks bounds and fills in the defaults.
 *
 * @throws {RangeError} when a bound is out of its range or unknown.
 *
 * @example
 * ```ts
 * import { limitsOf } from "servicekit/transport";
 *
 * limitsOf({ maxBodyBytes: 10 }).maxDepth; // => 64
 * ```
 */
export function limitsOf(options: LimitOptions = {}): Limits {
  checkNames("limits", options, ["maxBodyBytes", "maxHeaderBytes", "maxHeaders", "maxDepth"]);
  return {
    maxBodyBytes: checkNumber("maxBodyBytes", options.maxBodyBytes ?? 1_048_576, {
      min: 0,
      max: 0x7fffffff,
      integer: true,
    }),
    maxHeaderBytes: checkNumber("maxHeaderBytes", options.maxHeaderBytes ?? 16_384, {
      min: 1024,
      max: 1_048_576,
      integer: true,
    }),
    maxHeaders: checkNumber("maxHeaders", options.maxHeaders ?? 100, { min: 1, max: 1000, integer: true }),
    maxDepth: checkNumber("maxDepth", options.maxDepth ?? 64, { min: 1, max: 1000, integer: true }),
  };
}
