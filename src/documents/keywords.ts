/**
 * Where schemas stand inside a JSON Schema (draft 2020-12): the one list by which they are walked and copied. What stands
 * elsewhere, such as in `const`, `enum`, `default` and `examples`, is data and stays as it is.
 *
 * @module
 */
import { isSchema, type JsonSchema, type JsonSchemaNode } from "../transport/json/schema.ts";

const SINGLE: ReadonlySet<string> = new Set([
  "additionalItems",
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);

const LIST: ReadonlySet<string> = new Set(["allOf", "anyOf", "items", "oneOf", "prefixItems"]);

const NAMED: ReadonlySet<string> = new Set(["dependentSchemas", "patternProperties", "properties"]);

/** What names a schema or its parts within its own document; in a shared one it would name something else, or nothing. */
const LOCAL: ReadonlySet<string> = new Set(["$schema", "$id", "$anchor", "$defs", "definitions", "id"]);

/** Where a schema stands below its parent: a property's name, "item", or nothing for what has no name of its own. */
export type Step = string | undefined;

/** A copy with each schema directly inside replaced by what `change` makes of it, and without what is local. */
export function copied(node: JsonSchemaNode, change: (one: JsonSchema, step: Step) => unknown): JsonSchemaNode {
  const entries = Object.entries(node).filter(([keyword, value]) => !isLocal(keyword, value));
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, inside(keyword, value, change)]));
}

// A field that is called "id" in a node without keywords is no concern: properties stand one level deeper.
function isLocal(keyword: string, value: unknown): boolean {
  return LOCAL.has(keyword) && (keyword !== "id" || typeof value === "string");
}

function inside(keyword: string, value: unknown, change: (one: JsonSchema, step: Step) => unknown): unknown {
  if (LIST.has(keyword) && Array.isArray(value)) {
    const step = keyword === "items" || keyword === "prefixItems" ? "item" : undefined;
    return value.map((one: unknown) => (isSchema(one) ? change(one, step) : one));
  }
  if (SINGLE.has(keyword) && isSchema(value)) {
    return change(
      value,
      keyword === "items" || keyword === "contains" ? "item" : keyword.startsWith("additional") ? "value" : undefined,
    );
  }
  if (NAMED.has(keyword) && isSchema(value) && typeof value === "object") {
    const entries = Object.entries(value).map(
      ([name, one]) => [name, isSchema(one) ? change(one, name) : one] as const,
    );
    return Object.fromEntries(entries);
  }
  return value;
}
