import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { request } from "../../../test/wire.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, service, ServiceError, type Context } from "../../index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { webSocketClient, webSockets, type WebSocketOptions } from "./index.ts";

const n = z.object({ n: z.int() });
const text = z.object({ text: z.string() });
const feed = service("feed", {
  one: method({ request: n, response: n }),
  count: method({ request: n, response: n, stream: "server", timeoutMs: 60_000 }),
  total: method({ request: n, response: n, stream: "client", timeoutMs: 60_000 }),
  chat: method({ request: text, response: text, stream: "bidi", timeoutMs: 60_000 }),
});

async function* upTo(last: number): AsyncGenerator<{ n: number }> {
  for (let i = 1; i <= last; i++) yield { n: await Promise.resolve(i) };
}

const handlers = {
  one: (request: { n: number }) => request,
  count: ({ n }: { n: number }) => upTo(n),
  async total(numbers: AsyncIterable<{ n: number }>) {
    let n = 0;
    for await (const one of numbers) n += one.n;
    return { n };
  },
  async *chat(texts: AsyncIterable<{ text: string }>) {
    yield* texts;
  },
};

const serveFeed = (
  own: object = {},
  sockets: WebSocketOptions = {},
  http: Parameters<typeof served>[1] = {},
  options: Parameters<typeof served>[2] = {},
): Promise<Served> =>
  served(feed.implement({ ...handlers, ...own } as never), { upgrades: [webSockets(sockets)], ...http }, options);

interface Ended {
  readonly texts: string[];
  readonly code: number;
}

/** Opens a socket and sends; resolves when it is closed. */
function talk(
  server: Served,
  path: string,
  sends: readonly (string | Buffer)[],
  options: WebSocket.ClientOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(server.address.replace("http", "ws") + path, options);
    const texts: string[] = [];
    socket.on("open", () => sends.forEach((one) => socket.send(one)));
    socket.on("message", (data) => void texts.push(String(data as Buffer)));
    socket.on("error", reject);
    socket.on("close", (code) => resolve({ texts, code }));
  });
}

const reasonOf = (text: string | undefined): string =>
  (JSON.parse(text!) as { $error: { reason: string } }).$error.reason;

const handshake = (path: string, headers: Record<string, string> = {}): string =>
  request({
    path,
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });

describe("a handshake", () => {
  it("is refused where there is no such method, by another origin, and where it is none, and each is observed", async () => {
    const seen: string[] = [];
    await using server = await serveFeed(
      {},
      { origins: ["https://app.example"] },
      {},
      {
        observers: [() => ({ end: ({ status, error }) => void seen.push(`${status} ${error?.reason}`) })],
      },
    );
    const statusOf = async (asked: string): Promise<number> => (await server.ask(asked)).status;
    expect(await statusOf(handshake("/feed/none"))).toBe(404);
    expect(await statusOf(handshake("/feed/one", { Origin: "https://evil.example" }))).toBe(403);
    expect(await statusOf(handshake("/feed/one", { Origin: "null" }))).toBe(403);
    expect(await statusOf(handshake("/feed/one", { "Sec-WebSocket-Version": "7" }))).toBe(400);
    await until(() => seen.length === 4);
    expect(seen[0]).toBe("404 unknown_method");
  });

  it("is welcome from the server's own host, an origin that is named, and no browser", async () => {
    await using server = await serveFeed({}, { origins: ["https://app.example"] });
    for (const origin of [new URL(server.address).origin, "https://app.example", undefined]) {
      const { texts, code } = await talk(server, "/feed/one", ['{"n":1}'], { origin });
      expect([texts, code]).toEqual([['{"n":1}'], 1000]);
    }
    await using open = await serveFeed({}, { origins: "*" });
    expect((await talk(open, "/feed/one", ['{"n":1}'], { origin: "https://evil.example" })).code).toBe(1000);
  });

  it("leaves the other requests of the port alone", async () => {
    await using server = await serveFeed();
    expect((await server.ask(request({ path: "/feed/one", body: '{"n":1}' }))).body).toBe('{"n":1}');
    expect((await server.ask(request({ path: "/livez" }))).status).toBe(200);
    // RFC 9110 §7.8: a protocol that is not spoken may be passed over, and clients name h2c in each first request.
    const named = request({ path: "/feed/one", body: '{"n":1}', headers: { Upgrade: "h2c", Connection: "Upgrade" } });
    expect((await server.ask(named)).body).toBe('{"n":1}');
  });
});

describe("what a peer sends", () => {
  it.each([
    ["no JSON", ["{"], 1008, "malformed_message"],
    ["what does not fit", ['{"n":"x"}'], 1008, "invalid_request"],
    ["bytes", [Buffer.from('{"n":1}')], 1008, "malformed_message"],
    ["nothing at all", [""], 1008, "malformed_message"],
    ["a second request where one is all", ['{"n":1000000}', '{"n":1}'], 1008, "malformed_message"],
  ])("that is %s ends the call, which says why", async (_what, sends, code, reason) => {
    await using server = await serveFeed();
    const ended = await talk(server, "/feed/count", sends);
    expect([ended.code, reasonOf(ended.texts.at(-1))]).toEqual([code, reason]);
  });

  it("may be answered with an error of any name", async () => {
    await using server = await serveFeed({
      one: () => {
        throw new ServiceError("no", { code: "aborted", reason: "a".repeat(64) });
      },
    });
    const { texts, code } = await talk(server, "/feed/one", ['{"n":1}']);
    expect([code, reasonOf(texts[0])]).toEqual([1008, "a".repeat(64)]);
  });

  it("above the bound closes the socket with 1009, and is observed as such", async () => {
    const seen: unknown[] = [];
    await using server = await serveFeed(
      {},
      {},
      { limits: { maxBodyBytes: 100 } },
      { observers: [() => ({ end: ({ error }) => void seen.push(error?.reason) })] },
    );
    expect((await talk(server, "/feed/total", [`{"n":${" ".repeat(200)}1}`])).code).toBe(1009);
    await until(() => seen.length === 1);
    expect(seen).toEqual(["too_large"]);
  });

  it("as half a frame before it vanishes calls the handler off", async () => {
    let off = "";
    await using server = await serveFeed({
      async total(_numbers: unknown, context: Context) {
        await new Promise<void>((resolve) => void context.onCancel((error) => ((off = error.reason), resolve())));
        return { n: 0 };
      },
    });
    const wire = server.wire().send(handshake("/feed/total"));
    await wire.until(/101 Switching/);
    wire.send(Buffer.from([0x81, 0x85, 1, 2, 3, 4, 5]));
    await settled();
    wire.socket.resetAndDestroy();
    await until(() => off !== "");
    expect(off).toBe("canceled");
  });

  it("arrives in order, 20,000 of them", async () => {
    await using server = await serveFeed();
    const remote = client(feed, webSocketClient({ connectTimeoutMs: 60_000 }), {
      from: server.address,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    let next = 0;
    async function* source(): AsyncGenerator<{ text: string }> {
      for (let i = 0; i < 20_000; i++) yield { text: String(i) };
    }
    for await (const { text } of remote.chat(source())) if (text === String(next)) next++;
    expect(next).toBe(20_000);
  });
});

describe("a socket", () => {
  it("whose peer does not read holds little, and is cut after a while", async () => {
    let made = 0;
    let ended = false;
    await using server = await serveFeed(
      {
        async *chat() {
          try {
            for (;;) {
              made++;
              yield { text: "x".repeat(10_000) };
            }
          } finally {
            ended = true;
          }
        },
      },
      {},
      { writeTimeoutMs: 200 },
    );
    const socket = new WebSocket(`${server.address.replace("http", "ws")}/feed/chat`);
    socket.on("error", () => undefined);
    socket.on("open", () => socket.pause());
    await until(() => ended);
    expect(made * 10_000).toBeLessThan(32 * 1024 * 1024);
    socket.terminate();
  });

  it("that gives no sign of life is cut, and the handler called off", async () => {
    const clock = virtualClock();
    let off = "";
    await using server = await serveFeed(
      {
        async total(_numbers: unknown, context: Context) {
          await new Promise<void>((resolve) => void context.onCancel((error) => ((off = error.reason), resolve())));
          return { n: 0 };
        },
      },
      { heartbeatMs: 1000 },
      {},
      { clock },
    );
    // Raw, since every library answers a ping by itself.
    const wire = server.wire().send(handshake("/feed/total"));
    await wire.until(/101 Switching/);
    await clock.advance(1000);
    await wire.until(/\x89\x00/);
    expect(off).toBe("");
    await clock.advance(1000);
    await wire.closed;
    await until(() => off !== "");
    expect(off).toBe("canceled");
  });

  it("is told with 1001 when the server must end", async () => {
    let isAsked = false;
    await using server = await serveFeed(
      {
        async *count(_request: unknown, context: Context) {
          yield { n: 1 };
          isAsked = true;
          await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
        },
      },
      {},
      {},
      { drainMs: 100 },
    );
    const ended = talk(server, "/feed/count", ['{"n":1}']);
    await until(() => isAsked);
    await server.running.stop();
    const { texts, code } = await ended;
    expect([code, reasonOf(texts[1])]).toEqual([1001, "draining"]);
  });
});

describe("the client", () => {
  it("tells an instance that is not there from one that refuses, and one that is lost", async () => {
    const failure = async (from: string, connectTimeoutMs = 10_000): Promise<ServiceError> => {
      const given = { from, breaker: false, retry: false, timeoutMs: 60_000 } as const;
      const remote = client(feed, webSocketClient({ connectTimeoutMs }), given);
      try {
        await remote.one({ n: 1 });
      } catch (error) {
        return error as ServiceError;
      }
      throw new Error("the call should fail");
    };
    expect((await failure("ws://127.0.0.1:1")).reason).toBe("unreachable");
    const refusing = createServer();
    refusing.on("upgrade", (_request, socket) => {
      socket.end(
        'HTTP/1.1 503 No\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n{"code":"unavailable","reason":"busy","detail":"later"}',
      );
    });
    await new Promise<void>((resolve) => void refusing.listen(0, "127.0.0.1", resolve));
    const { port } = refusing.address() as AddressInfo;
    expect(await failure(`http://127.0.0.1:${port}`)).toMatchObject({ reason: "busy", origin: "peer" });
    refusing
      .removeAllListeners("upgrade")
      .on("upgrade", (_request, socket) => void socket.on("error", () => undefined));
    expect((await failure(`ws://127.0.0.1:${port}`, 200)).reason).toBe("unreachable");
    refusing.close();
    refusing.closeAllConnections();
    const losing = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    losing.on("connection", (socket) => void socket.on("message", () => socket.terminate()));
    await new Promise((resolve) => void losing.once("listening", resolve));
    expect((await failure(`ws://127.0.0.1:${(losing.address() as AddressInfo).port}`)).reason).toBe("connection_lost");
    losing.close();
  });

  it.each([
    ["its caller leaves", { text: "a" }],
    ["a message cannot be written", { text: 1n }],
  ])("lets the source of its messages go when %s", async (_when, second) => {
    await using server = await serveFeed();
    const remote = client(feed, webSocketClient({ connectTimeoutMs: 60_000 }), {
      from: server.address,
      timeoutMs: 60_000,
    });
    let left = 0;
    const sent = [{ text: "first" }, second];
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          sent.length > 0 ? Promise.resolve({ done: false, value: sent.shift() }) : new Promise(() => undefined),
        return: () => Promise.resolve({ done: true, value: void left++ }),
      }),
    };
    const read = async (): Promise<void> => {
      for await (const one of remote.chat(source as never)) if (typeof second.text === "string") return void one;
    };
    await read().catch(() => undefined);
    await until(() => left === 1);
    await remote[Symbol.asyncDispose]();
  });

  it("calls with the metadata and trace of its context, and cannot send what the handshake owns", async () => {
    let got: unknown;
    await using server = await serveFeed({
      one: (request: unknown, context: Context) => ((got = context.metadata("x-tenant")), request),
    });
    const remote = client(feed, webSocketClient({ headers: { authorization: "a" } }), {
      from: server.address,
      breaker: false,
      retry: false,
    });
    await remote.one({ n: 1 }, { metadata: { "x-tenant": "blue" } });
    expect(got).toBe("blue");
    await expect(remote.one({ n: 1 }, { metadata: { upgrade: "x" } })).rejects.toMatchObject({
      reason: "invalid_request",
    });
  });
});

describe("1,000 calls that were called off", () => {
  it("leave no sockets behind, and no handler", { timeout: 300_000 }, async () => {
    let open = 0;
    await using server = await serveFeed({
      async *count(_request: unknown, context: Context) {
        open++;
        try {
          yield { n: 1 };
          await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
        } finally {
          open--;
        }
      },
    });
    const remote = client(feed, webSocketClient({ connectTimeoutMs: 60_000 }), {
      from: server.address,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    const before = sockets();
    const one = async (): Promise<void> => {
      for await (const _one of remote.count({ n: 1 })) break;
    };
    for (let i = 0; i < 50; i++) await Promise.all(Array.from({ length: 20 }, one));
    await until(() => open === 0 && sockets() <= before);
    expect(sockets()).toBeLessThanOrEqual(before);
  });
});

describe("options that are wrong", () => {
  it("are refused when they are given", () => {
    expect(() => webSockets({ origins: ["app.example"] })).toThrow("origins");
    expect(() => webSockets({ origins: "all" as never })).toThrow("origins");
    expect(() => webSockets({ heartbeatMs: 1 })).toThrow("heartbeatMs");
    expect(() => webSockets({ queryMetadata: [1] as never })).toThrow("queryMetadata");
    expect(() => webSockets({ other: 1 } as never)).toThrow('no option "other"');
    expect(() => webSocketClient({ connectTimeoutMs: 0 })).toThrow("connectTimeoutMs");
    expect(() => webSocketClient().open(feed, "ftp://a", virtualClock())).toThrow("http or https URL");
  });
});

describe("a one-way method over a WebSocket", () => {
  const audit = service("audit", { note: oneWay({ request: text }) });

  it("is acknowledged by an empty object and a close, goes on without its socket, and holds a stop", async () => {
    let finish: () => void = () => undefined;
    const work = new Promise<void>((resolve) => (finish = resolve));
    const seen: string[] = [];
    const implementation = audit.implement({
      async note(_request, context) {
        await work;
        seen.push(context.canceledBy?.reason ?? "done");
      },
    });
    const server = await served(implementation, { upgrades: [webSockets()] });
    expect(await talk(server, "/audit/note", ['{"text":"a"}'])).toEqual({ texts: ["{}"], code: 1000 });
    const stopped = server.running.stop();
    finish();
    await stopped;
    expect(seen).toEqual(["done"]);
  });

  it("tells what is wrong with a request, and nothing of what its handler throws", async () => {
    const implementation = audit.implement({ note: () => Promise.reject(new Error("hunter2")) });
    const reported: unknown[] = [];
    const options = { report: (error: unknown) => void reported.push(error) };
    await using server = await served(implementation, { upgrades: [webSockets()] }, options);
    const wrong = await talk(server, "/audit/note", ['{"text":1}']);
    expect(wrong.texts[0]).toContain("invalid_request");
    expect(await talk(server, "/audit/note", ['{"text":"a"}'])).toEqual({ texts: ["{}"], code: 1000 });
    await until(() => reported.length === 1);
  });

  it("takes a close as it should be for an acknowledgement", async () => {
    const peer = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => peer.once("listening", resolve));
    peer.on("connection", (socket) => socket.on("message", () => socket.close(1000)));
    const from = `ws://127.0.0.1:${(peer.address() as AddressInfo).port}`;
    const remote = client(audit, webSocketClient({ connectTimeoutMs: 60_000 }), { from });
    expect(await remote.note({ text: "a" })).toBeUndefined();
    peer.close();
  });
});
