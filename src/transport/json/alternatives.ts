/**
 * Works out `$ref`, `allOf`, `anyOf` and `oneOf`: a schema becomes a list of plain ones, of which a value fits at least
 * one.
 *
 * @module
 */
import { merge } from "./merge.ts";
import { ANYTHING, readPlain, schemas, type Plain } from "./plain.ts";
import { resolveRef, wrongSchema, type JsonSchema, type JsonSchemaNode, type Scope } from "./schema.ts";

// A product of alternatives can explode; no schema a person wrote comes near this.
const MAX_ALTERNATIVES = 256;

/**
 * The alternatives a schema stands for, in its own order. An empty list means that nothing fits.
 *
 * @throws {TypeError} when a keyword that changes what may be written is not supported or has the wrong form, or when
 * the schema refers to itself without a property or item between.
 */
export function alternatives(schema: JsonSchema, scope: Scope): readonly Plain[] {
  return expand(schema, scope, []);
}

function expand(schema: JsonSchema, scope: Scope, outer: readonly JsonSchema[]): readonly Plain[] {
  if (schema === true) return [ANYTHING];
  if (schema === false) return [];
  if (outer.includes(schema)) throw wrongSchema(scope, "a schema should not be made of itself");
  const inside = [...outer, schema];
  const into = (one: JsonSchema): readonly Plain[] => expand(one, scope, inside);
  let found: readonly Plain[] = excludesAll(schema) ? [] : [readPlain(schema, scope)];
  const also = (others: readonly Plain[]): void => {
    found = product(found, others);
    if (found.length > MAX_ALTERNATIVES) {
      throw wrongSchema(scope, `a schema should have at most ${MAX_ALTERNATIVES} alternatives, got ${found.length}`);
    }
  };
  if (schema["$ref"] !== undefined) also(into(resolveRef(schema["$ref"], scope)));
  for (const one of schemas(schema, "allOf", scope) ?? []) also(into(one));
  for (const keyword of ["anyOf", "oneOf"]) {
    const branches = schemas(schema, keyword, scope);
    if (branches !== undefined) also(branches.flatMap(into));
  }
  return found;
}

function product(left: readonly Plain[], right: readonly Plain[]): readonly Plain[] {
  return left.flatMap((one) => right.map((other) => merge(one, other))).filter((one) => one !== undefined);
}

/** `not: {}` and `not: true`: how some libraries write "never". */
function excludesAll({ not }: JsonSchemaNode): boolean {
  return not === true || (typeof not === "object" && not !== null && Object.keys(not).length === 0);
}
