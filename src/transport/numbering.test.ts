import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { client, close } from "../client/index.ts";
import { method, service, type Service } from "../contract/index.ts";
import { fieldNumbers, messageTypesOf, numbered, type FieldNumbers } from "./index.ts";
import { local } from "./local/index.ts";

const v = z.object({ v: z.int() });
const sum = (request: z.ZodType): Service<{ sum: ReturnType<typeof method> }> =>
  service("add", { sum: method({ request, response: v }) }) as never;
const numbersOf = (one: Service<never>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    messageTypesOf(one)
      .get("sum")!
      .request.fields.map(({ name, number }) => [name, number]),
  );
const lockOf = (request: z.ZodType, previous?: FieldNumbers): FieldNumbers => fieldNumbers(sum(request), previous);

const first = lockOf(z.object({ a: z.int(), b: z.string() }));

describe("a lock of numbers", () => {
  it("is plain JSON", () => {
    expect(first).toEqual({
      service: "add",
      messages: {
        SumRequest: [
          { name: "a", number: 1, type: "int64" },
          { name: "b", number: 2, type: "string" },
        ],
        SumResponse: [{ name: "v", number: 1, type: "int64" }],
      },
    });
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
    expectTypeOf({
      service: "add",
      messages: { SumRequest: [{ name: "a", number: 1, type: "int64" }] },
    }).toExtend<FieldNumbers>();
  });

  it("stays as it is while the contract does", () => {
    expect(lockOf(z.object({ a: z.int(), b: z.string() }), first)).toEqual(first);
  });

  it("keeps numbers when fields change places", () => {
    const moved = z.object({ b: z.string(), a: z.int() });
    expect(lockOf(moved, first)).toEqual(first);
    expect(numbersOf(numbered(sum(moved), first) as never)).toEqual({ b: 2, a: 1 });
  });

  it("gives a new field the next number, wherever it stands, and a removed one's to nobody", () => {
    const second = lockOf(z.object({ c: z.boolean(), a: z.int() }), first);
    expect(second.messages["SumRequest"]).toEqual([
      { name: "a", number: 1, type: "int64" },
      { name: "b", number: 2, type: "string", removed: true },
      { name: "c", number: 3, type: "bool" },
    ]);
    const third = lockOf(z.object({ a: z.int(), d: z.int() }), second);
    expect(third.messages["SumRequest"]!.map(({ name, number }) => `${name}${number}`)).toEqual([
      "a1",
      "b2",
      "c3",
      "d4",
    ]);
    const { request } = messageTypesOf(numbered(sum(z.object({ a: z.int(), d: z.int() })), third)).get("sum")!;
    expect(request.removed).toMatchObject([
      { name: "b", number: 2 },
      { name: "c", number: 3 },
    ]);
  });

  it("gives a field that comes back its number when it holds the same, and a new one when not", () => {
    const gone = lockOf(z.object({ a: z.int() }), first);
    expect(lockOf(z.object({ a: z.int(), b: z.string() }), gone)).toEqual(first);
    const other = lockOf(z.object({ a: z.int(), b: z.int() }), gone);
    expect(other.messages["SumRequest"]).toEqual([
      { name: "a", number: 1, type: "int64" },
      { name: "b", number: 2, type: "string", removed: true },
      { name: "b", number: 3, type: "int64" },
    ]);
    const again = lockOf(z.object({ a: z.int() }), other);
    expect(
      numbersOf(
        numbered(
          sum(z.object({ b: z.int(), a: z.int() })),
          lockOf(z.object({ b: z.int(), a: z.int() }), again),
        ) as never,
      ),
    ).toEqual({ b: 3, a: 1 });
  });

  it("keeps the numbers of a method that is removed, for when it comes back", () => {
    const other = fieldNumbers(service("add", { concat: method({ request: v, response: v }) }), first);
    expect(other.messages["SumRequest"]!.every(({ removed }) => removed === true)).toBe(true);
    expect(fieldNumbers(sum(z.object({ b: z.string(), a: z.int() })) as never, other).messages["SumRequest"]).toEqual(
      first.messages["SumRequest"],
    );
  });

  it.each<[string, z.ZodType, string]>([
    ["a number", z.object({ a: z.number() }), "double"],
    ["a list", z.object({ a: z.array(z.int()) }), "list of int64"],
    ["a message", z.object({ a: z.object({ x: z.int() }) }), "SumRequestA"],
    ["a union", z.object({ a: z.union([z.int(), z.string()]) }), "json"],
  ])("refuses an integer that became %s, and says what to do", (_, request, type) => {
    const message =
      `add.sum request: the field "a" of SumRequest was int64 and is ${type}, which peers would misread: ` +
      `give it a new name, or its old type back`;
    expect(() => lockOf(request, first)).toThrow(message);
    const partial = numbered(sum(request), {
      ...first,
      messages: { ...first.messages, SumRequestA: [{ name: "x", number: 1, type: "int64" }] },
    });
    expect(() => messageTypesOf(partial)).toThrow(message);
  });

  it.each<[string, z.ZodType]>([
    ["optional", z.object({ a: z.int().optional(), b: z.string() })],
    ["nullable", z.object({ a: z.int().nullable(), b: z.string() })],
    ["narrower", z.object({ a: z.int().max(5), b: z.enum(["x", "y"]) })],
  ])("takes a field that became %s for the same", (_, request) => {
    expect(lockOf(request, first)).toEqual(first);
  });

  it("refuses, where it is used, a contract with a field it does not know", () => {
    const behind = numbered(sum(z.object({ a: z.int(), fresh: z.int() })), first);
    expect(() => messageTypesOf(behind)).toThrow(
      'add.sum request: the field "fresh" of SumRequest has no number in the lock: bring it up to date with "servicekit generate proto" or fieldNumbers()',
    );
  });

  it("passes over the numbers that protobuf keeps for itself", () => {
    const high: FieldNumbers = {
      service: "add",
      messages: { SumRequest: [{ name: "a", number: 18_999, type: "int64" }] },
    };
    expect(lockOf(z.object({ a: z.int(), b: z.int() }), high).messages["SumRequest"]).toContainEqual({
      name: "b",
      number: 20_000,
      type: "int64",
    });
  });

  it.each<[unknown, string]>([
    [null, "add: the lock should be an object, got null"],
    [{ service: "sub", messages: {} }, 'add: the lock should be this service\'s, got one of "sub"'],
    [{ service: "add" }, "add: the lock's messages should be an object, got undefined"],
    [{ service: "add", messages: {}, more: 1 }, 'add: the lock has no option "more"'],
    [{ service: "add", messages: { M: {} } }, "add: M in the lock should be a list, got an object"],
    [{ service: "add", messages: { M: [null] } }, "a field of add: M in the lock should be an object, got null"],
    [
      { service: "add", messages: { M: [{ name: "a", number: 0, type: "x" }] } },
      "should be an integer from 1 to 536870911, got 0",
    ],
    [
      { service: "add", messages: { M: [{ name: "a", number: 19_500, type: "x" }] } },
      "should not be from 19000 to 19999, got 19500",
    ],
    [
      { service: "add", messages: { M: [{ name: "a", number: 1 }] } },
      "the type of add: M in the lock.a should be a non-empty string",
    ],
    [
      { service: "add", messages: { M: [{ name: "a", number: 1, type: "x", removed: 1 }] } },
      "should be true or false, got 1",
    ],
    [
      { service: "add", messages: { M: ["a", "b"].map((name) => ({ name, number: 1, type: "x" })) } },
      "the number of add: M in the lock.b should be its own, got 1 twice",
    ],
    [
      { service: "add", messages: { M: [1, 2].map((number) => ({ name: "a", number, type: "x" })) } },
      'add: M in the lock should have each field once, got "a" twice',
    ],
  ])("refuses %o", (lock, message) => {
    expect(() => numbered(sum(v), lock as FieldNumbers)).toThrow(message);
  });
});

describe("a numbered service", () => {
  it("is the same service to clients and handlers", async () => {
    const plain = service("add", { sum: method({ request: z.object({ a: z.int(), b: z.int() }), response: v }) });
    const add = numbered(plain, fieldNumbers(plain));
    expectTypeOf(add).toEqualTypeOf(plain);
    const implementation = add.implement({ sum: ({ a, b }) => ({ v: a + b }) });
    expect(implementation.service).toBe(add);
    const remote = client(add, local(implementation));
    expect(await remote.sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    await close(remote);
  });
});
