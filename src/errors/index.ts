/**
 * One error for every transport: codes, reasons, declared errors.
 *
 * @module
 */
export { codes, isCode, type Code, type Outcome } from "./code.ts";
export { error, type AnyErrorType, type ErrorOptions, type ErrorType } from "./declare.ts";
export { reasons, type Reason } from "./reasons.ts";
export {
  bareError,
  policyError,
  ServiceError,
  toServiceError,
  type Origin,
  type PolicyErrorOptions,
  type ServiceErrorOptions,
} from "./service-error.ts";
export type { InferInput, InferOutput, Issue, JsonSchemaSource, Schema, Validated } from "./schema.ts";
