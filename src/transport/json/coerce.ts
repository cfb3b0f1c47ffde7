/**
 * Texts to wire values and back, for what a protocol can only say as text: parameters of a path, a query or a header.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { formsOf, type ArrayForm, type Form } from "./form.ts";
import { jsonForm, typeName } from "./misfit.ts";
import type { JsonSchema, Scope } from "./schema.ts";

/** Turns the texts given for one parameter into its wire form. */
export type Coerce = (texts: readonly string[]) => unknown;

/** Turns one text into a value; undefined when it does not fit. */
type Reading = (text: string) => unknown;

/**
 * Compiles the coercion of a parameter from the JSON Schema of its wire form.
 *
 * Numbers are decimal as in JSON, integers safe; booleans are `true` and `false`; null is `null`; a parameter that may be
 * given several times is an array. Of several forms the first that fits is taken, so where text is one of them it may
 * come too early: put the others before it. What fits none stays text (several: an array of texts) for the schema's own
 * validation to report: a coercion never refuses.
 *
 * @param where the parameter, for errors, as in "profiles.get request.id".
 * @param root the document that references point into; default: the schema itself.
 * @throws {TypeError} at once, when the schema cannot be read.
 */
export function stringCoercer(schema: JsonSchema, where: string, root: JsonSchema = schema): Coerce {
  const scope = { root, where };
  const forms = formsOf(schema, scope);
  const [first] = forms;
  if (forms.length === 1 && first!.kind !== "array") {
    const read = readerOf(first!);
    return function coerceOne(texts) {
      if (texts.length !== 1) return [...texts];
      const value = read(texts[0]!);
      return value === undefined ? texts[0] : value;
    };
  }
  const readers = forms.map((form) => (form.kind === "array" ? arrayReader(form, scope) : single(readerOf(form))));
  return function coerce(texts) {
    for (const read of readers) {
      const value = read(texts);
      if (value !== undefined) return value;
    }
    return texts.length === 1 ? texts[0] : [...texts];
  };
}

/**
 * Compiles the coercions of a message's declared fields, by name and in the schema's order. References and `allOf` are
 * followed; of a union the fields of all branches count.
 *
 * @param where the message, for errors, as in "profiles.get request".
 * @throws {TypeError} at once, when the schema cannot be read.
 */
export function fieldCoercers(schema: JsonSchema, where: string): ReadonlyMap<string, Coerce> {
  const fields = new Map<string, JsonSchema[]>();
  for (const form of formsOf(schema, { root: schema, where })) {
    if (form.kind !== "object") continue;
    for (const { name, schema: one } of form.fields) fields.set(name, [...(fields.get(name) ?? []), one]);
  }
  return new Map(
    [...fields].map(([name, anyOf]) => [name, stringCoercer({ anyOf }, `${where}.${name}`, schema)] as const),
  );
}

/**
 * Says a wire value as the texts of one parameter, which `stringCoercer` understands: nothing for undefined, one text for
 * each item of an array, else one text. A value with `toJSON`, such as a Date, is converted first.
 *
 * @throws {ServiceError} invalid_argument, reason `invalid_request`, when the value has no such form: an object, an array
 * inside an array, NaN.
 */
export function stringsOf(value: unknown): readonly string[] {
  const plain = jsonForm(value);
  if (plain === undefined) return [];
  return Array.isArray(plain) ? plain.map((one) => textOf(jsonForm(one))) : [textOf(plain)];
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  const isSayable = value === null || typeof value === "boolean" || typeof value === "bigint" || Number.isFinite(value);
  if (isSayable) return String(value);
  throw policyError("invalid_request", {
    cause: new TypeError(
      `a parameter should be text, a number, a boolean, null or a list of them, got ${typeName(value)}`,
    ),
  });
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?(?:0|[1-9]\d*)$/;

function readerOf(form: Form): Reading {
  switch (form.kind) {
    case "number":
      return readNumber;
    case "integer":
      return readInteger;
    case "boolean":
      return (text) => (text === "true" ? true : text === "false" ? false : undefined);
    case "null":
      return (text) => (text === "null" ? null : undefined);
    case "values":
      return (text) => form.values.find((value) => isSaidBy(value, text));
    case "string":
    case "any":
      return (text) => text;
    case "object":
    case "array":
      return () => undefined;
  }
}

function readNumber(text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : undefined;
  return Number.isFinite(value) ? value : undefined;
}

function readInteger(text: string): number | undefined {
  const value = INTEGER.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(value) ? value : undefined;
}

function isSaidBy(value: unknown, text: string): boolean {
  if (typeof value === "number") return readNumber(text) === value;
  return (typeof value !== "object" || value === null) && String(value) === text;
}

function single(read: Reading): Coerce {
  return (texts) => (texts.length === 1 ? read(texts[0]!) : undefined);
}

/** Items are read by their single types only: a text cannot hold an array within an array. */
function arrayReader({ head, items }: ArrayForm, scope: Scope): Coerce {
  const itemReader = (schema: JsonSchema): Reading => {
    const readers = formsOf(schema, scope).map(readerOf);
    return function readItem(text) {
      for (const read of readers) {
        const value = read(text);
        if (value !== undefined) return value;
      }
      return text;
    };
  };
  const heads = head.map(itemReader);
  const others = itemReader(items ?? true);
  return (texts) => texts.map((text, i) => (heads[i] ?? others)(text));
}
