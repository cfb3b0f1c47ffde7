/**
 * Takes the schema of a request apart: what it says of single fields, and what is left when they travel elsewhere.
 *
 * @module
 */
import { formsOf, type Form } from "../transport/json/form.ts";
import { isSchema, resolveRef, type JsonSchema, type JsonSchemaNode, type Scope } from "../transport/json/schema.ts";

/** A field of a message: in every form it may have, or in some. */
export interface Field {
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** The forms a message may have; undefined where its schema says more than forms can, as with `not`. */
export function formsIn(schema: JsonSchema, scope: Scope): readonly Form[] | undefined {
  try {
    return formsOf(schema, scope);
  } catch {
    return undefined;
  }
}

/** The declared fields by name, in the schema's order; undefined when the message is not always an object. */
export function fieldsOf(schema: JsonSchema, scope: Scope): ReadonlyMap<string, Field> | undefined {
  const forms = formsIn(schema, scope);
  if (forms === undefined) return propertiesOf(schema);
  const found = new Map<string, { readonly schemas: JsonSchema[]; requiredBy: number }>();
  for (const form of forms) {
    if (form.kind !== "object") return undefined;
    for (const { name, schema: one, required } of form.fields) {
      const known = found.get(name) ?? { schemas: [], requiredBy: 0 };
      if (!known.schemas.includes(one)) known.schemas.push(one);
      if (required) known.requiredBy++;
      found.set(name, known);
    }
  }
  return new Map(
    [...found].map(([name, { schemas, requiredBy }]) => {
      const schema = schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
      return [name, { schema, required: requiredBy === forms.length }];
    }),
  );
}

function propertiesOf(schema: JsonSchema): ReadonlyMap<string, Field> {
  const { properties, required } = typeof schema === "boolean" ? {} : schema;
  const entries = isSchema(properties) ? Object.entries(properties) : [];
  const isRequired = (name: string): boolean => Array.isArray(required) && required.includes(name);
  return new Map(
    entries
      .filter((entry): entry is [string, JsonSchema] => isSchema(entry[1]))
      .map(([name, one]) => [name, { schema: one, required: isRequired(name) }]),
  );
}

/** The schema of a message whose `fields` travel elsewhere. */
export function withoutFields(schema: JsonSchema, fields: ReadonlySet<string>, scope: Scope): JsonSchema {
  if (typeof schema === "boolean" || fields.size === 0) return schema;
  const without = (one: unknown): unknown => (isSchema(one) ? withoutFields(one, fields, scope) : one);
  const { $ref, ...own } = schema;
  const body = $ref === undefined ? own : { ...(resolveRef($ref, scope) as JsonSchemaNode), ...own };
  // No longer the type that bears the name.
  const { title: _title, id: _id, $id: _$id, ...plain } = body;
  const changed: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(plain)) {
    if (keyword === "properties" && isSchema(value)) {
      changed["properties"] = Object.fromEntries(Object.entries(value).filter(([name]) => !fields.has(name)));
    } else if (keyword === "required" && Array.isArray(value)) {
      const required = value.filter((name) => !fields.has(name as string));
      if (required.length > 0) changed["required"] = required;
    } else if (["allOf", "anyOf", "oneOf"].includes(keyword) && Array.isArray(value)) {
      changed[keyword] = value.map(without);
    } else changed[keyword] = value;
  }
  return changed;
}
