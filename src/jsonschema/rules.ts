/**
 * What the values of single keywords must be: found at construction, so that no message meets a rule that cannot hold.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import { isNode } from "./keywords.ts";

const TYPES: readonly unknown[] = ["string", "number", "integer", "boolean", "null", "array", "object"];

/** The error for a schema that cannot be used. */
export function wrong(where: string, problem: string): TypeError {
  return new TypeError(`the JSON Schema at ${where} ${problem}`);
}

/**
 * The value of a keyword, as it is.
 *
 * @throws {TypeError} when the keyword does not allow it.
 */
export function checkKeyword(keyword: string, value: unknown, where: string): unknown {
  const rule = RULES[keyword] ?? NUMBER;
  if (!rule.fits(value)) throw wrong(where, `should be ${rule.says}, got ${shown(value)}`);
  return value;
}

interface Rule {
  readonly says: string;
  fits(value: unknown): boolean;
}

const NUMBER: Rule = { says: "a number", fits: (value) => typeof value === "number" && Number.isFinite(value) };
const NAMES: Rule = { says: "a list of names", fits: isNames };

const RULES: Readonly<Record<string, Rule>> = {
  type: {
    says: "one of JSON's types, or a list of them",
    fits: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isType) : isType(value)),
  },
  enum: { says: "a list", fits: Array.isArray },
  const: { says: "a value", fits: () => true },
  format: { says: "a name", fits: (value) => typeof value === "string" },
  pattern: { says: "a regular expression", fits: isPattern },
  required: NAMES,
  dependentRequired: {
    says: "an object of lists of names",
    fits: (value) => isNode(value) && Object.values(value).every(isNames),
  },
  uniqueItems: { says: "true or false", fits: (value) => typeof value === "boolean" },
};

function isType(value: unknown): boolean {
  return TYPES.includes(value);
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
