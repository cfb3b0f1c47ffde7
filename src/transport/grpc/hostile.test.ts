// What no honest caller sends, through the wire: refused or bounded, others served meanwhile, the process alive.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import {
  connect as http2Connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect as netConnect } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { passing, until } from "../../../test/until.ts";
import type { Implementation } from "../../contract/index.ts";
import { serve, type Running } from "../../server/index.ts";
import { virtualClock, type VirtualClock } from "../../testing/index.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add, ConcatRequestSchema, SumRequestSchema } from "../protobuf/testdata/gen/add_pb.ts";
import { Orders } from "../protobuf/testdata/gen/order_pb.ts";
import { frame } from "./frame.ts";
import { grpcServer, type GrpcServerOptions } from "./index.ts";
import {
  callHead,
  CONTINUATION,
  DATA,
  fieldBlock,
  frameBytes,
  FrameWire,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "./testdata/frame-wire.ts";

const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "then"];

/** A server with all that a test looks at. */
interface Victim extends AsyncDisposable {
  readonly running: Running;
  readonly address: string;
  /** What observers saw end, as "service.method outcome reason". */
  readonly ends: string[];
  /** What was thrown beside any call. */
  readonly failed: unknown[];
  /** How many messages a handler of a stream has read or written. */
  readonly messages: { read: number; written: number };
  open(): ClientHttp2Session & Disposable;
  /** Whether an honest caller is served right now. */
  serves(): Promise<boolean>;
}

async function victim(options: Partial<GrpcServerOptions> = {}, clock: Clock = systemClock): Promise<Victim> {
  const ends: string[] = [];
  const failed: unknown[] = [];
  const messages = { read: 0, written: 0 };
  const services: Implementation[] = [
    proto(Add, { methods: { total: { timeoutMs: 60_000 }, count: { timeoutMs: 60_000 } } }).implement({
      sum: ({ a, b }) => ({ v: a + b }),
      concat: ({ a, b }, context) =>
        a === "wait" ? new Promise((resolve) => context.onCancel(() => resolve({}))) : { v: a + b },
      async *count({ a }) {
        for (let v = 1n; v <= a; v++) {
          messages.written++;
          yield { v };
        }
      },
      async total(requests) {
        const each = requests[Symbol.asyncIterator]();
        await each.next();
        messages.read++;
        // Reads one and no more.
        return new Promise(() => undefined);
      },
      async *running(requests) {
        for await (const { a } of requests) {
          messages.read++;
          yield { v: a };
        }
      },
    }),
    proto(Orders).implement({ echo: (order) => order, find: () => ({}), ping: () => ({}) }),
  ];
  const running = await serve(services, {
    on: [grpcServer({ port: 0, host: "127.0.0.1", ...options })],
    log: false,
    signals: false,
    timeoutMs: 60_000,
    drainMs: 200,
    clock,
    report: (error) => failed.push(error),
    observers: [
      ({ service, name }) => ({
        end: ({ outcome, error }) => void ends.push(`${service}.${name} ${outcome} ${error?.reason ?? ""}`.trim()),
      }),
    ],
  });
  const address = running.addresses[0]!;
  function open(): ClientHttp2Session & Disposable {
    const session = http2Connect(address);
    session.on("error", () => undefined);
    return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
  }
  return {
    running,
    address,
    ends,
    failed,
    messages,
    open,
    async serves() {
      using session = open();
      const { trailers } = await ask(session, "/pb.Add/Sum", sum(1n, 2n));
      return trailers["grpc-status"] === "0";
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
    },
  };
}

const sum = (a: bigint, b: bigint): Buffer => frame(toBinary(SumRequestSchema, create(SumRequestSchema, { a, b })));

interface Answer {
  readonly headers: IncomingHttpHeaders;
  /** Those of a head that is the end, too. */
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code of the reset that ended it, 0 for none. */
  readonly rst: number;
}

/** The head of a call, and its stream: what comes of it is not ours to catch. */
function posted(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
): ClientHttp2Stream {
  const head = { ":method": "POST", ":path": path, te: "trailers", "content-type": "application/grpc", ...headers };
  return session.request(head).on("error", () => undefined);
}

/** Sends one call and reads all that comes back. */
function ask(
  session: ClientHttp2Session,
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string | string[]>> = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = posted(session, path, headers);
    let [got, trailers]: [IncomingHttpHeaders, IncomingHttpHeaders | undefined] = [{}, undefined];
    const chunks: Buffer[] = [];
    stream.on("response", (fields) => (got = fields));
    stream.on("trailers", (fields) => (trailers = fields));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("close", () =>
      resolve({ headers: got, trailers: trailers ?? got, body: Buffer.concat(chunks), rst: stream.rstCode ?? 0 }),
    );
    stream.end(body);
  });
}

/** The status of a call, as a number; -1 when there was none. */
const status = ({ trailers }: Answer): number => Number(trailers["grpc-status"] ?? -1);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** How much more memory is held after `run` than before, in bytes. */
async function held(run: () => Promise<void>): Promise<number> {
  const measure = async (): Promise<number> => {
    // Buffers are given back behind the collection, not in it.
    collect();
    await passing(20);
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = await measure();
  await run();
  return (await measure()) - before;
}

let server: Victim;
beforeAll(async () => void (server = await victim({ limits: { maxBodyBytes: 1_048_576 } })));
afterAll(() => server[Symbol.asyncDispose]());
afterEach(async () => {
  expect(await server.serves()).toBe(true);
  expect(server.failed.splice(0)).toEqual([]);
  server.ends.length = 0;
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Reflect.ownKeys(Object.prototype).length).toBe(12);
});

describe("a message that is too large", () => {
  const claims = (bytes: number): Buffer => {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(bytes, 1);
    return prefix;
  };

  it("by its prefix is refused as soon as that has come, for 2³¹−1 and 2³²−1 bytes as well", async () => {
    for (const bytes of [1_048_577, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
      using session = server.open();
      const stream = posted(session, "/pb.Add/Concat");
      // Nothing ends the request: the answer does not wait for it.
      stream.write(claims(bytes));
      const headers = await new Promise<IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
      expect([bytes, headers["grpc-status"]]).toEqual([bytes, "8"]);
      await new Promise((resolve) => stream.once("close", resolve));
    }
    expect(server.ends).toEqual(Array.from({ length: 4 }, () => "pb.Add.concat resource_exhausted too_large"));
  });

  it("is not read on: what comes after the refusal is at most a window", async () => {
    using session = server.open();
    const stream = posted(session, "/pb.Add/Concat");
    stream.write(claims(2 ** 31 - 1));
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    let isOver = false;
    stream.resume();
    stream.once("close", () => (isOver = true));
    while (!isOver && sent < 64 * 1_048_576) {
      sent += chunk.length;
      await new Promise<void>((resolve) => {
        stream.once("close", resolve);
        stream.write(chunk, () => resolve());
      });
    }
    expect(session.socket.bytesWritten).toBeLessThan(3 * 65_536);
  });

  it("by what it unpacks to is refused before it is unpacked: 1:1000", async () => {
    const zeros = Buffer.alloc(100 * 1_048_576);
    const bomb = frame(gzipSync(zeros, { level: 9 }), true);
    expect(bomb.length).toBeLessThan(110_000);
    using session = server.open();
    const grown = await held(async () => {
      for (let i = 0; i < 5; i++)
        expect(status(await ask(session, "/pb.Add/Concat", bomb, { "grpc-encoding": "gzip" }))).toBe(8);
    });
    expect(grown).toBeLessThan(20 * 1_048_576);
    expect(server.ends[0]).toBe("pb.Add.concat resource_exhausted too_large");
  });

  it("of exactly the limit is taken", async () => {
    using session = server.open();
    const fits = frame(toBinary(ConcatRequestSchema, create(ConcatRequestSchema, { a: "x".repeat(1_048_572) })));
    expect(fits.length - 5).toBe(1_048_576);
    expect(status(await ask(session, "/pb.Add/Concat", fits))).toBe(0);
    expect(status(await ask(session, "/pb.Add/Concat", frame(Buffer.alloc(1_048_577))))).toBe(8);
  });

  it("in an endless stream of small ones is as far read as the handler asks", async () => {
    using session = server.open();
    const stream = posted(session, "/pb.Add/Total");
    const many = Buffer.concat(Array.from({ length: 1000 }, () => sum(1n, 1n)));
    for (let i = 0; i < 300; i++) stream.write(many);
    await until(() => server.messages.read > 0);
    await passing(100);
    // 2.7 MB wait at the caller.
    expect(session.socket.bytesWritten).toBeLessThan(4 * 65_536);
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => server.ends.length > 0);
    expect(server.ends[0]).toBe("pb.Add.total canceled canceled");
  });
});

describe("a message that is none", () => {
  const varint = (bytes: number): Buffer => Buffer.concat([Buffer.alloc(bytes - 1, 0x80), Buffer.of(1)]);
  const nested = (depth: number): Buffer => {
    let inner: Uint8Array = new Uint8Array(0);
    for (let i = 0; i < depth; i++) inner = new BinaryWriter().tag(3, WireType.LengthDelimited).bytes(inner).finish();
    return Buffer.from(inner);
  };
  const long = (field: number, length: readonly number[]): Buffer => Buffer.of(field * 8 + 2, ...length, 1, 2, 3);
  const bodies: Readonly<Record<string, Uint8Array>> = {
    "a varint of 11 bytes": Buffer.concat([Buffer.of(8), varint(11)]),
    "a varint of a million bytes": Buffer.concat([Buffer.of(8), varint(1_000_000)]),
    "a varint that does not end": Buffer.of(8, 0xff, 0xff),
    "a tag of 11 bytes": varint(11),
    "a field with number 0": Buffer.of(0, 1),
    "a wire type that is none": Buffer.of(15, 1),
    "a length past the end": long(1, [100]),
    "a length of 2³¹−1": long(1, [0xff, 0xff, 0xff, 0xff, 0x07]),
    "a negative length": long(1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
    "the end of a group that has not begun": Buffer.of(12),
    "a group that does not end": Buffer.of(11, 8, 1),
    "100 000 groups in each other": Buffer.alloc(100_000, 11),
    "messages 65 deep": nested(66),
    "messages 10 000 deep": nested(10_000),
    "bytes that are no UTF-8": Buffer.of(10, 2, 0xc3, 0x28),
    "half a fixed number": Buffer.of(0x61, 1, 2),
  };
  for (const [what, body] of Object.entries(bodies)) {
    it(`is refused, and nothing is said of the inside: ${what}`, async () => {
      using session = server.open();
      const answer = await ask(session, "/shop.v1.Orders/Echo", frame(body));
      expect([what, status(answer)]).toEqual([what, 3]);
      expect(decodeURIComponent(String(answer.trailers["grpc-message"]))).not.toMatch(/varint|wire|offset|invalid/i);
      expect(server.ends.at(-1)).toBe("shop.v1.Orders.echo invalid_argument malformed_message");
    });
  }

  it("costs neither time nor memory, whatever is wrong with it", async () => {
    using session = server.open();
    const all = Object.values(bodies);
    const begin = process.cpuUsage();
    const grown = await held(async () => {
      for (let i = 0; i < 10; i++) for (const body of all) await ask(session, "/shop.v1.Orders/Echo", frame(body));
    });
    const { user, system } = process.cpuUsage(begin);
    // Each of them in less than 100 ms.
    expect((user + system) / 1000).toBeLessThan(all.length * 10 * 100);
    expect(grown).toBeLessThan(20 * 1_048_576);
  });

  const frames: Readonly<Record<string, readonly [Uint8Array, number]>> = {
    nothing: [Buffer.alloc(0), 3],
    "half a prefix": [Buffer.of(0, 0), 3],
    "half a message": [Buffer.of(0, 0, 0, 0, 9, 1), 3],
    "two messages": [Buffer.concat([sum(1n, 1n), sum(1n, 1n)]), 3],
    "a message and half of one": [Buffer.concat([sum(1n, 1n), Buffer.of(0, 0)]), 3],
    "a flag that is none": [Buffer.of(2, 0, 0, 0, 0), 3],
    "compressed, without a coding": [Buffer.of(1, 0, 0, 0, 1, 1), 3],
  };
  for (const [what, [body, code]] of Object.entries(frames)) {
    it(`is refused where its frame is wrong: ${what}`, async () => {
      using session = server.open();
      expect(status(await ask(session, "/pb.Add/Sum", body))).toBe(code);
    });
  }

  it("is refused where its compression is wrong", async () => {
    using session = server.open();
    const packed = gzipSync(Buffer.from("x".repeat(2000)));
    for (const data of [Buffer.from("no gzip"), packed.subarray(0, 20), Buffer.alloc(2000, 7), Buffer.alloc(0)])
      expect(status(await ask(session, "/pb.Add/Sum", frame(data, true), { "grpc-encoding": "gzip" }))).toBe(3);
    const unknown = await ask(session, "/pb.Add/Sum", frame(data(), true), { "grpc-encoding": "br" });
    expect([status(unknown), unknown.headers["grpc-accept-encoding"]]).toEqual([12, "identity,gzip"]);
  });

  it("is cut off at the deadline where it does not end; others are served meanwhile", async () => {
    using session = server.open();
    const stream = session.request({
      ":method": "POST",
      ":path": "/pb.Add/Sum",
      te: "trailers",
      "content-type": "application/grpc",
      "grpc-timeout": "200m",
    });
    stream.on("error", () => undefined);
    const answered = new Promise<IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
    stream.write(sum(1n, 2n).subarray(0, 3));
    expect(await server.serves()).toBe(true);
    expect((await answered)["grpc-status"]).toBe("4");
    await new Promise((resolve) => stream.once("close", resolve));
    expect(server.ends).toContain("pb.Add.sum deadline_exceeded deadline_exceeded");
  });
});

const data = (): Buffer => Buffer.from("x");

describe("a head that is none", () => {
  it("is answered as gRPC asks: 415 without its content type or verb", async () => {
    using session = server.open();
    for (const headers of [
      { "content-type": "application/json" },
      { "content-type": "application/grpc-web" },
      { "content-type": "__proto__" },
      { ":method": "GET" },
      { ":method": "PUT" },
    ])
      expect((await ask(session, "/pb.Add/Sum", sum(1n, 1n), headers)).headers[":status"]).toBe(415);
  });

  it("is refused with a time-out that is none, and with one that has passed", async () => {
    using session = server.open();
    for (const text of ["", "1", "m", "-1m", "1.5S", "123456789m", "1 m", "Infinity", "NaNm", "1d", "+1S", "٣S"]) {
      const headers = { "grpc-timeout": Buffer.from(text).toString("latin1") };
      expect([text, status(await ask(session, "/pb.Add/Sum", sum(1n, 1n), headers))]).toEqual([text, 3]);
    }
    for (const [text, code] of [
      ["0n", 4],
      ["99999999H", 0],
      ["00000001H", 0],
    ] as const)
      expect([text, status(await ask(session, "/pb.Add/Sum", sum(1n, 1n), { "grpc-timeout": text }))]).toEqual([
        text,
        code,
      ]);
  });

  it("of no method is UNIMPLEMENTED, whatever its name", async () => {
    using session = server.open();
    const paths = NAMES.flatMap((name) => [`/${name}`, `/pb.Add/${name}`, `/${name}/Sum`, `/${name}/${name}`]);
    for (const path of [
      ...paths,
      "/",
      "//",
      "/pb.Add",
      "/pb.Add/",
      "/pb.Add/sum",
      "/pb.Add/Sum/",
      "/pb.Add/Sum?a=1",
      "/%70b.Add/Sum",
    ])
      expect([path, status(await ask(session, path, sum(1n, 1n)))]).toEqual([path, 12]);
    expect(new Set(server.ends)).toEqual(new Set(["other.other unimplemented unknown_method"]));
  });

  it("of no method counts as `other` in the metrics, however many names there are", async () => {
    using session = server.open();
    for (let i = 0; i < 2000; i += 100)
      await Promise.all(Array.from({ length: 100 }, (_, j) => ask(session, `/n${i + j}/m`, Buffer.alloc(0))));
    const exposed = server.running.metrics!.expose(undefined).body;
    expect(exposed).not.toMatch(/n1999/);
    expect(exposed.split("\n").length).toBeLessThan(500);
    expect(exposed).toMatch(/method="other"/);
  });

  it("with names that every object has means no more than any other", async () => {
    using session = server.open();
    for (const name of NAMES) {
      expect(status(await ask(session, "/pb.Add/Sum", sum(1n, 1n), { [name.toLowerCase()]: "polluted" }))).toBe(0);
      expect(status(await ask(session, "/pb.Add/Sum", sum(1n, 1n), { [`${name.toLowerCase()}-bin`]: "AP8" }))).toBe(0);
    }
    using wire = new FrameWire(server.address);
    wire.send(
      HEADERS,
      [4, 1],
      callHead("/pb.Add/Sum", [
        ["__proto__", "polluted"],
        ["__proto__", "twice"],
      ]),
    );
    wire.send(DATA, [1, 1], sum(1n, 1n));
    await wire.until(({ type, stream, flags }) => type === HEADERS && stream === 1 && (flags & 1) === 1);
    expect(server.ends.at(-1)).toBe("pb.Add.sum ok");
  });

  it("with binary metadata that is no base64 is a head like any other", async () => {
    using session = server.open();
    for (const value of ["!!!", "=", "a", "AAAA====", ",,,", "x".repeat(8000)])
      expect(status(await ask(session, "/pb.Add/Sum", sum(1n, 1n), { "x-bin": value }))).toBe(0);
  });

  it("with too many headers, or too much in them, is refused, and no other call of the connection is", async () => {
    using session = server.open();
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "v"]));
    expect(status(await ask(session, "/pb.Add/Sum", sum(1n, 1n), many(101)))).toBe(8);
    expect(server.ends.at(-1)).toBe("pb.Add.sum resource_exhausted too_many_headers");
    for (const headers of [
      many(2000),
      { "x-large": "v".repeat(17_000) },
      { cookie: Array.from({ length: 1500 }, () => "a=b") },
    ]) {
      const { rst, trailers } = await ask(session, "/pb.Add/Sum", sum(1n, 1n), headers);
      expect(rst === constants.NGHTTP2_ENHANCE_YOUR_CALM || trailers["grpc-status"] === "8").toBe(true);
    }
    expect(status(await ask(session, "/pb.Add/Sum", sum(1n, 1n)))).toBe(0);
  });

  it("that comes out large from a few bytes is bounded: one header, referred to thousands of times", async () => {
    using wire = new FrameWire(server.address);
    // A literal that is remembered, then references to it: 4 KB each.
    const value = "v".repeat(4000);
    const remembered = Buffer.concat([Buffer.of(0x40), fieldBlock([["x-bomb", value]]).subarray(1)]);
    const references = Buffer.alloc(10_000, 0x80 | 62);
    const grown = await held(async () => {
      wire.send(HEADERS, [5, 1], Buffer.concat([callHead("/pb.Add/Sum"), remembered, references]));
      await Promise.race([
        wire.closed,
        wire.until(({ type, stream }) => type === GOAWAY || (type === RST_STREAM && stream === 1)),
      ]);
    });
    expect(grown).toBeLessThan(5 * 1_048_576);
    expect(server.ends).toEqual([]);
  });
});

describe("a flood", () => {
  /** Sends `bytes` again and again until the connection is over, or `times`. */
  async function flood(wire: FrameWire, bytes: Buffer, times: number): Promise<void> {
    for (let i = 0; i < times && !wire.isOver; i++) {
      await wire.pour(bytes);
      if (i % 20 === 0) await passing(0);
    }
  }

  it("of CONTINUATION frames ends its connection", async () => {
    for (const payload of [Buffer.alloc(0), fieldBlock([["x-flood", "v".repeat(100)]])]) {
      using wire = new FrameWire(server.address);
      const grown = await held(async () => {
        wire.send(HEADERS, [1, 1], callHead("/pb.Add/Sum"));
        const some = Buffer.concat(Array.from({ length: 100 }, () => frameBytes(CONTINUATION, [0, 1], payload)));
        await flood(wire, some, 1000);
        await wire.closed;
      });
      expect(grown).toBeLessThan(20 * 1_048_576);
    }
    expect(server.ends.filter((end) => end.startsWith("pb.Add"))).toEqual([]);
  });

  // Node says GOAWAY and leaves the connection standing, heard no more: the keepalive is what ends it.
  const soon = { keepalive: { idleMs: 150, timeoutMs: 100 } };
  async function goneBy(clock: VirtualClock, wire: FrameWire): Promise<void> {
    while (!wire.isOver) await clock.advance(50);
  }

  it("of calls that are reset at once is heard no more after the first thousand", async () => {
    const clock = virtualClock();
    await using own = await victim(soon, clock);
    using wire = new FrameWire(own.address);
    const grown = await held(async () => {
      const pouring = (async () => {
        for (let first = 1; first < 40_000 && !wire.isOver; first += 1000) {
          const some: Buffer[] = [];
          for (let id = first; id < first + 1000; id += 2)
            some.push(
              frameBytes(HEADERS, [4, id], callHead("/pb.Add/Concat")),
              frameBytes(RST_STREAM, [0, id], Buffer.alloc(4)),
            );
          await wire.pour(Buffer.concat(some));
          await passing(0);
        }
      })();
      await wire.until(({ type }) => type === GOAWAY);
      await goneBy(clock, wire);
      await pouring;
    });
    expect(grown).toBeLessThan(20 * 1_048_576);
    expect(wire.frames.some(({ type }) => type === GOAWAY)).toBe(true);
    expect(own.ends.length).toBeLessThan(3000);
    expect(await own.serves()).toBe(true);
  });

  it("of pings or settings whose answers nobody reads ends its connection, or waits there", async () => {
    for (const bytes of [frameBytes(PING, [0, 0], Buffer.alloc(8)), frameBytes(SETTINGS, [0, 0])]) {
      using wire = new FrameWire(server.address);
      wire.socket.pause();
      const grown = await held(() =>
        Promise.race([flood(wire, Buffer.concat(Array.from({ length: 1000 }, () => bytes)), 500), passing(3000)]).then(
          () => undefined,
        ),
      );
      expect(grown).toBeLessThan(20 * 1_048_576);
      expect(await server.serves()).toBe(true);
    }
  });

  it("of empty pieces of a message keeps to its call", async () => {
    using wire = new FrameWire(server.address);
    wire.send(HEADERS, [4, 1], callHead("/pb.Add/Concat", [["grpc-timeout", "300m"]]));
    await flood(wire, Buffer.concat(Array.from({ length: 1000 }, () => frameBytes(DATA, [0, 1]))), 50);
    expect(await server.serves()).toBe(true);
    await Promise.race([wire.closed, until(() => server.ends.some((end) => end.startsWith("pb.Add.concat")))]);
  });

  it("of nonsense ends its connection alone: windows that overflow, streams of wrong numbers, half a setting", async () => {
    const clock = virtualClock();
    await using own = await victim(soon, clock);
    const wide = Buffer.of(0x7f, 0xff, 0xff, 0xff);
    for (const bytes of [
      frameBytes(WINDOW_UPDATE, [0, 0], wide),
      frameBytes(HEADERS, [5, 2], callHead("/pb.Add/Sum")),
      frameBytes(DATA, [0, 1], sum(1n, 1n)),
      frameBytes(SETTINGS, [0, 0], Buffer.of(1)),
      frameBytes(CONTINUATION, [4, 1]),
    ]) {
      using wire = new FrameWire(own.address);
      // Of a type that nobody knows: to be passed over.
      wire.send(200, [0, 0], Buffer.alloc(100));
      await wire.pour(bytes);
      await wire.pour(bytes);
      await wire.until(({ type }) => type === GOAWAY);
      await goneBy(clock, wire);
    }
    expect(await own.serves()).toBe(true);
    // Seen as calls of nobody.
    expect(own.ends.filter((end) => !end.startsWith("other.other"))).toEqual(["pb.Add.sum ok"]);
  });

  it("of calls at once waits at the bound of its connection", async () => {
    await using own = await victim({ maxConcurrentStreams: 10 });
    using wire = new FrameWire(own.address);
    await wire.until(({ type, flags }) => type === SETTINGS && (flags & 1) === 1);
    const body = frame(toBinary(ConcatRequestSchema, create(ConcatRequestSchema, { a: "wait" })));
    for (let id = 1; id < 101; id += 2) {
      wire.send(HEADERS, [4, id], callHead("/pb.Add/Concat"));
      wire.send(DATA, [1, id], body);
    }
    await until(() => wire.isOver || wire.frames.filter(({ type }) => type === RST_STREAM).length === 40);
    expect(await own.serves()).toBe(true);
    expect(own.ends.filter((end) => end.includes("concat")).length).toBeLessThanOrEqual(10);
  });
});

describe("a connection that does not speak HTTP/2", () => {
  const words: Readonly<Record<string, string | Buffer>> = {
    "HTTP/1.1": "POST /pb.Add/Sum HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
    TLS: Buffer.from("160301004a010000460303", "hex"),
    zeros: Buffer.alloc(1000),
    "half a preface and something else": "PRI * HTTP/2.0\r\n\r\nSM\r\nxx",
  };
  for (const [what, bytes] of Object.entries(words)) {
    it(`is closed: ${what}`, async () => {
      const clock = virtualClock();
      await using own = await victim({ handshakeTimeoutMs: 300 }, clock);
      const before = clock.pending;
      using wire = new FrameWire(own.address, { preface: false });
      wire.socket.write(bytes);
      await until(() => wire.isOver || clock.pending > before);
      // Half a preface may be one still: it is the time for the handshake that ends it.
      while (!wire.isOver) await clock.advance(50);
      expect(await own.serves()).toBe(true);
    });
  }

  it("because it says nothing is closed after the time for that", async () => {
    await using own = await victim({ handshakeTimeoutMs: 100 });
    using silent = new FrameWire(own.address, { preface: false });
    using half = new FrameWire(own.address, { preface: false });
    half.socket.write("PRI * HTTP/2.0\r\n\r\n");
    await Promise.all([silent.closed, half.closed]);
  });

  it("any more, for it is gone, is closed by the keepalive, and its calls end", async () => {
    await using own = await victim({ keepalive: { idleMs: 100, timeoutMs: 100 } });
    using wire = new FrameWire(own.address);
    const body = frame(toBinary(ConcatRequestSchema, create(ConcatRequestSchema, { a: "wait" })));
    wire.send(HEADERS, [4, 1], callHead("/pb.Add/Concat")).send(DATA, [1, 1], body);
    await until(() => wire.frames.some(({ type }) => type === PING));
    await wire.closed;
    await until(() => own.ends.some((end) => end === "pb.Add.concat canceled canceled"));
  });

  it("to its end is closed as an idle one: a head that never ends", async () => {
    const clock = virtualClock();
    await using own = await victim({ idleTimeoutMs: 300, keepalive: false }, clock);
    using wire = new FrameWire(own.address);
    await wire.until(({ type, flags }) => type === SETTINGS && (flags & 1) === 1);
    wire.send(HEADERS, [0, 1], callHead("/pb.Add/Sum"));
    expect(await own.serves()).toBe(true);
    while (!wire.isOver) await clock.advance(50);
    expect(own.ends).toEqual(["pb.Add.sum ok"]);
  });

  it("beyond the number there may be is closed at the door", async () => {
    await using own = await victim({ maxConnections: 2 });
    using one = new FrameWire(own.address);
    using two = new FrameWire(own.address);
    await Promise.all([one, two].map((wire) => wire.until(({ type }) => type === SETTINGS)));
    const third = netConnect(Number(new URL(own.address).port), "127.0.0.1");
    third.on("error", () => undefined);
    third.resume();
    await new Promise((resolve) => third.once("close", resolve));
    expect([one.isOver, two.isOver]).toEqual([false, false]);
  });
});

describe("a reader that is slow", () => {
  const count = (a: bigint): Buffer => frame(toBinary(SumRequestSchema, create(SumRequestSchema, { a })));

  it("of a stream makes the handler wait, is cut after its time, and others are served", async () => {
    await using own = await victim({ writeTimeoutMs: 200 });
    using wire = new FrameWire(own.address);
    wire.send(HEADERS, [4, 1], callHead("/pb.Add/Count")).send(DATA, [1, 1], count(10_000_000n));
    expect(await own.serves()).toBe(true);
    await wire.until(({ type, stream }) => type === RST_STREAM && stream === 1);
    // A window's worth and what node buffers, not ten million.
    expect(own.messages.written).toBeLessThan(30_000);
    await until(() => own.ends.some((end) => end.startsWith("pb.Add.count")));
    const before = own.messages.written;
    await passing(50);
    expect(own.messages.written).toBe(before);
  });

  it("of a large answer is cut after its time", async () => {
    await using own = await victim({ writeTimeoutMs: 200 });
    using wire = new FrameWire(own.address);
    const text = "x".repeat(1_000_000);
    const body = frame(toBinary(ConcatRequestSchema, create(ConcatRequestSchema, { a: text })));
    // The request goes out as the server's window opens.
    using session = own.open();
    const stream = posted(session, "/pb.Add/Concat");
    stream.end(body);
    // Nobody takes what comes.
    await new Promise((resolve) => stream.once("response", resolve));
    await new Promise((resolve) => stream.once("close", resolve));
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(wire.isOver).toBe(false);
    expect(await own.serves()).toBe(true);
  });

  // At node's own bound of 10 MB, the calls after that were refused, and the hundred and first refusal ended the connection.
  it("of large answers does without further calls of its connection being refused", async () => {
    // The client's own bound is another matter.
    const session = http2Connect(server.address, { maxSessionMemory: 100 });
    const body = frame(toBinary(ConcatRequestSchema, create(ConcatRequestSchema, { a: "x".repeat(1_000_000) })));
    const begun = Array.from({ length: 12 }, () => {
      const stream = posted(session, "/pb.Add/Concat");
      stream.end(body);
      return new Promise((resolve) => stream.once("response", resolve));
    });
    await Promise.all(begun);
    for (let i = 0; i < 120; i++) expect(status(await ask(session, "/n/m", Buffer.alloc(0)))).toBe(12);
    expect(session.destroyed).toBe(false);
    session.destroy();
  });

  it("of the whole connection is cut by the keepalive, with all that waits for it", async () => {
    await using own = await victim({ writeTimeoutMs: 100, keepalive: { idleMs: 100, timeoutMs: 100 } });
    using wire = new FrameWire(own.address, { settings: { 4: 0x7fffffff } });
    wire.send(WINDOW_UPDATE, [0, 0], Buffer.of(0x7f, 0xfe, 0, 0));
    wire.socket.pause();
    wire.send(HEADERS, [4, 1], callHead("/pb.Add/Count")).send(DATA, [1, 1], count(100_000_000n));
    await until(() => own.ends.length > 0);
    expect(own.ends[0]).toMatch(/^pb\.Add\.count (canceled|deadline_exceeded|unavailable)/);
    wire.socket.resume();
    await wire.closed;
    expect(own.messages.written).toBeLessThan(2_000_000);
  });
});
