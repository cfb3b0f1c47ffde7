/**
 * The one error class. Its `message` is public: it travels to the peer. What must stay inside goes into `cause`.
 *
 * @module
 */
import type { Code } from "./code.ts";
import { reasons, type Reason } from "./reasons.ts";

/** Who decided: the contract's own answer, a policy on this side, the peer, or nobody (an unexpected failure). */
export type Origin = "declared" | "policy" | "peer" | "failure";

/** What an error carries besides its message. */
export interface ServiceErrorOptions<N extends string = string, D = unknown> {
  /** What kind of failure it is. */
  readonly code: Code;
  /** Exactly what happened, as a stable literal. Default: the code. */
  readonly reason?: N | undefined;
  /** Public data for the caller, in the wire form of its schema. Default: undefined. */
  readonly details?: D | undefined;
  /** Who decided. Default: "failure". */
  readonly origin?: Origin | undefined;
  /** When the caller may try again, in milliseconds from now; Infinity: it should not. Every protocol carries it. Default: no hint. */
  readonly retryAfterMs?: number | undefined;
  /** What lies behind it: logged, never sent. */
  readonly cause?: unknown;
}

const BRAND: unique symbol = Symbol.for("servicekit.error") as never;

/**
 * An error with a code that every transport can carry.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 *
 * const e = new ServiceError("no profile 7", { code: "not_found" });
 * ServiceError.is(e); // => true
 * e.code; // => "not_found"
 * ```
 */
export class ServiceError<out N extends string = string, out D = unknown> extends Error {
  declare readonly "~declared"?: N;
  readonly code: Code;
  readonly reason: N;
  readonly details: D;
  readonly origin: Origin;
  readonly retryAfterMs: number | undefined;
  override readonly cause: unknown;

  constructor(message: string, options: ServiceErrorOptions<N, D>) {
    super(message);
    this.code = options.code;
    this.reason = options.reason ?? (options.code as string as N);
    this.details = options.details as D;
    this.origin = options.origin ?? "failure";
    this.retryAfterMs = options.retryAfterMs;
    this.cause = options.cause;
  }

  /** Tells whether a value is a ServiceError, also one made by another copy of this package. */
  static is(value: unknown): value is ServiceError {
    return typeof value === "object" && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
  }
}

Object.defineProperty(ServiceError.prototype, "name", { value: "ServiceError", writable: true, configurable: true });
Object.defineProperty(ServiceError.prototype, BRAND, { value: true });
// Answers are made without a stack (see `bareError`); whoever prints one still gets a line.
Object.defineProperty(ServiceError.prototype, "stack", {
  configurable: true,
  get(this: ServiceError) {
    return `${this.name}: ${this.message}`;
  },
  set(this: ServiceError, value: unknown) {
    Object.defineProperty(this, "stack", { value, writable: true, configurable: true });
  },
});

interface Bare {
  new <N extends string, D>(message: string, options: ServiceErrorOptions<N, D>): ServiceError<N, D>;
}

// An Error's constructor walks the stack: 1.7 µs. An expected outcome has no use for that, so it is made by a
// constructor that shares the prototype and never calls Error.
const BareError = function (this: Record<string, unknown>, message: string, options: ServiceErrorOptions): void {
  this["message"] = message;
  this["code"] = options.code;
  this["reason"] = options.reason ?? options.code;
  this["details"] = options.details;
  this["origin"] = options.origin ?? "failure";
  this["retryAfterMs"] = options.retryAfterMs;
  this["cause"] = options.cause;
} as unknown as Bare;
(BareError as { prototype: unknown }).prototype = ServiceError.prototype;

/**
 * A ServiceError without a stack, about two hundred times cheaper: for outcomes that are expected, such as a refusal by
 * a policy or an error read from the wire. It passes `instanceof` and `ServiceError.is` like any other.
 *
 * @example
 * ```ts
 * import { bareError } from "servicekit/errors";
 *
 * bareError("too many", { code: "resource_exhausted" }).code; // => "resource_exhausted"
 * ```
 */
export function bareError<N extends string = string, D = unknown>(
  message: string,
  options: ServiceErrorOptions<N, D>,
): ServiceError<N, D> {
  return new BareError(message, options);
}

/** What may be added to one of the toolkit's own errors. */
export interface PolicyErrorOptions {
  /** Public data for the caller. Default: none. */
  readonly details?: unknown;
  /** When the caller may try again, in milliseconds from now; Infinity: it should not. Every protocol carries it. Default: no hint. */
  readonly retryAfterMs?: number | undefined;
  /** What lies behind it. Default: nothing. */
  readonly cause?: unknown;
  /** A more exact public message than the reason's own. */
  readonly message?: string | undefined;
}

/**
 * One of the toolkit's own errors, by its reason: the code and message come from the table in `docs/errors.md`, the
 * origin is "policy", and there is no stack.
 *
 * @example
 * ```ts
 * import { policyError } from "servicekit/errors";
 *
 * policyError("rate_limited", { retryAfterMs: 250 }).message; // => "rate limit exceeded"
 * ```
 */
export function policyError<N extends Reason>(reason: N, options: PolicyErrorOptions = {}): ServiceError<N> {
  const { code, message } = reasons[reason];
  return new BareError<N, unknown>(options.message ?? message, {
    code,
    reason,
    details: options.details,
    origin: "policy",
    retryAfterMs: options.retryAfterMs,
    cause: options.cause,
  });
}

/**
 * Turns whatever was thrown into a ServiceError that may be shown to a peer: one that already is stays as it is; anything
 * else becomes `internal` with the standard message, and lives on as the `cause` only.
 *
 * @example
 * ```ts
 * import { toServiceError } from "servicekit/errors";
 *
 * toServiceError(new Error("password is hunter2")).message; // => "internal error"
 * ```
 */
export function toServiceError(thrown: unknown): ServiceError {
  if (ServiceError.is(thrown)) return thrown;
  const { code, message } = reasons.internal;
  return new BareError(message, { code, reason: "internal", origin: "failure", cause: thrown });
}
