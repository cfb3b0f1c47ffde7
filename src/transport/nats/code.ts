/**
 * NATS' column of the status table: the numbers of `Nats-Service-Error-Code`, which have no register of their own and are
 * read like HTTP's statuses by everybody.
 *
 * @module
 */
import type { Code } from "../../errors/index.ts";

const numbers: Readonly<Record<Code, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 412,
  aborted: 409,
  out_of_range: 416,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

/** The number of a code. */
export function numberOf(code: Code): number {
  return numbers[code];
}

const codes: ReadonlyMap<number, Code> = new Map([
  [400, "invalid_argument"],
  [401, "unauthenticated"],
  [403, "permission_denied"],
  [404, "not_found"],
  [408, "deadline_exceeded"],
  [409, "aborted"],
  [412, "failed_precondition"],
  [413, "resource_exhausted"],
  [416, "out_of_range"],
  [429, "resource_exhausted"],
  [499, "canceled"],
  [501, "unimplemented"],
  [502, "unavailable"],
  [503, "unavailable"],
  [504, "deadline_exceeded"],
]);

/** The code for a number that a foreign service gave. */
export function codeOfNumber(number: number): Code {
  const exact = codes.get(number);
  if (exact !== undefined) return exact;
  if (number >= 500 && number <= 599) return "internal";
  return number >= 400 && number <= 499 ? "invalid_argument" : "unknown";
}
