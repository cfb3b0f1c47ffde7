/**
 * What a value may look like, worked out of a schema once: a list of forms, each a single type with what that type needs.
 * Writers, matchers and coercers are compiled from it.
 *
 * @module
 */
import { alternatives } from "./alternatives.ts";
import type { JsonType, Plain } from "./plain.ts";
import { wrongSchema, type JsonSchema, type Scope } from "./schema.ts";

/** A declared property. */
interface FieldForm {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** An object: declared properties in their order, and what else it may hold. */
export interface ObjectForm {
  readonly kind: "object";
  readonly fields: readonly FieldForm[];
  /** Further properties by the pattern of their names. */
  readonly patterns: readonly { readonly test: RegExp; readonly schema: JsonSchema }[];
  /** All other properties; undefined when there may be none. */
  readonly extra: JsonSchema | undefined;
  /** Which names further properties may have; undefined for any. */
  readonly allows: ((name: string) => boolean) | undefined;
  /** Whether the schema itself forbids further properties, where most only do not declare them. */
  readonly strict: boolean;
}

/** An array: the items at its head, and the others. */
export interface ArrayForm {
  readonly kind: "array";
  readonly head: readonly JsonSchema[];
  /** All other items; undefined when there may be none. */
  readonly items: JsonSchema | undefined;
  /** How many items of the head there must be. */
  readonly least: number;
  /** Whether the schema itself forbids further items. */
  readonly strict: boolean;
}

/** A list of constants. */
export interface ValuesForm {
  readonly kind: "values";
  readonly values: readonly unknown[];
}

/** A single type, or anything. */
export interface ScalarForm {
  readonly kind: "any" | "string" | "number" | "integer" | "boolean" | "null";
}

/** One way a value may look. */
export type Form = ObjectForm | ArrayForm | ValuesForm | ScalarForm;

/**
 * The forms a schema allows, in the schema's order; none when nothing fits.
 *
 * A schema without a type that says something about properties or items means an object or an array here, not "anything,
 * and if an object then…": what is not declared must not be written.
 *
 * @throws {TypeError} when the schema holds what cannot be written by.
 */
export function formsOf(schema: JsonSchema, scope: Scope): readonly Form[] {
  return alternatives(schema, scope).flatMap((plain) => forms(plain, scope));
}

function forms(plain: Plain, scope: Scope): readonly Form[] {
  const types = plain.types ?? impliedTypes(plain);
  if (plain.values !== undefined) {
    const values = plain.values.filter((value) => types.length === 0 || types.some((type) => isOfType(value, type)));
    return values.length === 0 ? [] : [{ kind: "values", values }];
  }
  const found = types.length === 0 ? [{ kind: "any" as const }] : types.map((type) => formOf(type, plain, scope));
  // A `not` on a scalar is a validator's business; on anything else it may decide which fields are declared.
  const undecided = plain.excludes && found.some(({ kind }) => kind === "any" || kind === "object" || kind === "array");
  if (undecided) throw wrongSchema(scope, 'the JSON Schema keyword "not" is supported beside a scalar type only');
  return found;
}

function impliedTypes(plain: Plain): readonly JsonType[] {
  const types: JsonType[] = [];
  const { properties, patterns, names, extra, prefix, items } = plain;
  const says = (keyword: unknown): boolean => keyword !== undefined;
  if (plain.required.size > 0 || [properties, patterns, names, extra].some(says)) types.push("object");
  if ([prefix, items].some(says)) types.push("array");
  return types;
}

function isOfType(value: unknown, type: JsonType): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}

function formOf(type: JsonType, plain: Plain, scope: Scope): Form {
  if (type === "object") return objectForm(plain, scope);
  return type === "array" ? arrayForm(plain) : { kind: type };
}

function objectForm(plain: Plain, scope: Scope): ObjectForm {
  const names = namesOf(plain, scope);
  const isClosed = plain.properties !== undefined || plain.patterns !== undefined || names?.all !== undefined;
  const open = plain.extra ?? !isClosed;
  const schemas = new Map(plain.properties);
  for (const name of names?.all ?? []) {
    if (!schemas.has(name) && plain.extra !== false) schemas.set(name, plain.extra ?? true);
  }
  const patterns = [...(plain.patterns ?? [])].map(([source, schema]) => ({ test: regExp(source, scope), schema }));
  for (const name of plain.required) {
    const schema = patterns.find(({ test }) => test.test(name))?.schema ?? plain.extra ?? true;
    if (!schemas.has(name)) schemas.set(name, schema);
  }
  return {
    kind: "object",
    fields: [...schemas].map(([name, schema]) => ({ name, schema, required: plain.required.has(name) })),
    patterns,
    extra: open === false || names?.all !== undefined ? undefined : open,
    allows: names?.allows,
    strict: plain.extra === false,
  };
}

/** Which names `propertyNames` allows: a finite list, or a rule. */
function namesOf(
  plain: Plain,
  scope: Scope,
): { readonly all?: readonly string[]; readonly allows?: (name: string) => boolean } | undefined {
  if (plain.names === undefined) return undefined;
  const options = alternatives(plain.names, scope).filter(
    ({ types }) => types === undefined || types.includes("string"),
  );
  if (options.every(({ values }) => values !== undefined)) {
    return { all: options.flatMap(({ values }) => values!).filter((one) => typeof one === "string") };
  }
  const rules = options.map((option) => ({
    values: option.values,
    tests: option.text.map((one) => regExp(one, scope)),
  }));
  if (rules.some(({ values, tests }) => values === undefined && tests.length === 0)) return {};
  return {
    allows: (name) =>
      rules.some(({ values, tests }) => (values?.includes(name) ?? true) && tests.every((test) => test.test(name))),
  };
}

function arrayForm({ prefix, items, minItems }: Plain): ArrayForm {
  const head = prefix ?? [];
  const others = items ?? prefix === undefined;
  return {
    kind: "array",
    head,
    items: others === false ? undefined : others,
    least: Math.min(minItems, head.length),
    strict: items === false,
  };
}

function regExp(source: string, scope: Scope): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (error) {
    throw wrongSchema(scope, `a pattern should be a regular expression: ${(error as Error).message}`);
  }
}
