/**
 * What an error says about trying again.
 *
 * @module
 */
import { bareError, policyError, ServiceError } from "../errors/index.ts";
import { isStall } from "./stall.ts";

// Only what this side found out: a peer's word for the same may be what *its* handler heard from somebody further away,
// after it had done half of its work.
const UNSENT: ReadonlySet<string> = new Set(["unreachable", "no_instances"]);

/** This side's own refusals: nothing was sent, and trying again is sense only when they say when. */
const REFUSED: ReadonlySet<string> = new Set(["breaker_open", "rate_limited", "overloaded"]);

/** Errors that no further attempt mends: answers, calls nobody waits for, and what a blocked process did to itself. */
export function isFinal(error: ServiceError): boolean {
  return error.origin === "declared" || error.code === "canceled" || isStall(error);
}

/**
 * When an error says to come again, in milliseconds from now; Infinity: never. A moment that has passed is now, and what is
 * no number says nothing, as when such an error goes over a wire.
 */
export function hintOf({ retryAfterMs }: ServiceError): number | undefined {
  return retryAfterMs === undefined || Number.isNaN(retryAfterMs) ? undefined : Math.max(0, retryAfterMs);
}

/** Whether the request surely reached no handler. */
export function isUnsent(error: ServiceError): boolean {
  if (error.origin !== "policy") return false;
  return UNSENT.has(error.reason) || (hintOf(error) !== undefined && REFUSED.has(error.reason));
}

/** Whether another attempt at once would meet the same. */
export function waitsForInstances(error: ServiceError): boolean {
  return error.reason !== "unreachable";
}

/** What `judged` made of something that was no ServiceError. */
const foreign = new WeakSet<ServiceError>();

/**
 * What was thrown, as the plan judges it: a ServiceError as it is, the platform's abort as a call that was called off,
 * anything else as `unavailable`.
 */
export function judged(thrown: unknown): ServiceError {
  if (ServiceError.is(thrown)) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") return policyError("canceled", { cause: thrown });
  const error = bareError("the function failed", { code: "unavailable", cause: thrown });
  foreign.add(error);
  return error;
}

/** A judge of what was thrown, as a judge of what `judged` makes of it. */
export function retryable(
  judge: ((error: unknown) => boolean) | undefined,
): ((error: ServiceError) => boolean) | undefined {
  if (judge === undefined) return undefined;
  return (error) => judge(foreign.has(error) ? error.cause : error);
}
