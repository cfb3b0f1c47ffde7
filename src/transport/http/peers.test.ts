import { once } from "node:events";
import { connect as http2Connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { passing, until } from "../../../test/until.ts";
import { method, service } from "../../index.ts";
import { serve, type Running, type ServeOptions } from "../../server/index.ts";
import { byteStreamSchema } from "../index.ts";
import { bytes, httpServer, routes, type Pages, type HttpServerOptions } from "./index.ts";

const n = z.object({ n: z.int() });
const numbers = service("numbers", {
  say: method({ request: n, response: n, timeoutMs: 20_000 }),
  first: method({ request: n, response: n, stream: "client" }),
  file: method({ request: z.object({}), response: byteStreamSchema, timeoutMs: 20_000 }),
  ticks: method({ request: z.object({ n: z.int().optional() }), response: n, stream: "server", timeoutMs: 20_000 }),
});

const ended: string[] = [];
let release: () => void = () => undefined;

const LARGE = 32_000_000;
const large: Pages = {
  "~pages": true,
  pages: () => [{ path: "/large", answer: () => ({ status: 200, headers: [], body: "x".repeat(LARGE) }) }],
};

async function* parts(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("begun");
  await new Promise<void>((resolve) => (release = resolve));
  yield Buffer.from("ended");
}

function served(options: Partial<HttpServerOptions> = {}, more: Partial<ServeOptions> = {}): Promise<Running> {
  const implementation = numbers.implement({
    say: (one) => one,
    file: () => ({ [Symbol.asyncIterator]: parts }),
    first: async (all) => {
      for await (const one of all) return one;
      return { n: 0 };
    },
    async *ticks(_request, context) {
      try {
        yield { n: 1 };
        await new Promise((_resolve, reject) => context.onCancel(reject));
      } finally {
        ended.push("ticks");
      }
    },
  });
  return serve(implementation, {
    on: [
      httpServer({
        port: 0,
        host: "127.0.0.1",
        routes: [
          routes(numbers, {
            ticks: { path: "GET /ticks", events: { id: "n", resume: "n" } },
            file: { path: "GET /file", codec: bytes },
          }),
        ],
        ...options,
      }),
    ],
    log: false,
    signals: false,
    ...more,
  });
}

function portOf(running: Running): number {
  return Number(new URL(running.addresses[0]!).port);
}

/** Opens a connection, writes, and gathers what is answered. */
function talk(port: number, text: string): { readonly socket: Socket; got: string } {
  const socket = connect(port, "127.0.0.1");
  const talking = { socket, got: "" };
  socket.setEncoding("latin1").on("data", (chunk: string) => (talking.got += chunk));
  socket.on("error", () => undefined);
  socket.write(text);
  return talking;
}

interface Asked {
  readonly stream: ClientHttp2Stream;
  status: unknown;
}

function session(running: Running, settings: object = {}): ClientHttp2Session & Disposable {
  const opened = http2Connect(running.addresses[0]!, { settings });
  opened.on("error", () => undefined);
  return Object.assign(opened, { [Symbol.dispose]: () => opened.destroy() });
}

/** Opens a stream whose body is not ended. */
function ask(from: ClientHttp2Session, path: string, headers: object = {}): Asked {
  const all = { ":method": "POST", ":path": path, "content-type": "application/json", ...headers };
  const stream = from.request(all, { endStream: all[":method"] === "GET" });
  const asked: Asked = { stream, status: undefined };
  stream.on("error", () => undefined).on("response", (got) => (asked.status = got[":status"]));
  return asked;
}

/** A frame of HTTP/2; headers go to the first stream, anything else to the connection. */
function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, type === 1 ? 1 : 0]);
  return Buffer.concat([head, payload]);
}

describe("a peer of HTTP/1.1", () => {
  it("that asks for a tunnel and resets the connection harms nobody", async () => {
    const seen: string[] = [];
    await using running = await served(
      {},
      { observers: [() => ({ end: ({ error }) => void seen.push(error!.reason) })] },
    );
    for (let i = 0; i < 5; i++) {
      const { socket } = talk(portOf(running), "");
      await once(socket, "connect");
      socket.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
      socket.resetAndDestroy();
    }
    await until(() => seen.length === 5);
    const talking = talk(portOf(running), "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(() => talking.got.includes("200 OK"));
  });

  it("that does not read a page is cut", async () => {
    await using running = await served({ pages: [large], writeTimeoutMs: 50 });
    const { socket } = talk(portOf(running), "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    socket.pause();
    let isClosed = false;
    // What was sent is read later, and then that the connection is gone.
    socket.on("close", () => (isClosed = true));
    await until(() => socket.bytesRead > 0);
    await passing(300);
    let bytes = 0;
    socket.on("data", (chunk: string) => (bytes += chunk.length)).resume();
    await until(() => isClosed);
    expect(bytes).toBeLessThan(LARGE);
  });

  it("does not hold the drain by a connection whose answer had begun before it", async () => {
    const running = await served();
    const asked = "GET /file HTTP/1.1\r\nHost: a\r\n\r\n";
    const talking = talk(portOf(running), asked);
    await until(() => talking.got.includes("begun"));
    const stopped = running.stop();
    release();
    await stopped;
    expect(talking.got).toContain("ended");
  });

  it.skipIf(!hasOpenssl())("over TLS is told that its stream ends when the server drains", async () => {
    using root = authority();
    const pair = root.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"]);
    const running = await served({ tls: { cert: pair.cert, key: pair.key } });
    const socket = tlsConnect({ port: portOf(running), host: "127.0.0.1", ca: root.ca, servername: "localhost" });
    let got = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (got += chunk));
    socket.write("GET /ticks HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    await until(() => got.includes('"n":1'));
    await running.stop();
    expect(got).toContain("event: error");
  });
});

describe("a peer of HTTP/2", () => {
  it("that never ends its body gets 408, and its call ends", async () => {
    await using running = await served({ http2: true, requestTimeoutMs: 50 });
    using peer = session(running);
    const asked = ask(peer, "/numbers/say");
    asked.stream.write('{"n":');
    await until(() => asked.status !== undefined);
    expect(asked.status).toBe(408);
  });

  it("that waits to be asked for its body is asked (RFC 9110 §10.1.1)", async () => {
    await using running = await served({ http2: true });
    using peer = session(running);
    for (const [path, type] of [
      ["/numbers/say", "application/json"],
      ["/numbers/first", "application/x-ndjson"],
    ] as const) {
      const asked = ask(peer, path, { expect: "100-continue", "content-type": type });
      asked.stream.on("continue", () => asked.stream.end('{"n":1}'));
      await until(() => asked.status !== undefined);
      expect(asked.status).toBe(200);
    }
  });

  it("that resets a stream without an error calls the handler off", async () => {
    await using running = await served({ http2: true });
    using peer = session(running);
    ended.length = 0;
    const { stream } = ask(peer, "/ticks", { ":method": "GET" });
    await once(stream, "response");
    stream.close(0);
    await until(() => ended.length === 1);
  });

  it("does not hold the drain by a request that the handler did not read to its end", async () => {
    const running = await served({ http2: true });
    using peer = session(running);
    const asked = ask(peer, "/numbers/first", { "content-type": "application/x-ndjson" });
    asked.stream.resume();
    asked.stream.write('{"n":1}\n'.repeat(6000));
    asked.stream.write('{"n":1}\n'.repeat(6000));
    await until(() => asked.status === 200);
    await running.stop();
  });

  it("that does not read a page has its stream reset", async () => {
    await using running = await served({ http2: true, pages: [large], writeTimeoutMs: 50 });
    using peer = session(running);
    const asked = ask(peer, "/large", { ":method": "GET" });
    await once(asked.stream, "close");
    expect(asked.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  it("that reads nothing at all is cut once nothing has moved for long", async () => {
    const running = await served({ http2: true, pages: [large], writeTimeoutMs: 50, keepAliveTimeoutMs: 100 });
    const socket = connect(portOf(running), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.pause();
    // A window as wide as can be: only the connection holds the answer back.
    const settings = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);
    const path = Buffer.concat([Buffer.from([4, 6]), Buffer.from("/large"), Buffer.from([1, 1]), Buffer.from("a")]);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.concat([frame(4, 0, settings), frame(8, 0, Buffer.from([0x7f, 0xfe, 0, 0]))]));
    // HEADERS that end the stream: GET, http, `:path` and `:authority` as literals of names in the table.
    socket.write(frame(1, 5, Buffer.concat([Buffer.from([0x82, 0x86]), path])));
    await passing(700);
    // Nothing of it is left that would hold the drain.
    await running.stop();
    socket.destroy();
  });
});
