import { describe, expect, it } from "vitest";
import { z } from "zod";
import { shapeOf } from "../../contract/index.ts";
import { json } from "../codec.ts";
import { paramsWriter, requestReader } from "./params.ts";

interface Tree {
  readonly n: number;
  readonly left?: Tree | undefined;
}
const tree: z.ZodType<Tree, Tree> = z.lazy(() => z.object({ n: z.int(), left: tree.optional() }));
const schemaless = {
  validate: (value: unknown) => ({ value }),
  jsonSchema: (): never => {
    throw new TypeError("none");
  },
};

describe("params by position", () => {
  it.each<[string, z.ZodType, unknown[], unknown]>([
    ["take the names of an object in its order", z.object({ b: z.int(), a: z.int() }), [1, 2], { b: 1, a: 2 }],
    ["may be fewer", z.object({ a: z.int(), b: z.int().optional() }), [1], { a: 1 }],
    ["take the names of a schema by reference", tree, [1], { n: 1 }],
    ["are the array of a method that takes one", z.array(z.int()), [1, 2], [1, 2]],
    ["are the tuple of a method that takes one", z.tuple([z.int(), z.string()]), [1, "a"], [1, "a"]],
    ["are the one value of a method that takes a scalar", z.string(), ["a"], "a"],
    [
      "are the one value of a method that takes this or that",
      z.union([z.string(), z.object({ a: z.int() })]),
      ["a"],
      "a",
    ],
    ["are the one value of a method that takes anything", z.unknown(), [[1]], [1]],
  ])("%s", (_name, schema, params, request) => {
    expect(requestReader(shapeOf(schema), "a.b request")(params)).toEqual(request);
  });

  it.each<[z.ZodType, unknown[], string]>([
    [z.object({ a: z.int() }), [1, 2], "there should be at most 1 params"],
    [z.object({}), [1], "params should be given by name"],
    [z.record(z.string(), z.int()), [1], "params should be given by name"],
    [z.string(), [], "one param"],
    [z.string(), ["a", "b"], "params should be given by name"],
    [z.union([z.object({ a: z.int() }), z.object({ b: z.int() })]), [1], "params should be given by name"],
  ])("are refused where they do not fit", (schema, params, message) => {
    const read = requestReader(shapeOf(schema), "a.b request");
    if (params.length === 0) expect(read(params)).toEqual({});
    else expect(() => read(params)).toThrow(message);
  });

  it("need names: without a schema there are none, and params by name need none", () => {
    const read = requestReader(schemaless, "a.b request");
    expect(() => read([1])).toThrow("params should be given by name");
    expect(read({ a: 1 })).toEqual({ a: 1 });
    expect(read([])).toEqual({});
    expect(paramsWriter(schemaless, "a.b request")('{"a":1}')).toBe('{"a":1}');
  });
});

describe("params that are left out", () => {
  it("are an empty request of its kind", () => {
    const read = (schema: z.ZodType): unknown => requestReader(shapeOf(schema), "a.b request")(undefined);
    expect([read(z.object({ a: z.int() })), read(z.array(z.int())), read(z.string())]).toEqual([{}, [], undefined]);
  });
});

describe("a request", () => {
  it.each<[z.ZodType, unknown]>([
    [z.object({ a: z.int() }), { a: 1 }],
    [z.array(z.int()), [1, 2]],
    [z.array(z.int()), []],
    [z.string(), "a"],
    [z.null(), null],
    [z.int(), 5],
    [z.unknown(), [1, [2]]],
    [z.unknown(), { a: 1 }],
    [z.union([z.array(z.int()), z.string()]), [5]],
    [z.union([z.array(z.int()), z.object({ a: z.int() })]), { a: 1 }],
    [tree, { n: 1, left: { n: 2 } }],
  ])("comes back out of its params: %#", (schema, request) => {
    const shape = shapeOf(schema);
    const params = JSON.parse(
      paramsWriter(shape, "a.b request")(json.writer(shape, "a.b request")(request) as string),
    ) as unknown;
    expect(typeof params === "object" && params !== null).toBe(true);
    expect(requestReader(shape, "a.b request")(params)).toEqual(request);
  });
});
