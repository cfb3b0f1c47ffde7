import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect as http2Connect, constants, type ClientHttp2Session } from "node:http2";
import { get as httpsGet, type RequestOptions } from "node:https";
import { connect as netConnect } from "node:net";
import { join } from "node:path";
import { connect as tlsConnect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { z } from "zod";
import { authority, hasOpenssl, type Authority, type Pair } from "../../../test/certificates.ts";
import { until } from "../../../test/until.ts";
import { exchange, request } from "../../../test/wire.ts";
import { client } from "../../client/index.ts";
import { method, service } from "../../index.ts";
import { serve, type Running, type ServeOptions } from "../../server/index.ts";
import { virtualClock } from "../../testing/index.ts";
import { httpClient, httpServer, peerIdentity, routes, type HttpServerOptions } from "./index.ts";

const text = z.object({ text: z.string() });
const echo = service("echo", {
  say: method({ request: text, response: text }),
  who: method({ request: z.object({}), response: z.object({ name: z.string(), spiffeId: z.string() }) }),
  wait: method({ request: z.object({}), response: z.object({}) }),
  get: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }) }),
});

let root: Authority;
let pair: Pair;
const skip = hasOpenssl() ? undefined : "openssl is not installed: no certificates can be made";

beforeAll(() => {
  if (skip !== undefined) return;
  root = authority();
  pair = root.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"]);
});

afterAll(() => root?.[Symbol.dispose]());

const waiting: (() => void)[] = [];

async function served(http: Partial<HttpServerOptions> = {}, options: Partial<ServeOptions> = {}): Promise<Running> {
  const implementation = echo.implement({
    say: (message) => message,
    who: (_request, context) => {
      const identity = context.get(peerIdentity);
      return { name: identity?.commonName ?? "nobody", spiffeId: identity?.spiffeId ?? "" };
    },
    wait: (_request, context) =>
      new Promise((resolve, reject) => {
        waiting.push(() => resolve({}));
        context.onCancel(reject);
      }),
    get: ({ id }) => ({ id }),
  });
  return serve(implementation, {
    on: [
      httpServer({
        port: 0,
        host: "127.0.0.1",
        routes: [routes(echo, { get: "GET /things/{id}" })],
        tls: { cert: pair.cert, key: pair.key },
        ...http,
      }),
    ],
    log: false,
    signals: false,
    ...options,
  });
}

interface Answer {
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** One request over a session of HTTP/2. */
function ask(session: ClientHttp2Session, headers: Record<string, string>, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let got: Answer["headers"] = {};
    const chunks: Buffer[] = [];
    stream.on("response", (received) => (got = received as Answer["headers"]));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("close", () => resolve({ headers: got, body: Buffer.concat(chunks).toString() }));
    stream.on("error", reject);
    if (body !== undefined) stream.end(body);
  });
}

const post = (path: string): Record<string, string> => ({
  ":method": "POST",
  ":path": path,
  "content-type": "application/json",
});

async function session(address: string, options: object = {}): Promise<ClientHttp2Session & AsyncDisposable> {
  const made = http2Connect(address, { ca: root.ca, ...options });
  made.on("error", () => undefined);
  await new Promise((resolve, reject) => made.once("connect", resolve).once("error", reject));
  return Object.assign(made, {
    async [Symbol.asyncDispose]() {
      made.destroy();
    },
  });
}

describe.skipIf(skip !== undefined)(
  `a server with certificates${skip === undefined ? "" : ` (skipped: ${skip})`}`,
  () => {
    it("answers over HTTPS, says so in its address, and our client calls it", async () => {
      await using running = await served();
      expect(running.addresses[0]).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
      const remote = client(echo, httpClient({ tls: { ca: root.ca } }), {
        from: running.addresses[0]!,
        timeoutMs: 60_000,
      });
      expect(await remote.say({ text: "hi" })).toEqual({ text: "hi" });
      const stranger = client(echo, httpClient({ connectTimeoutMs: 60_000 }), {
        from: running.addresses[0]!,
        timeoutMs: 60_000,
      });
      await expect(stranger.say({ text: "hi" })).rejects.toMatchObject({ reason: "unreachable" });
    });

    it("counts a connection that does not speak TLS, and goes on", async () => {
      const ends: string[] = [];
      await using running = await served(
        {},
        { observers: [({ service }) => ({ end: ({ outcome }) => void ends.push(`${service} ${outcome}`) })] },
      );
      const { port } = new URL(running.addresses[0]!);
      const socket = netConnect(Number(port), "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.on("close", resolve));
      await until(() => ends.length === 1);
      expect(ends).toEqual(["other invalid_argument"]);
      const remote = client(echo, httpClient({ tls: { ca: root.ca } }), {
        from: running.addresses[0]!,
        timeoutMs: 60_000,
      });
      expect(await remote.say({ text: "hi" })).toEqual({ text: "hi" });
    });

    it("refuses what is older than the version it was told", async () => {
      await using running = await served({ tls: { ...pair, minVersion: "TLSv1.3" } });
      const { port } = new URL(running.addresses[0]!);
      const old = tlsConnect({ port: Number(port), host: "127.0.0.1", ca: root.ca, maxVersion: "TLSv1.2" });
      const error = await new Promise<Error>((resolve) => old.once("error", resolve));
      expect(error.message).toMatch(/protocol version|alert/i);
    });

    it("drains: idle connections close, a call in flight is answered, and the stop ends", async () => {
      const running = await served();
      const remote = client(echo, httpClient({ tls: { ca: root.ca } }), {
        from: running.addresses[0]!,
        timeoutMs: 60_000,
      });
      await remote.say({ text: "warm" });
      const answer = remote.wait({});
      await until(() => waiting.length > 0);
      const stopped = running.stop();
      waiting.pop()!();
      expect(await answer).toEqual({});
      expect(await stopped).toBe(0);
    });

    it("finds late headers on TLS connections too", async () => {
      await using running = await served({ headersTimeoutMs: 2000 });
      const { port } = new URL(running.addresses[0]!);
      const socket = tlsConnect({ port: Number(port), host: "127.0.0.1", ca: root.ca });
      socket.write("GET / HTTP/1.1\r\n");
      const got = await new Promise<string>((resolve) => {
        let all = "";
        socket.on("data", (chunk: Buffer) => (all += chunk.toString())).on("close", () => resolve(all));
      });
      expect(got).toContain("408");
    });

    it("takes a new certificate when its files change, and drops nobody", async () => {
      const [cert, key] = [join(root.folder, "live.pem"), join(root.folder, "live.key")];
      writeFileSync(cert, pair.cert);
      writeFileSync(key, pair.key);
      const clock = virtualClock();
      const ends: string[] = [];
      await using running = await served(
        { tls: { cert: { file: cert }, key: { file: key }, reloadMs: 1000 } },
        { clock, observers: [() => ({ end: ({ outcome }) => void ends.push(String(outcome)) })] },
      );
      const { port } = new URL(running.addresses[0]!);
      const dial = (): Promise<TLSSocket> =>
        new Promise((resolve, reject) => {
          const socket = tlsConnect({ port: Number(port), host: "127.0.0.1", ca: root.ca }, () => resolve(socket));
          socket.on("error", reject);
        });
      const standing = await dial();
      const serial = (socket: TLSSocket): string => socket.getPeerCertificate().fingerprint256;
      const renewed = root.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"]);
      const before = serial(standing);

      // Half written: the new certificate does not fit the old key. The old pair stays, and somebody is told.
      writeFileSync(cert, renewed.cert);
      await clock.advance(1000);
      await until(() => ends.includes("internal"));
      const between = await dial();
      expect(serial(between)).toBe(before);

      writeFileSync(key, renewed.key);
      let after = between;
      for (let looks = 0; looks < 100 && serial(after) === before; looks++) {
        after.destroy();
        await clock.advance(1000);
        await until(() => true);
        after = await dial();
      }
      expect(serial(after)).not.toBe(before);
      standing.write("GET /things/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const got = await new Promise<string>((resolve) => {
        let all = "";
        standing.on("data", (chunk: Buffer) => (all += chunk.toString())).on("close", () => resolve(all));
      });
      expect(got).toContain('{"id":"7"}');
      after.destroy();
    });

    it("fails to listen, naming the option, when a file is not there", async () => {
      const tls = { cert: { file: "/nowhere/cert.pem" }, key: { file: "/nowhere/key.pem" } };
      await expect(served({ tls })).rejects.toThrow(/tls\.cert should be a file that can be read/);
    });

    it("refuses wrong options at construction, and never shows a key", () => {
      const make = (tls: unknown) => () => httpServer({ port: 0, tls: tls as never });
      expect(make({ cert: pair.cert })).toThrow(/tls\.key should be PEM/);
      expect(make({ ...pair, clients: "required" })).toThrow(/tls\.ca should name the authorities/);
      expect(make({ ...pair, clients: "maybe" })).toThrow(/tls\.clients/);
      expect(make({ ...pair, key: { pem: pair.key } })).toThrow(
        /tls\.key should be PEM text, bytes, or \{ file \}, got one of type object/,
      );
      expect(make({ ...pair, reloadMs: 1 })).toThrow(/tls\.reloadMs/);
      expect(() => httpServer({ port: 0, http2: "yes" as never })).toThrow(/http2 should be true or false/);
    });

    describe("with callers' certificates", () => {
      it("gives the verified identity to handlers, and refuses callers without one", async () => {
        const spiffeId = "spiffe://shop/orders";
        const orders = root.issue("orders", [`URI:${spiffeId}`, "DNS:orders.internal"]);
        await using running = await served({ tls: { ...pair, clients: "required", ca: root.ca } });
        const tls = { ca: root.ca, ...orders };
        const remote = client(echo, httpClient({ tls }), { from: running.addresses[0]!, timeoutMs: 60_000 });
        expect(await remote.who({})).toEqual({ name: "orders", spiffeId });
        const nobody = client(echo, httpClient({ tls: { ca: root.ca } }), {
          from: running.addresses[0]!,
          timeoutMs: 60_000,
        });
        await expect(nobody.who({})).rejects.toMatchObject({ code: "unavailable" });
        await using other = await session(running.addresses[0]!, orders).catch(() => ({
          async [Symbol.asyncDispose]() {},
        }));
        void other;
      });

      it("lets strangers in without an identity where certificates are only asked for", async () => {
        using elsewhere = authority();
        const forged = elsewhere.issue("orders", ["URI:spiffe://shop/orders"]);
        await using running = await served({ tls: { ...pair, clients: "asked", ca: root.ca } });
        const from = running.addresses[0]!;
        const nobody = { name: "nobody", spiffeId: "" };
        expect(await client(echo, httpClient({ tls: { ca: root.ca } }), { from }).who({})).toEqual(nobody);
        expect(await client(echo, httpClient({ tls: { ca: root.ca, ...forged } }), { from }).who({})).toEqual(nobody);
      });

      it("gives it over HTTP/2 too", async () => {
        const orders = root.issue("orders", ["DNS:orders"]);
        await using running = await served({ http2: true, tls: { ...pair, clients: "required", ca: root.ca } });
        await using h2 = await session(running.addresses[0]!, orders);
        const answer = await ask(h2, post("/echo/who"), "{}");
        expect(JSON.parse(answer.body)).toEqual({ name: "orders", spiffeId: "" });
      });
    });

    describe("and HTTP/2", () => {
      it("speaks both versions on one port, as the client chooses", async () => {
        await using running = await served({ http2: true });
        const remote = client(echo, httpClient({ tls: { ca: root.ca } }), {
          from: running.addresses[0]!,
          timeoutMs: 60_000,
        });
        expect(await remote.say({ text: "one" })).toEqual({ text: "one" });
        await using h2 = await session(running.addresses[0]!);
        const answer = await ask(h2, post("/echo/say"), '{"text":"two"}');
        expect(answer.headers[":status"]).toBe(200);
        expect(answer.headers["content-type"]).toBe("application/json");
        expect(JSON.parse(answer.body)).toEqual({ text: "two" });
      });

      it("answers routes, HEAD, probes, unknown paths and wrong verbs as HTTP/1.1 does", async () => {
        await using running = await served({ http2: true });
        await using h2 = await session(running.addresses[0]!);
        expect((await ask(h2, { ":path": "/things/a%20b" })).body).toBe('{"id":"a b"}');
        const head = await ask(h2, { ":path": "/things/a", ":method": "HEAD" });
        expect([head.headers["content-length"], head.body]).toEqual(["10", ""]);
        expect(JSON.parse((await ask(h2, { ":path": "/readyz" })).body)).toEqual({ ok: true });
        expect((await ask(h2, { ":path": "/nowhere" })).headers[":status"]).toBe(404);
        const wrong = await ask(h2, { ":path": "/echo/say" });
        expect([wrong.headers[":status"], wrong.headers["allow"]]).toEqual([405, "POST, OPTIONS"]);
      });

      it("carries a thousand calls over one session, many at a time", async () => {
        await using running = await served({ http2: true });
        await using h2 = await session(running.addresses[0]!);
        const answers = await Promise.all(
          Array.from({ length: 1000 }, (_, i) => ask(h2, post("/echo/say"), JSON.stringify({ text: String(i) }))),
        );
        expect(answers.map(({ body }) => JSON.parse(body).text)).toEqual(
          Array.from({ length: 1000 }, (_, i) => String(i)),
        );
      });

      it("refuses a body above the limit early, and the session goes on", async () => {
        await using running = await served({ http2: true, limits: { maxBodyBytes: 1000 } });
        await using h2 = await session(running.addresses[0]!);
        const declared = await ask(h2, { ...post("/echo/say"), "content-length": "5000" }, Buffer.alloc(5000, "x"));
        expect(declared.headers[":status"]).toBe(413);
        const undeclared = await ask(h2, post("/echo/say"), Buffer.alloc(200_000, "x"));
        expect(undeclared.headers[":status"]).toBe(413);
        expect((await ask(h2, post("/echo/say"), '{"text":"next"}')).body).toBe('{"text":"next"}');
      });

      it("refuses too many headers", async () => {
        await using running = await served({ http2: true, limits: { maxHeaders: 20 } });
        await using h2 = await session(running.addresses[0]!);
        const many = Object.fromEntries(Array.from({ length: 22 }, (_, i) => [`x-${i}`, "1"]));
        const answer = await ask(h2, { ...post("/echo/say"), ...many }, "{}");
        expect(answer.headers[":status"]).toBe(431);
      });

      it("calls the handler off when its stream is reset, and when the session breaks", async () => {
        const ends: string[] = [];
        await using running = await served(
          { http2: true },
          { observers: [() => ({ end: ({ outcome }) => void ends.push(String(outcome)) })] },
        );
        await using h2 = await session(running.addresses[0]!);
        const before = waiting.length;
        const stream = h2.request(post("/echo/wait"));
        stream.on("error", () => undefined).end("{}");
        await until(() => waiting.length > before);
        stream.close(constants.NGHTTP2_CANCEL);
        await until(() => ends.length === 1);
        const other = h2.request(post("/echo/wait"));
        other.on("error", () => undefined).end("{}");
        await until(() => waiting.length > before + 1);
        h2.destroy();
        await until(() => ends.length === 2);
        expect(ends).toEqual(["canceled", "canceled"]);
      });

      it("drains: tells the peer, answers what is in flight, and ends", async () => {
        const running = await served({ http2: true });
        await using h2 = await session(running.addresses[0]!);
        let isTold = false;
        h2.on("goaway", () => (isTold = true));
        const before = waiting.length;
        const answer = ask(h2, post("/echo/wait"), "{}");
        await until(() => waiting.length > before);
        const stopped = running.stop();
        await until(() => isTold);
        waiting.pop()!();
        expect((await answer).body).toBe("{}");
        expect(await stopped).toBe(0);
      });

      it("streams answers and requests of many messages, and cuts what goes wrong half-way", async () => {
        const n = z.object({ n: z.int() });
        const counter = service("counter", {
          upTo: method({ request: n, response: n, stream: "server" }),
          total: method({ request: n, response: n, stream: "client" }),
          twice: method({ request: n, response: n, stream: "bidi" }),
        });
        let ended = 0;
        const implementation = counter.implement({
          async *upTo({ n }) {
            try {
              for (let i = 1; i <= n; i++) yield { n: i };
              if (n === 3) throw new Error("secret");
            } finally {
              ended++;
            }
          },
          async total(numbers) {
            let sum = 0;
            for await (const one of numbers) sum += one.n;
            return { n: sum };
          },
          async *twice(numbers) {
            for await (const one of numbers) yield { n: one.n * 2 };
          },
        });
        await using running = await serve(implementation, {
          on: [httpServer({ port: 0, host: "127.0.0.1", http2: true, tls: pair })],
          log: false,
          signals: false,
          report: () => undefined,
        });
        await using h2 = await session(running.addresses[0]!);
        const lines = { ...post("/counter/total"), "content-type": "application/x-ndjson" };
        expect((await ask(h2, post("/counter/upTo"), '{"n":2}')).body).toBe('{"n":1}\n{"n":2}\n');
        expect((await ask(h2, post("/counter/upTo"), '{"n":3}')).body).toMatch(
          /\{"n":3\}\n\{"\$error":\{.*"internal".*\}\}\n$/,
        );
        expect((await ask(h2, lines, '{"n":1}\n{"n":2}\n')).body).toBe('{"n":3}');
        const both = await ask(h2, { ...lines, ":path": "/counter/twice" }, '{"n":1}\n{"n":2}\n');
        expect(both.body).toBe('{"n":2}\n{"n":4}\n');

        ended = 0;
        const endless = h2.request(post("/counter/upTo"));
        endless.on("error", () => undefined).end('{"n":1000000000}');
        await new Promise((resolve) => endless.once("data", resolve));
        endless.pause();
        endless.close(constants.NGHTTP2_CANCEL);
        await until(() => ended === 1);
      });

      it("lets one peer reset many streams without harm to another", async () => {
        await using running = await served({ http2: true });
        await using hostile = await session(running.addresses[0]!);
        for (let i = 0; i < 500 && !hostile.destroyed && !hostile.closed; i++) {
          const stream = hostile.request(post("/echo/say"));
          stream.on("error", () => undefined);
          stream.close(constants.NGHTTP2_CANCEL);
        }
        await using h2 = await session(running.addresses[0]!);
        expect((await ask(h2, post("/echo/say"), '{"text":"hi"}')).body).toBe('{"text":"hi"}');
      });

      it("is what curl speaks", bytesOf("http2"), async (test) => {
        let version = "";
        try {
          version = execFileSync("curl", ["--version"], { encoding: "utf8" });
        } catch {
          return test.skip("curl is not installed");
        }
        if (!version.includes("HTTP2")) return test.skip("this curl does not speak HTTP/2");
        await using running = await served({ http2: true });
        const ca = join(root.folder, "ca.pem");
        const { execFile } = await import("node:child_process");
        const got = await new Promise<string>((resolve, reject) => {
          const args = ["-sS", "--http2", "--cacert", ca, "-w", "%{http_version}", `${running.addresses[0]}/things/9`];
          execFile("curl", args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
        });
        expect(got).toBe('{"id":"9"}2');
      });
    });

    it("answers HTTP/1.1 where HTTP/2 was not asked for", async () => {
      await using running = await served();
      const versions = await new Promise((resolve, reject) => {
        const socket = httpsGet(
          `${running.addresses[0]}/things/1`,
          { ca: root.ca, ALPNProtocols: ["h2", "http/1.1"] } as RequestOptions,
          (response) => {
            response.resume().on("end", () => resolve(response.httpVersion));
          },
        );
        socket.on("error", reject);
      });
      expect(versions).toBe("1.1");
    });
  },
);

describe("HTTP/2 without certificates", () => {
  it("is spoken with prior knowledge by node's own client, and HTTP/1.1 is not", bytesOf("http2"), async () => {
    const say = echo.implement({
      say: (m) => m,
      who: () => ({ name: "", spiffeId: "" }),
      wait: () => ({}),
      get: (r) => r,
    });
    await using running = await serve(say, {
      on: [httpServer({ port: 0, host: "127.0.0.1", http2: true })],
      log: false,
      signals: false,
    });
    const h2 = http2Connect(running.addresses[0]!);
    expect((await ask(h2, post("/echo/say"), '{"text":"hi"}')).body).toBe('{"text":"hi"}');
    h2.destroy();
    await expect(exchange(running.addresses[0]!, request({ path: "/readyz", verb: "GET" }))).rejects.toThrow(/./);
  });
});
