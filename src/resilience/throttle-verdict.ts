/**
 * What the end of a call says to a throttle.
 *
 * @module
 */
import { ServiceError, type Code } from "../errors/index.ts";
import type { Throttle } from "./throttle.ts";
import { verdictOf } from "./verdict.ts";

const REJECTIONS: ReadonlySet<Code> = new Set<Code>(["unavailable", "resource_exhausted", "deadline_exceeded"]);

function isRejection(error: unknown): boolean {
  return !ServiceError.is(error) || REJECTIONS.has(error.code);
}

/** Settles a call that ended with an error. */
export function settleThrottled(
  throttle: Throttle,
  error: unknown,
  how: { readonly isRejection: ((error: unknown) => boolean) | undefined; readonly nowMs: number },
): void {
  // The contract's own answers: somebody took the call to give one.
  if (ServiceError.is(error) && error.origin === "declared") return throttle.accepted(how.nowMs);
  const verdict = verdictOf(error, how.isRejection ?? isRejection);
  if (verdict === "failure") throttle.rejected(how.nowMs);
  else if (verdict === "success") throttle.accepted(how.nowMs);
  else throttle.released(how.nowMs);
}
