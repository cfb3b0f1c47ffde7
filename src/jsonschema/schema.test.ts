import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { JsonSchemaObject } from "../contract/index.ts";
import { method, service } from "../contract/index.ts";
import { client } from "../client/index.ts";
import type { InferInput, InferOutput } from "../errors/index.ts";
import { local } from "../transport/local/index.ts";
import { fromJsonSchema, noContent } from "./index.ts";

function issues(schema: JsonSchemaObject, value: unknown): string[] {
  const checked = fromJsonSchema(schema)["~standard"].validate(value);
  if (checked instanceof Promise) throw new Error("it should not wait");
  if (checked.issues === undefined) {
    expect(checked.value).toBe(value);
    return [];
  }
  return checked.issues.map(({ message, path = [] }) => [...path.map(String), message].join(" "));
}

const pet = {
  type: "object",
  properties: { id: { type: "integer", minimum: 1 }, name: { type: "string", minLength: 2 } },
  required: ["id", "name"],
};

describe("a schema made of a JSON Schema", () => {
  it("checks the format url as it does uri, and stays quick", () => {
    expect(issues({ format: "url" }, "http://a.example/b?c=d#e")).toEqual([]);
    const begun = process.hrtime.bigint();
    expect(issues({ format: "url" }, `http://${"a".repeat(30)} `)).toEqual(['should have the format "uri"']);
    expect(issues({ properties: { at: { format: "url" } } }, { at: "//a" })).toEqual([
      'at should have the format "uri"',
    ]);
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(500);
  });

  it("gives the value itself when it fits", () => {
    expect(issues(pet, { id: 1, name: "Rex", more: [] })).toEqual([]);
  });

  it("says of each part of a small value what is wrong, with its path", () => {
    expect(issues(pet, { id: 0, name: "R" })).toEqual([
      "id should be at least 1",
      "name should have at least 2 characters",
    ]);
    expect(issues(pet, {})).toEqual(["id should be given", "name should be given"]);
    expect(issues(pet, [])).toEqual(["should be an object"]);
  });

  it.each<[JsonSchemaObject, unknown, string]>([
    [{ type: ["string", "null"] }, 1, "should be a text or null"],
    [{ const: { a: 1 } }, { a: 2 }, 'should be {"a":1}'],
    [{ enum: ["a", "b"] }, "c", 'should be one of "a", "b"'],
    [{ enum: [..."abcdefghij"] }, "z", 'should be one of "a", "b", "c", "d", "e", "f", "g", "h" …'],
    [{ properties: { a: { type: "null" } }, additionalProperties: false }, { b: 1 }, "b should not be there"],
    [{ propertyNames: { pattern: "^a" } }, { b: 1 }, "should have allowed names only"],
    [{ patternProperties: { "^a/b": { type: "number" } } }, { "a/b~c": "x" }, "a/b~c should be a number"],
    [{ prefixItems: [{ type: "number" }], items: false }, [1, 2], "1 should not be there"],
    [{ items: { type: "boolean" } }, [true, 0], "1 should be true or false"],
    [{ uniqueItems: true }, [1, 1], "should not have an item twice"],
    [{ maxItems: 1 }, [1, 1], "should have at most 1 item"],
    [{ contains: { const: 1 } }, [2], "should have an item of the required form"],
    [{ pattern: "^a" }, "b", 'should match "^a"'],
    [{ format: "uuid" }, "b", 'should have the format "uuid"'],
    [{ format: "date-time" }, "2020-01-01", 'should have the format "date-time"'],
    [{ exclusiveMaximum: 3 }, 3, "should be less than 3"],
    [{ multipleOf: 0.1 }, 0.25, "should be a multiple of 0.1"],
    [{ not: { type: "string" } }, "a", "should not have this form"],
    [{ if: { type: "string" }, else: { maximum: 1 } }, 2, "should be at most 1"],
    [{ anyOf: [{ type: "string" }, { type: "number" }] }, true, "should have one of the allowed forms"],
    [{ oneOf: [{ minimum: 1 }, { minimum: 2 }] }, 3, "should have exactly one of the allowed forms"],
    [{ dependentRequired: { a: ["b"] } }, { a: 1 }, "should have the fields that others ask for"],
    [{ unevaluatedProperties: false, properties: { a: true } }, { b: 1 }, "b should not be there"],
    [{ type: "string" }, undefined, "should be given"],
    [{ type: "string" }, 10n, "should be a JSON value that fits the schema"],
    [{ additionalProperties: { type: "string" } }, { "\ud800": 1 }, "should be a JSON value that fits the schema"],
  ])("%j refuses %o", (schema, value, issue) => {
    expect(issues(schema, value)).toEqual([issue]);
  });

  it("tells of a union what is wrong with the only branch that was meant", () => {
    const kind = (name: string): JsonSchemaObject => ({
      type: "object",
      properties: { kind: { const: name }, [name]: { type: "integer" } },
      required: ["kind", name],
    });
    const schema = { oneOf: [kind("cat"), kind("dog"), { type: "null" }] };
    expect(issues(schema, { kind: "dog", dog: "x" })).toEqual(["dog should be an integer"]);
    expect(issues({ anyOf: [pet, { type: "null" }] }, { id: 1 })).toEqual(["name should be given"]);
  });

  it("takes a field that is undefined as absent", () => {
    const optional = { type: "object", properties: { a: { type: "string" }, b: { type: "string" } }, required: ["a"] };
    expect(issues(optional, { a: "x", b: undefined })).toEqual([]);
    expect(issues(optional, { a: undefined, b: 1 })).toEqual(["a should be given", "b should be a text"]);
  });

  it("follows references, into definitions, into itself and to the root", () => {
    const $defs = { "a/b": { type: "object", properties: { next: { $ref: "#/$defs/a~1b" }, v: { type: "integer" } } } };
    expect(issues({ $ref: "#/$defs/a~1b", $defs }, { next: { next: { v: "x" } } })).toEqual([
      "next next v should be an integer",
    ]);
    const tree = { type: "object", properties: { kids: { type: "array", items: { $ref: "#" } } }, required: ["kids"] };
    expect(issues(tree, { kids: [{ kids: [] }, {}] })).toEqual(["kids 1 kids should be given"]);
    const byPlace = { properties: { a: { type: "string" }, b: { $ref: "#/properties/a" } } };
    expect(issues(byPlace, { b: 1 })).toEqual(["b should be a text"]);
  });

  it("keeps schemas apart that share definitions which refer to the schema around them", () => {
    const $defs = { Box: { properties: { inner: { $ref: "#" } } } };
    const outer = (type: string): JsonSchemaObject => ({ type: [type, "object"], $ref: "#/$defs/Box", $defs });
    expect(issues(outer("string"), { inner: 1 })).toEqual(["inner should be a text or an object"]);
    expect(issues(outer("number"), { inner: 1 })).toEqual([]);
  });

  it("leaves the caller's schema as it is, frozen or not", () => {
    const $defs = Object.freeze({ Pet: Object.freeze(structuredClone(pet)) });
    const schema = Object.freeze({ $ref: "#/$defs/Pet", $defs });
    const checked = fromJsonSchema(schema);
    expect(checked["~standard"].jsonSchema?.input({ target: "draft-2020-12" })).toBe(schema);
    expect(Reflect.ownKeys($defs.Pet)).toEqual(["type", "properties", "required"]);
  });

  it("does not mistake names that objects have anyway for fields", () => {
    const schema = JSON.parse('{"properties":{"__proto__":{"type":"string"}},"required":["constructor"]}') as object;
    expect(issues(schema as JsonSchemaObject, {})).toEqual(["constructor should be given"]);
    const value = JSON.parse('{"__proto__":1,"constructor":2}') as unknown;
    expect(issues(schema as JsonSchemaObject, value)).toEqual(["__proto__ should be a text"]);
  });

  it("tells of at most 20 issues, and of a large value the first", () => {
    expect(issues({ items: { type: "string" } }, Array(100).fill(1))).toHaveLength(20);
    expect(issues({ items: { type: "string" } }, Array(1000).fill(1))).toEqual(["0 should be a text"]);
    const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
    expect(issues({ required: names }, {})).toHaveLength(20);
  });

  it("answers for a body of a hundred thousand wrong fields, and for long lists without duplicates", () => {
    const value = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`f${i}`, 1]));
    const schema = { properties: { a: { additionalProperties: false } } };
    expect(issues(schema, { a: value }).length).toBeGreaterThan(0);
    expect(
      issues(
        { uniqueItems: true },
        Array.from({ length: 100_000 }, (_, i) => i),
      ),
    ).toEqual(["should have at most 2048 items"]);
    const lists = (n: number): unknown => Array.from({ length: n }, (_, i) => [i]);
    expect(issues({ uniqueItems: true }, lists(64))).toEqual([]);
    expect(issues({ uniqueItems: true }, lists(65))).toEqual(["should have at most 64 items"]);
    expect(issues({ uniqueItems: true }, [[1], [1]])).toEqual(["should not have an item twice"]);
  });

  it.each<[JsonSchemaObject, string]>([
    [{ $ref: "#/$defs/None" }, 'should lead to a schema, got "#/$defs/None"'],
    [{ $ref: "https://example.com/a" }, 'beginning with "#/", got "https://example.com/a"'],
    [{ type: "text" }, "#/type should be one of JSON's types, or a list of them"],
    [{ properties: { a: { pattern: "(" } } }, "#/properties/a/pattern should be a regular expression"],
    [{ properties: [] }, "#/properties should be an object of schemas"],
    [{ allOf: {} }, "#/allOf should be a list of schemas"],
    [{ items: 1 }, "#/items should be a schema, got 1"],
    [{ minimum: "1" }, "#/minimum should be a number"],
    [{ required: true }, "#/required should be a list of names"],
    [{ $dynamicRef: "#a" }, "#/$dynamicRef is not supported"],
    [{ $ref: "#" }, "should not be made of itself"],
    [
      { $defs: { A: { anyOf: [{ $ref: "#/$defs/B" }] }, B: { $ref: "#/$defs/A" } }, items: { $ref: "#/$defs/A" } },
      "itself",
    ],
  ])("refuses %j at construction", (schema, says) => {
    expect(() => fromJsonSchema(schema)).toThrow(says);
  });

  it("refuses what is no schema", () => {
    // @ts-expect-error a boolean is a JSON Schema, but says nothing about a message
    expect(() => fromJsonSchema(true)).toThrow("the JSON Schema should be an object, got true");
  });

  it("never throws at a value, whatever it is", () => {
    const schema = fromJsonSchema({
      anyOf: [pet, { type: "array", items: { $ref: "#" }, uniqueItems: true }, { type: "string", format: "uri" }],
    });
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
        const checked = schema["~standard"].validate(value);
        expect(checked).toSatisfy((one: object) => "value" in one !== "issues" in one);
      }),
    );
  });

  it("has the types it was given, which differ where you say so", () => {
    const same = fromJsonSchema<{ a: number }>({ type: "object" });
    expectTypeOf<InferInput<typeof same>>().toEqualTypeOf<{ a: number }>();
    expectTypeOf<InferOutput<typeof same>>().toEqualTypeOf<{ a: number }>();
    const differs = fromJsonSchema<string, `${number}`>({ type: "string" });
    expectTypeOf<InferOutput<typeof differs>>().toEqualTypeOf<`${number}`>();
  });
});

describe("the schema of no content", () => {
  it("takes whatever comes as null", () => {
    expect(noContent["~standard"].validate({ a: 1 })).toEqual({ value: null });
  });

  it("lets a method answer with nothing", async () => {
    const request = fromJsonSchema<{ id?: string | undefined }>({ properties: { id: { type: "string" } } });
    const shop = service("shop", { remove: method({ request, response: noContent }) });
    await using remote = client(shop, local(shop.implement({ remove: () => null })));
    expect(await remote.remove({ id: undefined })).toBe(null);
    // @ts-expect-error the field is a text
    await expect(remote.remove({ id: 1 })).rejects.toMatchObject({ reason: "invalid_request" });
  });
});
