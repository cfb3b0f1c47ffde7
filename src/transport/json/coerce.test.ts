import { type } from "arktype";
import fc from "fast-check";
import * as v from "valibot";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ServiceError } from "../../errors/index.ts";
import { fieldCoercers, stringCoercer, stringsOf } from "./coerce.ts";
import type { JsonSchema } from "./schema.ts";

const coerce = (schema: JsonSchema, ...texts: string[]): unknown => stringCoercer(schema, "p.get request.id")(texts);
const integer = { type: "integer" };

describe("stringCoercer", () => {
  it("reads integers in decimal and leaves everything else to the validation", () => {
    expect(["0", "-1", "42", "9007199254740991"].map((text) => coerce(integer, text))).toEqual([
      0, -1, 42, 9007199254740991,
    ]);
    for (const text of [
      "",
      " 1",
      "1 ",
      "0x10",
      "1e3",
      "1.0",
      "+1",
      "007",
      "9007199254740993",
      "Infinity",
      "١",
      "1_000",
    ]) {
      expect(coerce(integer, text)).toBe(text);
    }
  });

  it("reads numbers as JSON writes them", () => {
    const number = { type: "number" };
    expect(["1.5", "-0.25", "1e3", "2E-2", "0"].map((text) => coerce(number, text))).toEqual([
      1.5, -0.25, 1000, 0.02, 0,
    ]);
    for (const text of ["", ".5", "1.", "NaN", "Infinity", "1e999", "0b1", "1,5"])
      expect(coerce(number, text)).toBe(text);
  });

  it("reads booleans by their two names", () => {
    const boolean = { type: "boolean" };
    expect(["true", "false"].map((text) => coerce(boolean, text))).toEqual([true, false]);
    for (const text of ["1", "0", "TRUE", "yes", ""]) expect(coerce(boolean, text)).toBe(text);
  });

  it("leaves strings as they are, whatever they look like", () => {
    for (const schema of [{ type: "string" }, {}, true, { type: "string", format: "date-time" }]) {
      for (const text of ["", "1", "true", "null", "__proto__"]) expect(coerce(schema, text)).toBe(text);
    }
  });

  it("reads null where the schema allows it, and not before text", () => {
    expect(coerce({ type: ["integer", "null"] }, "null")).toBeNull();
    expect(coerce({ type: ["integer", "null"] }, "5")).toBe(5);
    expect(coerce({ type: "null" }, "null")).toBeNull();
    expect(coerce({ type: ["string", "null"] }, "null")).toBe("null");
  });

  it("reads the constants of an enum, numbers by value", () => {
    const some = { enum: [1, 2.5, "x", true, null] };
    expect(["1", "2.5", "x", "true", "null", "3"].map((text) => coerce(some, text))).toEqual([
      1,
      2.5,
      "x",
      true,
      null,
      "3",
    ]);
    expect(coerce({ const: 7 }, "7")).toBe(7);
    expect(coerce({ const: {} }, "[object Object]")).toBe("[object Object]");
  });

  it("makes an array of a parameter that may be repeated, also when it was given once", () => {
    const list = { type: "array", items: integer };
    expect(coerce(list, "1", "x", "3")).toEqual([1, "x", 3]);
    expect(coerce(list, "1")).toEqual([1]);
    expect(coerce({ type: "array" }, "1", "2")).toEqual(["1", "2"]);
    expect(
      coerce({ type: "array", prefixItems: [integer, { type: "boolean" }], items: false }, "1", "true", "x"),
    ).toEqual([1, true, "x"]);
  });

  it("hides no repetition of a parameter that may be given once", () => {
    expect(coerce(integer, "1", "2")).toEqual(["1", "2"]);
    expect(coerce({ anyOf: [integer, { type: "boolean" }] }, "1", "2")).toEqual(["1", "2"]);
  });

  it("takes the first of several forms that fits", () => {
    expect(coerce({ anyOf: [integer, { type: "boolean" }, { type: "string" }] }, "5")).toBe(5);
    expect(coerce({ anyOf: [integer, { type: "boolean" }, { type: "string" }] }, "true")).toBe(true);
    expect(coerce({ oneOf: [{ type: "string" }, integer] }, "5")).toBe("5");
    expect(coerce({ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }, "a")).toBe("a");
    expect(coerce({ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }, "a", "b")).toEqual([
      "a",
      "b",
    ]);
  });

  it("follows references into the document it is given", () => {
    const root = { $defs: { Id: integer, Ids: { type: "array", items: { $ref: "#/$defs/Id" } } } };
    expect(stringCoercer({ $ref: "#/$defs/Id" }, "w", root)(["5"])).toBe(5);
    expect(stringCoercer({ $ref: "#/$defs/Ids" }, "w", root)(["5", "6"])).toEqual([5, 6]);
    expect(() => stringCoercer({ $ref: "#/$defs/No" }, "p.get request.id", root)).toThrow("p.get request.id");
  });

  it("ends on schemas that contain themselves", () => {
    const json = { anyOf: [integer, { type: "array", items: { $ref: "#" } }, { type: "object" }] };
    expect(coerce(json, "5")).toBe(5);
    expect(coerce(json, "x")).toEqual(["x"]);
    expect(coerce({ type: "object", properties: {} }, "{}")).toBe("{}");
  });

  it("is linear in the text", () => {
    const before = process.cpuUsage();
    for (const schema of [integer, { type: "number" }]) coerce(schema, `${"1".repeat(1 << 20)}x`);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
  });
});

describe("fieldCoercers", () => {
  it("has one for each declared field, of any library's schema", () => {
    const sources = [
      z.object({ id: z.int(), tags: z.array(z.string()), on: z.boolean().optional(), max: z.number().nullable() }),
      toStandardJsonSchema(
        v.object({
          id: v.pipe(v.number(), v.integer()),
          tags: v.array(v.string()),
          on: v.optional(v.boolean()),
          max: v.nullable(v.number()),
        }),
      ),
      type({ id: "number.integer", tags: "string[]", "on?": "boolean", max: "number|null" }),
    ];
    for (const source of sources) {
      const schema = source["~standard"].jsonSchema.input({ target: "draft-2020-12" });
      const fields = fieldCoercers(schema, "p.get request");
      expect([...fields.keys()].toSorted()).toEqual(["id", "max", "on", "tags"]);
      expect(fields.get("id")!(["7"])).toBe(7);
      expect(fields.get("tags")!(["7"])).toEqual(["7"]);
      expect(fields.get("on")!(["true"])).toBe(true);
      expect(fields.get("max")!(["null"])).toBeNull();
    }
  });

  it("finds fields behind references, allOf and unions", () => {
    const schema = {
      $ref: "#/$defs/Query",
      $defs: {
        Query: { allOf: [{ type: "object", properties: { a: integer } }, { $ref: "#/$defs/More" }] },
        More: { anyOf: [{ properties: { b: { $ref: "#/$defs/B" } } }, { properties: { b: integer, c: integer } }] },
        B: { type: "boolean" },
      },
    };
    const fields = fieldCoercers(schema, "p.get request");
    expect([...fields.keys()]).toEqual(["a", "b", "c"]);
    expect(["true", "5", "x"].map((text) => fields.get("b")!([text]))).toEqual([true, 5, "x"]);
    expect(fieldCoercers({ type: "string" }, "w").size).toBe(0);
  });
});

describe("stringsOf", () => {
  it("says scalars, lists and dates", () => {
    expect(stringsOf("x")).toEqual(["x"]);
    expect(stringsOf(1.5)).toEqual(["1.5"]);
    expect(stringsOf(12n)).toEqual(["12"]);
    expect(stringsOf(false)).toEqual(["false"]);
    expect(stringsOf(null)).toEqual(["null"]);
    expect(stringsOf(undefined)).toEqual([]);
    expect(stringsOf(["a", 1, true])).toEqual(["a", "1", "true"]);
    expect(stringsOf(new Date(0))).toEqual(["1970-01-01T00:00:00.000Z"]);
    expect(stringsOf([new Date(0)])).toEqual(["1970-01-01T00:00:00.000Z"]);
  });

  it("refuses what no parameter can say", () => {
    for (const value of [{ a: 1 }, [[1]], [undefined], Number.NaN, Infinity, () => 1, Symbol("x")]) {
      let thrown: unknown;
      try {
        stringsOf(value);
      } catch (error) {
        thrown = error;
      }
      expect(ServiceError.is(thrown) && [thrown.reason, String(thrown.cause)]).toEqual([
        "invalid_request",
        expect.stringContaining("a parameter should be text"),
      ]);
    }
  });

  it("is undone by the coercer of the same type", () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0);
    const cases: readonly (readonly [JsonSchema, fc.Arbitrary<unknown>])[] = [
      [integer, fc.maxSafeInteger()],
      [{ type: "number" }, finite],
      [{ type: "boolean" }, fc.boolean()],
      [{ type: "string" }, fc.string()],
      [{ type: ["integer", "null"] }, fc.option(fc.maxSafeInteger())],
      [{ type: "array", items: { type: "number" } }, fc.array(finite)],
    ];
    for (const [schema, values] of cases) {
      const read = stringCoercer(schema, "w");
      fc.assert(
        fc.property(values, (value) => {
          expect(read(stringsOf(value))).toEqual(value);
        }),
      );
    }
  });
});
