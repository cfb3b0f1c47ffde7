/**
 * The part of Standard Schema (standardschema.dev) that this package reads, declared here because the core has no
 * dependency: zod, valibot, arktype and any other library that follows it fit by shape.
 *
 * @module
 */

/** A finding of a validator. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a validation gave: a value, or issues. */
export type Validated<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** JSON Schema of one side of a schema, where its library can tell (Standard JSON Schema). */
export interface JsonSchemaSource {
  readonly input: (options: { readonly target: string }) => Record<string, unknown>;
}

/** Any Standard Schema: what it accepts (`In`, the wire form) and what it gives (`Out`). */
export interface Schema<In = unknown, Out = In> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validated<Out> | Promise<Validated<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
    readonly jsonSchema?: JsonSchemaSource | undefined;
  };
}

/** What a schema accepts: the wire form. */
export type InferInput<S extends Schema> = NonNullable<S["~standard"]["types"]>["input"];

/** What a schema gives after validation, defaults and transforms. */
export type InferOutput<S extends Schema> = NonNullable<S["~standard"]["types"]>["output"];
