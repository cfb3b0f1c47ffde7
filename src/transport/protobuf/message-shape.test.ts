import { create, createRegistry, fromJson, isMessage, type DescMessage, type JsonValue } from "@bufbuild/protobuf";
import { anyPack, AnySchema, StringValueSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Validated } from "../../errors/index.ts";
import { jsonProjector } from "../json/writer.ts";
import { fieldTables } from "./declared-fields.ts";
import { issueFinder } from "./issue.ts";
import { shapesOf, type Side } from "./message-shape.ts";
import { SumRequestSchema } from "./testdata/gen/add_pb.ts";
import {
  file_order,
  FindRequestSchema,
  Order_CardSchema,
  OrderSchema,
  Status,
  type Order,
} from "./testdata/gen/order_pb.ts";

const shapes = shapesOf(createRegistry(file_order, StringValueSchema));
const request = shapes(OrderSchema, "request");
const response = shapes(OrderSchema, "response");

const check = (wire: unknown, side: Side = "request", desc: DescMessage = OrderSchema): Validated<unknown> =>
  shapes(desc, side).validate(wire) as Validated<unknown>;

function issueOf(wire: unknown, side?: Side): string {
  const { issues } = check(wire, side);
  expect(issues).toHaveLength(1);
  const [{ path = [], message }] = issues as [{ path?: readonly PropertyKey[]; message: string }];
  return `${path.join(".")}: ${message}`;
}

function orderOf(wire: unknown, side?: Side): Order {
  const { issues, value } = check(wire, side) as { issues?: unknown; value: Order };
  expect(issues).toBeUndefined();
  return value;
}

describe("the JSON form of a message", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const text = fc.string({ unit: "binary" });
  // JSON has no -0.
  const number = fc.double().map((one) => one + 0);
  const status = fc.oneof(fc.constantFrom(0, 1, 2), fc.constantFrom(99, -1));
  const { item } = fc.letrec<{ item: object; parts: object[] }>((tie) => ({
    item: fc.record({ name: text, count: fc.nat(), parts: tie("parts") }),
    parts: fc.oneof({ maxDepth: 3 }, fc.constant<object[]>([]), fc.array(tie("item"), { maxLength: 2 })),
  }));
  const order = fc
    .record(
      {
        id: text,
        status,
        items: fc.array(item, { maxLength: 3 }),
        stock: fc.dictionary(text, int64),
        byShelf: fc.dictionary(fc.integer().map(String), item, { maxKeys: 2 }),
        payment: fc.oneof(
          fc.record({ case: fc.constant("card"), value: fc.record({ number: text }) }),
          fc.record({ case: fc.constant("voucher"), value: text }),
          fc.record({ case: fc.constant("points"), value: uint64 }),
        ),
        note: text,
        seal: fc.uint8Array(),
        weight: number,
        ratio: fc.float().map((one) => one + 0),
        gift: fc.boolean(),
        numbers: fc.array(int64),
        serial: uint64,
        shortName: text,
        made: fc.record({
          seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }),
          nanos: fc.nat(999_999_999),
        }),
        labels: fc.dictionary(
          text,
          fc.jsonValue({ maxDepth: 2 }).map((one) => JSON.parse(JSON.stringify(one)) as unknown),
        ),
        big: int64,
        nick: text,
        flags: fc.dictionary(fc.constantFrom("true", "false"), status),
      },
      { requiredKeys: [] },
    )
    .map((init) => create(OrderSchema, init as object));
  const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  it("comes back as the message that went in, whatever is in it", () => {
    fc.assert(
      fc.property(order, (message) => {
        for (const shape of [request, response]) {
          const { value } = shape.validate(overTheWire(shape.toJson!(message))) as { value: Order };
          expect(value).toEqual(message);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("has no field that the JSON Schema does not declare", () => {
    const project = jsonProjector(request.jsonSchema(), "order");
    const named = order.filter(({ status: one, flags }) =>
      [one, ...Object.values(flags)].every((value) => value in [0, 1, 2]),
    );
    fc.assert(
      fc.property(named, (message) => {
        const json = overTheWire(request.toJson!(message));
        expect(project(json)).toEqual(json);
      }),
      { numRuns: 200 },
    );
  });

  it("is read, or refused with one issue, and never throws, whatever comes", () => {
    const key = fc.constantFrom(
      "id",
      "items",
      "stock",
      "card",
      "made",
      "labels",
      "extra",
      "flags",
      "anything",
      "$typeName",
      "nope",
    );
    const wire = fc.oneof(
      fc.anything(),
      fc.dictionary(key, fc.anything({ withBigInt: true, withNullPrototype: true })),
    );
    fc.assert(
      fc.property(wire, (value) => {
        for (const shape of [request, response]) {
          const { issues } = shape.validate(value) as Validated<unknown>;
          if (issues !== undefined) expect(issues).toHaveLength(1);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("is written from an init object as from a message", () => {
    const init = { id: "7", made: { seconds: 5n }, payment: { case: "card", value: { number: "1" } } } as const;
    const json = { id: "7", made: "1970-01-01T00:00:05Z", card: { number: "1" } };
    expect(request.toJson!(init)).toEqual(json);
    expect(request.toJson!(create(OrderSchema, init))).toEqual(json);
  });

  it("is written without what the message does not declare, at any depth, message or not", () => {
    const item = { name: "n", password: "hunter2", parts: [{ name: "p", password: "hunter2" }] };
    const expected = { items: [{ name: "n", parts: [{ name: "p" }] }] };
    expect(request.toJson!({ items: [item], password: "hunter2" })).toEqual(expected);
    const message = Object.assign(create(OrderSchema, { items: [item] }), { password: "hunter2" });
    expect(request.toJson!(message)).toEqual(expected);
  });

  it("is not written from what is no such message, and the side says whose fault it is", () => {
    const cycle: Record<string, unknown> = { name: "n" };
    cycle.parts = [cycle];
    for (const wrong of [
      undefined,
      null,
      5,
      "x",
      { id: 5 },
      { id: { a: 1 } },
      { numbers: [1.5] },
      { items: [cycle] },
      { made: { seconds: 2n ** 62n } },
    ]) {
      expect(() => request.toJson!(wrong)).toThrow(expect.objectContaining({ reason: "invalid_request" }) as Error);
      expect(() => response.toJson!(wrong)).toThrow(expect.objectContaining({ reason: "invalid_response" }) as Error);
    }
  });
});

describe("a message that is received", () => {
  it("may leave out every field, and itself", () => {
    for (const nothing of [{}, undefined]) expect(orderOf(nothing)).toEqual(create(OrderSchema));
    expect(orderOf({ id: null, items: null, made: null })).toEqual(create(OrderSchema));
  });

  it("has its fields by their JSON names or those of the .proto file", () => {
    expect(orderOf({ by_shelf: { 1: {} }, abbr: "a" })).toMatchObject({ byShelf: { 1: { name: "" } }, shortName: "a" });
    expect(orderOf({ short_name: "a" }).shortName).toBe("a");
  });

  it("may have fields that are not declared, which are ignored wherever they are", () => {
    const extra = { "@type": "type.googleapis.com/shop.v1.Order.Card", number: "1", nope: 1 };
    const wire = {
      nope: 1,
      items: [{ name: "n", nope: [] }],
      byShelf: { 1: { nope: {} } },
      card: { nope: null },
      extra,
    };
    const { payment, ...order } = orderOf(wire);
    expect(order.items).toEqual([{ $typeName: "shop.v1.Order.Item", name: "n", count: 0, parts: [] }]);
    expect(payment.case).toBe("card");
    expect(order.extra).toEqual(anyPack(Order_CardSchema, create(Order_CardSchema, { number: "1" })));
    expect("nope" in order).toBe(false);
  });

  it("keeps what is free to have any field", () => {
    const any = { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "x" };
    const wire = {
      nope: 1,
      labels: { nope: 1, a: { b: null } },
      anything: { nope: [1] },
      list: [{ nope: 1 }],
      extra: any,
    };
    const order = orderOf(wire);
    expect(order.labels).toEqual({ nope: 1, a: { b: null } });
    expect(order.anything).toEqual(fromJson(ValueSchema, { nope: [1] }));
    expect(order.list?.values).toHaveLength(1);
    expect(order.extra).toEqual(anyPack(StringValueSchema, create(StringValueSchema, { value: "x" })));
  });

  it("is no prototype's doing", () => {
    const wire = JSON.parse(
      '{"stock":{"__proto__":"1"},"labels":{"__proto__":{"a":1}},"__proto__":{"id":"x"},"constructor":1}',
    ) as unknown;
    const order = orderOf(wire);
    expect(order.id).toBe("");
    expect(Object.keys(order.stock)).toEqual(["__proto__"]);
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  it("says a value of an enum by name or number; a name nobody knows is refused in a request", () => {
    expect(orderOf({ status: "STATUS_PAID", nope: 1 }).status).toBe(Status.PAID);
    expect(orderOf({ status: 2 }).status).toBe(Status.SENT);
    expect(issueOf({ status: "STATUS_PAYD" })).toBe(
      "status: expected one of STATUS_UNSPECIFIED, STATUS_PAID, STATUS_SENT",
    );
    expect(issueOf({ flags: { true: "NO" }, nope: 1 })).toMatch(
      /^flags\.true: expected one of .* under a key of bool$/,
    );
  });

  it("may come from a newer server: a value of an enum that is not known is the default, in a response", () => {
    expect(orderOf({ status: "STATUS_RETURNED", nope: 1 }, "response").status).toBe(Status.UNSPECIFIED);
    const find = check({ status: ["STATUS_PAID", "STATUS_RETURNED"] }, "response", FindRequestSchema);
    expect(find).toMatchObject({ value: { status: [Status.PAID] } });
  });
});

describe("a message that does not fit", () => {
  it.each([
    [{ id: 5 }, "id: expected string"],
    [{ gift: "true" }, "gift: expected bool"],
    [{ weight: "heavy" }, "weight: expected double"],
    [{ ratio: 1e300 }, "ratio: expected float"],
    [{ seal: "!" }, "seal: expected bytes"],
    [{ serial: -1 }, "serial: expected fixed64"],
    [{ serial: "18446744073709551616" }, "serial: expected fixed64"],
    [{ numbers: 5 }, "numbers: expected an array"],
    [{ numbers: ["1", 2, "x", null] }, "numbers.2: expected sint64"],
    [{ numbers: [1, null] }, "numbers.1: expected sint64"],
    [{ items: { 0: {} } }, "items: expected an array"],
    [{ items: [{}, null] }, "items.1: expected an object"],
    [{ items: [{}, { parts: [{}, { parts: [{ count: 1.5 }] }] }] }, "items.1.parts.1.parts.0.count: expected uint32"],
    [{ stock: [] }, "stock: expected an object"],
    [{ stock: { a: 1, b: "x", c: "y" } }, "stock.b: expected int64 under a key of string"],
    [{ by_shelf: { 1: { name: 5 } } }, "by_shelf.1.name: expected string"],
    [{ byShelf: { 1: {}, one: {} } }, "byShelf.one: expected an object under a key of int32"],
    [{ card: "1" }, "card: expected an object"],
    [{ card: {}, id: "7", voucher: "x" }, "voucher: expected not together with card"],
    [{ abbr: "a", short_name: "b" }, "short_name: expected not together with abbr"],
    [{ made: "yesterday" }, "made: expected google.protobuf.Timestamp"],
    [{ took: "1 h" }, "took: expected google.protobuf.Duration"],
    [{ labels: [] }, "labels: expected google.protobuf.Struct"],
    [{ list: {} }, "list: expected google.protobuf.ListValue"],
    [{ big: "x" }, "big: expected google.protobuf.Int64Value"],
    [{ extra: { "@type": "type.googleapis.com/nope" } }, "extra: expected google.protobuf.Any"],
    [{ nope: 1, items: [{ nope: 1, count: -1 }] }, "items.0.count: expected uint32"],
    [{ nope: 1, items: 5 }, "items: expected an array"],
    [{ nope: 1, byShelf: [] }, "byShelf: expected an object"],
    [{ nope: 1, extra: { "@type": 5 } }, "extra: expected google.protobuf.Any"],
    [[], ": expected an object"],
    ["x", ": expected an object"],
    [null, ": expected an object"],
  ])("%j has an issue at %s", (wire, issue) => {
    expect(issueOf(wire)).toBe(issue);
    expect(issueOf(wire, "response")).toBe(issue);
  });

  it("shows nothing of its values", () => {
    for (const wire of [
      { weight: "hunter2" },
      { items: ["hunter2"] },
      { stock: { a: "hunter2" } },
      { made: "hunter2" },
      "hunter2",
    ]) {
      expect(JSON.stringify(check(wire))).not.toContain("hunter2");
    }
  });

  it("may nest deeper than the stack", () => {
    let item: object = {};
    for (let i = 0; i < 100_000; i++) item = { parts: [item] };
    for (const wire of [{ items: [item] }, { nope: 1, items: [item] }]) expect(check(wire).issues).toHaveLength(1);
    let value: unknown = 1;
    for (let i = 0; i < 100_000; i++) value = [value];
    for (const side of ["request", "response"] as const)
      expect(check({ anything: value }, side).issues).toHaveLength(1);
  });

  it("costs no more than a few times what reading it costs", () => {
    let read = 0;
    const find = issueFinder((desc, json) => {
      read += Object.values(json as object).reduce((sum: number, one: object) => sum + Object.keys(one).length, 0);
      return fromJson(desc, json as JsonValue);
    }, fieldTables());
    const count = 10_000;
    const numbers = Array.from({ length: count }, (_, index) => (index === count - 2 ? "x" : index));
    expect(find(OrderSchema, { numbers }, undefined)).toMatchObject({ path: ["numbers", count - 2] });
    expect(read).toBeLessThan(2.1 * count);
    const stock = Object.fromEntries(numbers.entries());
    expect(find(OrderSchema, { stock }, undefined)).toMatchObject({ path: ["stock", String(count - 2)] });
    expect(read).toBeLessThan(4.2 * count);
  });
});

describe("a value that is a message already", () => {
  it("passes, its undeclared fields left behind", () => {
    const message = create(OrderSchema, { id: "7", payment: { case: "points", value: 5n }, note: "" });
    const value = orderOf(Object.assign({}, message, { password: "hunter2" }));
    expect(value).toEqual(message);
  });

  it("may have been changed on its way, as a route does that adds a parameter", () => {
    expect(orderOf({ ...create(OrderSchema, { id: "7", stock: { a: 1n } }), id: "8" })).toMatchObject({
      id: "8",
      stock: { a: 1n },
    });
  });

  it("does not pass as another message", () => {
    const other = create(SumRequestSchema, { a: 1n });
    expect(isMessage(other)).toBe(true);
    expect(issueOf(other)).toBe(": expected a shop.v1.Order in its JSON form");
    expect(issueOf(other, "response")).toBe(": expected a shop.v1.Order in its JSON form");
  });

  it("is not believed to be one because a peer says so", () => {
    const sum = shapes(SumRequestSchema, "request");
    for (const wire of [
      { $typeName: "pb.SumRequest", a: 5 },
      { $typeName: "pb.SumRequest", a: "x", b: "y" },
      { $typeName: "pb.SumRequest", a: {}, b: [] },
    ]) {
      const { value, issues } = sum.validate(wire) as { value?: { a: unknown; b: unknown }; issues?: unknown };
      if (issues === undefined) expect([typeof value!.a, typeof value!.b]).toEqual(["bigint", "bigint"]);
      else expect(issues).toHaveLength(1);
    }
    const order = check({ $typeName: "shop.v1.Order", items: [{ count: "hunter2" }] });
    expect(order.issues).toHaveLength(1);
    expect(check({ $typeName: "google.protobuf.Any", value: "x" }, "request", AnySchema).issues).toHaveLength(1);
  });
});
