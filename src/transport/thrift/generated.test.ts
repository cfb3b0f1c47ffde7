import { createRequire } from "node:module";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import type { Server } from "node:net";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { until } from "../../../test/until.ts";
import { compiledThrift, missingThriftPeer } from "../../../tools/servers/thrift-peer.ts";
import { root } from "../../../tools/source.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, type AnyService } from "../../contract/index.ts";
import { error, ServiceError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { numbered } from "../numbering.ts";
import { generatedWire } from "./generated-wire.ts";
import {
  thriftClient,
  thriftServer,
  thriftService,
  typed,
  type GeneratedService,
  type ThriftClientOptions,
} from "./index.ts";

const IDL = `
struct Point { 1: required double x, 2: optional i32 y = 3, 3: list<bool> bs, 4: map<string, i64> m, 5: set<string> s, 6: binary blob, 7: Kind kind }
enum Kind { A = 1, B = 2 }
exception Oops { 1: i32 code, 2: string why }
exception Other { 1: string message }
service Base { string ping() }
service Add extends Base {
  i64 sum(1: i64 a, 2: i64 b)
  Point move(1: Point p, 2: i32 by) throws (1: Oops oops, 2: Other other)
  oneway void tell(1: string what)
  void nothing(1: bool b) throws (1: Oops o)
  list<Point> many(1: list<Point> points)
}`;

interface Point {
  x: number;
  y?: number;
  bs?: boolean[];
  m?: Record<string, number>;
  s?: string[];
  blob?: Uint8Array;
  kind?: number;
}

const oops = error("oops", { code: "failed_precondition", details: z.object({ code: z.int(), why: z.string() }) });
const other = error("other", { code: "not_found" });
const missing = missingThriftPeer();

type Loaded = { readonly service: GeneratedService; readonly types: Record<"Oops" | "Other", new () => object> };

function contractOf({ service, types }: Loaded) {
  return thriftService("shop.add", service, {
    methods: {
      ping: method({ request: typed<object>(), response: typed<string>() }),
      sum: method({ request: typed<{ a: number; b: number }>(), response: typed<number>(), idempotent: true }),
      move: method({ request: typed<{ p: Point; by: number }>(), response: typed<Point>(), errors: [oops, other] }),
      tell: oneWay({ request: z.object({ what: z.string() }) }),
      nothing: method({ request: typed<{ b: boolean }>(), response: typed<void>(), errors: [oops] }),
      many: method({ request: typed<{ points: Point[] }>(), response: typed<Point[]>() }),
    },
    exceptions: { oops: types.Oops, other: types.Other },
  });
}

describe.each(["js:node", "js:node,es6"])("code of the Apache compiler, --gen %s", (generator) => {
  let made: ReturnType<typeof compiledThrift> | undefined;
  let loaded: Loaded;
  beforeAll(() => {
    if (missing !== undefined) return;
    made = compiledThrift(IDL, generator);
    symlinkSync(`${root}node_modules`, `${made.folder}/node_modules`);
    const load = createRequire(`${made.folder}/x.js`);
    loaded = { service: load("./Add.js") as GeneratedService, types: load("./idl_types.js") as Loaded["types"] };
  });
  afterAll(() => made?.[Symbol.dispose]());

  it.for([{}, { protocol: "compact" }, { protocol: "json" }, { framed: false }] as readonly ThriftClientOptions[])(
    "is served and called as any contract: %j",
    async (options, test) => {
      if (missing !== undefined) return test.skip(missing);
      const add = contractOf(loaded);
      const told: string[] = [];
      const impl = add.implement({
        ping: () => "pong",
        sum: ({ a, b }) => a + b,
        move({ p, by }) {
          if (by === 0) throw oops({ code: 5, why: "no step" });
          if (by < 0) return other();
          if (by > 100) throw new Error("hunter2");
          return { ...p, x: p.x + by };
        },
        tell: ({ what }) => void told.push(what),
        nothing: ({ b }) => (b ? undefined : oops({ code: 1, why: "false" })) as never,
        many: ({ points }) => points.toReversed(),
      });
      const running = await serve(impl, {
        on: [thriftServer({ port: 0, host: "127.0.0.1" })],
        log: false,
        signals: false,
      });
      await using remote = client(add, thriftClient({ connectTimeoutMs: 60_000, ...options }), {
        from: running.addresses,
        breaker: false,
        retry: false,
      });
      expect(await remote.ping({})).toBe("pong");
      expect(await remote.sum({ a: 2 ** 40, b: -1 })).toBe(2 ** 40 - 1);
      const point: Point = {
        x: 1,
        bs: [true, false],
        m: { a: 2 ** 40 },
        s: ["x"],
        blob: Buffer.from([0, 255]),
        kind: 2,
      };
      expect({ ...(await remote.move({ p: point, by: 2 })) }).toEqual({ ...point, x: 3, y: 3 });
      const step = await remote.move.try({ p: point, by: 0 });
      expect(!step.ok && [step.error.reason, step.error.details]).toEqual(["oops", { code: 5, why: "no step" }]);
      const negative = await remote.move.try({ p: point, by: -1 });
      expect(!negative.ok && negative.error.reason).toBe("other");
      const broken = await remote.move({ p: point, by: 101 }).catch((thrown: unknown) => thrown);
      expect(ServiceError.is(broken) && [broken.code, broken.message]).toEqual(["internal", "internal error"]);
      expect(await remote.nothing({ b: true })).toBeUndefined();
      expect((await remote.nothing.try({ b: false })).ok).toBe(false);
      expect((await remote.many({ points: [{ x: 1 }, { x: 2 }] })).map(({ x }) => x)).toEqual([2, 1]);
      await remote.tell({ what: "x" });
      await until(() => told.length > 0);
      await running.stop();
      expect(told).toEqual(["x"]);
    },
  );

  it("has the types that were said", (test) => {
    if (missing !== undefined) return test.skip(missing);
    const remote = client(contractOf(loaded), thriftClient({ connectTimeoutMs: 60_000 }), { from: "127.0.0.1:1" });
    expectTypeOf(remote.sum).parameter(0).toEqualTypeOf<{ a: number; b: number }>();
    expectTypeOf(remote.sum).returns.resolves.toEqualTypeOf<number>();
    // @ts-expect-error there is no such argument
    expect(() => remote.sum({ a: 1, c: 2 }).catch(() => undefined)).not.toThrow();
  });

  it("is refused when it has no such method, or no class for an error", (test) => {
    if (missing !== undefined) return test.skip(missing);
    const say = method({ request: typed<object>(), response: typed<object>() });
    expect(() => thriftService("add", loaded.service, { methods: { say } })).toThrow(
      "add.say is no method of the generated",
    );
    const sum = method({ request: typed<object>(), response: typed<object>(), errors: [oops] });
    expect(() => thriftService("add", loaded.service, { methods: { sum } })).toThrow('the error "oops" of add.sum');
  });
});

/** What is used of Apache's library for Node. */
interface Apache {
  readonly TFramedTransport: unknown;
  readonly TBufferedTransport: unknown;
  readonly TBinaryProtocol: unknown;
  readonly TCompactProtocol: unknown;
  setLogFunc(log: () => void): void;
  createServer(service: unknown, handler: object, options: object): Server;
  createConnection(host: string, port: number, options: object): { end(): void };
  createClient(
    service: unknown,
    connection: object,
  ): {
    sum(a: number, b: number, done: (error: unknown, v: { toNumber?(): number } | number) => void): void;
  };
}

describe("Apache's library for Node", bytesOf("thrift binary", "thrift compact"), () => {
  const apache = createRequire(import.meta.url)("thrift") as Apache;
  // Its compact client warns at every call.
  apache.setLogFunc(() => undefined);
  const ways = (["binary", "compact"] as const).flatMap((protocol) =>
    [true, false].map((framed) => ({ protocol, framed })),
  );

  it.for(ways)("calls our server and is called by our client: %j", async ({ protocol, framed }, test) => {
    if (missing !== undefined) return test.skip(missing);
    using made = compiledThrift(IDL, "js:node");
    symlinkSync(`${root}node_modules`, `${made.folder}/node_modules`);
    const load = createRequire(`${made.folder}/x.js`);
    const module = load("./Add.js") as GeneratedService;
    const how = {
      transport: framed ? apache.TFramedTransport : apache.TBufferedTransport,
      protocol: protocol === "binary" ? apache.TBinaryProtocol : apache.TCompactProtocol,
    };
    const pair = typed<{ a: number; b: number }>();
    const add = thriftService("add", module, {
      methods: { sum: method({ request: pair, response: typed<number>() }) },
    });
    const sum = add.implement({ sum: ({ a, b }) => a + b });
    const running = await serve(sum, {
      on: [thriftServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    const connection = apache.createConnection("127.0.0.1", Number(running.addresses[0]!.split(":")[1]), how);
    const theirs = apache.createClient(module, connection);
    const got = await Promise.all(
      Array.from(
        { length: 50 },
        (_, i) =>
          new Promise((resolve, reject) =>
            theirs.sum(i - 25, 2 ** 40, (thrown, v) =>
              thrown === null ? resolve(Number(v)) : reject(thrown as Error),
            ),
          ),
      ),
    );
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => i - 25 + 2 ** 40));
    connection.end();
    await running.stop();

    const handler = { sum: (a: number, b: number, done: (thrown: null, v: number) => void) => done(null, a + b) };
    const server = apache.createServer(
      module,
      { sum: (a: object, b: object, done: never) => handler.sum(Number(a), Number(b), done) },
      how,
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const from = `127.0.0.1:${(server.address() as { port: number }).port}`;
    await using remote = client(add, thriftClient({ protocol, framed, headers: false }), {
      from,
      breaker: false,
      retry: false,
    });
    const sums = await Promise.all(Array.from({ length: 50 }, (_, i) => remote.sum({ a: i - 25, b: 2 ** 40 })));
    expect(sums).toEqual(got);
    server.close();
  });
});

describe("the names of arguments", () => {
  class Processor {
    process_say(): void {}
  }
  const methods = { say: method({ request: typed<object>(), response: typed<object>() }) };
  const made = (code: string, args?: Record<string, readonly string[]>) => {
    const Client = class {};
    Object.defineProperty(Client.prototype, "send_say", { value: { toString: () => code } });
    return thriftService("x", { Client, Processor }, { methods, args });
  };

  it("are asked for where the code does not show them, however long that code is", () => {
    const long = "a".repeat(40);
    const code = `function(name) { ${long}.${long}(); { ${`${long}, `.repeat(1000)}! } }`;
    expect(() => made(code)).toThrow("args.say should name the arguments of x.say: its code does not show them");
    expect(Object.keys(made(code, { say: ["name"] }).methods)).toEqual(["say"]);
  });

  it("keep their service's own wire under a lock", () => {
    const service = made("function(name) { f({ name }); }");
    const wires = generatedWire(numbered(service, { service: "x", messages: {} }) as AnyService);
    expect([...(wires?.keys() ?? [])]).toEqual(["say"]);
  });

  it.each([
    "var params = {\n name: name,\n other: other\n };",
    "const p = { other, name };",
    "f({name:name,other:other,})",
  ])("are seen in %j", (body) => {
    expect(() => made(`function(name, other) { ${body} }`)).not.toThrow();
  });
});
