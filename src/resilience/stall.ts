/**
 * Time-outs that this process caused itself: when the event loop is blocked, timers fire late and before the answers that
 * arrived meanwhile are read. That is not the back-end's fault, so such an error says so, and no breaker counts it.
 *
 * @module
 */
import { bareError, policyError, ServiceError } from "../errors/index.ts";

/** A timer this late means a blocked process: the shared wheel is at most 8 ms late, a long collection some 50. */
const STALL_MS = 100;

/**
 * The error of a call whose time is over. When the timer that says so fired `lateMs` too late because this process was
 * blocked (100 ms or more), the error's `cause` has the reason `stalled` and breakers do not count it.
 *
 * @example
 * ```ts
 * import { deadlineError } from "servicekit/resilience";
 *
 * deadlineError().message; // => "the deadline passed"
 * String(deadlineError(250).cause); // => "ServiceError: this process was blocked for 250 ms"
 * ```
 */
export function deadlineError(lateMs: number = 0): ServiceError<"deadline_exceeded"> {
  if (!isStalled(lateMs)) return policyError("deadline_exceeded");
  const message = `this process was blocked for ${Math.round(lateMs)} ms`;
  return policyError("deadline_exceeded", { cause: bareError(message, { code: "internal", reason: "stalled" }) });
}

/**
 * Whether a timer that fired so late means that this process was blocked: then the answers that came meanwhile have not been read yet,
 * and nobody else is slow.
 *
 * @example
 * ```ts
 * import { isStalled } from "servicekit/resilience";
 *
 * isStalled(8); // => false
 * isStalled(250); // => true
 * ```
 */
export function isStalled(lateMs: number): boolean {
  return lateMs >= STALL_MS;
}

/** Whether an error blames this process. */
export function isStall(error: ServiceError): boolean {
  return ServiceError.is(error.cause) && error.cause.reason === "stalled" && error.code === "deadline_exceeded";
}
