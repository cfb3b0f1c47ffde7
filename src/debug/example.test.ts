import { Ajv2020 } from "ajv/dist/2020.js";
import fastCheck from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { shapeOf } from "../contract/index.ts";
import { exampleOf } from "./example.ts";

const jsonSchemaOf = (schema: z.ZodType) => shapeOf(schema as never).jsonSchema();

describe("an example", () => {
  it.each([
    [z.object({ a: z.int(), b: z.string() }), { a: 1, b: "text" }],
    [z.object({ size: z.enum(["s", "m"]), kind: z.literal("tea") }), { size: "s", kind: "tea" }],
    [z.object({ list: z.array(z.object({ n: z.int().min(5) })).min(2) }), { list: [{ n: 5 }, { n: 5 }] }],
    [z.object({ page: z.int().default(3), mail: z.email() }), { page: 3, mail: "ada@example.com" }],
    [z.object({ pair: z.tuple([z.string(), z.boolean()]), none: z.null() }), { pair: ["text", false], none: null }],
    [z.object({ short: z.string().max(2), long: z.string().min(6) }), { short: "te", long: "textxx" }],
    [z.union([z.object({ a: z.string() }), z.string()]), { a: "text" }],
    [z.intersection(z.object({ a: z.string() }), z.object({ b: z.int() })), { a: "text", b: 1 }],
    [z.object({ n: z.number().gt(7).lt(9), step: z.int().multipleOf(4).min(5) }), { n: 7 + 1, step: 8 }],
  ])("fits its schema (%#)", (schema, expected) => {
    const example = exampleOf(jsonSchemaOf(schema));
    expect(example).toEqual(expected);
    expect(schema.safeParse(example).success).toBe(true);
  });

  it("ends where a schema holds itself", () => {
    const tree = {
      $ref: "#/$defs/t",
      $defs: { t: { type: "object", properties: { t: { $ref: "#/$defs/t" } }, required: ["t"] } },
    };
    expect(JSON.stringify(exampleOf(tree)).length).toBeLessThan(1000);
    expect(exampleOf({ $ref: "#/nowhere" })).toBeNull();
  });

  it("is bounded where a schema is wide and deep", () => {
    const wide = (depth: number): object =>
      depth === 0
        ? { type: "string" }
        : {
            type: "object",
            properties: Object.fromEntries([...Array(20).keys()].map((i) => [`p${i}`, wide(depth - 1)])),
          };
    expect(JSON.stringify(exampleOf(wide(3) as never)).length).toBeLessThan(20_000);
  });

  it("never throws, whatever a schema holds", () => {
    fastCheck.assert(
      fastCheck.property(
        fastCheck.dictionary(
          fastCheck.constantFrom(
            "type",
            "enum",
            "items",
            "properties",
            "required",
            "allOf",
            "anyOf",
            "$ref",
            "minItems",
            "minimum",
            "default",
          ),
          fastCheck.jsonValue(),
        ),
        (schema) => {
          JSON.stringify(exampleOf(schema));
        },
      ),
    );
  });

  it("fits plain schemas of many kinds", () => {
    const leaf = fastCheck.oneof(
      fastCheck.record({ type: fastCheck.constant("string"), minLength: fastCheck.nat(9) }),
      fastCheck.record({ type: fastCheck.constant("integer"), minimum: fastCheck.integer({ min: -50, max: 50 }) }),
      fastCheck.record({ type: fastCheck.constant("boolean") }),
      fastCheck.record({ enum: fastCheck.array(fastCheck.string(), { minLength: 1, maxLength: 3 }) }),
    );
    const ajv = new Ajv2020({ strict: false });
    fastCheck.assert(
      fastCheck.property(
        fastCheck.dictionary(fastCheck.stringMatching(/^[a-z]{1,6}$/), leaf, { maxKeys: 6 }),
        (properties) => {
          const schema = { type: "object", properties, required: Object.keys(properties) };
          expect(ajv.validate(schema, exampleOf(schema))).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});
