// Connections that fail, and those that come to an end: against real peers over real sockets.
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { connect, createServer as createTcp, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { passing, until } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add } from "../protobuf/testdata/gen/add_pb.ts";
import { virtualClock } from "../../testing/index.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import { frame } from "./frame.ts";
import { grpcClient, type GrpcClientOptions } from "./index.ts";

const contract = proto(Add);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A message without fields, which every method may answer with. */
const REPLY = frame(new Uint8Array(0));

function answer(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(REPLY);
}

/** An HTTP/2 server that keeps its sessions and streams. */
class Peer {
  readonly sessions: ServerHttp2Session[] = [];
  readonly streams: ServerHttp2Stream[] = [];
  onStream: (stream: ServerHttp2Stream) => void = answer;
  server!: Http2Server;
  port = 0;

  async listen(port = 0, settings: object = {}): Promise<this> {
    this.server = createServer({ settings });
    this.server.on("session", (session) => {
      this.sessions.push(session);
      session.on("error", () => undefined);
    });
    this.server.on("stream", (stream: ServerHttp2Stream) => {
      stream.on("error", () => undefined);
      this.streams.push(stream);
      this.onStream(stream);
    });
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  /** Ends at once, as a process that is killed. */
  async kill(): Promise<void> {
    for (const session of this.sessions.splice(0)) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function peer(settings: object = {}): Promise<Peer> {
  const made = await new Peer().listen(0, settings);
  closing.push(() => made.kill());
  return made;
}

function remoteTo(port: number, options: GrpcClientOptions = {}, clock: Clock = systemClock) {
  const from = `127.0.0.1:${port}`;
  const given = { from, breaker: false, retry: false, timeoutMs: 60_000, clock } as const;
  const remote = client(contract, grpcClient({ connectTimeoutMs: 60_000, ...options }), given);
  closing.push(() => remote[Symbol.asyncDispose]());
  return remote;
}

async function tcp(listener: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createTcp((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    listener(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A way to a peer that can be made to lose everything in silence, as a cable that is cut. */
async function cable(to: number): Promise<{ readonly port: number; cut(): void; readonly opened: () => number }> {
  const pairs: [Socket, Socket][] = [];
  let isCut = false;
  const port = await tcp((near) => {
    const far = connect(to, "127.0.0.1");
    far.on("error", () => undefined);
    pairs.push([near, far]);
    isCut = false;
    near.pipe(far).pipe(near);
  });
  closing.push(() => pairs.forEach(([, far]) => far.destroy()));
  return {
    port,
    cut() {
      isCut = true;
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.resume();
        far.resume();
      }
      void isCut;
    },
    opened: () => pairs.length,
  };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  );

/** One message, and no end. */
async function* silence(): AsyncGenerator<{ a: bigint }> {
  yield { a: 1n };
  await new Promise(() => undefined);
}

const unreachable = { reason: "unreachable", origin: "policy" };
const lost = { reason: "connection_lost", origin: "policy" };

describe("a connection that does not come about", () => {
  it("fails calls with unreachable: nobody there, a black hole, a peer that says nothing, one that is no HTTP/2", async () => {
    const nobody = await peer();
    const { port } = nobody;
    await nobody.kill();
    nobody.server = createServer();
    const silent = await tcp(() => undefined);
    const http = await tcp((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const hangsUp = await tcp((socket) => socket.destroy());
    for (const one of [port, http, hangsUp])
      expect(await rejection(remoteTo(one, {}, virtualClock()).sum({}))).toMatchObject(unreachable);
    const clock = virtualClock();
    const called = rejection(remoteTo(silent, { connectTimeoutMs: 150 }, clock).sum({}));
    await clock.advance(150);
    expect(await called).toMatchObject(unreachable);
  });

  it("is tried again after a pause, and calls fail at once meanwhile", async () => {
    let connections = 0;
    const port = await tcp((socket) => {
      connections++;
      socket.destroy();
    });
    const clock = virtualClock();
    const remote = remoteTo(port, { random: { fraction: () => 0.999, hex: () => "" } }, clock);
    expect(await rejection(remote.sum({}))).toMatchObject(unreachable);
    for (let i = 0; i < 20; i++)
      expect(await rejection(remote.sum({}))).toMatchObject({
        ...unreachable,
        message: expect.stringMatching("not tried again for \\d+ ms"),
      });
    expect(connections).toBe(1);
    await clock.advance(100);
    await rejection(remote.sum({}));
    expect(connections).toBe(2);
    // The second pause is twice the first.
    await clock.advance(100);
    await rejection(remote.sum({}));
    expect(connections).toBe(2);
    await clock.advance(100);
    await rejection(remote.sum({}));
    expect(connections).toBe(3);
  });

  it("fails calls with unreachable where it cannot even begin: the user's lookup throws", async () => {
    const cause = new Error("no such table");
    const lookup = (): never => {
      throw cause;
    };
    const remote = client(contract, grpcClient({ lookup }), {
      from: "peer.invalid:1",
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    closing.push(() => remote[Symbol.asyncDispose]());
    expect(await rejection(remote.sum({}))).toMatchObject({ ...unreachable, cause });
  });

  it("does not outlast the call's own time", async () => {
    const remote = remoteTo(await tcp(() => undefined));
    expect(await rejection(remote.sum({}, { timeoutMs: 40 }))).toMatchObject({ reason: "deadline_exceeded" });
  });
});

describe("a connection that is lost", () => {
  it("fails the calls on it, and the next call gets a new one", async () => {
    const one = await peer();
    one.onStream = (stream) => void (one.streams.length === 1 ? one.sessions[0]!.destroy() : answer(stream));
    const remote = remoteTo(one.port);
    expect(await rejection(remote.concat({}))).toMatchObject(lost);
    expect((await remote.sum({})).v).toBe(0n);
    expect(one.sessions.length).toBe(2);
  });

  it("is nobody's business when nothing was on it: the first call after a restart succeeds, fifty times", async () => {
    let one = await new Peer().listen();
    const { port } = one;
    const remote = remoteTo(port);
    for (let i = 0; i < 50; i++) {
      expect((await remote.concat({})) !== undefined).toBe(true);
      await one.kill();
      one = await new Peer().listen(port);
    }
    await one.kill();
  });

  it("is found out by a ping where nothing else says so, and replaced", async () => {
    const one = await peer();
    one.onStream = () => undefined;
    const way = await cable(one.port);
    const clock = virtualClock();
    const remote = remoteTo(way.port, { keepalive: { afterMs: 100, timeoutMs: 100 } }, clock);
    const called = rejection(remote.sum({}, { timeoutMs: 60_000 }));
    await until(() => one.streams.length === 1);
    way.cut();
    one.onStream = answer;
    // More than twice both: what had come before the cut counts for life.
    for (let i = 0; i < 10; i++) await clock.advance(100);
    // Sent again since it may be: the method is idempotent, but only on a connection that had been used before.
    expect(await called).toMatchObject(lost);
    expect((await remote.sum({})).v).toBe(0n);
    expect(way.opened()).toBe(2);
  });

  it("is not taken for lost while the peer answers pings, however long it takes to answer the call", async () => {
    const one = await peer();
    one.onStream = () => undefined;
    const clock = virtualClock();
    const waits: number[] = [];
    const expire: Clock["expire"] = (ms, target) => (waits.push(ms), clock.expire(ms, target));
    const remote = remoteTo(one.port, { keepalive: { afterMs: 100, timeoutMs: 50 } }, { ...clock, expire });
    const called = remote.sum({}, { timeoutMs: 60_000 });
    let pings = 0;
    await until(() => one.streams.length === 1);
    one.sessions[0]!.on("ping", () => pings++);
    for (let asked = 1; asked <= 2; asked++) {
      while (waits.filter((ms) => ms === 50).length < asked) await clock.advance(10);
      const before = waits.length;
      // The answer is here when the next wait begins.
      await until(() => waits.length > before);
    }
    expect(pings).toBe(2);
    answer(one.streams[0]!);
    expect((await called).v).toBe(0n);
  });
});

describe("a peer that is asked too often", () => {
  it("says so, and is asked half as often over the next connection", async () => {
    const one = await peer();
    one.onStream = () => undefined;
    one.server.on("session", (session: ServerHttp2Session) => {
      session.on("ping", () => session.goaway(11, 0, Buffer.from("too_many_pings")));
    });
    const clock = virtualClock();
    const pausesMs: number[] = [];
    const timeoutMs = 77_777;
    let beganMs = 0;
    const expire: Clock["expire"] = (ms, target) => {
      if (ms === timeoutMs) pausesMs.push(clock.now() - beganMs);
      return clock.expire(ms, target);
    };
    const remote = remoteTo(one.port, { keepalive: { afterMs: 100, timeoutMs } }, { ...clock, expire });
    for (let i = 0; i < 3; i++) {
      beganMs = clock.now();
      const called = rejection(remote.total(silence(), { timeoutMs: 60_000 }));
      await until(() => one.streams.length === i + 1);
      while (pausesMs.length === i) await clock.advance(10);
      expect(await called).toMatchObject({ origin: "policy" });
    }
    // Doubled twice. Less than the time itself never passes; more may.
    expect(pausesMs[2]).toBeGreaterThan(390);
  });
});

describe("a peer that goes away in an orderly manner", () => {
  it("lets the calls it has finish, and gets no more: they go over a new connection", async () => {
    const one = await peer();
    const held: ServerHttp2Stream[] = [];
    one.onStream = (stream) => void held.push(stream);
    const remote = remoteTo(one.port);
    const first = remote.sum({});
    await until(() => held.length === 1);
    one.sessions[0]!.goaway(0, held[0]!.id!);
    one.onStream = answer;
    await until(() => one.sessions.length === 1);
    let second: unknown;
    await until(() => {
      second ??= remote.sum({}).then(({ v }) => (second = v));
      return second === 0n;
    });
    answer(held[0]!);
    expect((await first).v).toBe(0n);
    expect(one.sessions.length).toBe(2);
  });

  it.each([
    ["orderly", 0],
    ["in anger", 11],
  ])("says which calls it did not look at, %s: they are sent again, and nobody notices", async (_how, code) => {
    const one = await peer();
    let connections = 0;
    const port = await tcp((socket) => {
      if (++connections > 1) {
        const far = connect(one.port, "127.0.0.1");
        socket.on("close", () => far.destroy());
        return void socket.pipe(far).pipe(socket);
      }
      const settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
      // RFC 9113 §6.8: the last stream is 0, none was looked at.
      const goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code];
      socket.write(Buffer.from(settings));
      let isFirst = true;
      socket.on("data", (chunk) => {
        // What has a path is the call, whatever else comes with it.
        if (isFirst && chunk.includes(Buffer.from([0x41]))) {
          isFirst = false;
          socket.write(Buffer.from(goaway));
        }
      });
    });
    const remote = remoteTo(port);
    expect((await remote.concat({ a: "x" })).v).toBe("");
    expect([connections, one.streams.length]).toEqual([2, 1]);
  });

  it("refuses a call: it is sent once more, and only once", async () => {
    const one = await peer();
    let refusals = 1;
    one.onStream = (stream) => (refusals-- > 0 ? stream.close(7) : answer(stream));
    const remote = remoteTo(one.port);
    expect((await remote.concat({})) !== undefined).toBe(true);
    expect(one.streams.length).toBe(2);
    refusals = 100;
    expect(await rejection(remote.concat({}))).toMatchObject(unreachable);
    expect(one.streams.length).toBe(4);
    refusals = 1;
    async function* many() {
      yield { a: 1n };
    }
    // Whatever the source has given is gone.
    expect(await rejection(remote.total(many()))).toMatchObject(unreachable);
  });

  it.each(["total", "running"] as const)(
    "refuses a call whose source has given nothing yet: its first message goes with the second try (%s)",
    async (method) => {
      const one = await peer();
      let accept: () => void = () => undefined;
      const accepted = new Promise<void>((resolve) => (accept = resolve));
      const got: Buffer[] = [];
      let isFirst = true;
      one.onStream = (stream) => {
        if (isFirst) return ((isFirst = false), stream.close(7));
        stream.on("data", (chunk: Buffer) => got.push(chunk));
        stream.on("end", () => answer(stream));
        accept();
      };
      async function* late() {
        await accepted;
        yield { a: 1n };
        yield { a: 2n };
      }
      const remote = remoteTo(one.port);
      if (method === "total") await remote.total(late());
      else for await (const _answer of remote.running(late()));
      const messages = [1, 2].map((a) => frame(Uint8Array.of(8, a)));
      expect(Buffer.concat(got)).toEqual(Buffer.concat(messages));
      expect(one.streams.length).toBe(2);
    },
  );

  it("is replaced for calls that wait, though another connection is there: it may be full for long", async () => {
    const one = await peer({ maxConcurrentStreams: 1 });
    const held: ServerHttp2Stream[] = [];
    one.onStream = (stream) => void held.push(stream);
    const remote = remoteTo(one.port, { maxConnections: 2 });
    const called = [1, 2].map(() => remote.sum({}, { timeoutMs: 60_000 }));
    await until(() => held.length === 2);
    one.onStream = answer;
    const third = remote.sum({});
    await passing(20);
    one.sessions[0]!.goaway(0);
    expect((await third).v).toBe(0n);
    for (const stream of held) answer(stream);
    await Promise.all(called);
  });
});

describe("connections", () => {
  it("are one for many calls, until the peer takes no more on it", async () => {
    const one = await peer({ maxConcurrentStreams: 10 });
    const remote = remoteTo(one.port);
    await Promise.all(Array.from({ length: 10 }, () => remote.sum({})));
    expect(one.sessions.length).toBe(1);
    const held: ServerHttp2Stream[] = [];
    one.onStream = (stream) => void held.push(stream);
    const called = Array.from({ length: 25 }, () => remote.sum({}));
    await until(() => held.length === 25);
    expect(one.sessions.length).toBe(3);
    for (const stream of held.splice(0)) answer(stream);
    for (const { v } of await Promise.all(called)) expect(v).toBe(0n);
  });

  it("are no more than allowed: calls beyond wait their turn, and no more than allowed of them", async () => {
    const one = await peer({ maxConcurrentStreams: 2 });
    const remote = remoteTo(one.port, { maxConnections: 2, maxWaiting: 4 });
    const held: ServerHttp2Stream[] = [];
    one.onStream = (stream) => void held.push(stream);
    const called = [1, 2, 3, 4].map(() => remote.sum({}, { timeoutMs: 60_000 }));
    await until(() => held.length === 4);
    called.push(...[5, 6, 7, 8].map(() => remote.sum({}, { timeoutMs: 60_000 })));
    const message = "the peer takes no more calls at once, and 4 wait already";
    expect(await rejection(remote.sum({}))).toMatchObject({ ...unreachable, message });
    one.onStream = answer;
    for (const stream of held) answer(stream);
    for (const { v } of await Promise.all(called)) expect(v).toBe(0n);
    expect(one.sessions.length).toBe(2);
  });

  it("give a call's place back when it is called off, waiting or not", async () => {
    const one = await peer({ maxConcurrentStreams: 1 });
    one.onStream = () => undefined;
    const clock = virtualClock();
    const remote = remoteTo(one.port, { maxConnections: 1 }, clock);
    const first = rejection(remote.sum({}, { timeoutMs: 200 }));
    const second = rejection(remote.sum({}, { timeoutMs: 20 }));
    await until(() => one.streams.length === 1);
    await clock.advance(20);
    expect(await second).toMatchObject({ reason: "deadline_exceeded" });
    one.onStream = answer;
    // Newer servers of Node count a stream for a moment after it was reset, and refuse the next.
    const isNewer = Number(process.versions.node.split(".")[0]) > 20;
    const third = isNewer ? remote.sum({}).catch(() => remote.sum({})) : remote.sum({});
    await clock.advance(180);
    expect(await first).toMatchObject({ reason: "deadline_exceeded" });
    expect((await third).v).toBe(0n);
    expect(one.streams.length).toBe(2);
  });

  it("are closed when idle", async () => {
    const one = await peer();
    const remote = remoteTo(one.port, { idleMs: 30 });
    await remote.sum({});
    await until(() => one.sessions[0]!.destroyed);
    await remote.sum({});
    expect(one.sessions.length).toBe(2);
  });

  it("stay until the last call is over when the client is closed, and no new call begins", async () => {
    const one = await peer();
    const held: ServerHttp2Stream[] = [];
    one.onStream = (stream) => void held.push(stream);
    const remote = remoteTo(one.port);
    const called = remote.sum({});
    await until(() => held.length === 1);
    let isClosed = false;
    const closed = remote[Symbol.asyncDispose]().then(() => (isClosed = true));
    await passing(20);
    expect(isClosed).toBe(false);
    answer(held[0]!);
    expect((await called).v).toBe(0n);
    await closed;
    await until(() => one.sessions[0]!.destroyed);
  });
});
