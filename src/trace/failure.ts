/**
 * What a span says of an error: one rule for the spans recorded here and for those that another tracer records.
 *
 * @module
 */
import { ServiceError } from "../errors/index.ts";
import { MAX_NAME_CHARS, MAX_VALUE_CHARS } from "./bounds.ts";

/** An error as a span shows it. */
export interface Failure {
  /** The reason of a `ServiceError`; undefined for any other error. */
  readonly reason: string | undefined;
  /** Its public message; "" for any other error, whose text nobody made for the public. */
  readonly message: string;
  /** What makes the span fail; undefined when it does not. */
  readonly type: string | undefined;
}

/** How strict a span is. */
export interface FailureRule {
  /** False when the error is another's fault, which is no failure of this span. */
  readonly isFault: boolean;
  /** Whether errors that the contract declares make a span fail. */
  readonly declaredErrorsFail: boolean;
}

/** Describes what a span ended with. */
export function failureOf(error: unknown, { isFault, declaredErrorsFail }: FailureRule): Failure {
  if (!ServiceError.is(error)) {
    const type = error instanceof Error ? String(error.name).slice(0, MAX_NAME_CHARS) : typeof error;
    return { reason: undefined, message: "", type };
  }
  const reason = String(error.reason).slice(0, MAX_NAME_CHARS);
  const message = String(error.message).slice(0, MAX_VALUE_CHARS);
  const fails = isFault && (error.origin !== "declared" || declaredErrorsFail);
  return { reason, message, type: fails ? reason : undefined };
}
