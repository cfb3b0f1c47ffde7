/**
 * The type of a schema, as text. Checks that a type cannot say (ranges, patterns, formats) are left to the schema.
 *
 * @module
 */
import { isObject, type JsonObject } from "./generate-document.ts";
import { DOC, type Schema } from "./generate-schema.ts";
import { docComment, memberKey, quoted } from "./generate-text.ts";

/** The members of an interface when a schema is an object and nothing else; undefined when it takes more than that. */
export function membersOf(schema: Schema | boolean, indent: string): string | undefined {
  if (!isPlainObject(schema)) return undefined;
  const { properties, additionalProperties, patternProperties } = schema;
  const required = (schema["required"] ?? []) as readonly string[];
  const fields = isObject(properties) ? Object.entries(properties) : [];
  const missing = required.filter((name) => !fields.some(([field]) => field === name));
  const lines = [...fields, ...missing.map((name) => [name, true] as const)].map(([name, one]) => {
    const type = typeOf(one as Schema | boolean, indent);
    const optional = required.includes(name) ? "" : "?";
    const rest = optional === "" || type === "unknown" ? "" : " | undefined";
    return `${docOf(one, indent)}${indent}${memberKey(name)}${optional}: ${type}${rest};\n`;
  });
  if (isOpen(additionalProperties) || patternProperties !== undefined) {
    // A signature speaks for all fields, so beside some it can only say that there may be others.
    const type =
      lines.length === 0 && patternProperties === undefined
        ? typeOf(additionalProperties as Schema, indent)
        : "unknown";
    lines.push(`${indent}[name: string]: ${type};\n`);
  } else if (properties === undefined && additionalProperties !== false && lines.length === 0) {
    lines.push(`${indent}[name: string]: unknown;\n`);
  }
  return lines.join("");
}

function isPlainObject(schema: Schema | boolean): schema is Schema {
  if (typeof schema === "boolean") return false;
  const implied =
    schema["type"] === undefined && (isObject(schema["properties"]) || isOpen(schema["additionalProperties"]));
  const others = ["$ref", "const", "enum", "allOf", "anyOf", "oneOf"];
  return (schema["type"] === "object" || implied) && others.every((keyword) => schema[keyword] === undefined);
}

function isOpen(extra: unknown): boolean {
  return extra === true || isObject(extra);
}

/** The comment of a schema. */
function docOf(schema: unknown, indent: string): string {
  const doc = isObject(schema) ? (schema as Schema)[DOC] : undefined;
  return doc === undefined ? "" : docComment([doc.text], indent, doc.deprecated);
}

/** The type of a schema; an object stands over several lines, the last at `indent`. */
export function typeOf(schema: Schema | boolean, indent: string): string {
  return made(schema, indent).text;
}

/** A type, and whether it must stand in parentheses beside others. */
interface Made {
  readonly text: string;
  readonly isJoined: boolean;
}

const UNKNOWN: Made = { text: "unknown", isJoined: false };

function made(schema: Schema | boolean, indent: string): Made {
  if (typeof schema === "boolean") return schema ? UNKNOWN : one("never");
  const all: Made[] = [];
  const { $ref, allOf, anyOf, oneOf } = schema;
  if (typeof $ref === "string") all.push(one($ref.slice("#/$defs/".length)));
  const own = basic(schema, indent);
  if (own !== undefined) all.push(own);
  for (const part of listOf(allOf)) all.push(made(part, indent));
  for (const union of [anyOf, oneOf]) {
    if (union !== undefined) all.push(unionOf(listOf(union).map((part) => made(part, indent))));
  }
  return intersectionOf(all);
}

function one(text: string): Made {
  return { text, isJoined: false };
}

/** What all holds at once. */
function intersectionOf(types: readonly Made[]): Made {
  const all = distinct(types).filter(({ text }) => text !== "unknown");
  if (all.some(({ text }) => text === "never")) return one("never");
  if (all.length < 2) return all[0] ?? UNKNOWN;
  return { text: all.map(grouped).join(" & "), isJoined: true };
}

function unionOf(types: readonly Made[]): Made {
  const all = distinct(types).filter(({ text }) => text !== "never");
  if (all.some(({ text }) => text === "unknown")) return UNKNOWN;
  if (all.length < 2) return all[0] ?? one("never");
  return { text: all.map(grouped).join(" | "), isJoined: true };
}

function distinct(types: readonly Made[]): readonly Made[] {
  return [...new Map(types.map((type) => [type.text, type])).values()];
}

function grouped({ text, isJoined }: Made): string {
  return isJoined ? `(${text})` : text;
}

function basic(schema: Schema, indent: string): Made | undefined {
  if (Object.hasOwn(schema, "const")) return one(valueType(schema["const"]));
  if (Array.isArray(schema["enum"])) return unionOf(schema["enum"].map((value) => one(valueType(value))));
  const types = schema["type"] === undefined ? implied(schema) : [schema["type"]].flat();
  if (types.length === 0) return undefined;
  return unionOf(types.map((type) => single(type as string, schema, indent)));
}

function implied({ properties, required, additionalProperties, items, prefixItems }: Schema): readonly string[] {
  const isObjectLike = properties !== undefined || required !== undefined || isOpen(additionalProperties);
  if (isObjectLike) return ["object"];
  return items !== undefined || prefixItems !== undefined ? ["array"] : [];
}

const SCALARS: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

function single(type: string, schema: Schema, indent: string): Made {
  if (type === "array") return one(arrayType(schema, indent));
  if (type !== "object") return one(SCALARS[type] ?? "unknown");
  const { properties, required, additionalProperties, patternProperties } = schema;
  const keywords = [properties, required, additionalProperties, patternProperties];
  // Beside others that say which fields there are, "an object" says nothing.
  const isPart = ["$ref", "allOf", "anyOf", "oneOf"].some((keyword) => schema[keyword] !== undefined);
  if (isPart && keywords.every((keyword) => keyword === undefined)) return UNKNOWN;
  const members = membersOf({ type, properties, required, additionalProperties, patternProperties }, `${indent}  `)!;
  return one(members === "" ? "{}" : `{\n${members}${indent}}`);
}

function arrayType({ items, prefixItems }: Schema, indent: string): string {
  const rest = items === false ? undefined : grouped(made((items ?? true) as Schema | boolean, indent));
  if (prefixItems === undefined) return rest === undefined ? "[]" : `${rest}[]`;
  // Fewer items than the head has are allowed where nothing says otherwise.
  const head = listOf(prefixItems).map((part) => `${grouped(made(part, indent))}?`);
  return `[${[...head, ...(rest === undefined ? [] : [`...${rest}[]`])].join(", ")}]`;
}

function valueType(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  // JSON.parse reads 1e999 as Infinity, which is a name.
  if (typeof value === "number" && !Number.isFinite(value)) return "number";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(valueType).join(", ")}]`;
  const members = Object.entries(value as JsonObject).map(([name, part]) => `${memberKey(name)}: ${valueType(part)}`);
  return members.length === 0 ? "{}" : `{ ${members.join("; ")} }`;
}

function listOf(value: unknown): readonly (Schema | boolean)[] {
  return (value ?? []) as readonly (Schema | boolean)[];
}
