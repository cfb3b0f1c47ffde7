/**
 * HTTP's column of the status table, both ways.
 *
 * @module
 */
import type { Code, ServiceError } from "../../errors/index.ts";

const statusOfCode: Readonly<Record<Code, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

// Where HTTP is more exact than the sixteen codes (RFC 9110 §15.5, RFC 6585 §5).
const statusOfReason: ReadonlyMap<string, number> = new Map([
  ["too_large", 413],
  ["too_many_headers", 431],
  ["unknown_method", 404],
  ["wrong_verb", 405],
  ["unsupported_media_type", 415],
  ["not_acceptable", 406],
  ["request_timeout", 408],
  ["not_modified", 304],
  ["precondition_failed", 412],
  ["precondition_required", 428],
]);

/**
 * The HTTP status of an error: by the toolkit's own reason where HTTP is more exact, else by the code.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { statusOf } from "servicekit/transport/http";
 *
 * statusOf(new ServiceError("no such profile", { code: "not_found" })); // => 404
 * ```
 */
export function statusOf(error: ServiceError): number {
  // A declared error may bear any name; only the toolkit's own reasons have a status of their own.
  if (error.origin !== "declared") {
    const exact = statusOfReason.get(error.reason);
    if (exact !== undefined) return exact;
  }
  return statusOfCode[error.code];
}

const codeOfStatus: ReadonlyMap<number, Code> = new Map([
  [400, "invalid_argument"],
  [401, "unauthenticated"],
  [403, "permission_denied"],
  [404, "not_found"],
  [405, "unimplemented"],
  [406, "invalid_argument"],
  [408, "deadline_exceeded"],
  [409, "aborted"],
  [410, "not_found"],
  [412, "failed_precondition"],
  [413, "resource_exhausted"],
  [415, "invalid_argument"],
  [416, "out_of_range"],
  [422, "invalid_argument"],
  [428, "failed_precondition"],
  [429, "resource_exhausted"],
  [431, "resource_exhausted"],
  [499, "canceled"],
  [500, "internal"],
  [501, "unimplemented"],
  [502, "unavailable"],
  [503, "unavailable"],
  [504, "deadline_exceeded"],
]);

/**
 * The code for a status that came without one, as from a service that is not ours.
 *
 * @example
 * ```ts
 * import { codeOf } from "servicekit/transport/http";
 *
 * codeOf(503); // => "unavailable"
 * codeOf(418); // => "invalid_argument"
 * ```
 */
export function codeOf(status: number): Code {
  const exact = codeOfStatus.get(status);
  if (exact !== undefined) return exact;
  if (status >= 500) return "internal";
  return status >= 400 ? "invalid_argument" : "unknown";
}
