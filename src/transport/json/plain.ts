/**
 * One JSON Schema without its references and combinators: the keywords that say what may be written, read and checked
 * once.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";
import { isSchema, wrongSchema, type JsonSchema, type JsonSchemaNode, type Scope } from "./schema.ts";

/** The types of JSON, and `integer`. */
export type JsonType = "string" | "number" | "integer" | "boolean" | "null" | "array" | "object";

/** The keywords of one schema that bear on writing; an absent keyword is undefined or empty. */
export interface Plain {
  readonly types: readonly JsonType[] | undefined;
  /** What `const` and `enum` allow. */
  readonly values: readonly unknown[] | undefined;
  readonly properties: ReadonlyMap<string, JsonSchema> | undefined;
  readonly required: ReadonlySet<string>;
  readonly patterns: ReadonlyMap<string, JsonSchema> | undefined;
  readonly names: JsonSchema | undefined;
  /** `additionalProperties`, or `unevaluatedProperties: false`. */
  readonly extra: JsonSchema | undefined;
  readonly prefix: readonly JsonSchema[] | undefined;
  /** `items`, or `unevaluatedItems: false`. */
  readonly items: JsonSchema | undefined;
  readonly minItems: number;
  /** `pattern`, for the names of properties. */
  readonly text: readonly string[];
  /** Whether there is a `not` that excludes some values, which only a validator can tell. */
  readonly excludes: boolean;
}

/** The schema `true`. */
export const ANYTHING: Plain = {
  types: undefined,
  values: undefined,
  properties: undefined,
  required: new Set(),
  patterns: undefined,
  names: undefined,
  extra: undefined,
  prefix: undefined,
  items: undefined,
  minItems: 0,
  text: [],
  excludes: false,
};

const UNSUPPORTED = ["if", "dependentSchemas", "dependencies", "additionalItems", "$dynamicRef", "$recursiveRef"];

/**
 * Reads the keywords of one node; `$ref` and combinators are for `alternatives`.
 *
 * @throws {TypeError} when a keyword that changes what may be written is not supported, or has the wrong form.
 */
export function readPlain(node: JsonSchemaNode, scope: Scope): Plain {
  for (const keyword of UNSUPPORTED) {
    if (node[keyword] !== undefined) throw wrongSchema(scope, `the JSON Schema keyword "${keyword}" is not supported`);
  }
  return {
    types: typesOf(node, scope),
    values: valuesOf(node, scope),
    properties: schemaMap(node, "properties", scope),
    required: new Set(list(node, "required", scope) as readonly string[]),
    patterns: schemaMap(node, "patternProperties", scope),
    names: oneSchema(node, "propertyNames", scope),
    extra: oneSchema(node, "additionalProperties", scope) ?? closing(node, "unevaluatedProperties", scope),
    prefix: schemas(node, "prefixItems", scope),
    items: oneSchema(node, "items", scope) ?? closing(node, "unevaluatedItems", scope),
    minItems: typeof node["minItems"] === "number" ? node["minItems"] : 0,
    text: typeof node["pattern"] === "string" ? [node["pattern"]] : [],
    excludes: node["not"] !== undefined && node["not"] !== false,
  };
}

const TYPES: readonly unknown[] = ["string", "number", "integer", "boolean", "null", "array", "object"];

function typesOf({ type }: JsonSchemaNode, scope: Scope): readonly JsonType[] | undefined {
  if (type === undefined) return undefined;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const wrong = types.find((one) => !TYPES.includes(one));
  if (wrong !== undefined) throw wrongSchema(scope, `type should be one of JSON's, got ${shown(wrong)}`);
  return types as readonly JsonType[];
}

function valuesOf(node: JsonSchemaNode, scope: Scope): readonly unknown[] | undefined {
  if (Object.hasOwn(node, "const") && node["const"] !== undefined) return [node["const"]];
  return node["enum"] === undefined ? undefined : list(node, "enum", scope);
}

function list(node: JsonSchemaNode, keyword: string, scope: Scope): readonly unknown[] {
  const value = node[keyword] ?? [];
  if (!Array.isArray(value)) throw wrongSchema(scope, `${keyword} should be an array, got ${shown(value)}`);
  return value;
}

/** A keyword that holds a list of schemas. */
export function schemas(node: JsonSchemaNode, keyword: string, scope: Scope): readonly JsonSchema[] | undefined {
  if (node[keyword] === undefined) return undefined;
  return list(node, keyword, scope).map((one) => checked(one, keyword, scope));
}

function schemaMap(node: JsonSchemaNode, keyword: string, scope: Scope): ReadonlyMap<string, JsonSchema> | undefined {
  const value = node[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null)
    throw wrongSchema(scope, `${keyword} should be an object, got ${shown(value)}`);
  return new Map(Object.entries(value).map(([name, one]) => [name, checked(one, `${keyword}.${name}`, scope)]));
}

function oneSchema(node: JsonSchemaNode, keyword: string, scope: Scope): JsonSchema | undefined {
  return node[keyword] === undefined ? undefined : checked(node[keyword], keyword, scope);
}

/** `unevaluated…: false` closes what is open; any other value would need to know what a validator evaluated. */
function closing(node: JsonSchemaNode, keyword: string, scope: Scope): false | undefined {
  if (node[keyword] === undefined || node[keyword] === false) return node[keyword];
  throw wrongSchema(scope, `the JSON Schema keyword "${keyword}" is supported as false only`);
}

function checked(value: unknown, keyword: string, scope: Scope): JsonSchema {
  if (isSchema(value)) return value;
  throw wrongSchema(scope, `${keyword} should be a schema, got ${shown(value)}`);
}
