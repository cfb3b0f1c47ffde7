/**
 * References that say nothing: a library that meets a schema twice may put it under a number, which a document need not
 * show.
 *
 * @module
 */
import { resolveRef, type JsonSchema, type JsonSchemaNode, type Scope } from "../transport/json/schema.ts";
import { copied } from "./keywords.ts";
import { isNumbered } from "./names.ts";

/** The name of the definition a reference leads to; undefined when it is a number, or no definition's. */
export function definitionName(ref: unknown): string | undefined {
  const name = lastStep(ref);
  return name === undefined || isNumbered(name) ? undefined : name.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** What stands in place of a bare reference to a numbered definition that does not lead back to itself; else undefined. */
export function standIn(node: JsonSchemaNode, scope: Scope): JsonSchema | undefined {
  if (!isNumberedRef(node)) return undefined;
  const target = resolveRef(node["$ref"], scope);
  return leadsToItself(target, scope) ? undefined : target;
}

function isNumberedRef(node: JsonSchemaNode): boolean {
  const name = lastStep(node["$ref"]);
  return name !== undefined && isNumbered(name) && Object.keys(node).length === 1;
}

function lastStep(ref: unknown): string | undefined {
  return typeof ref === "string" ? /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(ref)?.[1] : undefined;
}

// Through numbers only: a way through a name ends at the name.
function leadsToItself(target: JsonSchema, scope: Scope): boolean {
  const seen = new Set<JsonSchema>();
  let found = false;
  const look = (one: JsonSchema): void => {
    if (found || typeof one === "boolean") return;
    if (!isNumberedRef(one)) return void copied(one, look);
    const next = resolveRef(one["$ref"], scope);
    if (next === target) found = true;
    else if (!seen.has(next)) {
      seen.add(next);
      look(next);
    }
  };
  look(target);
  return found;
}
