/**
 * The JSON Schema of a message's JSON form, for documents and for parameters that travel as text. Narrower than what is
 * accepted: enum values by name only, and not the texts that may stand for numbers.
 *
 * @module
 */
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import type { JsonSchemaObject } from "../../contract/index.ts";
import { isWellKnown, scalarSchema, wellKnownSchema } from "./well-known.ts";

/** The JSON Schema of a message; the messages in its fields are in `$defs`, so that they may hold each other. */
export function messageSchema(desc: DescMessage): JsonSchemaObject {
  const defs = new Map<string, JsonSchemaObject>();

  function bodyOf(message: DescMessage): JsonSchemaObject {
    const known = wellKnownSchema(message);
    if (known !== undefined) return known;
    const properties = Object.fromEntries(message.fields.map((field) => [field.jsonName, fieldSchema(field)]));
    return { type: "object", title: message.typeName, properties };
  }

  function refTo(message: DescMessage): JsonSchemaObject {
    if (isWellKnown(message)) return bodyOf(message);
    const { typeName } = message;
    if (!defs.has(typeName)) {
      // Before its fields are looked at: one of them may lead back here.
      defs.set(typeName, {});
      defs.set(typeName, bodyOf(message));
    }
    return { $ref: `#/$defs/${typeName}` };
  }

  function fieldSchema(field: DescField): JsonSchemaObject {
    if (field.fieldKind === "list") return { type: "array", items: valueSchema(field) };
    if (field.fieldKind === "map") return { type: "object", additionalProperties: valueSchema(field) };
    const schema = valueSchema(field);
    const others = field.oneof?.fields.filter((one) => one !== field).map(({ jsonName }) => jsonName) ?? [];
    // Prose, since a keyword that excludes properties doubles the alternatives of the whole for each oneof.
    return others.length === 0 ? schema : { ...schema, description: `not together with ${others.join(", ")}` };
  }

  function valueSchema(field: DescField): JsonSchemaObject {
    if (field.message !== undefined) return refTo(field.message);
    return field.scalar === undefined ? enumSchema(field.enum!) : scalarSchema(field.scalar);
  }

  const body = bodyOf(desc);
  return defs.size === 0 ? body : { ...body, $defs: Object.fromEntries(defs) };
}

function enumSchema({ typeName, values }: DescEnum): JsonSchemaObject {
  if (typeName === "google.protobuf.NullValue") return { type: "null" };
  return { type: "string", enum: values.map(({ name }) => name) };
}
