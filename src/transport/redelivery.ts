/**
 * What becomes of a message that a broker keeps until it is acknowledged: acknowledged, delivered again later, or put
 * aside where people can look at it. The same rule for every broker.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";
import { checkNames, checkNumber } from "../internal/check.ts";
import type { Random } from "../time/index.ts";

/** How often and how soon a message that failed comes again. */
export interface RedeliveryOptions {
  /** How often a message is delivered in all, 1 to 1000. Default: 5; then it is a dead letter. */
  readonly maxDeliveries?: number | undefined;
  /** What the wait before the second delivery is drawn up to, 0 ms to a day; it doubles each time. Default: 1 s. */
  readonly delayMs?: number | undefined;
  /** The longest wait, 0 ms to a day. Default: 60 s. */
  readonly maxDelayMs?: number | undefined;
}

/** The same with every default filled in. */
export interface Redelivery {
  readonly maxDeliveries: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

/** What to do with a delivery: it is done, comes again, or is a dead letter. */
export type Verdict =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly delayMs: number }
  | { readonly kind: "dead"; readonly error: ServiceError };

const DAY_MS = 86_400_000;

const DONE: Verdict = { kind: "done" };

/**
 * Checks how messages come again, and fills in the defaults.
 *
 * @throws {RangeError} when a number is out of its range, or an option unknown.
 */
export function redeliveryOf(options: RedeliveryOptions = {}): Redelivery {
  checkNames("redelivery", options, ["maxDeliveries", "delayMs", "maxDelayMs"]);
  const { maxDeliveries = 5, delayMs = 1000, maxDelayMs = 60_000 } = options;
  return {
    maxDeliveries: checkNumber("redelivery.maxDeliveries", maxDeliveries, { min: 1, max: 1000, integer: true }),
    delayMs: checkNumber("redelivery.delayMs", delayMs, { min: 0, max: DAY_MS }),
    maxDelayMs: checkNumber("redelivery.maxDelayMs", maxDelayMs, { min: 0, max: DAY_MS }),
  };
}

/** Errors that another delivery of the same message cannot mend. */
const FINAL: ReadonlySet<string> = new Set(["invalid_argument", "unimplemented", "out_of_range", "already_exists"]);

/**
 * What becomes of a message, by what its call ended with and how often it was delivered, this time included. Declared errors
 * are answers: they are final as well, and so is a `retryAfterMs` of Infinity. The wait is drawn from the whole interval (full jitter), so that messages that
 * failed together do not come back together; a retry hint of the error is the least it may be.
 */
export function verdictOf(
  error: ServiceError | undefined,
  deliveries: number,
  { redelivery, random }: { readonly redelivery: Redelivery; readonly random: Random },
): Verdict {
  if (error === undefined) return DONE;
  const isFinal = error.origin === "declared" || FINAL.has(error.code) || error.retryAfterMs === Infinity;
  if (isFinal || deliveries >= redelivery.maxDeliveries) return { kind: "dead", error };
  const widthMs = Math.min(redelivery.maxDelayMs, redelivery.delayMs * 2 ** (deliveries - 1));
  return { kind: "again", delayMs: Math.max(hintOf(error), random.fraction() * widthMs) };
}

// A handler's error may have it from anywhere.
function hintOf({ retryAfterMs = 0 }: ServiceError): number {
  return retryAfterMs > 0 ? Math.min(retryAfterMs, DAY_MS) : 0;
}
