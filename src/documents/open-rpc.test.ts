import { describe, expect, it } from "vitest";
import { z } from "zod";
import { error, method, oneWay, service } from "../index.ts";
import { serve } from "../server/index.ts";
import { jsonrpcServer } from "../transport/jsonrpc/index.ts";
import { proto } from "../transport/protobuf/index.ts";
import { Add } from "../transport/protobuf/testdata/gen/add_pb.ts";
import { openRpc, type OpenRpcMethod } from "./index.ts";
import { browse } from "./testdata/browse.ts";
import { lookUp, openRpcProblems, validatorOf } from "./testdata/validate.ts";

const info = { title: "Test", version: "1.0.0" };
const thing = z.object({ id: z.string().describe("Its id."), size: z.int().optional() }).meta({ id: "Thing" });
const tooSmall = error("too_small", { code: "out_of_range", details: z.object({ least: z.int() }) });
const tooLarge = error("too_large_thing", { code: "out_of_range", message: "it does not fit" });
const broken = error("broken", { code: "internal" });
const things = service("shop.things", {
  put: method({ request: thing.describe("Puts a thing."), response: thing, errors: [tooSmall, tooLarge, broken] }),
  pair: method({ request: z.tuple([z.int(), z.string()]), response: z.int() }),
  one: method({ request: z.string(), response: z.null() }),
  either: method({
    request: z.union([z.object({ a: z.int(), b: z.int() }), z.object({ a: z.string() })]),
    response: z.object({}),
  }),
  watch: method({ request: z.object({}), response: thing, stream: "server" }),
});
const document = openRpc([things], info);
const named = (name: string): OpenRpcMethod => document.methods.find((one) => one.name === name)!;

describe("an OpenRPC document", () => {
  it("is valid", () => {
    expect(openRpcProblems(document)).toEqual([]);
    expect(openRpcProblems(openRpc([proto(Add)], { ...info, servers: [{ url: "https://example.org/rpc" }] }))).toEqual(
      [],
    );
    expect(openRpcProblems({ ...document, methods: [{ name: 1 }] })).not.toEqual([]);
  });

  it("has the methods that answer once, under the names they are called by", () => {
    const names = ["put", "pair", "one", "either"];
    expect(document.methods.map(({ name }) => name)).toEqual(names.map((name) => `shop.things.${name}`));
    expect(openRpc([things], { ...info, names: "short" }).methods.map(({ name }) => name)).toEqual(names);
    expect(() => openRpc([things, service("x", things.methods)], { ...info, names: "short" })).toThrow(
      '"put" is taken',
    );
  });

  it("has params as the transport takes them", () => {
    const params = (name: string): unknown[] => [
      named(name).paramStructure,
      ...named(name).params.map((one) => `${one.name}${one.required === true ? "" : "?"}`),
    ];
    expect(params("shop.things.put")).toEqual(["either", "id", "size?"]);
    expect(params("shop.things.pair")).toEqual(["by-position", "item1", "item2"]);
    expect(params("shop.things.one")).toEqual(["by-position", "value"]);
    expect(params("shop.things.either")).toEqual(["by-name", "a", "b?"]);
    expect(named("shop.things.put").params[0]).toMatchObject({ description: "Its id.", schema: { type: "string" } });
    expect(named("shop.things.put").result).toMatchObject({
      name: "result",
      schema: { $ref: "#/components/schemas/Thing" },
    });
  });

  it("has no result and no errors for a one-way method, which may only be notified", () => {
    const audit = service("audit", { note: oneWay({ request: thing }) });
    const document = openRpc([audit], info);
    expect(openRpcProblems(document)).toEqual([]);
    const [note] = document.methods;
    expect(note).toMatchObject({ name: "audit.note", errors: [] });
    expect(note).not.toHaveProperty("result");
  });

  it("has one error for each number", () => {
    const { errors } = named("shop.things.put");
    const numbers = errors.map((one) =>
      "$ref" in one ? (lookUp(document, one.$ref) as { code: number }).code : one.code,
    );
    expect(numbers).toEqual([-32004, -32008, -32011, -32014, -32602, -32603]);
    expect(errors[2]).toEqual({
      code: -32011,
      message: "too small, or it does not fit",
      data: {
        anyOf: [{ $ref: "#/components/schemas/TooSmallError" }, { $ref: "#/components/schemas/TooLargeThingError" }],
      },
    });
    expect(errors[5]).toMatchObject({
      code: -32603,
      data: { anyOf: [{}, { $ref: "#/components/schemas/ErrorData" }] },
    });
  });

  it("says of errors what a real server answers", async () => {
    const wrong = [tooSmall({ least: 3 }), tooLarge(), broken()];
    const implementation = things.implement({
      put: ({ id }) => wrong[Number(id)] ?? { id },
      pair: () => 1,
      one: () => null,
      either: () => ({}),
      async *watch() {
        yield await Promise.resolve({ id: "x" });
      },
    });
    const running = await serve(implementation, {
      on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    const ask = async (params: unknown): Promise<{ code: number; data: unknown }> => {
      const body = JSON.stringify({ jsonrpc: "2.0", method: "shop.things.put", params, id: 1 });
      const response = await browse(running.addresses[0]!, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      return ((await response.json()) as { error: { code: number; data: unknown } }).error;
    };
    try {
      for (const params of [{ id: "0" }, { id: "1" }, { id: "2" }, { id: 7 }]) {
        const { code, data } = await ask(params);
        const all = named("shop.things.put").errors.map((one) => ("$ref" in one ? lookUp(document, one.$ref) : one));
        const one = (all as { code: number; data: unknown }[]).find((found) => found.code === code);
        expect(one, `${code} is described`).toBeDefined();
        expect(validatorOf(document, one!.data)(data), `${JSON.stringify(data)} fits`).toBe(true);
      }
    } finally {
      await running.stop();
    }
  });
});
