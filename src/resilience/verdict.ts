/**
 * What the end of a call says about the back-end: that it works, that it fails, or nothing.
 *
 * @module
 */
import { ServiceError, type Code } from "../errors/index.ts";
import { isStall } from "./stall.ts";

/** What a breaker makes of an error. */
export type Verdict = "success" | "failure" | "neither";

const FAILURES: ReadonlySet<Code> = new Set<Code>([
  "unavailable",
  "deadline_exceeded",
  "internal",
  "unknown",
  "data_loss",
]);

/** Decided on this side although no back-end was asked. */
const ASKED_NOBODY: ReadonlySet<string> = new Set([
  "breaker_open",
  "draining",
  "not_ready",
  "no_instances",
  "request_timeout",
]);

/**
 * Tells whether an error means that the back-end fails, as a breaker decides unless told otherwise: `unavailable`,
 * `deadline_exceeded`, `internal`, `unknown`, `data_loss`, and whatever is no ServiceError. All other codes are answers of
 * a back-end that works, `resource_exhausted` too: it keeps a caller to its share, and a breaker would make that a ban.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { isFailure } from "servicekit/resilience";
 *
 * isFailure(new Error("ECONNRESET")); // => true
 * isFailure(new ServiceError("no profile 7", { code: "not_found" })); // => false
 * ```
 */
export function isFailure(error: unknown): boolean {
  return !ServiceError.is(error) || FAILURES.has(error.code);
}

/**
 * Whether something else may be given in place of an answer: where the other side fails, is not asked, or has too much to do.
 * Any other code is its answer (`permission_denied`, `invalid_argument`), and who called it off wants none.
 */
export function isReplaceable(error: unknown): boolean {
  if (!ServiceError.is(error)) return !isAbort(error);
  return error.origin !== "declared" && (FAILURES.has(error.code) || error.code === "resource_exhausted");
}

/**
 * What an error says of the back-end. Declared errors, cancellation by the caller, what a policy on this side decided and a
 * time-out that this process caused by itself say nothing; of everything else `judge` decides.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { isFailure, verdictOf } from "servicekit/resilience";
 *
 * verdictOf(new ServiceError("gone", { code: "canceled" }), isFailure); // => "neither"
 * verdictOf(new ServiceError("broken", { code: "internal" }), isFailure); // => "failure"
 * ```
 */
export function verdictOf(error: unknown, judge: (error: unknown) => boolean): Verdict {
  const seen = isAbort(error) && ServiceError.is(error.cause) ? error.cause : error;
  if (isNeither(seen)) return "neither";
  return judge(seen) ? "failure" : "success";
}

// Declared errors are the contract's answers; a caller that left, a policy on this side and a blocked process say nothing
// about the other side.
function isNeither(error: unknown): boolean {
  if (!ServiceError.is(error)) return isAbort(error) && (error.cause as Error | undefined)?.name !== "TimeoutError";
  const { origin, code, reason } = error;
  if (origin === "declared" || code === "canceled" || isStall(error)) return true;
  return origin === "policy" && (!FAILURES.has(code) || ASKED_NOBODY.has(reason));
}

/** What the platform throws for an aborted signal; Node puts the signal's reason into `cause`. */
function isAbort(error: unknown): error is Error {
  return error instanceof Error && error.name === "AbortError";
}
