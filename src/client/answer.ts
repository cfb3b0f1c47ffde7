/**
 * What a peer's answer means under the contract: a value that fits, one of the declared errors, or neither.
 *
 * @module
 */
import type { AnyMethod } from "../contract/index.ts";
import { bareError, policyError, ServiceError, toServiceError, type Issue, type Validated } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";

/** The most issues of a validation that are told of. */
const MAX_ISSUES = 20;

/**
 * The value of an answer in its wire form, now or later.
 *
 * @throws {ServiceError} invalid_response when it does not fit the method.
 */
export function valueOf(method: AnyMethod, wire: unknown): unknown {
  const validated = method.response.validate(wire);
  if (isPromise(validated)) return (validated as Promise<Validated<unknown>>).then(checked);
  return checked(validated as Validated<unknown>);
}

function checked(validated: Validated<unknown>): unknown {
  if (validated.issues === undefined) return validated.value;
  throw policyError("invalid_response", { cause: new TypeError(textOf(validated.issues)) });
}

// Not in `details`: those are public, and the shape of one peer's answer is no business of another.
function textOf(issues: readonly Issue[]): string {
  return issues
    .slice(0, MAX_ISSUES)
    .map(({ message, path = [] }) => {
      const place = path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".");
      return place === "" ? message : `${place}: ${message}`;
    })
    .join("; ");
}

/**
 * What a call fails with: the declared error when the peer's has the reason and code of one and details that fit; else
 * the error as it is. Now or later, as its schema validates.
 */
export function errorOf(method: AnyMethod, thrown: unknown): ServiceError | Promise<ServiceError> {
  const error = toServiceError(thrown);
  if (error.origin !== "peer" || method.errors.length === 0) return error;
  const { code, reason, message, retryAfterMs } = error;
  const declared = method.errors.find((one) => one.reason === reason && one.code === code);
  if (declared === undefined) return error;
  const as = (details: unknown): ServiceError =>
    bareError(message, { code, reason, details, retryAfterMs, origin: "declared" });
  if (declared.details === undefined) return as(undefined);
  const fitting = (validated: Validated<unknown>): ServiceError =>
    validated.issues === undefined ? as(validated.value) : error;
  let validated: Validated<unknown> | Promise<Validated<unknown>>;
  try {
    validated = declared.details["~standard"].validate(error.details);
  } catch {
    // A schema that throws finds nothing that fits.
    return error;
  }
  if (!isPromise(validated)) return fitting(validated as Validated<unknown>);
  return (validated as Promise<Validated<unknown>>).then(fitting, () => error);
}

/** Whether an error is one of a method's declared ones: an answer. */
export function isDeclared(method: AnyMethod, error: unknown): boolean {
  return ServiceError.is(error) && error.origin === "declared" && method.errors.some((one) => one.is(error));
}
