/**
 * What the toolkit needs of a message's schema, whichever library it comes from.
 *
 * @module
 */
import type { Schema, Validated } from "../errors/index.ts";

/** JSON Schema, draft 2020-12, as a plain object. */
export type JsonSchemaObject = { readonly [keyword: string]: unknown };

/** The form of one message: how a receiver checks it, and what it looks like to those who must write it. */
export interface Shape {
  /** Turns the wire form into the value handlers and callers see, or says what is wrong with it. */
  validate(wire: unknown): Validated<unknown> | Promise<Validated<unknown>>;
  /**
   * The JSON Schema of the wire form: documents, writers and REST parameters need it.
   *
   * @throws {TypeError} when the schema's library cannot give one: names the adapter that is missing.
   */
  jsonSchema(): JsonSchemaObject;
  /** Turns a value into its JSON form with declared fields only, where the shape's own library does that (protobuf). */
  readonly toJson?: ((value: unknown) => unknown) | undefined;
}

/** What to add to a schema of these libraries so that it can give JSON Schema. */
const ADAPTERS: ReadonlyMap<string, string> = new Map([
  ["valibot", 'wrap it in toStandardJsonSchema() of "@valibot/to-json-schema"'],
  ["zod", "use zod 4.2 or newer"],
  ["arktype", "use arktype 2.1.28 or newer"],
]);

/**
 * The shape of a Standard Schema.
 *
 * @example
 * ```ts
 * import { shapeOf } from "servicekit/contract";
 * import { z } from "zod";
 *
 * shapeOf(z.object({ a: z.int() })).validate({ a: 1 }); // => { value: { a: 1 } }
 * ```
 */
export function shapeOf(schema: Schema): Shape {
  const standard = schema["~standard"];
  return {
    validate: (wire) => standard.validate(wire),
    jsonSchema() {
      if (standard.jsonSchema === undefined) {
        const advice = ADAPTERS.get(standard.vendor) ?? "use a library that follows Standard JSON Schema";
        throw new TypeError(`the ${standard.vendor} schema should give its JSON Schema, it does not: ${advice}`);
      }
      return standard.jsonSchema.input({ target: "draft-2020-12" });
    },
  };
}
