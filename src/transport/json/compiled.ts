/**
 * What a schema is compiled to.
 *
 * @module
 */
import type { JsonSchema } from "./schema.ts";

/** Writes one value as JSON text; throws a Misfit when it does not fit. */
export type Write = (value: unknown) => string;

/** A writer, and the kind of scalar it writes, so that the caller may do that without a call. */
export interface Compiled {
  readonly kind: number;
  readonly write: Write;
}

/** Compiles a schema, or finds what it was compiled to before. */
export type Compile = (schema: JsonSchema) => Compiled;
