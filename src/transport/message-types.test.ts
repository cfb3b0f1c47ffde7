import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as valibot from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { method, oneWay, service, type Methods } from "../contract/index.ts";
import type { Schema } from "../errors/index.ts";
import { fromJsonSchema } from "../jsonschema/index.ts";
import { byteStreamSchema, messageTypesOf, type MessageType, type MethodMessages } from "./index.ts";
import { typeText } from "./message-types-model.ts";

const of = (methods: Methods): ReadonlyMap<string, MethodMessages> => messageTypesOf(service("shop.orders", methods));
const requestOf = (request: Schema): MessageType =>
  of({ sum: method({ request, response: z.object({}) }) }).get("sum")!.request;
/** The fields of a message in a few words. */
const shown = ({ fields }: MessageType): readonly string[] =>
  fields.map(
    ({ name, number, type, isOptional, isNullable }) =>
      `${number} ${name} ${typeText(type)}${isOptional ? " optional" : ""}${isNullable ? " null" : ""}`,
  );
const fieldsOf = (fields: z.ZodRawShape): readonly string[] => shown(requestOf(z.object(fields)));
const typeOf = (field: z.ZodType): string => fieldsOf({ f: field })[0]!.slice("1 f ".length);

describe("the messages of a contract", () => {
  it("have a field per property, numbered in their order", () => {
    const messages = of({
      sum: method({ request: z.object({ a: z.int(), b: z.number() }), response: z.object({ v: z.boolean() }) }),
    });
    const { request, response } = messages.get("sum")!;
    expect(request).toMatchObject({ name: "SumRequest", isWrapped: false, removed: [] });
    expect(shown(request)).toEqual(["1 a int64", "2 b double"]);
    expect(response.name).toBe("SumResponse");
    expect(shown(response)).toEqual(["1 v bool"]);
  });

  it.each<[string, z.ZodType, string]>([
    ["integer", z.int(), "int64"],
    ["number", z.number(), "double"],
    ["boolean", z.boolean(), "bool"],
    ["string", z.string(), "string"],
    ["string with a format", z.uuid(), "string"],
    ["date in text", z.iso.datetime(), "string"],
    ["enum", z.enum(["a", "b"]), "string"],
    ["literal", z.literal("a"), "string"],
    ["union of literals", z.union([z.literal("a"), z.literal("b")]), "string"],
    ["numbers that are listed", z.literal([1, 2]), "int64"],
    ["numbers that are listed, not all whole", z.literal([1, 2.5]), "double"],
    ["literals of several types", z.literal(["a", 1]), "json"],
    ["list", z.array(z.string()), "list of string"],
    ["list of objects", z.array(z.object({ x: z.int() })), "list of SumRequestF"],
    ["list of lists", z.array(z.array(z.int())), "list of json"],
    ["list of maps", z.array(z.record(z.string(), z.int())), "list of json"],
    ["list with null", z.array(z.int().nullable()), "list of json"],
    ["record", z.record(z.string(), z.int()), "map of int64"],
    ["record of lists", z.record(z.string(), z.array(z.int())), "map of json"],
    ["record of anything", z.record(z.string(), z.unknown()), "map of json"],
    ["record of known names", z.record(z.enum(["x", "y"]), z.int()), "SumRequestF"],
    ["object", z.object({ x: z.int() }), "SumRequestF"],
    ["object that is open", z.looseObject({ x: z.int() }), "json"],
    ["object with more of one type", z.object({ x: z.int() }).catchall(z.string()), "json"],
    ["intersection", z.intersection(z.object({ x: z.int() }), z.object({ y: z.int() })), "SumRequestF"],
    ["union of objects", z.union([z.object({ x: z.int() }), z.object({ y: z.int() })]), "json"],
    ["union of types", z.union([z.int(), z.string()]), "json"],
    ["integer or number", z.union([z.int(), z.number()]), "double"],
    ["tuple", z.tuple([z.int(), z.string()]), "json"],
    ["anything", z.any(), "json"],
    ["null", z.null(), "json"],
    ["optional", z.int().optional(), "int64 optional"],
    ["with a default", z.int().default(5), "int64 optional"],
    ["nullable", z.int().nullable(), "int64 optional null"],
    ["nullable object", z.object({ x: z.int() }).nullable(), "SumRequestF optional null"],
    ["nullable literal", z.literal(["a", null]), "string optional null"],
    ["nullable and optional", z.int().nullable().optional(), "json optional"],
    ["nullable list", z.array(z.int()).nullable(), "json"],
    ["optional list", z.array(z.int()).optional(), "list of int64 optional"],
  ])("%s", (_, schema, text) => {
    expect(typeOf(schema)).toBe(text);
  });

  it("hold what is no object in one field", () => {
    expect(requestOf(z.string())).toMatchObject({ isWrapped: true });
    expect(shown(requestOf(z.string()))).toEqual(["1 value string"]);
    expect(shown(requestOf(z.array(z.object({ x: z.int() }))))).toEqual(["1 value list of SumRequestValue"]);
    expect(shown(requestOf(z.record(z.string(), z.int())))).toEqual(["1 value map of int64"]);
    expect(shown(requestOf(z.object({ x: z.int() }).nullable()))).toEqual(["1 value SumRequestValue optional null"]);
    expect(shown(requestOf(z.unknown()))).toEqual(["1 value json"]);
  });

  it("are empty for an empty object and for the answer of a one-way method", () => {
    const messages = of({ note: oneWay({ request: z.object({}) }) });
    expect(messages.get("note")).toMatchObject({
      request: { fields: [], isWrapped: false },
      response: { name: "NoteResponse", fields: [], isWrapped: false },
    });
  });

  it("have names of their own, whatever the methods are called", () => {
    const empty = method({ request: z.object({}), response: z.object({}) });
    expect([...of({ get_user: empty, getUser: empty }).values()].map(({ request }) => request.name)).toEqual([
      "GetUserRequest",
      "GetUserRequest2",
    ]);
    const named = messageTypesOf(service("SumRequest", { sum: empty }));
    expect(named.get("sum")?.request.name).toBe("SumRequest2");
  });

  it("are called by their path within others", () => {
    const { fields } = requestOf(z.object({ ship_to: z.object({ geo: z.object({ lat: z.number() }) }) }));
    const [to] = fields;
    expect(to?.type).toMatchObject({
      message: { name: "SumRequestShipTo", fields: [{ type: { message: { name: "SumRequestShipToGeo" } } }] },
    });
  });

  it("share definitions that are the same, by their name", () => {
    const geo = z.object({ lat: z.number() }).meta({ id: "shop.geo" });
    const address = z.object({ geo }).meta({ id: "Address" });
    const messages = of({
      a: method({ request: z.object({ address, geo }), response: z.object({ address: address.nullable() }) }),
      b: method({ request: z.object({ list: z.array(address) }), response: z.object({}) }),
    });
    expect(shown(messages.get("a")!.request)).toEqual(["1 address Address", "2 geo ShopGeo"]);
    expect(shown(messages.get("a")!.response)).toEqual(["1 address Address optional null"]);
    expect(shown(messages.get("b")!.request)).toEqual(["1 list list of Address"]);
  });

  it("do not share definitions that only have the same name", () => {
    const schema = (type: string): Schema =>
      fromJsonSchema({
        type: "object",
        properties: { x: { $ref: "#/$defs/X" } },
        $defs: { X: { type: "object", properties: { v: { type } } } },
      }) as Schema;
    const messages = of({ a: method({ request: schema("string"), response: schema("integer") }) });
    expect(shown(messages.get("a")!.request)).toEqual(["1 x X optional"]);
    expect(shown(messages.get("a")!.response)).toEqual(["1 x AResponseX optional"]);
  });

  it("may hold themselves", () => {
    interface Node {
      readonly next?: Node | undefined;
      readonly up: Node | null;
      readonly kids: readonly Node[];
    }
    const node: z.ZodType<Node> = z.object({
      get next() {
        return node.optional();
      },
      get up() {
        return node.nullable();
      },
      get kids() {
        return z.array(node);
      },
    }) as never;
    expect(shown(requestOf(node))).toEqual([
      "1 next SumRequest optional",
      "2 up SumRequest optional null",
      "3 kids list of SumRequest",
    ]);
    const list: z.ZodType = z.array(z.lazy(() => list));
    expect(shown(requestOf(list))).toEqual(["1 value list of json"]);
  });

  it("come of other libraries too", () => {
    const object = valibot.object({
      a: valibot.pipe(valibot.number(), valibot.integer()),
      b: valibot.nullable(valibot.string()),
    });
    expect(shown(requestOf(toStandardJsonSchema(object)))).toEqual(["1 a int64", "2 b string optional null"]);
    expect(shown(requestOf(type({ a: "number.integer", "b?": "string[]" }))).toSorted()).toEqual([
      "1 a int64",
      "2 b list of string optional",
    ]);
  });

  it.each<[string, () => unknown, string]>([
    [
      "a name with a dash",
      () => fieldsOf({ "a-b": z.int() }),
      'shop.orders.sum request: the field "a-b" should be named with letters',
    ],
    ["a name with a digit first", () => fieldsOf({ "1a": z.int() }), 'the field "1a" should be named'],
    ["an empty name, inside", () => fieldsOf({ a: z.object({ "": z.int() }) }), 'the field "" should be named'],
    [
      "a stream",
      () => requestOf(byteStreamSchema),
      "shop.orders.sum request: a stream of bytes should travel over HTTP",
    ],
    [
      "no JSON Schema",
      () => requestOf(valibot.object({})),
      'wrap it in toStandardJsonSchema() of "@valibot/to-json-schema"',
    ],
    [
      "a schema that cannot be written by",
      () => requestOf(fromJsonSchema({ if: {} }) as Schema),
      'the JSON Schema keyword "if" is not supported',
    ],
  ])("refuse %s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("take any name inside what stays JSON", () => {
    expect(typeOf(z.union([z.object({ "a-b": z.int() }), z.int()]))).toBe("json");
  });
});
