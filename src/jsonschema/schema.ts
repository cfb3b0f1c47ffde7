/**
 * Standard Schemas made of JSON Schema, checked by `@cfworker/json-schema`, which works where `eval` is forbidden.
 *
 * @module
 */
import { validate, type Schema as Checked } from "@cfworker/json-schema";
import type { JsonSchemaObject } from "../contract/index.ts";
import type { Issue, Schema, Validated } from "../errors/index.ts";
import { shown } from "../internal/check.ts";
import { compile, type Compiled } from "./compile.ts";
import { issuesOf } from "./issues.ts";
import { isSmall, withoutUndefined } from "./value.ts";

const DRAFT = "2020-12";

/** Values of fewer parts than this are looked through for all that is wrong; larger ones for the first thing only. */
const SMALL = 256;

/**
 * A schema from a JSON Schema (draft 2020-12), with the types you say it has: `In` is the wire form, `Out` what a receiver
 * gets. The two differ in name only, since nothing is copied, coerced or filled in by a default.
 *
 * References lead into the schema itself: `#`, `#/$defs/Name` or any other JSON Pointer; recursion is fine. Schemas that
 * share one `$defs` object share what is prepared of it, so a thousand methods cost no more than their own parts.
 *
 * Formats that are checked: date, time, date-time, duration, email, hostname, ipv4, ipv6, uri, uri-reference,
 * uri-template, url (as uri), uuid, regex, json-pointer, relative-json-pointer. Any other is a remark. An array with `uniqueItems`
 * may have 2,048 items, or 64 where some are objects or lists, because each is compared with each.
 *
 * At most 20 issues, each with its path: all of a small value, of a large one the first. `undefined`, an answer without a
 * body, is taken as null where the schema allows null.
 *
 * It interprets the schema: an object of four fields takes about 3 µs, some fifty times what zod takes, which compiles.
 *
 * @throws {TypeError} when the schema cannot be used: a reference to nothing or out of the schema, a keyword of the wrong
 * form, `$dynamicRef` and other keywords that are not supported.
 *
 * @example
 * ```ts
 * import { method } from "servicekit";
 * import { fromJsonSchema } from "servicekit/jsonschema";
 *
 * const pair = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
 * const sum = method({ request: fromJsonSchema<{ a: number }>(pair), response: fromJsonSchema<number>({ type: "integer" }) });
 * sum.request.validate({ a: "1" }); // => { issues: [{ message: "should be an integer", path: ["a"] }] }
 * ```
 */
export function fromJsonSchema<In, Out = In>(schema: JsonSchemaObject): Schema<In, Out> {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    throw new TypeError(`the JSON Schema should be an object, got ${shown(schema)}`);
  const compiled = compile(schema);
  return standard((value) => check(compiled, value) as Validated<Out>, schema);
}

/**
 * The schema of an answer that has no content, such as one with status 204: null on both sides, and whatever a peer sends
 * instead is not looked at.
 *
 * @example
 * ```ts
 * import { noContent } from "servicekit/jsonschema";
 *
 * noContent["~standard"].validate(undefined); // => { value: null }
 * ```
 */
export const noContent: Schema<null> = standard(() => ({ value: null }), { type: "null" });

function standard<In, Out>(check: (value: unknown) => Validated<Out>, schema: JsonSchemaObject): Schema<In, Out> {
  const jsonSchema = { input: () => schema, output: () => schema };
  return { "~standard": { version: 1, vendor: "servicekit", validate: check, jsonSchema } };
}

function check(compiled: Compiled, value: unknown): Validated<unknown> {
  const given = value === undefined ? null : value;
  try {
    if (run(compiled, given, true).valid) return { value: given };
    return { issues: value === undefined ? [{ message: "should be given" }] : findings(compiled, given) };
  } catch {
    return uncommon(compiled, given);
  }
}

// What the library throws at: a value within that is undefined, which counts as absent here as it does in JSON; then what
// JSON cannot say at all, names with half a character, and more findings than a stack holds.
function uncommon(compiled: Compiled, value: unknown): Validated<unknown> {
  try {
    const plain = withoutUndefined(value);
    if (run(compiled, plain, true).valid) return { value };
    return { issues: findings(compiled, plain) };
  } catch {
    return { issues: [{ message: "should be a JSON value that fits the schema" }] };
  }
}

function findings(compiled: Compiled, value: unknown): readonly Issue[] {
  const { errors } = run(compiled, value, !isSmall(value, SMALL));
  return issuesOf(errors, compiled, value);
}

function run({ root, lookup }: Compiled, value: unknown, first: boolean): ReturnType<typeof validate> {
  return validate(value, root as Checked, DRAFT, lookup as Record<string, Checked>, first);
}
