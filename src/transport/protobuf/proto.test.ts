import { createRegistry, type DescService, type Message } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { served, type Served } from "../../../test/served.ts";
import { client, close } from "../../client/index.ts";
import type { Client, Handlers, Implementation, Result } from "../../contract/index.ts";
import { error, ServiceError } from "../../errors/index.ts";
import { httpClient, routes } from "../http/index.ts";
import { local } from "../local/index.ts";
import { proto } from "./index.ts";
import { Add, type ConcatReply, type SumReply, type SumRequest } from "./testdata/gen/add_pb.ts";
import { Orders, Status, type Order } from "./testdata/gen/order_pb.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const BIG = 2n ** 62n + 1n;

const add = proto(Add, { methods: { sum: { errors: [twoZeroes], timeoutMs: 250 } } });
const orders = proto(Orders);

const implementation = add.implement({
  sum: ({ a, b }) => (a === 0n && b === 0n ? twoZeroes() : { v: a + b }),
  concat: async ({ a, b }) => ({ v: a + b }),
  async *count({ a }) {
    for (let v = 1n; v <= a; v++) yield { v };
  },
  async total(requests) {
    let v = 0n;
    for await (const { a, b } of requests) v += a + b;
    return { v };
  },
  async *running(requests) {
    let v = 0n;
    for await (const { a } of requests) yield { v: (v += a) };
  },
});

async function collected<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of messages) all.push(one);
  return all;
}

async function* each<T>(...all: readonly T[]): AsyncGenerator<T> {
  yield* all;
}

async function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (one: unknown) => one,
  );
  expect(ServiceError.is(thrown)).toBe(true);
  return thrown as ServiceError;
}

describe("proto", () => {
  it("describes each rpc under its JavaScript name, and the service under its full one", () => {
    expect(add.name).toBe("pb.Add");
    const kinds = Object.entries(add.methods).map(([name, { kind, idempotent }]) => [name, kind, idempotent]);
    expect(kinds).toEqual([
      ["sum", "unary", true],
      ["concat", "unary", false],
      ["count", "server", false],
      ["total", "client", true],
      ["running", "bidi", false],
    ]);
    expect(orders.name).toBe("shop.v1.Orders");
  });

  it("takes errors and time limits that a .proto file cannot say", () => {
    expect(add.methods.sum).toMatchObject({ errors: [twoZeroes], timeoutMs: 250 });
    expect(add.methods.concat).toMatchObject({ errors: [], timeoutMs: undefined });
  });

  it("refuses what is no service, and options that do not fit", () => {
    expect(() => proto(undefined as never)).toThrow(
      "desc should be a service that protoc-gen-es generated, got undefined",
    );
    expect(() => proto(Orders.method.echo.input as never)).toThrow(TypeError);
    expect(() => proto(Add, { method: {} } as never)).toThrow('"method"');
    expect(() => proto(Add, { methods: { nope: {} } as object })).toThrow('pb.Add has no method "nope"');
    expect(() => proto(Add, { methods: { constructor: {} } as object })).toThrow('pb.Add has no method "constructor"');
    expect(() => proto(Add, { methods: { sum: { timeoutMs: 0 } } })).toThrow("pb.Add.sum: timeoutMs");
    expect(() => proto(Add, { methods: { sum: { errors: ["x" as never] } } })).toThrow("pb.Add.sum: errors");
    expect(() => proto(Add, { methods: { sum: { idempotent: true } as object } })).toThrow('"idempotent"');
  });

  it("reads an Any of the types it was given only", () => {
    const any = { extra: { "@type": "type.googleapis.com/shop.v1.FindRequest", id: "7" } };
    expect(orders.methods.echo.request.validate(any)).not.toHaveProperty("issues");
    const closed = proto(Orders, { registry: createRegistry() });
    expect(closed.methods.echo.request.validate(any)).toEqual({
      issues: [{ path: ["extra"], message: "expected google.protobuf.Any" }],
    });
  });
});

describe("the types of proto", () => {
  type Methods = typeof add.methods;
  type Calls = Client<Methods>;
  type Served = Handlers<Methods>;

  it("give messages to whoever receives, with 64-bit integers as bigints", () => {
    expectTypeOf<Parameters<Served["sum"]>[0]>().toEqualTypeOf<SumRequest>();
    expectTypeOf<Parameters<Served["sum"]>[0]["a"]>().toEqualTypeOf<bigint>();
    expectTypeOf<ReturnType<Calls["concat"]>>().toEqualTypeOf<Promise<ConcatReply>>();
    expectTypeOf<Awaited<ReturnType<Calls["sum"]>>["v"]>().toEqualTypeOf<bigint>();
  });

  it("take init objects or messages from whoever sends", () => {
    type Request = Parameters<Calls["sum"]>[0];
    expectTypeOf<{ a: bigint }>().toExtend<Request>();
    expectTypeOf<SumRequest>().toExtend<Request>();
    expectTypeOf<{ a: number }>().not.toExtend<Request>();
    expectTypeOf<{ v: bigint } | SumReply>().toExtend<ReturnType<Served["sum"]>>();
    expectTypeOf<{ v: string }>().not.toExtend<ReturnType<Served["sum"]>>();
    expectTypeOf<{ payment: { case: "card"; value: { number: string } } }>().toExtend<
      Parameters<Client<typeof orders.methods>["echo"]>[0]
    >();
    expectTypeOf<{ payment: { case: "cash"; value: string } }>().not.toExtend<
      Parameters<Client<typeof orders.methods>["echo"]>[0]
    >();
  });

  it("follow the kind of each rpc", () => {
    expectTypeOf<Methods["count"]["kind"]>().toEqualTypeOf<"server">();
    expectTypeOf<ReturnType<Calls["count"]>>().toEqualTypeOf<AsyncIterable<SumReply>>();
    expectTypeOf<Parameters<Served["total"]>[0]>().toEqualTypeOf<AsyncIterable<SumRequest>>();
    expectTypeOf<ReturnType<Calls["total"]>>().toEqualTypeOf<Promise<SumReply>>();
    expectTypeOf<Parameters<Served["running"]>[0]>().toEqualTypeOf<AsyncIterable<SumRequest>>();
    expectTypeOf<ReturnType<Calls["running"]>>().toEqualTypeOf<AsyncIterable<SumReply>>();
  });

  it("have the declared errors where there are some, and never elsewhere", () => {
    expectTypeOf<Awaited<ReturnType<Calls["sum"]["try"]>>>().toEqualTypeOf<
      Result<SumReply, ServiceError<"two_zeroes", undefined>>
    >();
    expectTypeOf<Awaited<ReturnType<Calls["concat"]["try"]>>>().toEqualTypeOf<Result<ConcatReply, never>>();
    // @ts-expect-error an error that concat does not declare
    const wrong: Served["concat"] = () => twoZeroes();
    void wrong;
  });

  it("are nowhere any", () => {
    type All = NonNullable<Methods[keyof Methods]["~types"]>;
    expectTypeOf<All["reqIn"]>().not.toBeAny();
    expectTypeOf<All["reqOut"]>().not.toBeAny();
    expectTypeOf<All["resIn"]>().not.toBeAny();
    expectTypeOf<All["resOut"]>().not.toBeAny();
    expectTypeOf<All["failIn"]>().not.toBeAny();
    expectTypeOf<All["failOut"]>().not.toBeAny();
    expectTypeOf<All["kind"]>().not.toBeAny();
  });

  it("let a client stand where handlers are wanted", () => {
    expectTypeOf<Calls>().toExtend<Served>();
    expectTypeOf<Served>().not.toExtend<Calls>();
  });

  it("refuse an rpc that does not exist, and what is no option", () => {
    // @ts-expect-error there is no such rpc
    expect(() => proto(Add, { methods: { summ: { errors: [twoZeroes] } } })).toThrow('"summ"');
    // @ts-expect-error a text is no error
    expect(() => proto(Add, { methods: { sum: { errors: ["two_zeroes"] } } })).toThrow("errors");
    // @ts-expect-error a handler is missing
    expect(() => orders.implement({ echo: (order) => order })).toThrow("find");
  });

  it("are as wide as can be for a descriptor that was not generated, but read at run time", () => {
    const dynamic = proto(Add as DescService);
    type Handler = Handlers<typeof dynamic.methods>[string];
    expectTypeOf<Message>().toExtend<Awaited<ReturnType<Client<typeof dynamic.methods>[string]>>>();
    expectTypeOf<Handler>().not.toBeAny();
    expect(Object.keys(dynamic.methods)).toEqual(Object.keys(add.methods));
    expectTypeOf(Add).toExtend<GenService<Pick<typeof Add.method, "sum">>>();
  });
});

describe("a protobuf contract in one process", () => {
  const remote = client(add, local(implementation), { log: false });

  it("keeps integers beyond 2^53 exact, both ways", async () => {
    expect((await remote.sum({ a: BIG, b: -1n })).v).toBe(2n ** 62n);
    expect((await remote.sum({ a: -(2n ** 63n) })).v).toBe(-(2n ** 63n));
  });

  it("hands messages on, whole", async () => {
    expect(await remote.concat({ a: "ä" })).toEqual({ $typeName: "pb.ConcatReply", v: "ä" });
  });

  it("answers with declared errors", async () => {
    expect(await remote.sum.try({})).toMatchObject({ ok: false, error: { reason: "two_zeroes" } });
    await expect(remote.sum({})).rejects.toSatisfy((thrown) => twoZeroes.is(thrown));
  });

  it("carries streams of each kind", async () => {
    expect((await collected(remote.count({ a: 3n }))).map(({ v }) => v)).toEqual([1n, 2n, 3n]);
    expect((await remote.total(each({ a: BIG }, { b: 1n }))).v).toBe(BIG + 1n);
    const sums = await collected(remote.running(each({ a: 1n }, { a: 2n }, { a: BIG })));
    expect(sums.map(({ v }) => v)).toEqual([1n, 3n, BIG + 3n]);
  });

  it("refuses a value that is no such message on the side that has it", async () => {
    expect(await failureOf(remote.sum({ a: "x" as never }))).toMatchObject({
      code: "invalid_argument",
      reason: "invalid_request",
    });
    const wrong = add.implement({ ...implementation.handlers, sum: () => ({ v: "hunter2" as never }) } as never);
    const failure = await failureOf(client(add, local(wrong), { log: false }).sum({ a: 1n }));
    expect(failure).toMatchObject({ code: "internal", reason: "invalid_response" });
    expect(JSON.stringify([failure.message, failure.details])).not.toContain("hunter2");
    const silent = add.implement({ ...implementation.handlers, sum: () => undefined } as never);
    expect(await failureOf(client(add, local(silent), { log: false }).sum({ a: 1n }))).toMatchObject({
      reason: "invalid_response",
    });
  });
});

describe("a protobuf contract over HTTP", () => {
  const open: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of open.splice(0).toReversed()) await end();
  });

  const echo = orders.implement({
    echo: (order) => order,
    find: ({ id, after, status, deep }) => ({
      id,
      stock: { after },
      flags: { [String(deep)]: status[0] ?? Status.UNSPECIFIED },
    }),
    ping: () => ({}),
  });
  const find = routes(orders, { find: "GET /orders/{id}" });

  async function serving(what: readonly Implementation[] = [implementation, echo]): Promise<Served> {
    const server = await served(what, { routes: [find] });
    open.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  async function posted(
    { ask }: Served,
    path: string,
    body: string,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const answer = await ask({ path, body });
    return { status: answer.status, body: JSON.parse(answer.body) as unknown };
  }

  it("speaks the JSON mapping: 64-bit integers are texts, defaults are left out", async () => {
    const server = await serving();
    const sum = await posted(server, "/pb.Add/sum", `{"a":"${BIG}","b":1}`);
    expect(sum).toEqual({ status: 200, body: { v: String(BIG + 1n) } });
    expect(await posted(server, "/pb.Add/concat", "{}")).toEqual({ status: 200, body: {} });
  });

  it("is called by a client, exact beyond 2^53", async () => {
    const remote = client(add, httpClient({ connectTimeoutMs: 60_000 }), {
      from: (await serving()).address,
      log: false,
    });
    open.push(() => close(remote));
    expect((await remote.sum({ a: BIG, b: BIG - 3n })).v).toBe(2n * BIG - 3n);
    expect(await remote.sum.try({ a: 0n })).toMatchObject({ ok: false, error: { reason: "two_zeroes" } });
  });

  it("answers a request that does not fit with invalid_request and the path", async () => {
    const server = await serving();
    const { status, body } = await posted(server, "/shop.v1.Orders/echo", '{"items":[{},{"parts":[{"count":-1}]}]}');
    expect(status).toBe(400);
    expect(body).toMatchObject({
      reason: "invalid_request",
      details: { issues: [{ path: ["items", "1", "parts", "0", "count"], message: "expected uint32" }] },
    });
    expect((await posted(server, "/pb.Add/sum", '{"a":"1.5"}')).status).toBe(400);
    expect((await posted(server, "/pb.Add/sum", `{"a":"${2n ** 63n}"}`)).status).toBe(400);
    expect((await posted(server, "/pb.Add/sum", "[]")).status).toBe(400);
  });

  it("takes parameters of the path and the query as what they are", async () => {
    const { ask, address } = await serving();
    const { body } = await ask({ verb: "GET", path: `/orders/7?after=${BIG}&status=STATUS_PAID&deep=true` });
    expect(JSON.parse(body)).toEqual({ id: "7", stock: { after: String(BIG) }, flags: { true: "STATUS_PAID" } });
    expect((await ask({ verb: "GET", path: "/orders/7?after=soon" })).status).toBe(400);
    const remote = client(orders, httpClient({ routes: [find] }), { from: address, log: false });
    open.push(() => close(remote));
    const order: Order = await remote.find({ id: "a/b", after: -BIG, status: [Status.SENT], deep: false });
    expect(order).toMatchObject({ id: "a/b", stock: { after: -BIG }, flags: { false: Status.SENT } });
  });

  it("lets no field out that the message does not declare, in the answer or in the request", async () => {
    const leaky = add.implement({
      ...implementation.handlers,
      concat: () => ({ v: "x", password: "hunter2" }),
    } as never);
    expect(await posted(await serving([leaky, echo]), "/pb.Add/concat", "{}")).toEqual({
      status: 200,
      body: { v: "x" },
    });
    const remote = client(orders, httpClient({ connectTimeoutMs: 60_000 }), {
      from: (await serving()).address,
      log: false,
    });
    open.push(() => close(remote));
    const item = { name: "n", password: "hunter2" };
    const { items } = await remote.echo({ items: [item], password: "hunter2" } as { items: (typeof item)[] });
    expect(items).toEqual([{ $typeName: "shop.v1.Order.Item", name: "n", count: 0, parts: [] }]);
  });

  it("carries an order with all there is", async () => {
    const remote = client(orders, httpClient({ connectTimeoutMs: 60_000 }), {
      from: (await serving()).address,
      log: false,
    });
    open.push(() => close(remote));
    const order = await remote.echo({
      status: Status.PAID,
      stock: { constructor: BIG, "": 0n },
      byShelf: { [-3]: { name: "deep", parts: [{ name: "deeper", parts: [{}] }] } },
      payment: { case: "card", value: { number: "1" } },
      note: "",
      seal: new Uint8Array([0, 255, 128]),
      weight: Number.NaN,
      ratio: -Infinity,
      numbers: [-BIG, 0n],
      serial: 2n ** 64n - 1n,
      shortName: "n",
      made: { seconds: 1n, nanos: 5 },
      took: { seconds: -1n, nanos: -500_000_000 },
      labels: { a: [1, null, { b: "c" }] },
      big: -BIG,
      nick: "",
    });
    expect(order.stock).toEqual({ constructor: BIG, "": 0n });
    expect(order.byShelf[-3]?.parts[0]?.parts).toHaveLength(1);
    expect(order.payment).toMatchObject({ case: "card", value: { number: "1" } });
    expect([...order.seal]).toEqual([0, 255, 128]);
    expect(order).toMatchObject({
      status: Status.PAID,
      note: "",
      weight: Number.NaN,
      ratio: -Infinity,
      numbers: [-BIG, 0n],
      serial: 2n ** 64n - 1n,
      shortName: "n",
      made: { seconds: 1n, nanos: 5 },
      took: { seconds: -1n, nanos: -500_000_000 },
      labels: { a: [1, null, { b: "c" }] },
      big: -BIG,
      nick: "",
    });
  });
});
