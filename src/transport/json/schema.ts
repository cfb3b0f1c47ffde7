/**
 * JSON Schema (draft 2020-12) as this folder reads it: plain data from whichever library made it, looked at keyword by
 * keyword. Nothing here validates a value; that is the schema library's work.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";

/** A schema that is not `true` or `false`: keywords and their values. */
export type JsonSchemaNode = { readonly [keyword: string]: unknown };

/** A JSON Schema: keywords, or `true` (anything) or `false` (nothing). */
export type JsonSchema = boolean | JsonSchemaNode;

/** Where a schema stands: the document its references point into, and what to call it in an error. */
export interface Scope {
  /** The whole document, which `#` means. */
  readonly root: JsonSchema;
  /** The message it describes, as in "add.sum response". */
  readonly where: string;
}

/** Whether a value can be a schema at all. */
export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

/**
 * The schema a `$ref` points to: `#`, `#/$defs/Name`, or any other JSON Pointer (RFC 6901) into the same document.
 *
 * @throws {TypeError} when the reference leads out of the document or to nothing.
 */
export function resolveRef(ref: unknown, scope: Scope): JsonSchema {
  if (typeof ref !== "string") throw wrongSchema(scope, `$ref should be a string, got ${shown(ref)}`);
  if (ref !== "#" && !ref.startsWith("#/")) throw wrongSchema(scope, `$ref should begin with "#/", got ${shown(ref)}`);
  let at: unknown = scope.root;
  for (const step of ref.split("/").slice(1)) {
    const name = pointerStep(step);
    at = typeof at === "object" && at !== null && Object.hasOwn(at, name) ? (at as JsonSchemaNode)[name] : undefined;
  }
  if (!isSchema(at)) throw wrongSchema(scope, `$ref should lead to a schema, got ${shown(ref)}`);
  return at;
}

function pointerStep(step: string): string {
  const plain = step.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

/** The error for a schema that cannot be used; it names the message and the rule. */
export function wrongSchema({ where }: Scope, problem: string): TypeError {
  return new TypeError(`${where}: ${problem}`);
}
