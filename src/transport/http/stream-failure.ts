/**
 * The error a stream ends with, as JSON inside its body: the problem details of an ordinary answer.
 *
 * @module
 */
import { bareError, type ServiceError } from "../../errors/index.ts";
import { decodeProblem, encodeProblem } from "./problem.ts";
import { statusOf } from "./status.ts";

/** The JSON text of an error; `report` is told when its details cannot be written, which then are left out. */
export function encodeFailure(error: ServiceError, report: (thrown: unknown) => void): string {
  const { message, code, reason } = error;
  const status = statusOf(error);
  try {
    return encodeProblem(error, status);
  } catch (thrown) {
    report(thrown);
    const { retryAfterMs } = error;
    return encodeProblem(bareError(message, { code, reason, retryAfterMs }), status);
  }
}

/** What the end of a stream said, read without trust. */
export function decodeFailure(problem: unknown): ServiceError {
  const { status } = (typeof problem === "object" && problem !== null ? problem : {}) as { readonly status?: unknown };
  const isStatus = typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599;
  return decodeProblem(isStatus ? status : 500, problem);
}
