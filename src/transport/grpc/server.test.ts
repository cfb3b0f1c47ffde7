import { connect as http2Connect, type IncomingHttpHeaders } from "node:http2";
import { credentials, status, type ChannelCredentials } from "@grpc/grpc-js";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, describe, expect, it } from "vitest";
import { authority, hasOpenssl, type Authority } from "../../../test/certificates.ts";
import { until } from "../../../test/until.ts";
import type { Call } from "../../endpoint/index.ts";
import { error } from "../../errors/index.ts";
import { serve, type Running } from "../../server/index.ts";
import { virtualClock } from "../../testing/index.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import { Add, SumReplySchema, SumRequestSchema } from "../protobuf/testdata/gen/add_pb.ts";
import { proto } from "../protobuf/index.ts";
import { peerIdentity } from "../http/index.ts";
import { inflate } from "./compression.ts";
import { frame, onlyFrame } from "./frame.ts";
import { grpcServer, type GrpcReply, type GrpcServerOptions } from "./index.ts";
import { readStatus } from "./rpc-status.ts";
import { Caller } from "./testdata/caller.ts";
import { callHead, DATA, frameBytes, FrameWire, HEADERS, SETTINGS } from "./testdata/frame-wire.ts";

const full = error("full", { code: "failed_precondition", message: "no room left" });

const add = proto(Add, { methods: { sum: { errors: [full] }, concat: { timeoutMs: 60_000 } } });

type Handlers = Parameters<typeof add.implement>[0];

const handlers: Handlers = {
  sum: ({ a, b }) => (a === 0n && b === 0n ? full() : { v: a + b }),
  concat: ({ a, b }) => ({ v: a + b }),
  async *count({ a }) {
    for (let i = 1n; i <= a; i++) yield { v: i };
  },
  async total(requests) {
    let v = 0n;
    for await (const { a } of requests) v += a;
    return { v };
  },
  async *running(requests) {
    let v = 0n;
    for await (const { a } of requests) yield { v: (v += a) };
  },
};

interface Peers extends AsyncDisposable {
  readonly running: Running;
  readonly caller: Caller;
  /** What ended, as observers saw it. */
  readonly ended: Call[];
}

interface Around {
  readonly trusted?: ChannelCredentials;
  readonly clock?: Clock;
  readonly drainMs?: number;
}

async function peers(
  own: Partial<Handlers> = {},
  options: Partial<GrpcServerOptions> = {},
  { trusted, clock = systemClock, drainMs = 500 }: Around = {},
): Promise<Peers> {
  const ended: Call[] = [];
  const running = await serve(add.implement({ ...handlers, ...own }), {
    on: [grpcServer({ port: 0, host: "127.0.0.1", ...options })],
    observers: [() => ({ end: (call) => void ended.push(call) })],
    log: false,
    signals: false,
    timeoutMs: 60_000,
    drainMs,
    clock,
  });
  const caller = new Caller(running.addresses[0]!, { ...(trusted && { credentials: trusted }) });
  return {
    running,
    caller,
    ended,
    async [Symbol.asyncDispose]() {
      caller[Symbol.dispose]();
      await running.stop();
    },
  };
}

/** As grpc-js wants it: a moment. */
const inMs = (ms: number): { deadline: number } => ({ deadline: systemClock.date() + ms });

describe("a grpc server", () => {
  it("answers a call of grpc-js", async () => {
    await using served = await peers();
    const { value, status: ended } = await served.caller.unary("sum", { a: 1n, b: 2n });
    expect(value).toMatchObject({ v: 3n });
    expect(ended.code).toBe(status.OK);
    expect(served.ended[0]).toMatchObject({ transport: "grpc", outcome: "ok", status: 0, peer: "127.0.0.1" });
  });

  it("streams answers", async () => {
    await using served = await peers();
    const got: unknown[] = [];
    for await (const one of served.caller.server("count", { a: 200n })) got.push((one as { v: bigint }).v);
    expect(got).toEqual(Array.from({ length: 200 }, (_, i) => BigInt(i + 1)));
  });

  it("takes streams", async () => {
    await using served = await peers();
    const value = await new Promise((resolve, reject) => {
      const call = served.caller.upload("total", (failure, answer) => (failure ? reject(failure) : resolve(answer)));
      for (let i = 1n; i <= 100n; i++) call.write({ a: i });
      call.end();
    });
    expect(value).toMatchObject({ v: 5050n });
  });

  it("streams both ways at once", async () => {
    await using served = await peers();
    const call = served.caller.both("running");
    const got: unknown[] = [];
    call.write({ a: 1n });
    for await (const { v } of call as AsyncIterable<{ v: bigint }>) {
      got.push(v);
      if (got.length < 5) call.write({ a: v });
      else call.end();
    }
    expect(got).toEqual([1n, 2n, 4n, 8n, 16n]);
  });

  it("stops a handler that nobody waits for any more", async () => {
    const stopped: string[] = [];
    let begun = 0;
    const clock = virtualClock();
    await using served = await peers(
      {
        concat: (_request, context) =>
          new Promise((resolve) => {
            begun++;
            context.onCancel(({ reason }) => {
              stopped.push(reason);
              resolve({});
            });
          }),
      },
      {},
      { clock },
    );
    const late = served.caller.unary("concat", {}, { options: inMs(50_000) });
    await until(() => begun === 1);
    await clock.advance(50_000);
    expect((await late).status.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => stopped.length === 1);
    const left = served.caller.unary(
      "concat",
      {},
      { started: (call) => void until(() => begun === 2).then(() => call.cancel()) },
    );
    expect((await left).status.code).toBe(status.CANCELLED);
    await until(() => stopped.length === 2);
    expect(stopped).toEqual(["deadline_exceeded", "canceled"]);
    expect(served.ended.map(({ outcome }) => outcome)).toEqual(["deadline_exceeded", "canceled"]);
  });

  it("sends metadata before the answer, and what hooks add after it", async () => {
    await using served = await peers(
      {
        sum: ({ a }, context) => {
          context.reply.set("x-half", String(a));
          return { v: a };
        },
      },
      {
        before: [(context, request) => (context.reply.set("x-path", request.path), context)],
        after: [
          (_context, reply) => {
            reply.headers.set("x-bytes", String(reply.message!.length));
            reply.trailers.set("x-cost", "7");
          },
        ],
      },
    );
    const { headers, status: ended } = await served.caller.unary("sum", { a: 4n });
    expect(headers!.getMap()).toMatchObject({ "x-half": "4", "x-path": "/pb.Add/Sum", "x-bytes": "2" });
    expect(ended.metadata.getMap()).toMatchObject({ "x-cost": "7" });
  });

  it("sends what metadata a stream has by its first answer before it, and the rest after the last", async () => {
    await using served = await peers(
      {
        async *count(_request, context) {
          context.reply.set("x-before", "1");
          yield { v: 1n };
          context.reply.set("x-late", "2");
        },
      },
      { after: [(_context, reply) => reply.trailers.set("x-cost", "7")] },
    );
    const call = served.caller.server("count", {});
    const headers = new Promise<string>((resolve) =>
      call.on("metadata", (one) => resolve(String(one.get("x-before")[0]))),
    );
    const ended = new Promise<unknown[]>((resolve) =>
      call.on("status", ({ metadata }) =>
        resolve(["x-cost", "x-late", "x-before"].map((name) => metadata.get(name)[0])),
      ),
    );
    call.resume();
    expect([await headers, ...(await ended)]).toEqual(["1", "7", "2", undefined]);
  });

  it("answers errors as the user's encoder says, with a message too", async () => {
    const bytes = toBinary(SumReplySchema, create(SumReplySchema, { v: -1n }));
    await using served = await peers(
      {},
      {
        errorEncoder({ reason }, reply) {
          if (reason === "unknown_method") return;
          reply.trailers.set("x-reason", reason);
          if (reason === "full") {
            reply.status = 0;
            reply.message = bytes;
          } else reply.statusMessage = "ask Ægir";
        },
      },
    );
    const answered = await served.caller.unary("sum", { a: 0n, b: 0n });
    expect(answered.value).toMatchObject({ v: -1n });
    expect(answered.status.metadata.get("x-reason")).toEqual(["full"]);
    const failed = await served.caller.unary("sum", {}, { metadata: { "grpc-timeout": "never" } });
    expect(failed.error?.details ?? "").toMatch(/Ægir|no room/u);
  });

  it("says nothing in an error's details that its encoder has changed: peers believe the details", async () => {
    let change: (reply: GrpcReply) => void = () => undefined;
    await using served = await peers({}, { errorEncoder: (_error, reply) => change(reply) });
    const failed = async () => {
      const { metadata } = (await served.caller.unary("sum", { a: 0n, b: 0n })).error!;
      const [bytes] = metadata.get("grpc-status-details-bin");
      return bytes === undefined ? undefined : readStatus(bytes as Buffer);
    };
    const whole = await failed();
    expect(whole).toMatchObject({ status: 9, message: "no room left", info: { reason: "full" } });
    change = (reply) => (reply.statusMessage = "kein Platz: 100 % ✓");
    expect(await failed()).toEqual({ ...whole, message: "kein Platz: 100 % ✓" });
    change = (reply) => (reply.status = 5);
    expect(await failed()).toBeUndefined();
    change = (reply) => Object.assign(reply, { status: 5, statusDetails: "CAU" });
    expect(await failed()).toMatchObject({ status: 5, info: undefined });
  });

  it("says with an error which request it was", async () => {
    await using served = await peers();
    const { error: failure } = await served.caller.unary(
      "sum",
      { a: 0n, b: 0n },
      { metadata: { "x-request-id": "r-1" } },
    );
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, details: "no room left" });
    expect(failure!.metadata.get("x-request-id")).toEqual(["r-1"]);
  });

  it("tells observers the status that was sent where the encoder's answer cannot be", async () => {
    await using served = await peers(
      {},
      {
        errorEncoder(_error, reply) {
          reply.status = 5;
          reply.headers.set("grpc-mine", "1");
        },
      },
    );
    const { status: ended } = await served.caller.unary("sum", { a: 0n, b: 0n });
    expect(ended.code).toBe(status.FAILED_PRECONDITION);
    expect(served.ended[0]!.status).toBe(status.FAILED_PRECONDITION);
  });

  it("sets a timer for a call only where its message does not come with its head", async () => {
    let set = 0;
    const expire: typeof systemClock.expire = (delayMs, target) => (set++, systemClock.expire(delayMs, target));
    const running = await serve(add.implement(handlers), {
      on: [grpcServer({ port: 0, host: "127.0.0.1" })],
      clock: { ...systemClock, expire },
      log: false,
      signals: false,
    });
    const address = running.addresses[0]!;
    const wire = new FrameWire(address);
    await wire.until(({ type, flags }) => type === SETTINGS && (flags & 1) === 1);
    const before = set;
    const head = frameBytes(HEADERS, [4, 1], callHead("/pb.Add/Sum"));
    wire.socket.write(Buffer.concat([head, frameBytes(DATA, [1, 1], sum(1n, 2n))]));
    await wire.until(({ type, stream, flags }) => type === HEADERS && stream === 1 && (flags & 1) === 1);
    expect(set - before).toBe(0);
    wire.send(HEADERS, [4, 3], callHead("/pb.Add/Sum"));
    await until(() => set > before);
    wire.send(DATA, [1, 3], sum(1n, 2n));
    await wire.until(({ type, stream, flags }) => type === HEADERS && stream === 3 && (flags & 1) === 1);
    wire[Symbol.dispose]();
    await running.stop();
  });

  it("goes on when a hook adds what cannot be sent: the call fails, the next one is served", async () => {
    let isBad = true;
    await using served = await peers(
      {},
      { after: [(_context, reply) => isBad && reply.trailers.set("grpc-status", "1")] },
    );
    expect((await served.caller.unary("sum", { a: 1n })).status.code).toBe(status.INVALID_ARGUMENT);
    isBad = false;
    expect((await served.caller.unary("sum", { a: 1n })).status.code).toBe(status.OK);
  });

  it("refuses options that are wrong, naming them", () => {
    const wrong: [Partial<Record<keyof GrpcServerOptions | "ports", unknown>>, RegExp][] = [
      [{ port: 70_000 }, /port should be an integer from 0 to 65535, got 70000/],
      [{ ports: 1 }, /grpcServer has no option "ports"/],
      [{ compress: "gzip" }, /compress should be true or false, got "gzip"/],
      [{ keepalive: { idleMs: 1 } }, /keepalive.idleMs should be a number from 100/],
      [{ keepalive: true }, /keepalive should be false or options, got true/],
      [{ maxConnectionAgeMs: 10 }, /maxConnectionAgeMs should be a number from 100/],
      [{ maxConcurrentStreams: 0 }, /maxConcurrentStreams should be an integer from 1/],
      [{ reflection: 1 }, /reflection should be true or false, got 1/],
      [{ foreign: [{}] }, /foreign should be a list of what foreign\(\) returns/],
      [{ limits: { maxBody: 1 } }, /limits has no option "maxBody"/],
    ];
    for (const [options, message] of wrong)
      expect(() => grpcServer({ port: 0, ...(options as object) })).toThrow(message);
  });
});

interface Raw {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What node's own client gets for bytes of our choice. */
async function raw(address: string, bytes: Buffer, more: Record<string, string | undefined> = {}): Promise<Raw> {
  const session = http2Connect(address);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/pb.Add/Sum",
      "content-type": "application/grpc",
      te: "trailers",
      ...more,
    });
    const chunks: Buffer[] = [];
    let [headers, trailers]: IncomingHttpHeaders[] = [];
    stream.on("response", (came) => (headers = came));
    stream.on("trailers", (came) => (trailers = came));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.end(bytes);
    await new Promise((resolve) => stream.once("close", resolve));
    return { headers: headers!, trailers: trailers ?? headers!, body: Buffer.concat(chunks) };
  } finally {
    session.destroy();
  }
}

const sum = (a: bigint, b: bigint): Buffer => frame(toBinary(SumRequestSchema, create(SumRequestSchema, { a, b })));

describe("the bytes of a grpc server", () => {
  it("are head, message, trailers, and nothing that needs no saying", async () => {
    await using served = await peers();
    const { headers, trailers, body } = await raw(served.running.addresses[0]!, sum(1n, 2n));
    expect(Object.fromEntries(Object.entries(headers))).toEqual({
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-accept-encoding": "identity,gzip",
    });
    expect(Object.entries(trailers)).toEqual([["grpc-status", "0"]]);
    expect(body).toEqual(Buffer.from([0, 0, 0, 0, 2, 8, 3]));
  });

  it("are a head alone where a call fails before its answer", async () => {
    await using served = await peers();
    const { headers, trailers, body } = await raw(served.running.addresses[0]!, sum(0n, 0n));
    expect(trailers).toBe(headers);
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "9", "grpc-message": "no room left" });
    expect(body).toHaveLength(0);
  });

  it("say what was wrong with a request: no te, two messages, none, compressed without a word of it", async () => {
    await using served = await peers();
    const address = served.running.addresses[0]!;
    const packed = frame(new Uint8Array([1]), true);
    const cases: [Buffer, Record<string, string | undefined>, RegExp][] = [
      [sum(1n, 2n), { te: undefined }, /the header "te: trailers" is missing/],
      [Buffer.concat([sum(1n, 2n), sum(3n, 4n)]), {}, /takes one message, and there was more/],
      [Buffer.alloc(0), {}, /takes one message, and there was no/],
      [packed, {}, /grpc-encoding does not say how/],
      [packed, { "grpc-encoding": "identity" }, /grpc-encoding does not say how/],
    ];
    for (const [bytes, more, message] of cases) {
      const { trailers } = await raw(address, bytes, more);
      expect(trailers["grpc-status"]).toBe("3");
      expect(trailers["grpc-message"]).toMatch(message);
    }
    const { trailers } = await raw(address, sum(1n, 2n), { "grpc-encoding": "snappy" });
    expect(trailers).toMatchObject({ "grpc-status": "12", "grpc-accept-encoding": "identity,gzip" });
    expect(
      (await raw(address, sum(1n, 2n), { "content-type": "application/grpc+proto;charset=utf-8" })).trailers,
    ).toMatchObject({ "grpc-status": "0" });
    expect((await raw(address, sum(1n, 2n), { "content-type": "application/grpc-web" })).headers[":status"]).toBe(415);
  });

  it("are compressed for those who accept it, where there is something to gain", async () => {
    await using served = await peers({ concat: ({ a }) => ({ v: a.repeat(1000) }) }, { compress: true });
    const address = served.running.addresses[0]!;
    const path = { ":path": "/pb.Add/Concat", "grpc-accept-encoding": "identity, gzip" };
    const text = (a: string): Buffer => frame(Buffer.from([10, a.length, ...Buffer.from(a)]));
    const large = await raw(address, text("ab"), path);
    expect(large.headers["grpc-encoding"]).toBe("gzip");
    const { isCompressed, data } = onlyFrame(large.body)!;
    expect(isCompressed).toBe(true);
    expect(inflate(data, 3000)).toHaveLength(2003);
    const larger = await raw(address, text("abcdefghijklmnopqrstuvwxyz"), path);
    expect(inflate(onlyFrame(larger.body)!.data, 30_000)).toHaveLength(26_004);
    expect(onlyFrame((await raw(address, text(""), path)).body)!.isCompressed).toBe(false);
    const plain = await raw(address, text("ab"), { ":path": "/pb.Add/Concat" });
    expect(plain.headers["grpc-encoding"]).toBeUndefined();
    expect(onlyFrame(plain.body)!.isCompressed).toBe(false);
  });
});

describe("a connection of a grpc server", () => {
  it("ends at its age, its calls before it, and the next call goes over a new one", async () => {
    let finish: (() => void) | undefined;
    const clock = virtualClock();
    await using served = await peers(
      { concat: async () => new Promise((resolve) => (finish = () => resolve({ v: "late" }))) },
      { maxConnectionAgeMs: 120 },
      { clock },
    );
    const session = http2Connect(served.running.addresses[0]!);
    const told: string[] = [];
    session.on("goaway", (code) => {
      told.push(`goaway ${code}`);
      finish!();
    });
    session.on("close", () => void told.push("closed"));
    const stream = session.request({
      ":method": "POST",
      ":path": "/pb.Add/Concat",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("trailers", (trailers) => void told.push(`status ${trailers["grpc-status"]}`));
    stream.resume().end(frame(new Uint8Array(0)));
    await until(() => finish !== undefined);
    // A tenth more than its age, which is not the same for all.
    await clock.advance(140);
    await until(() => told.includes("closed"));
    // Node says it again when it closes.
    expect(told.filter((one, at) => told.indexOf(one) === at)).toEqual(["goaway 0", "status 0", "closed"]);
    expect((await served.caller.unary("sum", { a: 1n })).status.code).toBe(status.OK);
  });

  it("of an age whose streams do not end is cut after its grace, and they are told", async () => {
    const stuck = new Promise<{ v: string }>(() => undefined);
    const clock = virtualClock();
    await using served = await peers(
      {
        async *count() {
          yield { v: 1n };
          await stuck;
        },
      },
      { maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 100 },
      { clock },
    );
    const call = served.caller.server("count", {});
    const ended = new Promise<{ code: number; details: string }>((resolve) => call.on("status", resolve));
    call.on("error", () => undefined);
    await new Promise((resolve) => call.once("data", resolve));
    await clock.advance(300);
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE, details: "the server is shutting down" });
  });

  it("without a call ends after its time, and not before", async () => {
    await using served = await peers({}, { idleTimeoutMs: 150 });
    const session = http2Connect(served.running.addresses[0]!);
    const began = systemClock.now();
    await new Promise((resolve) => session.once("close", resolve));
    expect(systemClock.now() - began).toBeGreaterThan(140);
  });

  it("finishes what is in flight when the server drains, and takes nothing more", async () => {
    let finish: (value: { v: string }) => void = () => undefined;
    const concat = async () => new Promise<{ v: string }>((resolve) => (finish = resolve));
    await using served = await peers({ concat }, {}, { drainMs: 50_000 });
    const call = served.caller.unary("concat", {});
    await until(() => finish.length > 0 || served.ended.length > 0);
    const stopped = served.running.stop();
    const after = await served.caller.unary("sum", { a: 1n }, { options: inMs(200) });
    expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain(after.status.code);
    finish({ v: "done" });
    expect((await call).value).toMatchObject({ v: "done" });
    expect(await stopped).toBe(0);
  });

  it("is told why its streams end when the server does not wait any longer", async () => {
    const stuck = new Promise(() => undefined);
    await using served = await peers({
      async *count() {
        yield { v: 1n };
        await stuck;
      },
    });
    const call = served.caller.server("count", {});
    const ended = new Promise<{ code: number; details: string }>((resolve) => call.on("status", resolve));
    call.on("error", () => undefined);
    await new Promise((resolve) => call.once("data", resolve));
    await served.running.stop();
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE, details: "the server is shutting down" });
  });
});

describe("what a grpc server adds", () => {
  it("is neither counted nor asked for by the user's gates, and can be left out", async () => {
    const call = async (served: Peers): Promise<string> => {
      const { trailers } = await raw(served.running.addresses[0]!, frame(new Uint8Array(0)), {
        ":path": "/grpc.health.v1.Health/Check",
      });
      return String(trailers["grpc-status"]);
    };
    {
      await using served = await peers();
      expect(await call(served)).toBe("0");
      expect(served.ended).toHaveLength(0);
    }
    await using without = await peers({}, { health: false, reflection: false });
    expect(await call(without)).toBe("12");
    expect(without.ended).toHaveLength(1);
  });
});

const canSign = hasOpenssl();
const signer: Authority | undefined = canSign ? authority() : undefined;
afterAll(() => signer?.[Symbol.dispose]());

describe.skipIf(!canSign)(`a grpc server with TLS${canSign ? "" : ": openssl is not here"}`, () => {
  it("knows its callers by their certificates", async () => {
    const { ca, issue } = signer!;
    const own = signer!.issue("server", ["IP:127.0.0.1"]);
    const theirs = signer!.issue("orders", ["URI:spiffe://shop/orders"]);
    expect(issue).toBeTypeOf("function");
    await using served = await peers(
      { concat: (_request, context) => ({ v: context.need(peerIdentity).spiffeId ?? "" }) },
      { tls: { ...own, ca, clients: "required" } },
      { trusted: credentials.createSsl(Buffer.from(ca), Buffer.from(theirs.key), Buffer.from(theirs.cert)) },
    );
    expect(served.running.addresses[0]).toMatch(/^https:/);
    expect((await served.caller.unary("concat", {})).value).toMatchObject({ v: "spiffe://shop/orders" });
    using stranger = new Caller(served.running.addresses[0]!, { credentials: credentials.createSsl(Buffer.from(ca)) });
    const refused = await stranger.unary("concat", {}, { options: inMs(2000) });
    expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain(refused.status.code);
  });
});
