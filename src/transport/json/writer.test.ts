import { type, scope as arkScope } from "arktype";
import fc from "fast-check";
import * as v from "valibot";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { ServiceError } from "../../errors/index.ts";
import type { JsonSchema } from "./schema.ts";
import { jsonProjector, jsonWriter } from "./writer.ts";

const integer = { type: "integer" };
const string = { type: "string" };

/** An object schema whose fields are all required, except those whose name ends in "?". */
function object(
  fields: Readonly<Record<string, JsonSchema>>,
  more: Readonly<Record<string, unknown>> = {},
): JsonSchema {
  const names = Object.keys(fields);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name.replace("?", ""), fields[name]])),
    required: names.filter((name) => !name.endsWith("?")),
    ...more,
  };
}

const write = (schema: JsonSchema, value: unknown): string => jsonWriter(schema, "add.sum response")(value);

/** The message of the cause a value is refused with. */
function refusal(schema: JsonSchema, value: unknown): string {
  try {
    return `wrote ${write(schema, value)}`;
  } catch (error) {
    if (!ServiceError.is(error) || error.reason !== "invalid_response" || error.code !== "internal")
      return `not ours: ${String(error)}`;
    const isStandard = error.message === "the response does not fit the method" && error.cause instanceof TypeError;
    return isStandard ? (error.cause as TypeError).message : `not the standard message: ${error.message}`;
  }
}

interface Source {
  readonly "~standard": {
    readonly jsonSchema: { input(options: { readonly target: string }): Record<string, unknown> };
  };
}

const input = (source: unknown): JsonSchema =>
  (source as Source)["~standard"].jsonSchema.input({ target: "draft-2020-12" });

describe("objects", () => {
  it("writes declared fields in the schema's order and nothing else", () => {
    const schema = object({ v: integer, name: string });
    expect(write(schema, { secret: "x", name: "n", v: 3, more: { a: 1 } })).toBe('{"v":3,"name":"n"}');
  });

  it("leaves out undefined optional fields, wherever they stand", () => {
    const schema = object({ "a?": integer, "b?": integer, c: integer, "d?": integer });
    expect(write(schema, { c: 1 })).toBe('{"c":1}');
    expect(write(schema, { a: undefined, b: 2, c: 1, d: 3 })).toBe('{"b":2,"c":1,"d":3}');
    expect(write(object({ "a?": integer }), {})).toBe("{}");
  });

  it("says which required field is missing", () => {
    const schema = object({ v: integer });
    expect(refusal(schema, {})).toBe("add.sum response.v should be an integer, got undefined");
    expect(refusal(schema, { v: undefined })).toBe("add.sum response.v should be an integer, got undefined");
  });

  it("names the place, the rule and the type, and never the value", () => {
    const schema = object({ list: { type: "array", items: object({ v: integer }) } });
    expect(refusal(schema, { list: [{ v: 1 }, { v: "hunter2" }] })).toBe(
      "add.sum response.list[1].v should be an integer, got a string",
    );
    expect(refusal(schema, { list: "hunter2" })).toBe("add.sum response.list should be an array, got a string");
    expect(refusal(schema, [])).toBe("add.sum response should be an object, got an array");
    expect(refusal(schema, null)).toBe("add.sum response should be an object, got null");
    expect(refusal({ type: "object", additionalProperties: integer }, { hunter2: "x" })).toBe(
      "add.sum response.* should be an integer, got a string",
    );
  });

  it("takes no array for an object, also where no field is required", () => {
    for (const schema of [object({}), object({ "a?": integer }), object({ length: integer }), { type: "object" }]) {
      expect(refusal(schema, [1])).toBe("add.sum response should be an object, got an array");
    }
  });

  it("is open only when the schema says so", () => {
    const value = { a: 1, b: { c: "x" }, d: undefined };
    const properties = { a: integer };
    expect(write({ type: "object", properties }, value)).toBe('{"a":1}');
    expect(write({ type: "object", properties, additionalProperties: false }, value)).toBe('{"a":1}');
    expect(write({ type: "object", properties, unevaluatedProperties: false }, value)).toBe('{"a":1}');
    expect(write({ type: "object", properties, additionalProperties: true }, value)).toBe('{"a":1,"b":{"c":"x"}}');
    expect(write({ type: "object", properties, additionalProperties: {} }, value)).toBe('{"a":1,"b":{"c":"x"}}');
    expect(write({ type: "object" }, value)).toBe('{"a":1,"b":{"c":"x"}}');
    expect(write({ type: "object", properties: {} }, value)).toBe("{}");
    expect(write({ properties }, value)).toBe('{"a":1}');
    expect(write({ additionalProperties: false }, value)).toBe("{}");
    expect(write({ type: "object", properties: { z: integer }, additionalProperties: true }, { b: 1 })).toBe('{"b":1}');
    expect(write({ type: "object", additionalProperties: true }, {})).toBe("{}");
  });

  it("writes further fields by the schema given for them", () => {
    const schema = object({ a: integer }, { additionalProperties: object({ v: string }) });
    expect(write(schema, { a: 1, x: { v: "y", secret: 1 } })).toBe('{"a":1,"x":{"v":"y"}}');
    expect(refusal(schema, { a: 1, x: 1 })).toBe("add.sum response.* should be an object, got a number");
  });

  it("writes further fields by the pattern of their names", () => {
    const schema = { type: "object", patternProperties: { "^x-": integer, "^é+$": string } };
    expect(write(schema, { "x-a": 1, éé: "b", secret: 1 })).toBe('{"x-a":1,"éé":"b"}');
    expect(write({ ...schema, additionalProperties: true }, { "x-a": 1, other: 2 })).toBe('{"x-a":1,"other":2}');
    expect(write({ ...schema, required: ["x-b"] }, { "x-b": 1 })).toBe('{"x-b":1}');
    expect(refusal({ ...schema, required: ["x-b"] }, {})).toContain("add.sum response.x-b should be an integer");
  });

  it("takes a list of allowed names for a declaration of these", () => {
    const schema = { type: "object", propertyNames: { enum: ["a", "b"] }, additionalProperties: integer };
    expect(write(schema, { b: 2, secret: 3 })).toBe('{"b":2}');
    expect(refusal({ ...schema, required: ["a"] }, { b: 2 })).toBe(
      "add.sum response.a should be an integer, got undefined",
    );
  });

  it("declares no name that another keyword forbids", () => {
    const schema = { type: "object", propertyNames: { enum: ["a"] }, additionalProperties: false };
    expect(write(schema, { a: 1 })).toBe("{}");
  });

  it("writes only names that fit the rule for names", () => {
    const schema = {
      type: "object",
      propertyNames: { type: "string", pattern: "^[0-9]+$" },
      additionalProperties: integer,
    };
    expect(write(schema, { 7: 1, secret: 2 })).toBe('{"7":1}');
    expect(write({ ...schema, propertyNames: { minLength: 1 } }, { a: 1 })).toBe('{"a":1}');
  });

  it("writes names every object has only when they are its own", () => {
    const names = ["constructor", "toString", "hasOwnProperty", "__proto__"];
    const properties = JSON.parse(
      '{"constructor":{},"toString":{"type":"string"},"hasOwnProperty":{},"__proto__":{"type":"string"}}',
    ) as Record<string, JsonSchema>;
    expect(write({ type: "object", properties }, {})).toBe("{}");
    for (const name of names) {
      expect(refusal({ type: "object", properties, required: [name] }, {})).toContain(
        `add.sum response.${name} should be`,
      );
    }
    const own = JSON.parse('{"__proto__":"p","toString":"t"}') as object;
    expect(write({ type: "object", properties }, own)).toBe('{"toString":"t","__proto__":"p"}');
    expect(write({ type: "object", properties: { v: integer } }, own)).toBe("{}");
    expect(write({ type: "object", additionalProperties: string }, own)).toBe('{"__proto__":"p","toString":"t"}');
  });

  it("escapes keys, declared and others", () => {
    expect(
      write(object({ 'a"\\\n': integer }, { additionalProperties: true }), { 'a"\\\n': 1, '"b\u2028\ud800': 2 }),
    ).toBe('{"a\\"\\\\\\n":1,"\\"b\u2028\\ud800":2}');
  });

  it("reads getters of a class and refuses those that throw", () => {
    class Answer {
      get v(): number {
        return 3;
      }
    }
    expect(write(object({ v: integer }), new Answer())).toBe('{"v":3}');
    const bad = {
      get v(): number {
        throw new Error("no");
      },
    };
    expect(refusal(object({ v: integer }), bad)).toBe("add.sum response could not be written");
    const proxy = new Proxy(
      {},
      {
        get() {
          throw new Error("no");
        },
      },
    );
    expect(refusal(object({ v: integer }), proxy)).toBe("add.sum response could not be written");
    expect(refusal({ type: "object", additionalProperties: true }, Proxy.revocable({}, {}).proxy)).toBe("wrote {}");
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal(object({ v: integer }), revoked)).toBe("add.sum response could not be written");
  });

  it("converts what has a toJSON first", () => {
    const schema = object({ at: string });
    expect(write(schema, { at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    const user = { at: "secret", toJSON: () => ({ at: "public" }) };
    expect(write(schema, user)).toBe('{"at":"public"}');
    expect(write({ type: "array", items: schema }, [user])).toBe('[{"at":"public"}]');
    expect(write({ type: "object", additionalProperties: string }, user)).toBe('{"at":"public"}');
    expect(write({ type: "object", additionalProperties: true }, user)).toBe('{"at":"public"}');
    expect(write({ type: "array", items: integer }, Object.assign([1, 2], { toJSON: () => [3] }))).toBe("[3]");
    expect(write({ type: ["null", "string"] }, new Date(0))).toBe('"1970-01-01T00:00:00.000Z"');
    expect(write({ type: "integer" }, { toJSON: () => 7 })).toBe("7");
    expect(write({ enum: ["a"] }, { toJSON: () => "a" })).toBe('"a"');
    expect(write(object({ toJSON: integer }), { toJSON: 5 })).toBe('{"toJSON":5}');
    expect(refusal(schema, { at: { toJSON: () => 5 } })).toBe("add.sum response.at should be a string, got a number");
    expect(refusal(schema, new Date(0))).toBe("add.sum response should be an object, got a string");
    expect(
      refusal(schema, {
        toJSON: () => {
          throw new Error("no");
        },
      }),
    ).toBe("add.sum response could not be written");
  });
});

describe("scalars", () => {
  it("writes strings byte for byte as JSON.stringify does", () => {
    const texts = [
      "",
      "plain",
      'q"',
      "\\",
      "\n\t\0\u001f",
      "\u007f\u2028\u2029",
      "é€",
      "\u{1f600}",
      "\ud800",
      "\udfff x",
      "x".repeat(10_000),
    ];
    for (const text of texts) {
      expect(write(string, text)).toBe(JSON.stringify(text));
      expect(write(object({ v: string }), { v: text })).toBe(JSON.stringify({ v: text }));
    }
  });

  it("writes numbers as JSON.stringify does and refuses those JSON cannot say", () => {
    for (const value of [0, -0, 1, -1.5, 1e21, 1e-7, Number.MAX_VALUE, 5e-324]) {
      expect(write({ type: "number" }, value)).toBe(JSON.stringify(value));
    }
    expect(write(integer, 1e21)).toBe("1e+21");
    expect(refusal({ type: "number" }, Number.NaN)).toBe("add.sum response should be a number, got NaN");
    expect(refusal({ type: "number" }, -Infinity)).toBe("add.sum response should be a number, got -Infinity");
    expect(refusal(integer, 1.5)).toBe("add.sum response should be an integer, got a number");
    expect(refusal(integer, "1")).toBe("add.sum response should be an integer, got a string");
  });

  it("writes a bigint where it is a safe integer and refuses it elsewhere", () => {
    expect(write(integer, 9007199254740991n)).toBe("9007199254740991");
    expect(write(object({ v: { type: "number" } }), { v: -5n })).toBe('{"v":-5}');
    expect(write({ type: ["null", "integer"] }, 5n)).toBe("5");
    for (const value of [9007199254740992n, -9007199254740992n, 2n ** 80n]) {
      expect(refusal(integer, value)).toBe("add.sum response should be an integer, got a bigint");
    }
    expect(refusal(string, 5n)).toBe("add.sum response should be a string, got a bigint");
    expect(refusal({ type: ["null", "integer"] }, 2n ** 80n)).toBe(
      "add.sum response should be null or an integer, got a bigint",
    );
  });

  it("writes booleans and null and refuses what only looks like them", () => {
    expect([true, false].map((one) => write({ type: "boolean" }, one))).toEqual(["true", "false"]);
    expect(write({ type: "null" }, null)).toBe("null");
    expect(refusal({ type: "boolean" }, 0)).toBe("add.sum response should be a boolean, got a number");
    expect(refusal({ type: "null" }, undefined)).toBe("add.sum response should be null, got undefined");
  });

  it("refuses functions, symbols and undefined, whatever the schema", () => {
    for (const value of [() => 1, Symbol("x"), undefined]) {
      for (const schema of [
        string,
        integer,
        { type: "boolean" },
        { type: "null" },
        {},
        true,
        object({}),
        { enum: [1] },
        { type: ["string", "null"] },
      ]) {
        expect(refusal(schema, value)).toMatch(/^add\.sum response should be .*, got (a function|a symbol|undefined)$/);
      }
      expect(refusal({ type: "array", items: {} }, [1, 2, 3, value])).toContain(
        "add.sum response[3] should be a JSON value",
      );
      if (value !== undefined)
        expect(refusal({ type: "object", additionalProperties: {} }, { a: value })).toContain(
          "response.* should be a JSON value",
        );
    }
  });

  it("writes constants and nothing but them", () => {
    const some = { enum: ["a", 1, null, { x: [1] }] };
    expect(["a", 1, null, { x: [1] }].map((one) => write(some, one))).toEqual(['"a"', "1", "null", '{"x":[1]}']);
    expect(refusal(some, { x: [2] })).toBe('add.sum response should be one of "a", 1, null, {"x":[1]}, got an object');
    expect(refusal({ const: "a" }, "b")).toBe('add.sum response should be "a", got a string');
    expect(refusal({ type: "string", enum: ["a", 1] }, 1)).toBe('add.sum response should be "a", got a number');
    expect(write({ const: { a: 1 } }, { a: 1 })).toBe('{"a":1}');
    expect(write({ type: "string", enum: ["a", "b"] }, "b")).toBe('"b"');
    expect(refusal({ enum: Array.from({ length: 30 }, (_, i) => i) }, -1)).toMatch(
      /one of 0, 1, .*9, …, got a number$/,
    );
  });

  it("writes anything where the schema says nothing", () => {
    const value = { a: [1, { b: null }], at: new Date(0), u: undefined, n: Number.NaN };
    for (const schema of [{}, true, { description: "whatever", default: 1 }])
      expect(write(schema, value)).toBe(JSON.stringify(value));
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(refusal({}, cycle)).toBe("add.sum response could not be written");
    expect(refusal({}, { a: 5n })).toBe("add.sum response could not be written");
  });

  it("writes nothing where the schema allows nothing", () => {
    for (const schema of [false, { not: {} }, { not: true }, { enum: [] }]) {
      expect(refusal(schema, 1)).toBe("add.sum response should be absent, got a number");
      expect(write({ type: "object", properties: { a: integer, n: schema }, required: ["a"] }, { a: 1 })).toBe(
        '{"a":1}',
      );
    }
  });
});

describe("arrays", () => {
  it("writes items by their schema, few and many", () => {
    for (const length of [0, 1, 3, 4, 100]) {
      const numbers = Array.from({ length }, (_, i) => i * 1.5);
      expect(write({ type: "array", items: { type: "number" } }, numbers)).toBe(JSON.stringify(numbers));
      const objects = numbers.map((v) => ({ v, secret: 1 }));
      expect(write({ type: "array", items: object({ v: { type: "number" } }) }, objects)).toBe(
        JSON.stringify(numbers.map((one) => ({ v: one }))),
      );
    }
    expect(write({ type: "array" }, [1, "x", { a: 1 }])).toBe('[1,"x",{"a":1}]');
    expect(write({ items: string }, ["x"])).toBe('["x"]');
  });

  it("says which item does not fit", () => {
    expect(refusal({ type: "array", items: integer }, [1, 2, 3, 4, "x"])).toBe(
      "add.sum response[4] should be an integer, got a string",
    );
    expect(refusal({ type: "array", items: integer }, [1, Number.NaN])).toBe(
      "add.sum response[1] should be an integer, got NaN",
    );
    expect(refusal({ type: "array", items: integer }, Object.assign([], { length: 5 }))).toBe(
      "add.sum response[0] should be an integer, got undefined",
    );
    expect(refusal({ type: "array", items: integer }, { length: 1, 0: 1 })).toBe(
      "add.sum response should be an array, got an object",
    );
    expect(write({ type: "array", items: integer }, [1n, 2, 3, 4, 5n])).toBe("[1,2,3,4,5]");
  });

  it("writes a tuple's declared items and no others", () => {
    const pair = { type: "array", prefixItems: [integer, string], minItems: 2 };
    expect(write(pair, [1, "a", "secret"])).toBe('[1,"a"]');
    expect(write({ ...pair, items: false }, [1, "a", "secret"])).toBe('[1,"a"]');
    expect(write({ ...pair, items: integer }, [1, "a", 2, 3])).toBe('[1,"a",2,3]');
    expect(write({ ...pair, items: {} }, [1, "a", { b: 1 }])).toBe('[1,"a",{"b":1}]');
    expect(refusal(pair, [1])).toBe("add.sum response should be an array of at least 2, got an array");
    expect(refusal(pair, ["a", 1])).toBe("add.sum response[0] should be an integer, got a string");
    expect(write({ ...pair, minItems: 1 }, [1])).toBe("[1]");
    expect(write({ type: "array", items: false }, [1])).toBe("[]");
  });
});

describe("unions", () => {
  it("choose by type where that decides", () => {
    const schema = {
      anyOf: [string, integer, { type: "null" }, { type: "array", items: string }, object({ a: integer })],
    };
    const values = ["x", 1, null, ["x"], { a: 1 }];
    for (const value of values) expect(write(schema, value)).toBe(JSON.stringify(value));
    expect(refusal(schema, { a: "x" })).toBe("add.sum response.a should be an integer, got a string");
    expect(refusal(schema, true)).toBe(
      "add.sum response should be a string or an integer or null or an array of a declared form or an object of a declared form, got a boolean",
    );
    expect(write({ type: ["string", "null"] }, null)).toBe("null");
  });

  it("choose by a constant all candidates have, and then say what is wrong inside", () => {
    const branch = (t: unknown, fields: Readonly<Record<string, JsonSchema>>): JsonSchema =>
      object({ id: integer, t: { const: t }, ...fields });
    for (const keyword of ["oneOf", "anyOf"]) {
      const schema = {
        [keyword]: [branch("a", { x: integer }), branch("b", { y: string }), branch(3, { "z?": string })],
      };
      expect(write(schema, { id: 1, t: "b", x: 1, y: "s" })).toBe('{"id":1,"t":"b","y":"s"}');
      expect(write(schema, { id: 1, t: 3, y: "s" })).toBe('{"id":1,"t":3}');
      expect(refusal(schema, { id: 1, t: "a", y: "s" })).toBe("add.sum response.x should be an integer, got undefined");
      expect(refusal(schema, { id: 1, t: "c" })).toBe(
        'add.sum response should have .t one of "a", "b", 3, got an object',
      );
      expect(refusal(schema, {})).toContain("should have .t one of");
    }
  });

  it("choose by enums as by constants, and by matching when constants overlap", () => {
    const ab = object({ t: { enum: ["a", "b"] }, x: integer });
    const c = object({ t: { const: "c" }, y: integer });
    expect(write({ anyOf: [ab, c] }, { t: "c", x: 1, y: 2 })).toBe('{"t":"c","y":2}');
    const bc = object({ t: { enum: ["b", "c"] }, y: integer });
    expect(write({ anyOf: [ab, bc] }, { t: "b", y: 2 })).toBe('{"t":"b","y":2}');
    expect(write({ anyOf: [ab, bc] }, { t: "b", x: 1 })).toBe('{"t":"b","x":1}');
    expect(write({ anyOf: [object({ "t?": { const: "a" }, x: integer }), c] }, { x: 1 })).toBe('{"x":1}');
  });

  it("take the first branch that fits by its required fields and types", () => {
    const schema = { anyOf: [object({ a: integer }), object({ b: string, "c?": integer }), object({ b: integer })] };
    expect(write(schema, { b: "x", c: 1 })).toBe('{"b":"x","c":1}');
    expect(write(schema, { b: 1, c: 1 })).toBe('{"b":1}');
    expect(write(schema, { a: 1, b: 1 })).toBe('{"a":1}');
    expect(refusal(schema, { b: true })).toBe("add.sum response should fit one of its 3 declared forms, got an object");
    expect(
      write(
        {
          anyOf: [
            { type: "array", items: string },
            { type: "array", items: integer },
          ],
        },
        [1],
      ),
    ).toBe("[1]");
    const tuples = { anyOf: [{ prefixItems: [string, string], minItems: 2 }, { prefixItems: [string, integer] }] };
    expect(write(tuples, ["a"])).toBe('["a"]');
    expect(write(tuples, ["a", 1])).toBe('["a",1]');
  });

  it("look below the first level", () => {
    const deep = (leaf: JsonSchema): JsonSchema => object({ a: object({ list: { type: "array", items: leaf } }) });
    const schema = { anyOf: [deep(integer), deep(string)] };
    expect(write(schema, { a: { list: ["x"] } })).toBe('{"a":{"list":["x"]}}');
    const records = {
      anyOf: [{ additionalProperties: integer }, { patternProperties: { "^x": string }, additionalProperties: false }],
    };
    expect(write(records, { xa: "s" })).toBe('{"xa":"s"}');
    expect(
      write({ anyOf: [{ additionalProperties: integer }, { additionalProperties: string }] }, { a: undefined, b: "x" }),
    ).toBe('{"b":"x"}');
    expect(write({ anyOf: [object({ at: integer }), object({ at: string })] }, { at: new Date(0) })).toContain("1970");
  });

  it("prefer the branch that forbids nothing the value has, and then leave out what is forbidden", () => {
    const closed = { additionalProperties: false };
    const schema = { anyOf: [object({ a: integer }, closed), object({ a: integer, b: integer }, closed)] };
    expect(write(schema, { a: 1, b: 2 })).toBe('{"a":1,"b":2}');
    expect(write(schema, { a: 1, b: undefined })).toBe('{"a":1}');
    expect(write(schema, { a: 1, secret: 2 })).toBe('{"a":1}');
    const tuples = {
      anyOf: [
        { prefixItems: [integer], items: false },
        { prefixItems: [integer, integer], items: false },
      ],
    };
    expect(write(tuples, [1, 2])).toBe("[1,2]");
  });

  it("see constants and types before the open branch behind them", () => {
    expect(write({ anyOf: [string, {}] }, "x")).toBe('"x"');
    expect(write({ anyOf: [object({ a: integer }), {}] }, { a: 1, b: 2 })).toBe('{"a":1}');
    expect(write({ anyOf: [object({ a: integer }), {}] }, { b: 2 })).toBe('{"b":2}');
    expect(write({ anyOf: [{ const: "x" }, integer, string] }, "y")).toBe('"y"');
  });
});

describe("allOf, references and neighbours", () => {
  it("merges objects", () => {
    const schema = {
      allOf: [object({ a: integer }), object({ b: string, "a?": { minimum: 1 } })],
      properties: { c: integer },
    };
    expect(write(schema, { a: 1, b: "x", c: 2, d: 3 })).toBe('{"c":2,"a":1,"b":"x"}');
    expect(refusal(schema, { a: 1, c: 2 })).toBe("add.sum response.b should be a string, got undefined");
  });

  it("is open when a part says so and none forbids it", () => {
    const open = { type: "object", additionalProperties: {} };
    expect(write({ allOf: [object({ a: integer }), open] }, { a: 1, b: 2 })).toBe('{"a":1,"b":2}');
    expect(write({ allOf: [object({ a: object({ x: integer }) }), open] }, { a: { x: 1, secret: 2 } })).toBe(
      '{"a":{"x":1}}',
    );
    expect(write({ allOf: [object({ a: integer }, { additionalProperties: false }), open] }, { a: 1, b: 2 })).toBe(
      '{"a":1}',
    );
    expect(write({ allOf: [object({ a: integer }), { type: "object" }] }, { a: 1, b: 2 })).toBe('{"a":1}');
    expect(
      write({ allOf: [{ additionalProperties: integer }, { additionalProperties: { type: "number" } }] }, { a: 1 }),
    ).toBe('{"a":1}');
  });

  it("distributes over the branches of a union", () => {
    const schema = { allOf: [object({ id: integer }), { anyOf: [object({ a: integer }), object({ b: integer })] }] };
    expect(write(schema, { id: 1, b: 2, c: 3 })).toBe('{"id":1,"b":2}');
    const neighbours = {
      ...(object({ id: integer, "a?": integer, "b?": integer }) as object),
      anyOf: [{ required: ["a"] }, { required: ["b"] }],
    };
    expect(write(neighbours, { id: 1, b: 2, c: 3 })).toBe('{"id":1,"b":2}');
    expect(refusal(neighbours, { id: 1 })).toContain("should fit one of its 2 declared forms");
  });

  it("merges scalars, constants, arrays and rules for names", () => {
    expect(write({ allOf: [{ type: "number" }, { type: ["integer", "string"] }] }, 1)).toBe("1");
    expect(refusal({ allOf: [{ type: "number" }, { type: "integer" }] }, 1.5)).toContain("an integer");
    expect(refusal({ allOf: [string, integer] }, 1)).toContain("should be absent");
    expect(write({ allOf: [{ enum: ["a", "b"] }, { enum: ["b", "c"] }] }, "b")).toBe('"b"');
    expect(refusal({ allOf: [{ enum: ["a"] }, { const: "b" }] }, "a")).toContain("should be absent");
    expect(
      write({ allOf: [{ items: object({ a: integer }) }, { items: object({ b: integer }) }] }, [{ a: 1, b: 2, c: 3 }]),
    ).toBe('[{"a":1,"b":2}]');
    expect(
      write({ allOf: [{ prefixItems: [integer] }, { prefixItems: [{}, string], minItems: 1 }] }, [1, "x", 2]),
    ).toBe('[1,"x"]');
    expect(refusal({ allOf: [{ prefixItems: [integer], minItems: 1 }, { prefixItems: [{}, string] }] }, [])).toContain(
      "should be an array of at least 1",
    );
    const names = {
      allOf: [
        { additionalProperties: integer, propertyNames: { pattern: "^a" } },
        { propertyNames: { pattern: "b$" } },
      ],
    };
    expect(write(names, { ab: 1, a: 2, b: 3 })).toBe('{"ab":1}');
  });

  it("follows references, with neighbours and behind each other", () => {
    const $defs = { A: { $ref: "#/$defs/B", description: "x" }, B: object({ v: integer }) };
    expect(write({ $ref: "#/$defs/A", $defs }, { v: 1, secret: 2 })).toBe('{"v":1}');
    expect(write({ $ref: "#/$defs/A", properties: { w: string }, $defs }, { v: 1, w: "x", secret: 2 })).toBe(
      '{"w":"x","v":1}',
    );
    expect(
      write({ ...(object({ l: { $ref: "#/definitions/B" } }) as object), definitions: $defs }, { l: { v: 1, x: 2 } }),
    ).toBe('{"l":{"v":1}}');
  });

  it("writes trees to any depth that is sane and ends on cycles", () => {
    const node = object({ v: integer, "next?": { $ref: "#" }, "kids?": { type: "array", items: { $ref: "#" } } });
    expect(write(node, { v: 1, next: { v: 2, x: 3 }, kids: [{ v: 4, kids: [] }] })).toBe(
      '{"v":1,"next":{"v":2},"kids":[{"v":4,"kids":[]}]}',
    );
    const chain = (length: number): object =>
      Array.from({ length }).reduce<object>((next) => ({ v: 1, next }), { v: 0 });
    const twice = jsonWriter(node, "w");
    expect(JSON.parse(twice(chain(500)))).toEqual(chain(500));
    expect(refusal(node, chain(600))).toMatch(
      /^add\.sum response(\.next)+ should not nest deeper than 512, got an object$/,
    );
    const cycle: { v: number; next?: object } = { v: 1 };
    cycle.next = cycle;
    expect(() => twice(cycle)).toThrow(ServiceError);
    expect(JSON.parse(twice(chain(500)))).toEqual(chain(500));
  });

  it("ends on cycles through unions of any JSON, without a stack overflow leaving it", () => {
    const schema = input(z.json());
    const cycle: unknown[] = [];
    cycle.push({ a: cycle });
    expect(refusal(schema, cycle)).toMatch(/should not nest deeper than 512|could not be written/);
    const value = { a: [1, "x", null, { b: true }] };
    expect(write(schema, value)).toBe(JSON.stringify(value));
  });
});

describe("jsonWriter", () => {
  it("refuses at construction what it cannot follow, by message and keyword", () => {
    const cases: readonly (readonly [JsonSchema, string])[] = [
      [{ if: {}, else: {} }, '"if"'],
      [{ dependentSchemas: {} }, '"dependentSchemas"'],
      [object({ a: { $dynamicRef: "#x" } }), '"$dynamicRef"'],
      [{ unevaluatedProperties: true }, '"unevaluatedProperties"'],
      [{ unevaluatedItems: {} }, '"unevaluatedItems"'],
      [{ ...(object({ a: integer }) as object), not: { required: ["b"] } }, '"not"'],
      [{ not: { type: "string" } }, '"not"'],
      [{ allOf: [object({ a: integer }), { not: { required: ["b"] } }] }, '"not"'],
      [{ type: "array", items: [integer] }, "items should be a schema, got an array of 1"],
      [{ type: "strange" }, 'type should be one of JSON\'s, got "strange"'],
      [{ properties: { a: 7 } }, "properties.a should be a schema, got 7"],
      [{ properties: 7 }, "properties should be an object, got 7"],
      [{ anyOf: {} }, "anyOf should be an array"],
      [{ patternProperties: { "(": {} } }, "a pattern should be a regular expression"],
      [{ $ref: "https://elsewhere/x" }, '$ref should begin with "#/"'],
      [{ $ref: "#/$defs/no" }, "$ref should lead to a schema"],
      [{ $ref: "#" }, "should not be made of itself"],
      [{ anyOf: [{ $ref: "#" }, string] }, "should not be made of itself"],
      [
        { allOf: Array.from({ length: 9 }, () => ({ anyOf: [object({ a: integer }), object({ b: integer })] })) },
        "at most 256 alternatives",
      ],
    ];
    for (const [schema, message] of cases) {
      expect(() => jsonWriter(schema, "add.sum response")).toThrow(TypeError);
      expect(() => jsonWriter(schema, "add.sum response")).toThrow("add.sum response: ");
      expect(() => jsonWriter(schema, "add.sum response")).toThrow(message);
    }
  });

  it("leaves to validators what does not change what is written", () => {
    expect(write({ type: "string", not: { const: "x" }, pattern: "^a", maxLength: 1, format: "email" }, "bb")).toBe(
      '"bb"',
    );
    expect(write({ type: "array", contains: {}, uniqueItems: true, minItems: 5 }, [1])).toBe("[1]");
    expect(write({ type: "integer", minimum: 5, default: 7, not: false }, 1)).toBe("1");
  });

  it("gives the reason it was told to", () => {
    const writeRequest = jsonWriter(integer, "add.sum request", "invalid_request");
    expect(() => writeRequest("x")).toThrow(
      expect.objectContaining({ reason: "invalid_request", code: "invalid_argument" }),
    );
    expectTypeOf(jsonWriter).parameter(2).toEqualTypeOf<"invalid_response" | "invalid_request" | undefined>();
    // @ts-expect-error a misspelt reason
    expect(jsonWriter(integer, "w", "invalid")(1)).toBe("1");
  });

  it("keeps what was thrown as a cause, never as a message", () => {
    const bad = {
      get v(): never {
        throw new Error("hunter2");
      },
    };
    let thrown: unknown;
    try {
      write(object({ v: integer }), bad);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      message: "the response does not fit the method",
      cause: { cause: { message: "hunter2" } },
    });
  });
});

describe("jsonProjector", () => {
  it("gives a copy in the wire form with declared fields only", () => {
    const value = { at: new Date(0), list: [{ v: 1, secret: 2 }], secret: 3 };
    const project = jsonProjector(object({ at: string, list: { type: "array", items: object({ v: integer }) } }), "w");
    expect(project(value)).toEqual({ at: "1970-01-01T00:00:00.000Z", list: [{ v: 1 }] });
    expect(() => project({})).toThrow(ServiceError);
  });
});

describe("schemas of the libraries", () => {
  interface Case {
    readonly schema: unknown;
    readonly value: unknown;
    readonly json: string;
  }

  const profile = { id: 1, name: "n", tags: ["t"], note: null, color: "red", password: "x" };
  const profileJson = '{"id":1,"name":"n","tags":["t"],"note":null,"color":"red"}';
  const valibot = (schema: Parameters<typeof toStandardJsonSchema>[0]): unknown => toStandardJsonSchema(schema);

  const Tree = z.object({
    name: z.string(),
    get kids() {
      return z.array(Tree);
    },
  });
  const valibotTree: v.GenericSchema = v.object({ name: v.string(), kids: v.array(v.lazy(() => valibotTree)) });
  const tree = { name: "a", secret: 1, kids: [{ name: "b", secret: 2, kids: [] }] };
  const treeJson = '{"name":"a","kids":[{"name":"b","kids":[]}]}';
  const color = ["red", "green"] as const;

  const cases: Readonly<Record<string, Case>> = {
    "zod: object": {
      schema: z.object({
        id: z.int(),
        name: z.string(),
        tags: z.array(z.string()),
        note: z.string().nullable(),
        color: z.enum(color),
        opt: z.string().optional(),
        def: z.string().default("d"),
      }),
      value: profile,
      json: profileJson,
    },
    "valibot: object": {
      schema: valibot(
        v.object({
          id: v.pipe(v.number(), v.integer()),
          name: v.string(),
          tags: v.array(v.string()),
          note: v.nullable(v.string()),
          color: v.picklist(color),
          opt: v.optional(v.string()),
          def: v.optional(v.string(), "d"),
        }),
      ),
      value: profile,
      json: profileJson,
    },
    "zod: transform": {
      schema: z.object({ born: z.iso.datetime().transform((text) => new Date(text)) }),
      value: { born: new Date(0) },
      json: '{"born":"1970-01-01T00:00:00.000Z"}',
    },
    "zod: strict": { schema: z.strictObject({ a: z.int() }), value: { a: 1, b: 2 }, json: '{"a":1}' },
    "valibot: strict": { schema: valibot(v.strictObject({ a: v.number() })), value: { a: 1, b: 2 }, json: '{"a":1}' },
    "arktype: strict": { schema: type({ "+": "reject", a: "number" }), value: { a: 1, b: 2 }, json: '{"a":1}' },
    "zod: loose": { schema: z.looseObject({ a: z.int() }), value: { a: 1, b: [2] }, json: '{"a":1,"b":[2]}' },
    "zod: catchall": {
      schema: z.object({ a: z.string() }).catchall(z.int()),
      value: { a: "x", b: 2 },
      json: '{"a":"x","b":2}',
    },
    "valibot: rest": {
      schema: valibot(v.objectWithRest({ a: v.string() }, v.number())),
      value: { a: "x", b: 2 },
      json: '{"a":"x","b":2}',
    },
    "zod: record": {
      schema: z.record(z.string(), z.object({ v: z.int() })),
      value: { a: { v: 1, w: 2 } },
      json: '{"a":{"v":1}}',
    },
    "zod: record of an enum": {
      schema: z.record(z.enum(["a", "b"]), z.int()),
      value: { a: 1, b: 2, c: 3 },
      json: '{"a":1,"b":2}',
    },
    "zod: partial record": {
      schema: z.partialRecord(z.enum(["a", "b"]), z.int()),
      value: { b: 2, c: 3 },
      json: '{"b":2}',
    },
    "zod: loose record": {
      schema: z.looseRecord(z.string().regex(/^x/), z.int()),
      value: { xa: 1, b: 2 },
      json: '{"xa":1}',
    },
    "zod: record of numbers": { schema: z.record(z.number(), z.int()), value: { 1: 2, x: 3 }, json: '{"1":2}' },
    "valibot: record": { schema: valibot(v.record(v.string(), v.number())), value: { a: 1 }, json: '{"a":1}' },
    "arktype: record": { schema: type({ "[string]": "number" }), value: { a: 1 }, json: '{"a":1}' },
    "arktype: patterns": {
      schema: type({ "[/^x/]": "number", a: "string" }),
      value: { a: "s", xb: 1, c: 2 },
      json: '{"a":"s","xb":1}',
    },
    "zod: discriminated union": {
      schema: z.discriminatedUnion("t", [
        z.object({ t: z.literal("a"), x: z.int() }),
        z.object({ t: z.literal("b"), y: z.int() }),
      ]),
      value: { t: "b", x: 1, y: 2 },
      json: '{"t":"b","y":2}',
    },
    "valibot: variant": {
      schema: valibot(
        v.variant("t", [v.object({ t: v.literal("a"), x: v.number() }), v.object({ t: v.literal("b") })]),
      ),
      value: { t: "b", x: 1 },
      json: '{"t":"b"}',
    },
    "arktype: discriminated union": {
      schema: type({ t: "'a'", x: "number" }).or({ t: "'b'", y: "number" }),
      value: { t: "b", x: 1, y: 2 },
      json: '{"t":"b","y":2}',
    },
    "zod: union": {
      schema: z.union([z.object({ a: z.int() }), z.object({ b: z.string() })]),
      value: { b: "x", c: 1 },
      json: '{"b":"x"}',
    },
    "valibot: union": { schema: valibot(v.union([v.string(), v.number()])), value: 1, json: "1" },
    "arktype: union": { schema: type("string|number[]"), value: [1, 2], json: "[1,2]" },
    "zod: intersection": {
      schema: z.object({ a: z.int() }).and(z.object({ b: z.int() })),
      value: { a: 1, b: 2, c: 3 },
      json: '{"a":1,"b":2}',
    },
    "zod: open intersection": {
      schema: z.object({ a: z.int() }).and(z.record(z.string(), z.unknown())),
      value: { a: 1, b: 2 },
      json: '{"a":1,"b":2}',
    },
    "valibot: intersection": {
      schema: valibot(v.intersect([v.object({ a: v.number() }), v.object({ b: v.number() })])),
      value: { a: 1, b: 2, c: 3 },
      json: '{"a":1,"b":2}',
    },
    "arktype: intersection": {
      schema: type({ a: "number" }).and({ b: "number" }),
      value: { a: 1, b: 2, c: 3 },
      json: '{"a":1,"b":2}',
    },
    "zod: tuple": { schema: z.tuple([z.int()], z.string()), value: [1, "a", "b"], json: '[1,"a","b"]' },
    "valibot: tuple": { schema: valibot(v.tuple([v.number(), v.string()])), value: [1, "a", "b"], json: '[1,"a"]' },
    "arktype: optional tuple item": { schema: type(["number", "string?"]), value: [1], json: "[1]" },
    "zod: recursive": { schema: Tree, value: tree, json: treeJson },
    "valibot: recursive": { schema: valibot(valibotTree), value: tree, json: treeJson },
    "arktype: recursive": {
      schema: arkScope({ tree: { name: "string", kids: "tree[]" } }).export().tree,
      value: tree,
      json: '{"kids":[{"kids":[],"name":"b"}],"name":"a"}',
    },
    "zod: definitions": {
      schema: (() => {
        const F = z.object({ x: z.int() }).meta({ id: "F" });
        return z.object({ a: F, b: F });
      })(),
      value: { a: { x: 1, y: 2 }, b: { x: 3 } },
      json: '{"a":{"x":1},"b":{"x":3}}',
    },
    "zod: literals": {
      schema: z.object({ f: z.literal([1, "x", null, true]) }),
      value: { f: null },
      json: '{"f":null}',
    },
    "arktype: literals": { schema: type({ f: "1|'x'|true" }), value: { f: true }, json: '{"f":true}' },
    "valibot: enum": { schema: valibot(v.enum({ A: 1, B: "x" })), value: "x", json: '"x"' },
    "zod: never": { schema: z.object({ n: z.never().optional() }), value: {}, json: "{}" },
    "arktype: never": { schema: type({ "a?": "never" }), value: {}, json: "{}" },
    "valibot: not a value": { schema: valibot(v.pipe(v.string(), v.notValue("x"))), value: "y", json: '"y"' },
    "zod: unknown": { schema: z.object({ u: z.unknown() }), value: { u: { a: [1] } }, json: '{"u":{"a":[1]}}' },
    "arktype: optional or undefined": {
      schema: type({ "a?": "string|undefined" }),
      value: { a: undefined },
      json: "{}",
    },
  };

  for (const [name, { schema, value, json }] of Object.entries(cases)) {
    it(`writes ${name}`, () => {
      expect(write(input(schema), value)).toBe(json);
    });
  }

  it("writes nothing that valibot calls loose, because its JSON Schema does not say so", () => {
    expect(write(input(valibot(v.looseObject({ a: v.number() }))), { a: 1, b: 2 })).toBe('{"a":1}');
  });
});

describe("jsonWriter by properties", () => {
  interface Pair {
    readonly schema: JsonSchema;
    /** What a handler returns, undeclared fields included. */
    readonly value: unknown;
    /** What may leave. */
    readonly wire: unknown;
  }

  const name = fc.constantFrom("a", "b", "c", "id", "__proto__", "constructor", "toString", 'q"', "é", "");
  const scalar: fc.Arbitrary<Pair> = fc.oneof(
    fc.string({ unit: "binary" }).map((value) => ({ schema: string, value, wire: value })),
    fc.maxSafeInteger().map((value) => ({ schema: integer, value, wire: value })),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => ({ schema: { type: "number" }, value, wire: value + 0 })),
    fc.boolean().map((value) => ({ schema: { type: "boolean" }, value, wire: value })),
    fc.constant({ schema: { type: "null" }, value: null, wire: null }),
    fc.option(fc.string()).map((value) => ({ schema: { type: ["string", "null"] }, value, wire: value })),
    fc.constantFrom("x", 1, true).map((value) => ({ schema: { enum: [true, 1, "x"] }, value, wire: value })),
    fc
      .jsonValue({ maxDepth: 2 })
      .map((value) => ({ schema: {}, value, wire: JSON.parse(JSON.stringify(value)) as unknown })),
    fc.date({ noInvalidDate: true }).map((value) => ({ schema: string, value, wire: value.toJSON() })),
  );

  /** An object with the entries as own properties, whatever they are called. */
  const fromEntries = (entries: readonly (readonly [string, unknown])[]): object => {
    const made = {};
    for (const [key, value] of entries)
      Object.defineProperty(made, key, { value, enumerable: true, writable: true, configurable: true });
    return made;
  };

  const { pair } = fc.letrec<{
    pair: Pair;
    object: Pair;
    record: Pair;
    array: Pair;
    tuple: Pair;
    union: Pair;
    merged: Pair;
  }>((tie) => {
    const objectPair = fc
      .tuple(
        fc.uniqueArray(fc.tuple(name, tie("pair"), fc.constantFrom("required", "optional", "absent")), {
          maxLength: 5,
          selector: ([one]) => one,
        }),
        fc.dictionary(fc.constantFrom("secret", "valueOf", "x"), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 }),
      )
      .map(([fields, extra]): Pair => {
        const present = fields.filter(([, , how]) => how !== "absent");
        return {
          schema: {
            type: "object",
            properties: fromEntries(fields.map(([key, { schema }]) => [key, schema])),
            required: fields.filter(([, , how]) => how === "required").map(([key]) => key),
          },
          value: fromEntries([...Object.entries(extra), ...present.map(([key, { value }]) => [key, value] as const)]),
          wire: fromEntries(present.map(([key, { wire }]) => [key, wire])),
        };
      });
    return {
      pair: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        scalar,
        tie("object"),
        tie("record"),
        tie("array"),
        tie("tuple"),
        tie("union"),
        tie("merged"),
      ),
      object: objectPair,
      record: fc.tuple(fc.uniqueArray(name, { maxLength: 4 }), tie("pair")).map(([keys, { schema, value, wire }]) => ({
        schema: { type: "object", propertyNames: string, additionalProperties: schema },
        value: fromEntries(keys.map((key) => [key, value])),
        wire: fromEntries(keys.map((key) => [key, wire])),
      })),
      array: fc.tuple(fc.nat(6), tie("pair")).map(([length, { schema, value, wire }]) => ({
        schema: { type: "array", items: schema },
        value: Array.from({ length }, () => value),
        wire: Array.from({ length }, () => wire),
      })),
      tuple: fc.array(tie("pair"), { maxLength: 3 }).map((pairs) => ({
        schema: { type: "array", prefixItems: pairs.map(({ schema }) => schema), minItems: pairs.length },
        value: [...pairs.map(({ value }) => value), "secret"],
        wire: pairs.map(({ wire }) => wire),
      })),
      // Discriminated, so that only one branch can be meant.
      union: fc.tuple(tie("pair"), tie("pair"), fc.boolean()).map(([left, right, isLeft]) => {
        const { value, wire } = isLeft ? left : right;
        const t = isLeft ? "l" : "r";
        const branch = (constant: string, schema: JsonSchema): JsonSchema =>
          object({ t: { const: constant }, [constant]: schema });
        return {
          schema: { oneOf: [branch("l", left.schema), branch("r", right.schema)] },
          value: { t, [t]: value, secret: 1 },
          wire: { t, [t]: wire },
        };
      }),
      merged: fc.tuple(tie("pair"), tie("pair")).map(([left, right]) => ({
        schema: { allOf: [object({ l: left.schema }), object({ r: right.schema })] },
        value: { r: right.value, l: left.value, secret: 1 },
        wire: { l: left.wire, r: right.wire },
      })),
    };
  });

  it("writes the projection of any value to the declared fields of its schema", () => {
    fc.assert(
      fc.property(pair, ({ schema, value, wire }) => {
        expect(JSON.parse(write(schema, value))).toEqual(wire);
      }),
      { numRuns: 2000 },
    );
  });

  it("writes what JSON.stringify writes when everything is declared", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), (value) => {
        const names = Object.keys(value);
        expect(
          write({ type: "object", properties: fromEntries(names.map((one) => [one, string])), required: names }, value),
        ).toBe(JSON.stringify(value));
        expect(write({ type: "object", additionalProperties: string }, value)).toBe(JSON.stringify(value));
      }),
    );
  });
});
