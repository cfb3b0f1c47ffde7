/**
 * The keywords of JSON Schema (draft 2020-12) that are checked, and what each holds.
 *
 * @module
 */

/** A schema, or a map of schemas: an object that is no array. */
export type Node = Readonly<Record<string, unknown>>;

/** Whether a value is an object that is no array. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a keyword holds. */
export type Kind = "schema" | "list" | "map" | "ref" | "value";

/** By keyword; what stands in no row is a remark, such as `title`. */
export const KIND: Readonly<Record<string, Kind>> = Object.assign(Object.create(null) as Record<string, Kind>, {
  $ref: "ref",
  ...rows("schema", "additionalProperties unevaluatedProperties propertyNames items unevaluatedItems contains"),
  ...rows("schema", "not if then else"),
  ...rows("list", "allOf anyOf oneOf prefixItems"),
  ...rows("map", "properties patternProperties dependentSchemas"),
  ...rows("value", "type enum const format pattern required dependentRequired uniqueItems"),
  ...rows("value", "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength"),
  ...rows("value", "minItems maxItems minContains maxContains minProperties maxProperties"),
});

/** Keywords under which a reference would mean something else than its text says, and those of older drafts that do. */
export const REFUSED: ReadonlySet<string> = new Set(
  "$id $anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor dependencies additionalItems".split(" "),
);

function rows(kind: Kind, keywords: string): Record<string, Kind> {
  return Object.fromEntries(keywords.split(" ").map((keyword) => [keyword, kind]));
}
