/**
 * When two schemas are one: a text that is equal for schemas that say the same, wherever they stand and whatever their
 * documents call the parts they refer to.
 *
 * @module
 */
import { resolveRef, type JsonSchema, type Scope } from "../transport/json/schema.ts";
import { copied } from "./keywords.ts";
import { standIn } from "./references.ts";

/**
 * The signature of a schema. References are replaced by the order in which they are met, so a schema that refers to itself
 * as `#` has the signature of the same schema under a name.
 *
 * @throws {TypeError} when a reference leads out of the document or to nothing.
 */
export function signatureOf(schema: JsonSchema, scope: Scope): string {
  const met: JsonSchema[] = [schema];
  const numberOf = (one: JsonSchema): number => {
    const known = met.indexOf(one);
    return known >= 0 ? known : met.push(one) - 1;
  };
  const plain = (one: JsonSchema): unknown => {
    if (typeof one === "boolean") return one;
    const inline = standIn(one, scope);
    if (inline !== undefined) return plain(inline);
    const copy = copied(one, plain);
    return one["$ref"] === undefined ? copy : { ...copy, $ref: numberOf(resolveRef(one["$ref"], scope)) };
  };
  const bodies: unknown[] = [];
  for (let i = 0; i < met.length; i++) bodies.push(plain(met[i]!));
  return JSON.stringify(bodies);
}
