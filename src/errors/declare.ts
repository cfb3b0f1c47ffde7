/**
 * Errors as part of a contract: answers the caller is expected to handle.
 *
 * @module
 */
import { checkOneOf, checkString } from "../internal/check.ts";
import { codes, type Code } from "./code.ts";
import { reasons } from "./reasons.ts";
import { bareError, ServiceError } from "./service-error.ts";
import type { InferInput, InferOutput, Schema } from "./schema.ts";

/** What a declared error is made of. */
export interface ErrorOptions<D extends Schema> {
  /** What kind of failure it is; decides the status in every protocol. */
  readonly code: Code;
  /** The public message, or a function of the details. Default: the reason with spaces for underscores. */
  readonly message?: string | ((details: InferInput<D>) => string) | undefined;
  /** The schema of the details the error carries, any Standard Schema. Default: no details. */
  readonly details?: D | undefined;
}

/** Makes and recognises one declared error. */
export interface ErrorType<N extends string, In, Out> {
  /** Makes the error, to be returned by a handler, or thrown. It has no stack: it is an answer, and costs nanoseconds. */
  (...details: undefined extends In ? [details?: In] : [details: In]): ServiceError<N, In>;
  /** Tells whether `thrown` is this error, also when it came from a peer: then its details have been validated. */
  is(thrown: unknown): thrown is ServiceError<N, Out>;
  readonly reason: N;
  readonly code: Code;
  /** The schema of the details, when there is one. */
  readonly details: Schema | undefined;
  readonly "~error"?: readonly [ServiceError<N, In>, ServiceError<N, Out>];
}

/** Any declared error, whatever its reason and details. */
export interface AnyErrorType {
  is(thrown: unknown): boolean;
  readonly reason: string;
  readonly code: Code;
  readonly details: Schema | undefined;
  readonly "~error"?: readonly [ServiceError, ServiceError];
}

/**
 * Declares an error that methods may answer with. Declared errors are answers, as Go kit's `Failer` marks them: breakers,
 * retries and ejection do not count them, and the caller of `.try()` gets exactly the declared union.
 *
 * @param reason a lower-case identifier, stable for ever: it is what travels.
 * @throws {RangeError} when the reason is not such an identifier or one of the toolkit's own, or the code is unknown.
 *
 * @example
 * ```ts
 * import { error } from "servicekit";
 *
 * const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
 * twoZeroes().message; // => "can't sum two zeroes"
 * twoZeroes.is(twoZeroes()); // => true
 * ```
 */
export function error<const N extends string, D extends Schema = Schema<undefined>>(
  reason: N,
  options: ErrorOptions<D>,
): ErrorType<N, InferInput<D>, InferOutput<D>> {
  checkString("reason", reason, {
    pattern: /^[a-z][a-z0-9_]{0,63}$/,
    says: "a lower-case identifier of at most 64 characters",
  });
  if (Object.hasOwn(reasons, reason))
    throw new RangeError(`reason should not be one of the toolkit's own, got "${reason}"`);
  checkOneOf("code", options.code, codes);
  const { code, details: schema } = options;
  const message = options.message ?? reason.replaceAll("_", " ");
  function declared(details?: InferInput<D>): ServiceError<N, InferInput<D>> {
    const text = typeof message === "string" ? message : message(details as InferInput<D>);
    return bareError<N, InferInput<D>>(text, { code, reason, details, origin: "declared" });
  }
  function is(thrown: unknown): thrown is ServiceError<N, InferOutput<D>> {
    return ServiceError.is(thrown) && thrown.origin === "declared" && thrown.reason === reason && thrown.code === code;
  }
  return Object.assign(declared, { is, reason, code, details: schema }) as ErrorType<N, InferInput<D>, InferOutput<D>>;
}
