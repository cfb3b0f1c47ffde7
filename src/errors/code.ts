/**
 * The sixteen status codes that every transport maps to its own.
 *
 * @module
 */

/**
 * What kind of failure it was: the codes of gRPC and Connect as string literals. Choose by what the caller can do:
 * `unavailable` (try again), `failed_precondition` (change the state first), `invalid_argument` (change the request).
 */
export type Code =
  | "canceled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated";

/** How a call ended: `"ok"`, or the code of its error. */
export type Outcome = Code | "ok";

/** All codes in gRPC's order: the index of a code, plus one, is its gRPC number. */
export const codes: readonly Code[] = [
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

const known: ReadonlySet<string> = new Set(codes);

/**
 * Tells whether a value that came from outside is one of the codes.
 *
 * @example
 * ```ts
 * import { isCode } from "servicekit/errors";
 *
 * isCode("not_found"); // => true
 * isCode("toString"); // => false
 * ```
 */
export function isCode(value: unknown): value is Code {
  return typeof value === "string" && known.has(value);
}
