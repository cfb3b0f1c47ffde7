import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { client, close } from "../../client/index.ts";
import { method, service } from "../../contract/index.ts";
import { ActiveCall, backgroundContext, type Gate } from "../../endpoint/index.ts";
import { error, policyError, type ServiceError } from "../../errors/index.ts";
import { settled } from "../../testing/index.ts";
import { systemClock } from "../../time/index.ts";
import { tracer } from "../../trace/index.ts";
import { httpClient, type HttpClientOptions } from "./client.ts";
import { CODINGS } from "./client-body.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument" });
const pair = z.object({ a: z.int(), b: z.int() });
const v = z.object({ v: z.int() });
const add = service("add", {
  sum: method({ request: pair, response: v, errors: [twoZeroes], idempotent: true }),
  order: method({ request: pair, response: v }),
  drop: method({ request: z.object({}), response: z.undefined() }),
  count: method({ request: z.object({ to: z.int() }), response: v, stream: "server" }),
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()!();
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that is what it says, for a request whose body has been read. */
async function serving(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const handle: RequestListener = (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => answer(request, response, body));
  };
  const server = createServer(handle);
  cleanups.push(() => server.closeAllConnections());
  return listening(server);
}

/** A server that writes bytes of its own choice once a request has come. */
async function raw(answer: (socket: Socket, request: string) => void): Promise<string> {
  const sockets = new Set<Socket>();
  cleanups.push(() => sockets.forEach((socket) => socket.destroy()));
  return listening(
    createNetServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => answer(socket, chunk.toString("latin1")));
    }),
  );
}

function remoteTo(from: string, options: HttpClientOptions = {}) {
  const remote = client(add, httpClient({ connectTimeoutMs: 60_000, ...options }), {
    from,
    breaker: false,
    retry: false,
    timeoutMs: 60_000,
  });
  cleanups.push(() => close(remote));
  return remote;
}

const reply = (response: ServerResponse, body: string | Buffer, headers: Record<string, string> = {}): unknown =>
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);

const failed = async (promise: Promise<unknown>): Promise<ServiceError> =>
  (await promise.then(
    () => undefined,
    (e: unknown) => e,
  )) as ServiceError;

describe("a request", () => {
  it("is POST /service/method with JSON of the declared fields and a length", async () => {
    let seen: unknown;
    const from = await serving((request, response, body) => {
      seen = [
        request.method,
        request.url,
        request.headers["content-type"],
        request.headers["content-length"],
        request.headers["transfer-encoding"],
        body,
      ];
      reply(response, '{"v":3}');
    });
    const request = { a: 1, b: 2, password: "x" };
    expect(await remoteTo(from).sum(request)).toEqual({ v: 3 });
    expect(seen).toEqual(["POST", "/add/sum", "application/json", "13", undefined, '{"a":1,"b":2}']);
  });

  it("counts the bytes of its body, not the characters", async () => {
    const say = service("say", {
      it: method({ request: z.object({ text: z.string() }), response: z.object({ text: z.string() }) }),
    });
    const from = await serving((_request, response, body) => reply(response, body));
    const remote = client(say, httpClient({ connectTimeoutMs: 60_000 }), { from });
    cleanups.push(() => close(remote));
    expect(await remote.it({ text: "grün 🌱 \ud800" })).toEqual({ text: "grün 🌱 \ud800" });
  });

  it("stands below the path of the instance, whose port and address may be any", async () => {
    const urls: (string | undefined)[] = [];
    const from = await serving(
      (request, response) => (urls.push(request.url, request.headers.host), reply(response, '{"v":3}')),
    );
    await remoteTo(`${from}/base/v1/`).sum({ a: 1, b: 2 });
    expect(urls).toEqual(["/base/v1/add/sum", from.slice("http://".length)]);
  });

  it("reaches an IPv6 address", async () => {
    const server = createServer((request, response) =>
      reply(response, `{"v":${request.headers.host?.startsWith("[::1]:") ? 6 : 0}}`),
    );
    await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
    cleanups.push(() => server.close());
    expect(await remoteTo(`http://[::1]:${(server.address() as AddressInfo).port}`).sum({ a: 1, b: 2 })).toEqual({
      v: 6,
    });
  });

  it("carries the time left, ids, the trace, metadata and constant headers", async () => {
    let headers: IncomingMessage["headers"] = {};
    const from = await serving((request, response) => ((headers = request.headers), reply(response, '{"v":3}')));
    const gate: Gate = (context) => (context.reply.set("X-Tenant", "blue"), context);
    const remote = client(add, httpClient({ headers: { Authorization: "Bearer t", "user-agent": "mine" } }), {
      from,
      timeoutMs: 2000,
      gates: [gate],
      trace: tracer({ service: "test" }),
    });
    cleanups.push(() => close(remote));
    const context = backgroundContext();
    await remote.sum({ a: 1, b: 2 }, context);
    expect(Number(headers["request-timeout-ms"])).toBeGreaterThan(1500);
    expect(Number(headers["request-timeout-ms"])).toBeLessThanOrEqual(2000);
    expect(headers).toMatchObject({
      "x-request-id": context.requestId,
      "x-tenant": "blue",
      authorization: "Bearer t",
      "user-agent": "mine",
      accept: "application/json",
    });
    expect(headers["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
    expect(headers["request-attempt"]).toBeUndefined();
    expect(headers["accept-encoding"]).toBeUndefined();
  });

  it("takes ids from the caller's metadata where there are some", async () => {
    let ids: unknown;
    const from = await serving(
      (request, response) => ((ids = request.headersDistinct["x-request-id"]), reply(response, '{"v":3}')),
    );
    await remoteTo(from).sum({ a: 1, b: 2 }, { metadata: { "X-Request-Id": "mine" } });
    expect(ids).toEqual(["mine"]);
  });

  it("refuses metadata that frames or routes the message, and sends nothing", async () => {
    let requests = 0;
    const from = await serving((_request, response) => (requests++, reply(response, '{"v":3}')));
    for (const name of [
      "host",
      "Connection",
      "content-length",
      "transfer-encoding",
      "content-type",
      "request-timeout-ms",
      "te",
      "expect",
      "upgrade",
    ]) {
      const thrown = await failed(remoteTo(from).sum({ a: 1, b: 2 }, { metadata: { [name]: "1" } }));
      expect(thrown).toMatchObject({ reason: "invalid_request", code: "invalid_argument" });
    }
    expect(requests).toBe(0);
  });

  it("says which try it is, from the second on", async () => {
    const attempts: unknown[] = [];
    const from = await serving(
      (request, response) => (attempts.push(request.headers["request-attempt"]), reply(response, '{"v":3}')),
    );
    const channel = httpClient({ connectTimeoutMs: 60_000 }).open(add, from, systemClock);
    cleanups.push(() => channel.close());
    class Retried extends ActiveCall {
      override get attempt(): number {
        return 2;
      }
    }
    const { method: info } = backgroundContext();
    for (const Made of [ActiveCall, Retried]) {
      await channel.unary("sum")({ a: 1, b: 2 }, new Made(info, { startMs: 0, timeoutMs: Infinity }));
    }
    expect(attempts).toEqual([undefined, "2"]);
  });

  it("leaves nothing behind on its call", async () => {
    const from = await serving((request, response) =>
      request.url === "/add/sum" ? reply(response, '{"v":3}') : response.writeHead(500).end(),
    );
    const channel = httpClient({ connectTimeoutMs: 60_000 }).open(add, from, systemClock);
    cleanups.push(() => channel.close());
    const call = new ActiveCall(backgroundContext().method, { startMs: 0, timeoutMs: Infinity });
    const subscribed = vi.spyOn(call, "onCancel");
    const cancels = (): unknown[] =>
      subscribed.mock.results.map(({ value }) => vi.spyOn(value as { cancel(): void }, "cancel"));
    const sum = channel.unary("sum")({ a: 1, b: 2 }, call);
    const order = channel.unary("order")({ a: 1, b: 2 }, call);
    const [first, second] = cancels();
    await sum;
    await failed(order);
    expect(first).toHaveBeenCalledOnce();
    expect(second).toHaveBeenCalledOnce();
  });

  it("is not begun for a call that was called off", async () => {
    const channel = httpClient({ connectTimeoutMs: 60_000 }).open(add, "http://servicekit.invalid", systemClock);
    const call = new ActiveCall(backgroundContext().method, { startMs: 0, timeoutMs: Infinity });
    const reason = policyError("draining");
    call.cancel(reason);
    expect(await failed(channel.unary("sum")({ a: 1, b: 2 }, call))).toBe(reason);
  });
});

describe("an answer", () => {
  it("is read whole when it comes in pieces", async () => {
    const from = await serving((_request, response) => {
      response.writeHead(200, { "content-type": "application/json; charset=utf-8" });
      response.write('{"v"');
      void settled()
        .then(() => (response.write(":"), settled()))
        .then(() => response.end("3}"));
    });
    expect(await remoteTo(from).sum({ a: 1, b: 2 })).toEqual({ v: 3 });
  });

  it("may be of a type built on JSON", async () => {
    const from = await serving((_request, response) =>
      reply(response, '{"v":3}', { "content-type": "application/vnd.add.v2+json" }),
    );
    expect(await remoteTo(from).sum({ a: 1, b: 2 })).toEqual({ v: 3 });
  });

  it("without content is undefined", async () => {
    const from = await serving((request, response) =>
      request.url === "/add/drop" ? response.writeHead(204).end() : response.writeHead(200).end(),
    );
    expect(await remoteTo(from).drop({})).toBeUndefined();
    expect((await failed(remoteTo(from).sum({ a: 1, b: 2 }))).reason).toBe("invalid_response");
  });

  it("tells observers of status, sizes, peer and metadata", async () => {
    const from = await serving((_request, response) =>
      reply(response, '{"v":3}', { "x-served-by": "seven", "set-cookie": "a=1" }),
    );
    const seen: unknown[] = [];
    const remote = client(add, httpClient({ connectTimeoutMs: 60_000 }), {
      from,
      observers: [
        () => ({
          end: (call) =>
            seen.push(
              call.status,
              call.requestBytes,
              call.responseBytes,
              call.peer,
              call.incoming.get("X-Served-By"),
              call.incoming.get("set-cookie"),
              call.incoming.get("constructor"),
              call.incoming.get("__proto__"),
              call.transport,
            ),
        }),
      ],
    });
    cleanups.push(() => close(remote));
    await remote.sum({ a: 1, b: 2 });
    expect(seen).toEqual([200, 13, 7, from.slice(7), "seven", "a=1", undefined, undefined, "http"]);
  });

  it.each([
    ["text that is not JSON", "<html>", "the answer cannot be read"],
    ["a key twice", '{"v":3,"v":4}', "the answer cannot be read"],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22]), "the answer is not UTF-8"],
  ])("that is %s is invalid", async (_what, body, message) => {
    const from = await serving((_request, response) => reply(response, body));
    expect(await failed(remoteTo(from).sum({ a: 1, b: 2 }))).toMatchObject({ reason: "invalid_response", message });
  });

  it("of another content type is invalid", async () => {
    for (const type of ["text/html", "application/jsonp", ""]) {
      const from = await serving((_request, response) => reply(response, '{"v":3}', { "content-type": type }));
      expect(await failed(remoteTo(from).sum({ a: 1, b: 2 }))).toMatchObject({
        reason: "invalid_response",
        message: "the answer should be application/json",
      });
    }
  });

  it("that redirects is not followed", async () => {
    let requests = 0;
    const from = await serving(
      (_request, response) => (requests++, response.writeHead(307, { location: "/elsewhere" }).end()),
    );
    const thrown = await failed(remoteTo(from).sum({ a: 1, b: 2 }));
    expect(thrown).toMatchObject({
      reason: "invalid_response",
      message: "the peer answered 307, a redirect, which is not followed",
    });
    expect(requests).toBe(1);
  });

  it("larger than allowed is refused, whether its length is declared or not, and the connection is closed", async () => {
    for (const declared of [true, false]) {
      let sentBytes = 0;
      const closed = new Promise<void>((resolve) => {
        void serving((request, response) => {
          request.socket.on("close", () => resolve());
          response.writeHead(200, {
            "content-type": "application/json",
            ...(declared ? { "content-length": "100000000" } : {}),
          });
          const more = (): void => {
            while (!response.destroyed && response.write(Buffer.alloc(1024))) sentBytes += 1024;
          };
          response.on("drain", more);
          more();
        }).then(async (from) => {
          expect((await failed(remoteTo(from, { limits: { maxBodyBytes: 10_000 } }).sum({ a: 1, b: 2 }))).reason).toBe(
            "too_large",
          );
        });
      });
      await closed;
      expect(sentBytes).toBeLessThan(20_000_000);
    }
  });

  it("that declares too much is refused before any of it comes", async () => {
    const from = await raw((socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1048577\r\n\r\n"),
    );
    expect((await failed(remoteTo(from).sum({ a: 1, b: 2 }))).reason).toBe("too_large");
  });

  it("with more headers than Node would show is refused as well", async () => {
    const many = Array.from({ length: 1100 }, (_, i) => `x-${i}: 1\r\n`).join("");
    const from = await raw((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${many}content-type: application/json\r\ncontent-length: 7\r\n\r\n{"v":3}`),
    );
    const limits = { maxHeaders: 1000, maxHeaderBytes: 65_536 };
    expect((await failed(remoteTo(from, { limits }).sum({ a: 1, b: 2 }))).reason).toBe("too_many_headers");
  });

  it("with more headers than allowed is refused, and with too large ones", async () => {
    const many = Array.from({ length: 50 }, (_, i) => [`x-${i}`, "1"]).flat();
    const from = await serving((request, response) =>
      request.url === "/add/sum"
        ? response.writeHead(200, many).end("{}")
        : response.writeHead(200, { "x-big": "x".repeat(5000) }).end("{}"),
    );
    const remote = remoteTo(from, { limits: { maxHeaders: 40, maxHeaderBytes: 4096 } });
    expect((await failed(remote.sum({ a: 1, b: 2 }))).reason).toBe("too_many_headers");
    expect((await failed(remote.order({ a: 1, b: 2 }))).reason).toBe("too_many_headers");
  });

  it("whose headers are as many as allowed is read", async () => {
    const from = await serving((_request, response) =>
      response
        .writeHead(
          200,
          [
            ["content-type", "application/json"],
            ["content-length", "7"],
            ["connection", "close"],
            ["date", "x"],
          ].flat(),
        )
        .end('{"v":3}'),
    );
    expect(await remoteTo(from, { limits: { maxHeaders: 4 } }).sum({ a: 1, b: 2 })).toEqual({ v: 3 });
  });
});

describe("a refusal", () => {
  it("is read from problem details", async () => {
    const problem = {
      code: "invalid_argument",
      reason: "two_zeroes",
      detail: "can't sum two zeroes",
      details: undefined,
    };
    const from = await serving((_request, response) =>
      response
        .writeHead(400, { "content-type": "application/problem+json", "retry-after": "2" })
        .end(JSON.stringify(problem)),
    );
    const outcome = await remoteTo(from).sum.try({ a: 0, b: 0 });
    expect(outcome).toMatchObject({
      ok: false,
      error: { reason: "two_zeroes", origin: "declared", message: "can't sum two zeroes", retryAfterMs: 2000 },
    });
  });

  it.each([
    ["HTML", "text/html", "<h1>oops</h1>"],
    ["nothing", "application/json", ""],
    ["broken JSON", "application/json", "{"],
    ["JSON of another service", "application/json", '{"code":7,"reason":{},"detail":[]}'],
    ["JSON that pollutes", "application/json", '{"__proto__":{"code":"ok"}}'],
  ])("of %s has what its status says", async (_what, type, body) => {
    const from = await serving((_request, response) => response.writeHead(503, { "content-type": type }).end(body));
    expect(await failed(remoteTo(from).sum({ a: 1, b: 2 }))).toMatchObject({
      code: "unavailable",
      reason: "unavailable",
      origin: "peer",
      message: "the peer answered 503",
    });
  });

  it("keeps its status when its body is too large, too small for its length, or a bomb", async () => {
    const tooLarge = await serving((_request, response) =>
      response.writeHead(404, { "content-type": "application/json" }).end("x".repeat(5000)),
    );
    const bomb = await serving((_request, response) =>
      response.writeHead(404, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(1_000_000))),
    );
    const cut = await raw((socket) => socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\nshort"));
    for (const from of [tooLarge, bomb, cut]) {
      expect(await failed(remoteTo(from, { limits: { maxBodyBytes: 2000 } }).sum({ a: 1, b: 2 }))).toMatchObject({
        code: "not_found",
        origin: "peer",
      });
    }
  });

  it("leaves the connection open for the next call", async () => {
    const sockets = new Set<Socket>();
    const from = await serving(
      (request, response) => (
        sockets.add(request.socket),
        response.writeHead(500, { "content-type": "text/html" }).end("oops")
      ),
    );
    const remote = remoteTo(from);
    for (let i = 0; i < 3; i++) await failed(remote.sum({ a: 1, b: 2 }));
    expect(sockets.size).toBe(1);
  });
});

describe("compression", () => {
  const text = JSON.stringify({ v: 3, padding: "x".repeat(5000) });
  it.each([
    ["gzip", gzipSync(text)],
    ["x-gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["deflate", deflateRawSync(text)],
    ["BR", brotliCompressSync(text)],
    ["identity", Buffer.from(text)],
  ])("by %s is undone, asked for or not", async (coding, body) => {
    let asked: unknown;
    const from = await serving(
      (request, response) => (
        (asked = request.headers["accept-encoding"]),
        reply(response, body, { "content-encoding": coding })
      ),
    );
    expect(await remoteTo(from).sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    expect(asked).toBeUndefined();
    expect(await remoteTo(from, { acceptsCompressed: true }).sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    expect(asked).toBe(CODINGS);
  });

  it("of nothing is nothing", async () => {
    const from = await serving((_request, response) => reply(response, gzipSync(""), { "content-encoding": "gzip" }));
    expect(await remoteTo(from).drop({})).toBeUndefined();
  });

  it("of an answer larger than allowed is refused before it is undone whole", async () => {
    for (const [coding, body] of [
      ["gzip", gzipSync(Buffer.alloc(20_000_000))],
      ["br", brotliCompressSync(Buffer.alloc(20_000_000))],
    ] as const) {
      const from = await serving((_request, response) => reply(response, body, { "content-encoding": coding }));
      expect((await failed(remoteTo(from).sum({ a: 1, b: 2 }))).reason).toBe("too_large");
    }
  });

  it("that is broken, cut short or unknown is invalid", async () => {
    const cases: [string, Buffer][] = [
      ["gzip", Buffer.from("no gzip at all")],
      ["gzip", gzipSync(text).subarray(0, 20)],
      ["zstd", Buffer.from("x")],
      ["gzip, br", gzipSync(text)],
    ];
    for (const [coding, body] of cases) {
      const from = await serving((_request, response) => reply(response, body, { "content-encoding": coding }));
      expect((await failed(remoteTo(from).sum({ a: 1, b: 2 }))).reason).toBe("invalid_response");
    }
  });
});

describe("a connection", () => {
  it("that is refused, or to a name that is none, is unreachable", async () => {
    const gone = createNetServer();
    const from = await listening(gone);
    await new Promise((resolve) => gone.close(resolve));
    for (const url of [from, "http://servicekit.invalid:1"]) {
      expect(await failed(remoteTo(url).sum({ a: 1, b: 2 }))).toMatchObject({
        reason: "unreachable",
        code: "unavailable",
        origin: "policy",
      });
    }
  });

  it("that speaks no TLS is unreachable under https", async () => {
    const from = await raw((socket) => socket.end("what?"));
    expect((await failed(remoteTo(from.replace("http:", "https:")).sum({ a: 1, b: 2 }))).reason).toBe("unreachable");
  });

  it("that closes before the answer, or in the middle of it, is lost", async () => {
    for (const answer of [
      "",
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{",
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ]) {
      const from = await raw((socket) => (answer === "" ? socket.resetAndDestroy() : socket.end(answer)));
      expect(await failed(remoteTo(from).sum({ a: 1, b: 2 }))).toMatchObject({
        reason: "connection_lost",
        code: "unavailable",
      });
    }
  });

  it("that speaks something else is invalid", async () => {
    const from = await raw((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await failed(remoteTo(from).sum({ a: 1, b: 2 }))).toMatchObject({
      reason: "invalid_response",
      message: "the peer's answer is not HTTP",
    });
  });

  it("is used again, and several are used at once up to the bound", async () => {
    const sockets = new Set<Socket>();
    const from = await serving(
      (request, response) => (sockets.add(request.socket), void settled().then(() => reply(response, '{"v":3}'))),
    );
    const remote = remoteTo(from, { maxSockets: 2 });
    await Promise.all(Array.from({ length: 7 }, () => remote.sum({ a: 1, b: 2 })));
    await Promise.all(Array.from({ length: 7 }, () => remote.sum({ a: 1, b: 2 })));
    expect(sockets.size).toBe(2);
  });
});

describe("a call that is called off", () => {
  it("closes its connection, so that the server hears of it", async () => {
    let arrived: () => void = () => {};
    const waiting = new Promise<void>((resolve) => (arrived = resolve));
    let gone: () => void = () => {};
    const left = new Promise<void>((resolve) => (gone = resolve));
    const from = await serving((request) => (request.socket.on("close", () => gone()), arrived()));
    const controller = new AbortController();
    const thrown = failed(remoteTo(from).sum({ a: 1, b: 2 }, { signal: controller.signal }));
    await waiting;
    controller.abort();
    expect((await thrown).reason).toBe("canceled");
    await left;
  });

  it("ends at its deadline although the server accepted and says nothing, or stops in the middle", async () => {
    for (const answer of ["", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"]) {
      const from = await raw((socket) => socket.write(answer));
      expect((await failed(remoteTo(from).sum({ a: 1, b: 2 }, { timeoutMs: 30 }))).reason).toBe("deadline_exceeded");
    }
  });

  it("while it waits for a connection gives up its place", async () => {
    const from = await raw(() => {});
    const remote = remoteTo(from, { maxSockets: 1 });
    const controller = new AbortController();
    const first = failed(remote.sum({ a: 1, b: 2 }, { timeoutMs: 60 }));
    const second = failed(remote.sum({ a: 1, b: 2 }, { signal: controller.signal }));
    await settled();
    controller.abort();
    expect((await second).reason).toBe("canceled");
    expect((await first).reason).toBe("deadline_exceeded");
  });
});

describe("calls beyond the bound of connections", () => {
  it("are sent in their order, those that fail at once included", async () => {
    const order: number[] = [];
    const from = await serving((_request, response, body) => {
      order.push((JSON.parse(body) as { a: number }).a);
      reply(response, '{"v":3}');
    });
    const remote = remoteTo(from, {
      maxSockets: 1,
      before: [
        (_context, request) => {
          if (String(request.body).includes('"b":1')) throw new Error("hook");
        },
      ],
    });
    const calls = Array.from({ length: 3000 }, (_, a) => remote.sum({ a, b: a % 1000 === 0 ? 0 : 1 }));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(order).toEqual([0, 1000, 2000]);
  });
});

describe("hooks", () => {
  it("run in order: before, after, finalizer, as lists", async () => {
    const seen: string[] = [];
    const from = await serving((request, response, body) =>
      reply(response, `{"v":${body.length}}`, { "x-echo": String(request.headers["x-hook"]) }),
    );
    const remote = remoteTo(from, {
      before: [
        (context, request) => (
          request.header("X-Hook", context.method.name),
          seen.push(`${request.verb} ${request.path}`)
        ),
        (_context, request) => void (request.body = '{"a":10,"b":20}'),
      ],
      after: [
        (_context, response) =>
          void seen.push(
            `${response.status} ${response.header("x-echo")} ${response.text()} ${JSON.stringify(response.json())}`,
          ),
      ],
      finalizer: [
        ({ context, status, error: e }) => void seen.push(`${context.method.name} ${status} ${e?.reason}`),
        () => void seen.push("last"),
      ],
    });
    expect(await remote.sum({ a: 1, b: 2 })).toEqual({ v: 15 });
    expect(seen).toEqual(["POST /add/sum", '200 sum {"v":15} {"v":15}', "sum 200 undefined", "last"]);
  });

  it("see refusals too, and the finalizer every end once", async () => {
    const seen: unknown[] = [];
    const from = await serving((_request, response) => response.writeHead(404).end());
    const options: HttpClientOptions = {
      after: [(_context, { status, body }) => void seen.push(status, body)],
      finalizer: [({ status, error: e }) => void seen.push(status, e?.reason)],
    };
    await failed(remoteTo(from, options).sum({ a: 1, b: 2 }));
    await failed(remoteTo("http://servicekit.invalid:1", options).sum({ a: 1, b: 2 }));
    expect(seen).toEqual([404, undefined, 404, "not_found", 0, "unreachable"]);
  });

  it("fail the call when before or after throw, and free the connection", async () => {
    const from = await serving((_request, response) => reply(response, '{"v":3}'));
    const broken = (): never => {
      throw new Error("hook");
    };
    for (const options of [{ before: [broken] }, { after: [broken] }]) {
      expect(await failed(remoteTo(from, options).sum({ a: 1, b: 2 }))).toMatchObject({
        code: "internal",
        cause: new Error("hook"),
      });
    }
  });

  it("become a process warning when a finalizer throws: the call has its outcome", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue();
    const from = await serving((_request, response) => reply(response, '{"v":3}'));
    const broken = (): never => {
      throw new Error("hook");
    };
    expect(await remoteTo(from, { finalizer: [broken] }).sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    expect(warned).toHaveBeenCalledExactlyOnceWith(new Error("hook"));
    warned.mockRestore();
  });

  it("may not set what frames the message", async () => {
    const from = await serving((_request, response) => reply(response, '{"v":3}'));
    const thrown = await failed(
      remoteTo(from, { before: [(_context, request) => request.header("Content-Length", "0")] }).sum({ a: 1, b: 2 }),
    );
    expect(String(thrown.cause)).toBe(
      'RangeError: a header should not be one of the transport\'s own, got "content-length"',
    );
  });
});

describe("closing", () => {
  it("waits for the calls in flight, then closes idle connections", async () => {
    let answer: () => void = () => {};
    let arrived: () => void = () => {};
    const waiting = new Promise<void>((resolve) => (arrived = resolve));
    let isGone = false;
    let gone: () => void = () => {};
    const left = new Promise<void>((resolve) => (gone = resolve));
    const from = await serving((request, response) => {
      request.socket.on("close", () => ((isGone = true), gone()));
      answer = () => reply(response, '{"v":3}');
      arrived();
    });
    const remote = remoteTo(from);
    const sum = remote.sum({ a: 1, b: 2 });
    await waiting;
    const closed = close(remote);
    await settled();
    expect(isGone).toBe(false);
    answer();
    expect(await sum).toEqual({ v: 3 });
    await closed;
    await left;
  });
});

describe("the options of httpClient", () => {
  it("are checked when it is made, instances when it is opened", () => {
    const open = (from: string) => () => client(add, httpClient(), { from });
    const make = (options: object) => () => httpClient(options);
    expect(make({ retries: 1 })).toThrow('httpClient has no option "retries"');
    expect(make({ maxSockets: 0 })).toThrow("maxSockets should be an integer from 1 to 65535, got 0");
    expect(make({ maxFreeSockets: -1 })).toThrow("maxFreeSockets should be an integer from 0 to 65535, got -1");
    expect(make({ idleMs: 0 })).toThrow("idleMs should be a number from 1 to 3600000, got 0");
    expect(make({ connectTimeoutMs: "1s" })).toThrow('connectTimeoutMs should be a number from 1 to 60000, got "1s"');
    expect(make({ agent: {} })).toThrow("agent should be an agent of node:http or node:https, got an object");
    expect(make({ limits: { maxBodyBytes: -1 } })).toThrow("maxBodyBytes should be");
    expect(make({ headers: { "content-length": "1" } })).toThrow(
      'a header should not be one of the transport\'s own, got "content-length"',
    );
    expect(make({ headers: { "a b": "1" } })).toThrow('a header\'s name should be a token, got "a b"');
    expect(make({ headers: { authorization: "a\nb" } })).toThrow(
      "header authorization should be a text without control characters, got another",
    );
    expect(make({ routes: {} })).toThrow("routes should be a list of what routes() returns, got an object");
    expect(make({ before: () => {} })).toThrow("before should be a list of functions, got function before");
    expect(make({ after: [1] })).toThrow("after should be a function, got 1");
    expect(open("localhost")).toThrow(
      'from should be an http or https URL without user, query and fragment, got "localhost"',
    );
    for (const address of ["localhost:80", "10.0.0.1:8081", "[::1]:8081"]) expect(open(address)).not.toThrow();
    expect(open("ftp://a")).toThrow('got "ftp://a"');
    expect(open("not a url")).toThrow('got "not a url"');
    expect(open("http://a/?x=1")).toThrow('got "http://a/?x=1"');
    expect(open("http://a/#x")).toThrow('got "http://a/#x"');
    expect(open("http://me:hunter2@a")).toThrow("got one with a user");
    expect(open("http://me:hunter2@a")).not.toThrow("hunter2");
  });
});
