/**
 * Definitions that are made of themselves with no field or item between, which neither a type nor a check can be made of.
 *
 * @module
 */
import { isObject, type Notes } from "./generate-document.ts";

interface Part {
  readonly name: string;
  readonly where: string;
  readonly schema: unknown;
}

const WITHIN = ["allOf", "anyOf", "oneOf"];

/** Takes out the reference that closes each such cycle; what it stood for may then be anything. */
export function breakCycles(definitions: readonly Part[], notes: Notes): void {
  const byRef = new Map(definitions.map((one) => [`#/$defs/${one.name}`, one]));
  const open = new Set<unknown>();
  const done = new Set<unknown>();

  function visit(schema: unknown, where: string): void {
    if (!isObject(schema) || done.has(schema)) return;
    open.add(schema);
    const target = byRef.get(schema["$ref"] as string);
    if (target !== undefined && open.has(target.schema)) {
      delete (schema as Record<string, unknown>)["$ref"];
      notes.add(where, "a schema that is made of itself: anything is taken there");
    } else if (target !== undefined) visit(target.schema, target.where);
    for (const keyword of WITHIN) {
      const list = schema[keyword];
      if (Array.isArray(list)) for (const one of list) visit(one, where);
    }
    visit(schema["not"], where);
    open.delete(schema);
    done.add(schema);
  }

  for (const { schema, where } of definitions) visit(schema, where);
}
