/**
 * The messages that have a JSON form of their own (the proto3 JSON mapping's table of well-known types).
 *
 * @module
 */
import { ScalarType, type DescMessage } from "@bufbuild/protobuf";
import type { JsonSchemaObject } from "../../contract/index.ts";

/** The JSON Schema of a scalar's JSON form. */
export function scalarSchema(scalar: ScalarType): JsonSchemaObject {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { anyOf: [{ type: "number" }, { enum: ["NaN", "Infinity", "-Infinity"] }] };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", minimum: -0x8000_0000, maximum: 0x7fff_ffff };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0, maximum: 0xffff_ffff };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: ["string", "integer"], format: "int64", pattern: "^-?[0-9]+$" };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: ["string", "integer"], format: "uint64", pattern: "^[0-9]+$" };
  }
}

const wellKnown: ReadonlyMap<string, JsonSchemaObject> = new Map(
  [
    ["Timestamp", { type: "string", format: "date-time" }],
    ["Duration", { type: "string", pattern: "^-?[0-9]+(\\.[0-9]+)?s$" }],
    ["FieldMask", { type: "string" }],
    ["Struct", { type: "object", additionalProperties: true }],
    ["ListValue", { type: "array", items: true }],
    ["Value", {}],
    [
      "Any",
      { type: "object", properties: { "@type": { type: "string" } }, required: ["@type"], additionalProperties: true },
    ],
    ["DoubleValue", scalarSchema(ScalarType.DOUBLE)],
    ["FloatValue", scalarSchema(ScalarType.FLOAT)],
    ["Int64Value", scalarSchema(ScalarType.INT64)],
    ["UInt64Value", scalarSchema(ScalarType.UINT64)],
    ["Int32Value", scalarSchema(ScalarType.INT32)],
    ["UInt32Value", scalarSchema(ScalarType.UINT32)],
    ["BoolValue", scalarSchema(ScalarType.BOOL)],
    ["StringValue", scalarSchema(ScalarType.STRING)],
    ["BytesValue", scalarSchema(ScalarType.BYTES)],
  ].map(([name, schema]) => [`google.protobuf.${name as string}`, schema as JsonSchemaObject]),
);

/** Whether a message has a JSON form of its own. */
export function isWellKnown(desc: DescMessage): boolean {
  return wellKnown.has(desc.typeName);
}

/** The JSON Schema of a message that has a JSON form of its own; undefined for any other. */
export function wellKnownSchema(desc: DescMessage): JsonSchemaObject | undefined {
  return wellKnown.get(desc.typeName);
}
