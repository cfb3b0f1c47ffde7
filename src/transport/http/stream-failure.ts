/**
 * The error a stream ends with, as JSON inside its body: the problem details of an ordinary answer, and what that says in
 * headers.
 *
 * @module
 */
import { bareError, type ServiceError } from "../../errors/index.ts";
import { decodeProblem, encodeProblem } from "./problem.ts";
import { statusOf } from "./status.ts";

/** The JSON text of an error; `report` is told when its details cannot be written, which then are left out. */
export function encodeFailure(error: ServiceError, report: (thrown: unknown) => void): string {
  const { retryAfterMs, message, code, reason } = error;
  const status = statusOf(error);
  let text: string;
  try {
    text = encodeProblem(error, status);
  } catch (thrown) {
    report(thrown);
    text = encodeProblem(bareError(message, { code, reason }), status);
  }
  if (retryAfterMs === undefined || !Number.isFinite(retryAfterMs)) return text;
  return `${text.slice(0, -1)},"retryAfterMs":${Math.max(0, Math.ceil(retryAfterMs))}}`;
}

/** What the end of a stream said, read without trust. */
export function decodeFailure(problem: unknown): ServiceError {
  const { status, retryAfterMs } = (typeof problem === "object" && problem !== null ? problem : {}) as {
    readonly status?: unknown;
    readonly retryAfterMs?: unknown;
  };
  const isStatus = typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599;
  const isTime = typeof retryAfterMs === "number" && retryAfterMs >= 0 && retryAfterMs < 1e12;
  return decodeProblem(isStatus ? status : 500, problem, isTime ? retryAfterMs : undefined);
}
