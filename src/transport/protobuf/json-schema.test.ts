import { describe, expect, it } from "vitest";
import { StructSchema, Int64ValueSchema, EmptySchema, TypeSchema } from "@bufbuild/protobuf/wkt";
import type { JsonSchemaObject } from "../../contract/index.ts";
import { stringCoercer } from "../json/coerce.ts";
import { messageSchema } from "./json-schema.ts";
import { FindRequestSchema, OrderSchema } from "./testdata/gen/order_pb.ts";

const order = messageSchema(OrderSchema);
const fields = order["properties"] as Readonly<Record<string, JsonSchemaObject>>;

describe("the JSON Schema of a message", () => {
  it("is an object with the message's name and its fields by their JSON names", () => {
    expect(order).toMatchObject({ type: "object", title: "shop.v1.Order" });
    expect(Object.keys(fields)).toEqual(OrderSchema.fields.map(({ jsonName }) => jsonName));
    expect(fields).toHaveProperty("abbr");
    expect(messageSchema(EmptySchema)).toEqual({ type: "object", title: "google.protobuf.Empty", properties: {} });
  });

  it("says the mapping of each scalar", () => {
    expect(fields["id"]).toEqual({ type: "string" });
    expect(fields["gift"]).toEqual({ type: "boolean" });
    expect(fields["seal"]).toEqual({ type: "string", contentEncoding: "base64" });
    expect(fields["serial"]).toEqual({ type: ["string", "integer"], format: "uint64", pattern: "^[0-9]+$" });
    expect(fields["numbers"]).toMatchObject({ type: "array", items: { type: ["string", "integer"], format: "int64" } });
    expect(fields["weight"]).toEqual({ anyOf: [{ type: "number" }, { enum: ["NaN", "Infinity", "-Infinity"] }] });
    expect(fields["ratio"]).toEqual(fields["weight"]);
  });

  it("names the values of an enum", () => {
    expect(fields["status"]).toEqual({ type: "string", enum: ["STATUS_UNSPECIFIED", "STATUS_PAID", "STATUS_SENT"] });
    expect(fields["nothing"]).toEqual({ type: "null" });
  });

  it("has maps as objects of any field, and says which fields of a oneof exclude each other", () => {
    expect(fields["stock"]).toMatchObject({ type: "object", additionalProperties: { format: "int64" } });
    expect(fields["flags"]).toMatchObject({ type: "object", additionalProperties: { type: "string" } });
    expect(fields["voucher"]).toEqual({ type: "string", description: "not together with card, points" });
    // `optional` is a oneof of its own kind, of which JSON knows nothing.
    expect(fields["note"]).toEqual({ type: "string" });
  });

  it("refers to messages, also to one that holds itself", () => {
    expect(fields["items"]).toEqual({ type: "array", items: { $ref: "#/$defs/shop.v1.Order.Item" } });
    const { $defs } = order as { $defs: Record<string, JsonSchemaObject> };
    expect(Object.keys($defs)).toEqual(["shop.v1.Order.Item", "shop.v1.Order.Card"]);
    const item = $defs["shop.v1.Order.Item"]!;
    expect(item).toMatchObject({
      properties: { count: { minimum: 0 }, parts: { items: { $ref: "#/$defs/shop.v1.Order.Item" } } },
    });
    expect(Object.keys(messageSchema(TypeSchema)["$defs"] as object)).toContain("google.protobuf.Field");
  });

  it("knows the messages that have a form of their own, in a field and by themselves", () => {
    expect(fields).toMatchObject({
      made: { type: "string", format: "date-time" },
      took: { type: "string" },
      labels: { type: "object", additionalProperties: true },
      list: { type: "array", items: true },
      nick: { type: "string" },
      big: { type: ["string", "integer"] },
      mask: { type: "string" },
      extra: { type: "object", required: ["@type"] },
    });
    expect(fields["anything"]).toEqual({});
    expect(messageSchema(StructSchema)).toEqual({ type: "object", additionalProperties: true });
    expect(messageSchema(Int64ValueSchema)).toMatchObject({ type: ["string", "integer"] });
  });

  it("turns parameters that came as text into what the message takes", () => {
    const schema = messageSchema(FindRequestSchema);
    const coerce = (field: string, ...texts: string[]): unknown => {
      const { [field]: one } = schema["properties"] as Record<string, JsonSchemaObject>;
      return stringCoercer(one!, `find.${field}`, schema)(texts);
    };
    expect(coerce("after", "9223372036854775807")).toBe("9223372036854775807");
    expect(coerce("status", "STATUS_PAID", "STATUS_SENT")).toEqual(["STATUS_PAID", "STATUS_SENT"]);
    expect(coerce("deep", "true")).toBe(true);
    expect(coerce("id", "7")).toBe("7");
  });
});
