/**
 * From JSON Schema to the types of fields: what is an object becomes a message, what has no type of its own stays JSON.
 *
 * @module
 */
import { formsOf, type Form, type ObjectForm } from "./json/form.ts";
import { resolveRef, wrongSchema, type JsonSchema, type JsonSchemaNode, type Scope } from "./json/schema.ts";
import { partWriter } from "./json/writer.ts";
import type { FieldType, SingleType } from "./message-types-model.ts";

/** A schema behind its references. */
export interface Followed {
  readonly schema: JsonSchema;
  readonly isNullable: boolean;
  /** The name of its definition, where it has one. */
  readonly definition: string | undefined;
}

const MAX_STEPS = 64;
const NOTES = [
  "$schema",
  "$id",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "id",
];

/** Follows references, and unions with null, as long as nothing stands beside them. */
export function followed(from: JsonSchema, scope: Scope): Followed {
  let schema = from;
  let isNullable = false;
  let definition: string | undefined;
  for (let i = 0; i < MAX_STEPS; i++) {
    const step = stepOf(schema, scope);
    if (step === undefined) break;
    isNullable ||= step.isNullable;
    definition = step.definition ?? definition;
    schema = step.schema;
  }
  return { schema, isNullable, definition };
}

function stepOf(schema: JsonSchema, scope: Scope): Followed | undefined {
  if (typeof schema === "boolean") return undefined;
  const [keyword, ...more] = Object.keys(schema).filter((one) => !NOTES.includes(one));
  if (keyword === undefined || more.length > 0) return undefined;
  const value = schema[keyword];
  if (keyword === "$ref") {
    const [, definition] = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(String(value)) ?? [];
    return { schema: resolveRef(value, scope), isNullable: false, definition };
  }
  if (!Array.isArray(value) || !["anyOf", "oneOf", "allOf"].includes(keyword)) return undefined;
  const others = keyword === "allOf" ? value : value.filter((one) => !isNull(one));
  if (others.length !== 1) return undefined;
  return { schema: others[0] as JsonSchema, isNullable: others.length < value.length, definition: undefined };
}

function isNull(schema: unknown): boolean {
  const { type, const: only } = (schema ?? {}) as JsonSchemaNode;
  return type === "null" || only === null;
}

/** The forms of a schema without null. */
export interface Forms {
  readonly forms: readonly Form[];
  readonly isNullable: boolean;
}

/** The forms a schema allows, null told apart. */
export function nullableForms(schema: JsonSchema, scope: Scope): Forms {
  let isNullable = false;
  const forms = formsOf(schema, scope).flatMap((form): readonly Form[] => {
    if (form.kind === "null") isNullable = true;
    if (form.kind !== "values" || !form.values.includes(null)) return form.kind === "null" ? [] : [form];
    isNullable = true;
    const values = form.values.filter((one) => one !== null);
    return values.length === 0 ? [] : [{ kind: "values", values }];
  });
  return { forms, isNullable };
}

/** The object that forms stand for, when they stand for one with declared fields only. */
export function closedObject(forms: readonly Form[]): ObjectForm | undefined {
  const [form] = forms;
  if (forms.length !== 1 || form?.kind !== "object") return undefined;
  return form.patterns.length === 0 && form.extra === undefined ? form : undefined;
}

/** What the values of a record fit, when forms stand for one. */
export function recordOf(forms: readonly Form[]): JsonSchema | undefined {
  const [form] = forms;
  if (forms.length !== 1 || form?.kind !== "object") return undefined;
  return form.fields.length === 0 && form.patterns.length === 0 ? form.extra : undefined;
}

/** What the items of a list fit, when forms stand for one. */
export function itemsOf(forms: readonly Form[]): JsonSchema | undefined {
  const [form] = forms;
  return forms.length === 1 && form?.kind === "array" && form.head.length === 0 ? form.items : undefined;
}

const SINGLES = { boolean: "bool", integer: "int64", number: "double", string: "string" } as const;

/** The single type that all forms have. */
export function singleType(forms: readonly Form[]): SingleType | undefined {
  const kinds = new Set(
    forms.flatMap((form) => (form.kind === "values" ? form.values.map(kindOf) : [kindOfForm(form)])),
  );
  if (kinds.size === 2 && kinds.has("int64") && kinds.has("double")) kinds.delete("int64");
  const [kind] = kinds;
  if (kinds.size !== 1 || kind === undefined) return undefined;
  const lists = forms.map((form) => (form.kind === "values" ? form.values : undefined));
  if (lists.includes(undefined)) return { kind };
  return { kind, values: lists.flatMap((values) => values!) };
}

function kindOfForm({ kind }: Form): SingleType["kind"] | undefined {
  return kind in SINGLES ? SINGLES[kind as keyof typeof SINGLES] : undefined;
}

function kindOf(value: unknown): SingleType["kind"] | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? "int64" : "double";
  return typeof value === "string" ? "string" : typeof value === "boolean" ? "bool" : undefined;
}

/** Bytes, which JSON has no form for. @throws {TypeError} for a stream of them, which fits in no message. */
export function bytesType(schema: JsonSchema, scope: Scope): FieldType | undefined {
  if (typeof schema === "boolean" || schema["type"] !== "string" || schema["format"] !== "binary") return undefined;
  if (schema["x-stream"] === true)
    throw wrongSchema(scope, "a stream of bytes should travel over HTTP, no field with a number can hold it");
  return { kind: "bytes" };
}

/** What travels as JSON. */
export function jsonType(schema: JsonSchema, scope: Scope): FieldType {
  return { kind: "json", write: partWriter(schema, scope) };
}
