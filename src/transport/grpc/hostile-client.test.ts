// What no honest server does to our client, through the wire: its call fails, others go on, the process lives.
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcp, type AddressInfo, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { passing, still, until } from "../../../test/until.ts";
import { grpcPython, grpcPythonServer } from "../../../tools/servers/grpc-python.ts";
import { client } from "../../client/index.ts";
import { ServiceError } from "../../errors/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add, ConcatReplySchema, SumReplySchema } from "../protobuf/testdata/gen/add_pb.ts";
import { frame } from "./frame.ts";
import { grpcClient, type GrpcClientOptions } from "./index.ts";
import {
  CONTINUATION,
  DATA,
  fieldBlock,
  frameBytes,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
} from "./testdata/frame-wire.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Reflect.ownKeys(Object.prototype).length).toBe(12);
});

const contract = proto(Add, { methods: { count: { timeoutMs: 60_000 } } });

function remoteTo(port: number, options: GrpcClientOptions = {}) {
  const remote = client(contract, grpcClient({ connectTimeoutMs: 60_000, ...options }), {
    from: `127.0.0.1:${port}`,
    breaker: false,
    retry: false,
    timeoutMs: 60_000,
  });
  closing.push(() => remote[Symbol.asyncDispose]());
  return remote;
}

const HEAD = { ":status": 200, "content-type": "application/grpc" };

/** A server of node's HTTP/2 with this answer to every call. */
async function http2Peer(answer: (stream: ServerHttp2Stream, path: string) => void, settings: object = {}) {
  const server = createHttp2({ settings });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined);
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    stream.resume();
    answer(stream, String(headers[":path"]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** Answers as a server should. */
function answerWell(stream: ServerHttp2Stream): void {
  stream.respond(HEAD, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(frame(toBinary(SumReplySchema, create(SumReplySchema, { v: 3n }))));
}

/** A peer that sends these bytes once a request has come, over and over if told so. */
async function rawPeer(bytes: Buffer, times = 1): Promise<{ readonly port: number; connections: () => number }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.write(Buffer.concat([frameBytes(SETTINGS, [0, 0]), frameBytes(SETTINGS, [1, 0])]));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    let received: Buffer = Buffer.alloc(0);
    let isAsked = false;
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (isAsked || !hasHeaders(received)) return;
      isAsked = true;
      void (async () => {
        for (let i = 0; i < times && !socket.destroyed; i++)
          if (!socket.write(bytes))
            await Promise.race([closed, new Promise((resolve) => socket.once("drain", resolve))]);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

function hasHeaders(bytes: Buffer): boolean {
  for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    if (bytes[at + 3] === HEADERS) return true;
  return false;
}

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    if (ServiceError.is(error)) return error;
    throw error;
  }
  throw new Error("it should have failed");
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memory(): number {
  collect();
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return heapUsed + Math.max(arrayBuffers, external);
}

const MIB = 1_048_576;

describe("an answer that is too much", () => {
  it("is refused as soon as more is unpacked than may be: 1:1000", async () => {
    const bomb = frame(gzipSync(Buffer.alloc(100 * MIB), { level: 9 }), true);
    const port = await http2Peer((stream) => {
      stream.respond({ ...HEAD, "grpc-encoding": "gzip" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(bomb);
    });
    const remote = remoteTo(port);
    const before = memory();
    for (let i = 0; i < 3; i++) expect((await failure(remote.sum({}))).reason).toBe("too_large");
    expect(memory() - before).toBeLessThan(20 * MIB);
  });

  it("is not waited for where it is one message without end", async () => {
    const port = await http2Peer((stream) => {
      stream.respond(HEAD);
      stream.write(Buffer.of(0, 0, 16, 0, 0));
      const more = (): void => void (stream.destroyed || stream.write(Buffer.alloc(65_536), more));
      more();
    });
    expect((await failure(remoteTo(port).sum({}))).reason).toMatch(/^(too_large|invalid_response|malformed_message)$/);
  });

  it("is bounded in its head: headers without end, and CONTINUATION frames", async () => {
    const head = fieldBlock([
      [":status", "200"],
      ["content-type", "application/grpc"],
    ]);
    const more = Buffer.concat(
      Array.from({ length: 100 }, () => frameBytes(CONTINUATION, [0, 1], fieldBlock([["x-flood", "v".repeat(100)]]))),
    );
    const { port } = await rawPeer(Buffer.concat([frameBytes(HEADERS, [0, 1], head), more]), 1);
    const before = memory();
    expect((await failure(remoteTo(port).sum({}))).code).toMatch(/unavailable|internal|resource_exhausted/);
    expect(memory() - before).toBeLessThan(20 * MIB);
    const large = await http2Peer((stream) => {
      stream.respond({
        ...HEAD,
        ...Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x-${i}`, "v".repeat(100)])),
      });
      stream.end();
    });
    expect((await failure(remoteTo(large).sum({}))).reason).toMatch(
      /too_many_headers|connection_lost|invalid_response/,
    );
  });

  it("is bounded where heads come that are none of the answer: a thousand times 103", async () => {
    const early = frameBytes(
      HEADERS,
      [4, 1],
      fieldBlock([
        [":status", "103"],
        ["x-early", "v".repeat(1000)],
      ]),
    );
    const { port } = await rawPeer(Buffer.concat(Array.from({ length: 100 }, () => early)), 2000);
    const before = memory();
    // Newer lines of Node have a bound of their own, and say so.
    const isNewer = Number(process.versions.node.split(".")[0]) > 20;
    const codes = isNewer ? /^resource_exhausted$/ : /^(?:deadline_exceeded|unavailable|internal)$/;
    const timeoutMs = isNewer ? 60_000 : 2000;
    expect((await failure(remoteTo(port).sum({}, { timeoutMs }))).code).toMatch(codes);
    expect(memory() - before).toBeLessThan(20 * MIB);
  });

  it("does not grow with what a caller leaves unread: a fast server and a slow reader", async () => {
    let written = 0;
    const message = frame(toBinary(ConcatReplySchema, create(ConcatReplySchema, { v: "x".repeat(10_000) })));
    const port = await http2Peer((stream) => {
      stream.respond(HEAD);
      const more = (): void => {
        while (!stream.destroyed) {
          written += message.length;
          if (!stream.write(message)) return void stream.once("drain", more);
        }
      };
      more();
    });
    // Its messages are too large for `count`, and unknown fields are passed over.
    const remote = remoteTo(port);
    const answers = remote.count({ a: 1n })[Symbol.asyncIterator]();
    await answers.next();
    await still(() => written);
    const [before, atFirst] = [memory(), written];
    for (let i = 0; i < 20; i++) {
      await answers.next();
      await passing(10);
    }
    expect(memory() - before).toBeLessThan(5 * MIB);
    expect(written - atFirst).toBeLessThan(3 * MIB);
    await answers.return?.();
  });
});

describe("an answer that is wrong", () => {
  it.each<[string, Record<string, string | string[]>]>([
    ["a status that is none", { "grpc-status": "OK" }],
    ["a status beyond all", { "grpc-status": "99999999999" }],
    ["a negative one", { "grpc-status": "-1" }],
    ["half a percent sign", { "grpc-status": "3", "grpc-message": "%E2%9" }],
    ["a message of 8 KB", { "grpc-status": "3", "grpc-message": "x".repeat(8000) }],
    ["details that are no base64", { "grpc-status": "3", "grpc-status-details-bin": "!!!" }],
    ["details that are no message", { "grpc-status": "3", "grpc-status-details-bin": "/////////w==" }],
    ["a push-back that is none", { "grpc-status": "14", "grpc-retry-pushback-ms": "soon" }],
    ["names that every object has", { "grpc-status": "3", __proto__: "x", constructor: "x", tostring: "x" }],
  ])("is an error and no more: %s", async (_, trailers) => {
    const port = await http2Peer((stream) => {
      stream.respond({ ...HEAD, ...trailers }, { endStream: true });
    });
    const error = await failure(remoteTo(port).sum({}));
    expect(["unknown", "invalid_argument", "unavailable", "internal"]).toContain(error.code);
    expect(error.message.length).toBeLessThanOrEqual(4096);
  });

  it("of frames that may not be, ends its connection, and the next call gets another", async () => {
    const reset = frameBytes(RST_STREAM, [0, 1], Buffer.of(0, 0, 0, 2));
    for (const bytes of [
      frameBytes(DATA, [0, 99], Buffer.alloc(10)),
      frameBytes(5, [4, 1], Buffer.concat([Buffer.of(0, 0, 0, 2), fieldBlock([[":path", "/"]])])),
      frameBytes(HEADERS, [4, 1], Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff)),
      frameBytes(SETTINGS, [0, 0], Buffer.of(1, 2, 3)),
      reset,
    ]) {
      const { port, connections } = await rawPeer(bytes);
      const remote = remoteTo(port);
      for (let i = 0; i < 2; i++) {
        const { code } = await failure(remote.sum({}, { timeoutMs: 500 }));
        expect(["unavailable", "internal", "unknown", "deadline_exceeded"]).toContain(code);
      }
      await until(() => connections() > 0);
    }
  });

  it("of pings without end costs the process nothing it keeps, and its calls end in time", async () => {
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frameBytes(PING, [0, 0], Buffer.alloc(8))));
    const { port } = await rawPeer(pings, 300);
    const before = memory();
    expect((await failure(remoteTo(port).sum({}, { timeoutMs: 1000 }))).code).toMatch(/deadline_exceeded|unavailable/);
    expect(memory() - before).toBeLessThan(20 * MIB);
  });

  it("that refuses every stream is asked twice, not for ever", async () => {
    let asked = 0;
    const port = await http2Peer((stream) => {
      asked++;
      // REFUSED_STREAM.
      stream.close(7);
    });
    expect((await failure(remoteTo(port).sum({}))).code).toBe("unavailable");
    expect(asked).toBeLessThanOrEqual(2);
  });

  it("that takes no calls at all holds them until their deadline, and no longer", async () => {
    const port = await http2Peer(answerWell, { maxConcurrentStreams: 0 });
    expect((await failure(remoteTo(port).sum({}, { timeoutMs: 300 }))).code).toBe("deadline_exceeded");
  });
});

const python = grpcPython();

describe("a server of python's grpcio", () => {
  beforeEach((test) => void ("reason" in python && test.skip(python.reason)));
  const file = toBinary(FileDescriptorProtoSchema, Add.file.proto);
  const start = () => grpcPythonServer("path" in python ? python.path : "", file);

  it("that is frozen is left at the deadline, found out by a ping, and used again when it goes on", async () => {
    await using server = await start();
    const remote = remoteTo(server.port, { connectTimeoutMs: 4000, keepalive: { afterMs: 1000, timeoutMs: 4000 } });
    expect((await remote.sum({ a: 1n, b: 2n })).v).toBe(3n);
    server.freeze();
    expect((await failure(remote.sum({ a: 1n }, { timeoutMs: 300 }))).code).toBe("deadline_exceeded");
    expect((await failure(remote.sum({ a: 1n }, { timeoutMs: 60_000 }))).code).toMatch(/unavailable/);
    server.thaw();
    let isBack = false;
    void (async () => {
      while (!isBack)
        await remote.sum({ a: 1n }, { timeoutMs: 3000 }).then(
          () => (isBack = true),
          () => passing(20),
        );
    })();
    await until(() => isBack);
  });

  it("that is killed and started again while nothing is under way is called as if nothing had been", async () => {
    await using server = await start();
    const remote = remoteTo(server.port);
    for (let i = 0; i < 5; i++) {
      expect((await remote.sum({ a: 1n, b: 2n })).v).toBe(3n);
      await server.restart();
    }
    expect((await remote.sum({ a: 1n, b: 2n })).v).toBe(3n);
  });

  it("that is killed while it answers fails the calls under way", async () => {
    await using server = await start();
    const remote = remoteTo(server.port);
    await remote.sum({ a: 1n });
    const [one, many] = [
      failure(remote.concat({ a: "a" }, { metadata: { "x-wait-ms": "60000" } })),
      failure(
        (async () => {
          for await (const _ of remote.count({ a: 100_000_000n }, { timeoutMs: 60_000 })) void _;
        })(),
      ),
    ];
    await passing(200);
    await server.kill();
    expect([(await one).reason, (await many).reason]).toEqual(["connection_lost", "connection_lost"]);
  });
});
