/**
 * The keywords of a schema that a generated contract carries, in the order in which they are written.
 *
 * @module
 */
import { isObject } from "./generate-document.ts";

/** One keyword and what it holds. */
export interface Keyword {
  readonly name: string;
  readonly holds: "schema" | "list" | "map" | "value";
  /** For values: whether it is one that the keyword may have. */
  readonly fits?: ((value: unknown) => boolean) | undefined;
}

const TYPES: readonly unknown[] = ["string", "number", "integer", "boolean", "null", "array", "object"];

function isType(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every((one) => TYPES.includes(one)) : TYPES.includes(value);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value);
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isPattern(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    return new RegExp(value, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

/** All that is carried. `type` and `properties` come before what is judged by them. */
export const KEYWORDS: readonly Keyword[] = [
  { name: "type", holds: "value", fits: isType },
  { name: "const", holds: "value", fits: () => true },
  { name: "enum", holds: "value", fits: (value) => Array.isArray(value) && value.length > 0 },
  { name: "format", holds: "value", fits: (value) => typeof value === "string" },
  { name: "pattern", holds: "value", fits: isPattern },
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"].map(number),
  { name: "properties", holds: "map" },
  { name: "required", holds: "value", fits: isNames },
  { name: "patternProperties", holds: "map" },
  { name: "additionalProperties", holds: "schema" },
  { name: "unevaluatedProperties", holds: "value", fits: (value) => value === false },
  { name: "propertyNames", holds: "schema" },
  {
    name: "dependentRequired",
    holds: "value",
    fits: (value) => isObject(value) && Object.values(value).every(isNames),
  },
  ...["minProperties", "maxProperties"].map(number),
  { name: "prefixItems", holds: "list" },
  { name: "items", holds: "schema" },
  { name: "unevaluatedItems", holds: "value", fits: (value) => value === false },
  { name: "contains", holds: "schema" },
  ...["minContains", "maxContains", "minItems", "maxItems"].map(number),
  { name: "uniqueItems", holds: "value", fits: (value) => typeof value === "boolean" },
  { name: "not", holds: "schema" },
  { name: "allOf", holds: "list" },
  { name: "anyOf", holds: "list" },
  { name: "oneOf", holds: "list" },
];

function number(name: string): Keyword {
  return { name, holds: "value", fits: isNumber };
}

/** What a document may say and a contract does not check, and what to know of it. */
export const NOT_CHECKED: readonly (readonly [name: string, why: string])[] = [
  ["discriminator", ": the form that fits is taken"],
  ["if", ""],
  ["dependentSchemas", ""],
  ["$dynamicRef", ": anything is taken"],
  ["$recursiveRef", ": anything is taken"],
  ["$id", ": references lead into the document itself"],
  ["$anchor", ": references to it lead nowhere"],
];
