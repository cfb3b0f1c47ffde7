import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { passing, until } from "../../../test/until.ts";
import { virtualClock } from "../../testing/index.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, service } from "../../contract/index.ts";
import { ServiceError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { thriftClient, thriftServer, type ThriftClientOptions, type ThriftReply, type ThriftRequest } from "./index.ts";

const text = z.object({ text: z.string() });
const echo = service("echo", {
  say: method({ request: text, response: text, idempotent: true }),
  change: method({ request: text, response: text }),
  tell: oneWay({ request: text }),
});
const quiet = { log: false, signals: false, timeoutMs: 60_000 } as const;
const impl = echo.implement({ say: (request) => request, change: (request) => request, tell: () => undefined });
const host = "127.0.0.1";

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  const thrown = await call.catch((error: unknown) => error);
  if (!ServiceError.is(thrown)) throw new TypeError(`should fail with a ServiceError, got ${String(thrown)}`);
  return thrown;
}

/** A plain server of TCP, for peers that behave badly; gives its address. */
async function tcp(accept: (socket: Socket) => void): Promise<{ readonly from: string; readonly server: Server }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    accept(socket);
  });
  server.listen(0, host);
  await once(server, "listening");
  return { from: `${host}:${(server.address() as { port: number }).port}`, server };
}

describe("a client's connection", () => {
  it("is opened again by the first call after a restart, also of a method that may not be sent twice", async () => {
    let running = await serve(impl, { on: [thriftServer({ port: 0, host })], ...quiet });
    const from = running.addresses[0]!;
    const port = Number(from.split(":")[1]);
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), { from });
    for (let i = 0; i < 10; i++) {
      expect(await remote.change({ text: "x" })).toEqual({ text: "x" });
      await running.stop();
      running = await serve(impl, { on: [thriftServer({ port, host })], ...quiet });
    }
    await running.stop();
  });

  it("tells apart a peer that was not reached from one that was lost", async () => {
    const { from, server } = await tcp((socket) => void socket.once("data", () => socket.destroy()));
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect((await failure(remote.change({ text: "x" }))).reason).toBe("connection_lost");
    server.close();
    await once(server, "close");
    expect((await failure(remote.change({ text: "x" }))).reason).toBe("unreachable");
  });

  it("is given up when connecting takes too long", async () => {
    const options = { tls: {}, connectTimeoutMs: 50 };
    const { from, server } = await tcp(() => undefined);
    await using remote = client(echo, thriftClient(options), { from, breaker: false, retry: false, timeoutMs: 60_000 });
    const error = await failure(remote.change({ text: "x" }));
    expect([error.reason, (error.cause as Error).message]).toEqual([
      "unreachable",
      "connecting took longer than 50 ms",
    ]);
    server.close();
  });

  it("carries many calls at once, and their answers as they come", async () => {
    const order: string[] = [];
    const waiting: (() => void)[] = [];
    const slow = echo.implement({
      async say(request) {
        if (request.text === "slow") await new Promise<void>((resolve) => waiting.push(resolve));
        return request;
      },
      change: (request) => request,
      tell: () => undefined,
    });
    const running = await serve(slow, { on: [thriftServer({ port: 0, host })], ...quiet });
    await using remote = client(echo, thriftClient({ maxConnections: 1 }), {
      from: running.addresses,
      timeoutMs: 60_000,
    });
    const first = remote.say({ text: "slow" }).then(() => order.push("slow"));
    await until(() => waiting.length > 0);
    await remote.say({ text: "fast" }).then(() => order.push("fast"));
    waiting[0]!();
    await first;
    expect(order).toEqual(["fast", "slow"]);
    await running.stop();
  });

  it("is not shared with a call that another's answer would wait for, where servers answer in turn", async () => {
    const connections: Socket[] = [];
    const { from, server } = await tcp((socket) => void connections.push(socket));
    const options: ThriftClientOptions = { headers: false, maxConnections: 3 };
    const remote = client(echo, thriftClient({ connectTimeoutMs: 60_000, ...options }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const calls = Array.from({ length: 5 }, () => failure(remote.change({ text: "x" })));
    await until(() => connections.length === 3);
    for (const socket of connections) socket.destroy();
    expect((await Promise.all(calls)).map(({ reason }) => reason)).toEqual(
      Array.from({ length: 5 }, () => "connection_lost"),
    );
    server.close();
  });

  it("is left when a call was called off and the peer was silent, and the next call has a new one", async () => {
    let accepted = 0;
    const { from, server } = await tcp((socket) => {
      socket.once("data", () => accepted++);
    });
    const clock = virtualClock();
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
      clock,
    });
    for (let i = 1; i <= 2; i++) {
      const called = failure(remote.change({ text: "x" }, { timeoutMs: 30 }));
      await until(() => accepted === i);
      await clock.advance(30);
      expect((await called).code).toBe("deadline_exceeded");
    }
    expect(accepted).toBe(2);
    server.close();
  });

  it("never gives an answer that comes late to another call", async () => {
    const running = await serve(
      echo.implement({
        async say({ text: said }) {
          await passing(Number(said) % 3 === 0 ? 30 : 0);
          return { text: said };
        },
        change: (request) => request,
        tell: () => undefined,
      }),
      { on: [thriftServer({ port: 0, host })], ...quiet },
    );
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from: running.addresses,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const calls = Array.from({ length: 600 }, async (_, i) => {
      const answer = await remote.say({ text: String(i) }, { timeoutMs: 15 }).catch(() => undefined);
      return answer === undefined || answer.text === String(i);
    });
    expect((await Promise.all(calls)).every(Boolean)).toBe(true);
    await running.stop();
  });

  it.each([
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "\u0080\u0001\u0000\u0002\u007f\u00ff\u00ff\u00ff",
    "\u0000\u0000\u0000\u0002\u0082\u0021",
  ])("fails calls that are answered with what cannot be read: %j", async (answer) => {
    const { from, server } = await tcp(
      (socket) => void socket.once("data", () => socket.write(Buffer.from(answer, "latin1"))),
    );
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const { code, reason } = await failure(remote.change({ text: "x" }, { timeoutMs: 50_000 }));
    expect(["invalid_response", "too_large"]).toContain(reason);
    expect(["internal", "resource_exhausted"]).toContain(code);
    server.close();
  });

  it("speaks TLS, and refuses a certificate it does not know", async (test) => {
    if (!hasOpenssl()) return test.skip("openssl is not installed");
    using certificates = authority();
    const { cert, key } = certificates.issue("server", ["DNS:localhost", "IP:127.0.0.1"]);
    const running = await serve(impl, { on: [thriftServer({ port: 0, host, tls: { cert, key } })], ...quiet });
    const from = running.addresses[0]!.replace(host, "localhost");
    await using trusting = client(echo, thriftClient({ tls: { ca: certificates.ca } }), { from });
    expect(await trusting.say({ text: "x" })).toEqual({ text: "x" });
    await using doubting = client(echo, thriftClient({ tls: {} }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect((await failure(doubting.say({ text: "x" }))).reason).toBe("unreachable");
    await running.stop();
  });
});

describe("several services on one port", () => {
  const other = service("other", {
    say: method({ request: text, response: text }),
    only: method({ request: text, response: text }),
  });
  const others = other.implement({ say: () => ({ text: "other" }), only: () => ({ text: "only" }) });

  it("are told apart by a header, or by multiplexed names", async () => {
    const running = await serve([impl, others], { on: [thriftServer({ port: 0, host })], ...quiet });
    const from = running.addresses[0]!;
    for (const options of [{}, { headers: false, multiplexed: true }, { framed: false, multiplexed: true }]) {
      await using one = client(echo, thriftClient({ connectTimeoutMs: 60_000, ...options }), { from });
      await using two = client(other, thriftClient({ connectTimeoutMs: 60_000, ...options }), { from });
      expect([await one.say({ text: "x" }), await two.say({ text: "x" })]).toEqual([{ text: "x" }, { text: "other" }]);
    }
    await using plain = client(other, thriftClient({ headers: false }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect(await plain.only({ text: "x" })).toEqual({ text: "only" });
    expect((await failure(plain.say({ text: "x" }))).reason).toBe("unknown_method");
    await running.stop();
  });

  it("never get a call for a service that is not there, whatever its methods are called", async () => {
    const running = await serve([impl, others], { on: [thriftServer({ port: 0, host })], ...quiet });
    const stranger = service("stranger", { only: method({ request: text, response: text }) });
    for (const options of [{}, { multiplexed: true }, { headers: false, multiplexed: true }]) {
      await using remote = client(stranger, thriftClient({ connectTimeoutMs: 60_000, ...options }), {
        from: running.addresses,
        breaker: false,
        retry: false,
      });
      expect((await failure(remote.only({ text: "x" }))).reason).toBe("unknown_method");
      await using right = client(other, thriftClient({ connectTimeoutMs: 60_000, ...options }), {
        from: running.addresses,
        timeoutMs: 60_000,
      });
      expect(await right.only({ text: "x" })).toEqual({ text: "only" });
    }
    await running.stop();
  });
});

describe("hooks", () => {
  it("see what the documents say they do", async () => {
    const requests: ThriftRequest[] = [];
    const said: unknown[] = [];
    const running = await serve(impl, {
      on: [
        thriftServer({
          port: 0,
          host,
          before: [(context, request) => (requests.push(request), context)],
          after: [(_context, reply: ThriftReply) => void (reply.result = { text: "changed" })],
        }),
      ],
      ...quiet,
    });
    const transport = thriftClient({
      before: [(_context, request) => (request.setHeader("X-Who", "ada"), said.push(request.name))],
      after: [(_context, { isException, header }) => void said.push([isException, header("none")])],
      finalizer: [({ error }) => void said.push(error?.reason)],
    });
    await using remote = client(echo, transport, { from: running.addresses, timeoutMs: 60_000 });
    expect(await remote.say({ text: "x" })).toEqual({ text: "changed" });
    const [request] = requests;
    expect([request!.name, request!.protocol, request!.framing, request!.isOneWay, request!.header("x-who")]).toEqual([
      "say",
      "binary",
      "headers",
      false,
      "ada",
    ]);
    expect(said).toEqual(["say", [false, undefined], undefined]);
    await running.stop();
  });

  it("have no headers to set where there are none", async () => {
    const running = await serve(impl, { on: [thriftServer({ port: 0, host })], ...quiet });
    const transport = thriftClient({ headers: false, before: [(_context, request) => request.setHeader("x-a", "1")] });
    await using remote = client(echo, transport, {
      from: running.addresses,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const error = await failure(remote.say({ text: "x" }));
    expect((error.cause as Error).message).toBe("there are no headers to be set: only THeader carries them");
    await running.stop();
  });
});

describe("options", () => {
  it.each([
    [() => thriftServer({ port: -1 }), "port should be"],
    [() => thriftServer({ port: 0, framed: false, headers: true }), "headers should be false where framed is"],
    [() => thriftServer({ port: 0, protocol: "xml" as never }), "protocol should be"],
    [() => thriftServer({ port: 0, foreign: [{}] as never }), "foreign should be a list of what foreign() returned"],
    [() => thriftServer({ port: 0, tls: { pem: "" } as never }), "pem"],
    [() => thriftServer({ port: 0, idleTimeoutMs: 0 }), "idleTimeoutMs should be"],
    [() => thriftServer({ port: 0, requestTimeoutMs: 3_600_001 }), "requestTimeoutMs should be"],
    [() => thriftClient({ framed: "no" as never }), 'framed should be true or false, got "no"'],
    [() => thriftClient({ maxConnections: 0 }), "maxConnections should be"],
    [() => thriftClient({ muxed: true } as never), 'has no option "muxed"'],
    [() => client(echo, thriftClient(), { from: "http://127.0.0.1:1" }), "from should be host:port"],
  ])("are checked when they are given: %#", (make, message) => {
    expect(make).toThrow(message);
  });

  it("narrow what a server takes", async () => {
    const running = await serve(impl, {
      on: [thriftServer({ port: 0, host, protocol: "compact", framed: true })],
      ...quiet,
    });
    const from = running.addresses[0]!;
    for (const options of [{ protocol: "compact" }, { protocol: "compact", headers: false }] as const) {
      await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000, ...options }), { from });
      expect(await remote.say({ text: "x" })).toEqual({ text: "x" });
    }
    for (const options of [{}, { headers: false }, { protocol: "compact", framed: false }] as const) {
      await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000, ...options }), {
        from,
        breaker: false,
        retry: false,
        timeoutMs: 60_000,
      });
      await failure(remote.change({ text: "x" }));
    }
    await running.stop();
  });
});

describe("one-way calls and a server that stops", () => {
  it.each([{}, { headers: false }, { framed: false }] as const)(
    "are run when they were accepted, with %j",
    async (speech) => {
      for (let i = 0; i < 10; i++) {
        const told: string[] = [];
        const tells = echo.implement({
          say: (request) => request,
          change: (request) => request,
          tell: ({ text }) => void told.push(text),
        });
        const running = await serve(tells, { on: [thriftServer({ port: 0, host })], ...quiet });
        const remote = client(echo, thriftClient(speech), { from: running.addresses, timeoutMs: 60_000 });
        // On a connection that stands: what is new is read at once.
        await remote.say({ text: "first" });
        await Promise.all(["a", "b", "c"].map((text) => remote.tell({ text })));
        await running.stop();
        expect(told).toEqual(["a", "b", "c"]);
        await remote[Symbol.asyncDispose]();
      }
    },
  );
});
