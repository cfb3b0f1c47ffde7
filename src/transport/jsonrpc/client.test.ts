import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { roundRobin } from "../../balance/index.ts";
import { client, close, type ClosableClient } from "../../client/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { error, method, service, type Context } from "../../index.ts";
import { until } from "../../../test/until.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { json, type Codec } from "../codec.ts";
import { jsonrpcClient, jsonrpcServer, type JsonrpcClientOptions } from "./index.ts";
import { CODINGS } from "../http/client-body.ts";

const twoZeroes = error("two_zeroes", {
  code: "invalid_argument",
  message: "can't sum two zeroes",
  details: z.object({ hint: z.string() }),
});
const pair = z.object({ a: z.int(), b: z.int() });
const add = service("add", {
  sum: method({ request: pair, response: z.object({ v: z.int() }), errors: [twoZeroes], idempotent: true }),
  order: method({ request: pair, response: z.object({ v: z.int() }) }),
  total: method({ request: z.array(z.int()), response: z.int() }),
  shout: method({
    request: z.union([z.string(), z.object({ text: z.string() })]),
    response: z.union([z.string(), z.null()]),
  }),
  count: method({ request: pair, response: pair, stream: "server" }),
  gather: method({ request: pair, response: pair, stream: "client" }),
});
type Add = typeof add.methods;
const two = { a: 1, b: 2 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Message {
  readonly method: string;
  readonly params: unknown;
  readonly id: number;
}

interface Got {
  readonly headers: IncomingMessage["headers"];
  readonly url: string;
  readonly body: string;
  readonly messages: readonly Message[];
  readonly socket: Socket;
}

type Script = (got: Got, response: ServerResponse) => unknown;

/** A peer that answers as the script says and keeps what it got. A text that the script returns is the answer. */
async function peer(script: Script): Promise<{ readonly from: string; readonly got: Got[] }> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const messages = [JSON.parse(body) as Message | Message[]].flat();
      const one: Got = { headers: request.headers, url: request.url!, body, messages, socket: request.socket };
      got.push(one);
      const answer = script(one, response);
      if (typeof answer === "string") reply(response, answer);
    });
  });
  return { from: await listening(server), got };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function raw(serve: (socket: Socket) => void): Promise<string> {
  return await listening(
    createNetServer((socket) => (socket.on("error", () => undefined), socket.once("data", () => serve(socket)))),
  );
}

function reply(response: ServerResponse, body: string | Buffer, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
}

const result = (id: number, v: number): string => `{"jsonrpc":"2.0","result":{"v":${v}},"id":${id}}`;
const sums = ({ messages }: Got): string[] => messages.map(({ id, params }) => result(id, (params as { a: number }).a));
const batch = (answers: readonly string[]): string => `[${answers.join(",")}]`;

function remoteTo(
  from: string,
  options: JsonrpcClientOptions = {},
  clock?: ReturnType<typeof virtualClock>,
): ClosableClient<Add> {
  const remote = client(add, jsonrpcClient({ connectTimeoutMs: 60_000, ...options }), {
    from,
    breaker: false,
    retry: false,
    timeoutMs: 60_000,
    clock,
  });
  cleanups.push(() => close(remote));
  return remote;
}

const failed = async (call: Promise<unknown>): Promise<ServiceError> =>
  (await call.then(
    (value) => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (e: unknown) => e,
  )) as ServiceError;

describe("a call", () => {
  it("is Go kit's message to the byte, POSTed to the path of the instance", async () => {
    const { from, got } = await peer(({ messages: [one] }) => result(one!.id, 3));
    const remote = remoteTo(`${from}/rpc/v1/`, { names: "short", headers: { Authorization: "Bearer x" } });
    expect(await remote.sum(two)).toEqual({ v: 3 });
    expect(await remote.sum(two)).toEqual({ v: 3 });
    expect(got.map(({ body }) => body)).toEqual([
      '{"jsonrpc":"2.0","method":"sum","params":{"a":1,"b":2},"id":0}\n',
      '{"jsonrpc":"2.0","method":"sum","params":{"a":1,"b":2},"id":1}\n',
    ]);
    expect(got[0]!.url).toBe("/rpc/v1/");
    expect(got[0]!.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "content-length": "63",
      accept: "application/json",
      authorization: "Bearer x",
      "request-timeout-ms": expect.stringMatching(/^(5\d{4}|60000)$/) as string,
      "x-request-id": expect.stringMatching(/^[0-9a-f]+$/) as string,
    });
    await remoteTo(from).sum(two);
    expect([got[2]!.url, got[2]!.messages[0]!.method]).toEqual(["/", "add.sum"]);
  });

  it("has ids from 0 for each instance", async () => {
    const peers = [
      await peer(({ messages: [one] }) => result(one!.id, 3)),
      await peer(({ messages: [one] }) => result(one!.id, 3)),
    ];
    const balance = { strategy: roundRobin() };
    const remote = client(add, jsonrpcClient({ connectTimeoutMs: 60_000 }), {
      from: peers.map(({ from }) => from),
      balance,
    });
    cleanups.push(() => close(remote));
    for (let i = 0; i < 4; i++) await remote.sum(two);
    for (const { got } of peers) expect(got.map(({ messages }) => messages[0]!.id)).toEqual([0, 1]);
  });

  it("has params that are an object or an array, whatever its request is", async () => {
    const { from, got } = await peer(
      ({ messages: [one] }) => `{"jsonrpc":"2.0","result":${one!.method === "add.total" ? 6 : null},"id":${one!.id}}`,
    );
    const remote = remoteTo(from);
    expect(await remote.total([1, 2, 3])).toBe(6);
    expect(await remote.shout("hey")).toBeNull();
    await remote.shout({ text: "hey" });
    expect(got.map(({ messages }) => messages[0]!.params)).toEqual([[1, 2, 3], ["hey"], { text: "hey" }]);
  });

  it("that does not fit is not sent", async () => {
    const { from, got } = await peer(() => "");
    const seen: unknown[] = [];
    const options: JsonrpcClientOptions = { finalizer: [({ error, status }) => seen.push(error?.reason, status)] };
    for (const batch of [undefined, {}]) {
      expect(await failed(remoteTo(from, { ...options, batch }).sum({ a: "1", b: 2 } as never))).toMatchObject({
        reason: "invalid_request",
        code: "invalid_argument",
      });
    }
    expect(got).toEqual([]);
    expect(seen).toEqual(["invalid_request", 0, "invalid_request", 0]);
  });

  it("of a method that streams is refused", async () => {
    const remote = remoteTo("http://127.0.0.1:1");
    const thrown = await failed(remote.count(two)[Symbol.asyncIterator]().next());
    expect(thrown).toMatchObject({
      reason: "unknown_method",
      message: "add.count is a stream, which this transport does not carry",
    });
    async function* nothing() {}
    expect((await failed(remote.gather(nothing()))).message).toBe(
      "add.gather is a stream, which this transport does not carry",
    );
  });

  it("tells observers of status, sizes, peer and metadata", async () => {
    const { from, got } = await peer(({ messages: [one] }, response) =>
      reply(response, result(one!.id, 3), { "x-served-by": "seven" }),
    );
    const seen: unknown[] = [];
    const remote = client(add, jsonrpcClient({ connectTimeoutMs: 60_000 }), {
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
              call.transport,
            ),
        }),
      ],
    });
    cleanups.push(() => close(remote));
    await remote.sum(two, { metadata: { "x-tenant": "blue" } });
    expect(seen).toEqual([200, got[0]!.body.length, result(0, 3).length, from.slice(7), "seven", "jsonrpc"]);
    expect(got[0]!.headers["x-tenant"]).toBe("blue");
  });
});

describe("an answer", () => {
  it.each<[string, string, string]>([
    ["for another id", result(7, 3), "the peer did not answer this call"],
    ["whose id is a text", '{"jsonrpc":"2.0","result":{"v":3},"id":"0"}', "the answer is not valid JSON-RPC 2.0"],
    ["without an id", '{"jsonrpc":"2.0","result":{"v":3}}', "the answer is not valid JSON-RPC 2.0"],
    [
      "of a result whose id is null",
      '{"jsonrpc":"2.0","result":{"v":3},"id":null}',
      "the answer is not valid JSON-RPC 2.0",
    ],
    ["of version 1.0", '{"jsonrpc":"1.0","result":{"v":3},"id":0}', "the answer is not valid JSON-RPC 2.0"],
    ["without a version", '{"result":{"v":3},"error":null,"id":0}', "the answer is not valid JSON-RPC 2.0"],
    [
      "of result and error",
      '{"jsonrpc":"2.0","result":{"v":3},"error":{"code":1,"message":"a"},"id":0}',
      "the answer is not valid JSON-RPC 2.0",
    ],
    ["of neither result nor error", '{"jsonrpc":"2.0","id":0}', "the answer is not valid JSON-RPC 2.0"],
    [
      "of an error without a message",
      '{"jsonrpc":"2.0","error":{"code":1},"id":0}',
      "the answer is not valid JSON-RPC 2.0",
    ],
    [
      "of an error whose code is a text",
      '{"jsonrpc":"2.0","error":{"code":"1","message":"a"},"id":0}',
      "the answer is not valid JSON-RPC 2.0",
    ],
    ["of an error that is a text", '{"jsonrpc":"2.0","error":"no","id":0}', "the answer is not valid JSON-RPC 2.0"],
    ["that is null", "null", "the answer is not valid JSON-RPC 2.0"],
    ["that is an empty array", "[]", "the peer did not answer this call"],
    ["that is no JSON", "<html>", "the answer is not JSON"],
    ["with a key twice", '{"jsonrpc":"2.0","result":{"v":3},"result":{"v":4},"id":0}', "the answer is not JSON"],
    ["that pollutes", '{"jsonrpc":"2.0","__proto__":{"result":{"v":3}},"id":0}', "the answer is not JSON"],
  ])("%s is invalid", async (_name, body, message) => {
    const { from } = await peer(() => body);
    expect(await failed(remoteTo(from).sum(two))).toMatchObject({
      reason: "invalid_response",
      code: "internal",
      origin: "policy",
      message,
    });
  });

  it("that is empty, no UTF-8, no JSON by its type, or a redirect is invalid", async () => {
    const scripts: [Script, string][] = [
      [(_got, response) => response.writeHead(204).end(), "the peer did not answer this call"],
      [(_got, response) => response.writeHead(202).end(), "the peer did not answer this call"],
      [(_got, response) => reply(response, Buffer.from([0x22, 0xff, 0x22])), "the answer is not UTF-8"],
      [
        (_got, response) => reply(response, result(0, 3), { "content-type": "text/html" }),
        "the answer should be application/json",
      ],
      [
        (_got, response) =>
          response.writeHead(307, { location: "/elsewhere", "content-type": "application/json" }).end(result(0, 3)),
        "the peer answered 307, a redirect, which is not followed",
      ],
    ];
    for (const [script, message] of scripts) {
      const { from, got } = await peer(script);
      expect(await failed(remoteTo(from).sum(two))).toMatchObject({ reason: "invalid_response", message });
      expect(got).toHaveLength(1);
    }
  });

  it("that does not fit the method is invalid", async () => {
    const { from } = await peer(() => '{"jsonrpc":"2.0","result":{"v":"3"},"id":0}');
    expect((await failed(remoteTo(from).sum(two))).reason).toBe("invalid_response");
  });

  it.each(["application/json", "application/json; charset=utf-8", "application/json-rpc", "application/jsonrequest"])(
    "may have the content type %s, come in an array, and say that there is no error",
    async (type) => {
      const { from } = await peer((_got, response) =>
        reply(response, '[{"id":0,"error":null,"result":{"v":3},"jsonrpc":"2.0"}]', { "content-type": type }),
      );
      expect(await remoteTo(from).sum(two)).toEqual({ v: 3 });
    },
  );

  it("may be compressed, within the limit, and too large is too large", async () => {
    const { from, got } = await peer(({ messages: [one] }, response) =>
      reply(response, gzipSync(result(one!.id, 3) + " ".repeat(5000)), { "content-encoding": "gzip" }),
    );
    expect(await remoteTo(from, { acceptsCompressed: true }).sum(two)).toEqual({ v: 3 });
    expect(got[0]!.headers["accept-encoding"]).toBe(CODINGS);
    expect((await failed(remoteTo(from, { limits: { maxBodyBytes: 2000 } }).sum(two))).reason).toBe("too_large");
  });
});

describe("an error", () => {
  const answering = (error: unknown, status = 200, headers = {}): Promise<{ from: string }> =>
    peer((_got, response) =>
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify({ jsonrpc: "2.0", error, id: 0 })),
    );

  it("that is declared comes with its details, thrown or as a value", async () => {
    const { from } = await answering({
      code: -32003,
      message: "can't sum two zeroes",
      data: { code: "invalid_argument", reason: "two_zeroes", details: { hint: "add one" }, retryAfterMs: 20 },
    });
    const outcome = await remoteTo(from).sum.try(two);
    expect(outcome).toMatchObject({
      ok: false,
      error: { reason: "two_zeroes", origin: "declared", details: { hint: "add one" }, retryAfterMs: 20 },
    });
    if (!outcome.ok) expectTypeOf(outcome.error.details).toEqualTypeOf<{ hint: string }>();
    expect(twoZeroes.is(await failed(remoteTo(from).sum(two)))).toBe(true);
  });

  it.each<[number, string]>([
    [-32700, "invalid_argument"],
    [-32600, "invalid_argument"],
    [-32602, "invalid_argument"],
    [-32601, "unimplemented"],
    [-32603, "internal"],
    [-32001, "canceled"],
    [-32008, "resource_exhausted"],
    [-32014, "unavailable"],
    [-32016, "unauthenticated"],
    [-32000, "unknown"],
    [-32017, "unknown"],
    [-32099, "unknown"],
    [404, "unknown"],
    [0, "unknown"],
  ])("%i of a stranger is %s, with his data and number at hand", async (code, expected) => {
    const { from } = await answering({ code, message: "no", data: { some: ["thing"] } });
    expect(await failed(remoteTo(from).sum(two))).toMatchObject({
      code: expected,
      reason: expected,
      origin: "peer",
      message: "no",
      details: { some: ["thing"] },
      cause: { rpcCode: code },
    });
  });

  it.each<[unknown, object]>([
    [null, { code: "unavailable", reason: "unavailable", details: null }],
    ["text", { details: "text" }],
    [
      { code: "nope", reason: "two_zeroes" },
      { code: "unavailable", reason: "unavailable", details: { code: "nope", reason: "two_zeroes" } },
    ],
    [
      { code: "aborted", reason: "DROP TABLE", retryAfterMs: -1 },
      { code: "aborted", reason: "aborted", details: undefined, retryAfterMs: Infinity },
    ],
    [
      { code: "aborted", reason: "x".repeat(65), retryAfterMs: "soon" },
      { reason: "aborted", retryAfterMs: undefined },
    ],
    [
      { code: "toString", reason: 5 },
      { code: "unavailable", reason: "unavailable" },
    ],
  ])("with data %j is read without trust", async (data, expected) => {
    const { from } = await answering({ code: -32014, message: "no", data });
    expect(await failed(remoteTo(from).sum(two))).toMatchObject(expected);
  });

  it("with a long message has a shorter one", async () => {
    const { from } = await answering({ code: 1, message: "x".repeat(100_000) });
    expect((await failed(remoteTo(from).sum(two))).message).toHaveLength(4096);
  });

  it("may come with a status of its own, and a hint in the headers", async () => {
    const { from } = await answering({ code: -32603, message: "no" }, 500, { "retry-after": "2" });
    expect(await failed(remoteTo(from).sum(two))).toMatchObject({
      code: "internal",
      message: "no",
      retryAfterMs: 2000,
    });
  });

  it("without an id is that of the call it answers", async () => {
    const { from } = await peer(() => '{"jsonrpc":"2.0","error":{"code":-32700,"message":"cannot read"},"id":null}');
    expect(await failed(remoteTo(from).sum(two))).toMatchObject({
      code: "invalid_argument",
      origin: "peer",
      message: "cannot read",
    });
  });

  it.each<[number, string, string, object]>([
    [413, "text/plain", "too much", { code: "resource_exhausted", message: "the peer answered 413" }],
    [503, "text/html", "<h1>oops</h1>", { code: "unavailable", message: "the peer answered 503", retryAfterMs: 2000 }],
    [503, "application/json", "{", { code: "unavailable", message: "the peer answered 503" }],
    [
      502,
      "application/json",
      '{"jsonrpc":"2.0","result":{"v":3},"id":0}',
      { code: "unavailable", message: "the peer answered 502" },
    ],
    [
      401,
      "application/problem+json",
      '{"code":"unauthenticated","detail":"who are you?"}',
      { code: "unauthenticated", message: "who are you?" },
    ],
    [404, "application/json", "", { code: "not_found" }],
    [405, "text/plain", "405 must POST\n", { code: "unimplemented" }],
    [429, "text/plain", "", { code: "resource_exhausted", retryAfterMs: 2000 }],
    [500, "text/plain", "", { code: "internal" }],
  ])("of status %i %s is what the status says", async (status, type, body, expected) => {
    const { from } = await peer((_got, response) =>
      response.writeHead(status, { "content-type": type, "retry-after": "2" }).end(body),
    );
    expect(await failed(remoteTo(from).sum(two))).toMatchObject({ origin: "peer", ...expected });
  });

  it("of the connection is typed", async () => {
    const lost = await raw((socket) => socket.destroy());
    expect((await failed(remoteTo(lost).order(two))).reason).toBe("connection_lost");
    expect((await failed(remoteTo("http://127.0.0.1:1").sum(two))).reason).toBe("unreachable");
    const noHttp = await raw((socket) => socket.end("SSH-2.0\r\n"));
    expect((await failed(remoteTo(noHttp).sum(two))).reason).toBe("invalid_response");
  });
});

describe("a call that is called off", () => {
  it("closes its connection, at once or at its deadline", async () => {
    const { from, got } = await peer(() => undefined);
    const controller = new AbortController();
    const thrown = failed(remoteTo(from).sum(two, { signal: controller.signal }));
    await until(() => got.length === 1);
    const left = new Promise((resolve) => got[0]!.socket.once("close", resolve));
    controller.abort();
    expect((await thrown).reason).toBe("canceled");
    await left;
    expect((await failed(remoteTo(from).sum(two, { timeoutMs: 20 }))).reason).toBe("deadline_exceeded");
  });

  it("is sent once more on a new connection when the old one was closed, if it may be", async () => {
    let sockets = 0;
    const from = await listening(
      createNetServer((socket) => {
        sockets++;
        socket.on("error", () => undefined);
        socket.once("data", (data: Buffer) => {
          const body = result(Number(/"id":(\d+)/.exec(data.toString())![1]), 3);
          socket.write(
            `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
          );
          socket.once("data", () => socket.resetAndDestroy());
        });
      }),
    );
    const remote = remoteTo(from);
    expect([await remote.sum(two), await remote.sum(two)]).toEqual([{ v: 3 }, { v: 3 }]);
    expect(sockets).toBe(2);
    const unsafe = remoteTo(from);
    await unsafe.order(two);
    expect((await failed(unsafe.order(two))).reason).toBe("connection_lost");
  });
});

describe("calls in batches", () => {
  it("made together go together, and are told apart by id in any order", async () => {
    const { from, got } = await peer((one) => batch(sums(one).toReversed()));
    const remote = remoteTo(from, { batch: {} });
    const answers = await Promise.all([1, 2, 3].map((a) => remote.sum({ a, b: 0 })));
    expect(answers).toEqual([{ v: 1 }, { v: 2 }, { v: 3 }]);
    expect(got.map(({ body }) => body)).toEqual([
      '[{"jsonrpc":"2.0","method":"add.sum","params":{"a":1,"b":0},"id":0},{"jsonrpc":"2.0","method":"add.sum","params":{"a":2,"b":0},"id":1},{"jsonrpc":"2.0","method":"add.sum","params":{"a":3,"b":0},"id":2}]\n',
    ]);
  });

  it("that one event leads to go together, however many promises lie between", async () => {
    const { from, got } = await peer((one) => batch(sums(one)));
    const remote = remoteTo(from, { batch: {} });
    const later = async (ticks: number): Promise<unknown> => {
      for (let i = 0; i < ticks; i++) await Promise.resolve();
      return remote.sum({ a: ticks, b: 0 });
    };
    await Promise.all([later(0), later(1), later(20)]);
    expect(got).toHaveLength(1);
  });

  it("go alone when nothing else is called", async () => {
    const { from, got } = await peer((one) => sums(one)[0]);
    await remoteTo(from, { batch: {} }).sum(two);
    expect(got[0]!.body).toBe('{"jsonrpc":"2.0","method":"add.sum","params":{"a":1,"b":2},"id":0}\n');
  });

  it("wait for others as long as they are told to, and no longer when the batch is full", async () => {
    const clock = virtualClock();
    const { from, got } = await peer((one) => (one.messages.length === 1 ? sums(one)[0] : batch(sums(one))));
    const remote = remoteTo(from, { batch: { waitMs: 5, maxCalls: 2 } }, clock);
    const first = remote.sum({ a: 1, b: 0 });
    await clock.advance(4);
    expect(got).toEqual([]);
    const second = remote.sum({ a: 2, b: 0 });
    expect(await Promise.all([first, second])).toEqual([{ v: 1 }, { v: 2 }]);
    const third = remote.sum({ a: 3, b: 0 });
    await clock.advance(5);
    expect(await third).toEqual({ v: 3 });
    expect(got.map(({ messages }) => messages.length)).toEqual([2, 1]);
    // The one that is left rests the idle connection.
    expect(clock.pending).toBe(1);
  });

  it("larger than a body may be are sent apart", async () => {
    const { from, got } = await peer((one) =>
      one.messages.length === 1
        ? `{"jsonrpc":"2.0","result":"","id":${one.messages[0]!.id}}`
        : batch(one.messages.map(({ id }) => `{"jsonrpc":"2.0","result":"","id":${id}}`)),
    );
    const remote = remoteTo(from, { batch: {}, limits: { maxBodyBytes: 1000 } });
    await Promise.all(Array.from({ length: 5 }, () => remote.shout("ä".repeat(150))));
    expect(got.map(({ messages }) => messages.length)).toEqual([2, 2, 1]);
    expect(got.every(({ body }) => Buffer.byteLength(body) <= 1001)).toBe(true);
  });

  it("tell the server the longest of their times", async () => {
    const clock = virtualClock();
    const { from, got } = await peer((one) => batch(sums(one)));
    const remote = remoteTo(from, { batch: {} }, clock);
    await Promise.all([
      remote.sum(two, { timeoutMs: 100 }),
      remote.sum(two, { timeoutMs: 700 }),
      remote.sum(two, { timeoutMs: 200 }),
    ]);
    expect(got[0]!.headers["request-timeout-ms"]).toBe("700");
  });

  it("fail alone: by an error of their own, an answer that is none, or none at all", async () => {
    const { from } = await peer(() =>
      batch([
        result(99, 9),
        "5",
        '{"jsonrpc":"2.0","error":{"code":-32014,"message":"not now"},"id":1}',
        '{"jsonrpc":"2.0","result":{"v":"x"},"id":2}',
        result(0, 1),
        result(0, 2),
      ]),
    );
    const remote = remoteTo(from, { batch: {} });
    const outcomes = await Promise.allSettled([0, 1, 2, 3].map((a) => remote.sum({ a, b: 0 })));
    expect(outcomes).toMatchObject([
      { status: "fulfilled", value: { v: 1 } },
      { reason: { code: "unavailable", message: "not now", origin: "peer" } },
      { reason: { reason: "invalid_response" } },
      { reason: { reason: "invalid_response", message: "the answer is not valid JSON-RPC 2.0" } },
    ]);
  });

  it.each<[string, Script, object]>([
    [
      "by one error for all",
      () => '{"jsonrpc":"2.0","error":{"code":-32600,"message":"too many"},"id":null}',
      { code: "invalid_argument", message: "too many", origin: "peer" },
    ],
    [
      "by an error without an id among the answers",
      () => '[{"jsonrpc":"2.0","error":{"code":-32600,"message":"bad one"},"id":null}]',
      { message: "bad one", origin: "peer" },
    ],
    ["by a status", (_got, response) => response.writeHead(503).end(), { code: "unavailable", origin: "peer" }],
    ["by silence", (_got, response) => response.writeHead(204).end(), { reason: "invalid_response" }],
    ["by a broken connection", (_got, response) => response.destroy(), { reason: "connection_lost" }],
    ["by an answer that cannot be read", () => "[", { reason: "invalid_response" }],
  ])("fail together %s", async (_name, script, expected) => {
    const { from } = await peer(script);
    const remote = remoteTo(from, { batch: {} });
    for (const thrown of await Promise.all([failed(remote.order(two)), failed(remote.order(two))]))
      expect(thrown).toMatchObject(expected);
  });

  it("leave the others alone when one is called off, before it is sent and after", async () => {
    const waiting: ServerResponse[] = [];
    const { from, got } = await peer((_one, response) => void waiting.push(response));
    const remote = remoteTo(from, { batch: {} });
    const [unsent, sent] = [new AbortController(), new AbortController()];
    const calls = Promise.allSettled([
      remote.sum({ a: 1, b: 0 }),
      remote.sum({ a: 2, b: 0 }, { signal: unsent.signal }),
      remote.sum({ a: 3, b: 0 }, { signal: sent.signal }),
    ]);
    unsent.abort();
    await until(() => got.length === 1);
    sent.abort();
    await settled();
    reply(waiting[0]!, batch(sums(got[0]!)));
    expect(await calls).toMatchObject([
      { value: { v: 1 } },
      { reason: { reason: "canceled" } },
      { reason: { reason: "canceled" } },
    ]);
    expect(got[0]!.messages.map(({ id }) => id)).toEqual([0, 2]);
  });

  it("close their connection when the last of them is called off", async () => {
    const { from, got } = await peer(() => undefined);
    const remote = remoteTo(from, { batch: {} });
    const controllers = [new AbortController(), new AbortController()];
    const calls = controllers.map(({ signal }) => failed(remote.sum(two, { signal })));
    await until(() => got.length === 1);
    let isClosed = false;
    const left = new Promise<void>((resolve) => got[0]!.socket.once("close", () => ((isClosed = true), resolve())));
    controllers[0]!.abort();
    expect((await calls[0]!).reason).toBe("canceled");
    for (let i = 0; i < 5; i++) await settled();
    expect(isClosed).toBe(false);
    controllers[1]!.abort();
    await left;
    expect((await calls[1]!).reason).toBe("canceled");
  });

  it("that are all called off before they are sent send nothing", async () => {
    const { from, got } = await peer(() => undefined);
    const clock = virtualClock();
    const remote = remoteTo(from, { batch: { waitMs: 10 } }, clock);
    const controller = new AbortController();
    const calls = [
      failed(remote.sum(two, { signal: controller.signal })),
      failed(remote.sum(two, { signal: controller.signal })),
    ];
    controller.abort();
    for (const thrown of await Promise.all(calls)) expect(thrown.reason).toBe("canceled");
    await clock.advance(20);
    expect(got).toEqual([]);
  });

  it("of different metadata or for different requests go separately", async () => {
    const { from, got } = await peer((one) => (one.messages.length === 1 ? sums(one)[0] : batch(sums(one))));
    const remote = remoteTo(from, { batch: {} });
    const as = (who: string) => ({ metadata: { authorization: who } });
    await Promise.all([
      remote.sum(two, as("ada")),
      remote.sum(two, as("eve")),
      remote.sum(two),
      remote.sum(two, as("ada")),
    ]);
    expect(got.map(({ headers, messages }) => [headers.authorization, messages.map(({ id }) => id)])).toEqual([
      ["ada", [0, 3]],
      ["eve", [1]],
      [undefined, [2]],
    ]);
    got.length = 0;
    const contexts: Context[] = [];
    const outer = service("outer", { keep: method({ request: pair, response: pair }) });
    await using server = await served(
      outer.implement({ keep: (request, context) => (contexts.push(context), request) }),
      {},
      { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] },
    );
    for (const id of ["r-1", "r-2"])
      await server.ask({
        path: "/",
        headers: { "x-request-id": id },
        body: '{"jsonrpc":"2.0","method":"outer.keep","params":[1,2],"id":1}',
      });
    await Promise.all([remote.sum(two, contexts[0]), remote.sum(two, contexts[1]), remote.sum(two, contexts[0])]);
    expect(got.map(({ headers, messages }) => [headers["x-request-id"], messages.length])).toEqual([
      ["r-1", 2],
      ["r-2", 1],
    ]);
  });

  it("are sent before the client closes", async () => {
    const { from } = await peer((one) => batch(sums(one)));
    const clock = virtualClock();
    const transport = jsonrpcClient({ batch: { waitMs: 1000 } });
    const channel = transport.open(add, from, clock);
    const remote = client(add, { ...transport, open: () => channel }, { from, clock });
    const calls = [remote.sum({ a: 1, b: 0 }), remote.sum({ a: 2, b: 0 })];
    await settled();
    await channel.close();
    expect(await Promise.all(calls)).toEqual([{ v: 1 }, { v: 2 }]);
  });
});

describe("hooks", () => {
  it("see the HTTP messages, and every end once", async () => {
    const seen: unknown[] = [];
    const { from, got } = await peer(({ messages: [one] }, response) =>
      reply(response, result(one!.id, 3), { "x-a": "1" }),
    );
    const remote = remoteTo(from, {
      before: [
        (context, request) => (
          request.header("X-Method", context.method.name),
          (request.path = "/other"),
          seen.push(request.verb, request.body)
        ),
      ],
      after: [
        (context, response) =>
          seen.push(
            context.method.name,
            response.status,
            response.header("X-A"),
            (response.json() as { id: number }).id,
          ),
      ],
      finalizer: [({ status, error }) => seen.push(status, error?.reason)],
    });
    await remote.sum(two);
    expect(seen).toEqual(["POST", got[0]!.body, "sum", 200, "1", 0, 200, undefined]);
    expect([got[0]!.url, got[0]!.headers["x-method"]]).toEqual(["/other", "sum"]);
  });

  it("of a batch run for each call, and one that throws fails its own", async () => {
    const { from, got } = await peer((one) => (one.messages.length === 1 ? sums(one)[0] : batch(sums(one))));
    const ends: unknown[] = [];
    const broken = (name: string) => (context: Context) => {
      if (context.method.name === name) throw new Error("hook");
    };
    const remote = remoteTo(from, {
      batch: {},
      before: [broken("order")],
      finalizer: [({ context, error }) => ends.push([context.method.name, error?.code])],
    });
    const outcomes = await Promise.allSettled([remote.sum(two), remote.order(two), remote.sum(two)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(got.map(({ messages }) => messages.length)).toEqual([2]);
    expect(ends).toEqual([
      ["order", "internal"],
      ["sum", undefined],
      ["sum", undefined],
    ]);
    const late = remoteTo(from, { batch: {}, after: [broken("order")] });
    expect((await Promise.allSettled([late.sum(two), late.order(two)])).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
    ]);
  });

  it("that give calls different headers or bodies keep them apart: no caller's credentials go with another's call", async () => {
    const { from, got } = await peer((one) => (one.messages.length === 1 ? sums(one)[0] : batch(sums(one))));
    const remote = remoteTo(from, {
      batch: {},
      before: [(context, request) => request.header("authorization", `for ${context.method.name}`)],
    });
    await Promise.all([remote.sum(two), remote.order(two), remote.sum(two), remote.order(two)]);
    expect(got.map(({ headers, messages }) => [headers.authorization, messages.map(({ method }) => method)])).toEqual([
      ["for sum", ["add.sum", "add.sum"]],
      ["for order", ["add.order", "add.order"]],
    ]);
    got.length = 0;
    const signing = remoteTo(from, {
      batch: {},
      before: [(_context, request) => void (request.body = `${String(request.body).trim()} \n`)],
    });
    await Promise.all([signing.sum(two), signing.sum(two)]);
    expect(got.map(({ body }) => body.endsWith("} \n"))).toEqual([true, true]);
  });
});

describe("a codec", () => {
  it("writes params and reads results inside the message", async () => {
    const upper: Codec = {
      ...json,
      reader: (shape, limits) => {
        const read = json.reader(shape, limits);
        return (body) => {
          if (body === '{"V":0}') throw new Error("cannot");
          return { v: (read(body) as { V: number }).V };
        };
      },
      writer: (shape, where, reason) => {
        const write = json.writer(shape, where, reason);
        return (value) => `${(write(value) as string).toUpperCase()}\n`;
      },
    };
    const { from, got } = await peer(
      ({ messages: [one] }) => `{"jsonrpc":"2.0","result":{"V":${one!.id === 0 ? 3 : 0}},"id":${one!.id}}`,
    );
    const remote = remoteTo(from, { codec: upper });
    expect(await remote.sum(two)).toEqual({ v: 3 });
    expect(got[0]!.messages[0]!.params).toEqual({ A: 1, B: 2 });
    expect(await failed(remote.sum(two))).toMatchObject({
      reason: "invalid_response",
      message: "the answer cannot be read",
    });
  });
});

describe("with our server", () => {
  it("declared errors go both ways, alone and in batches", async () => {
    const implementation = service("add", { sum: add.methods.sum }).implement({
      async sum({ a, b }) {
        await settled();
        if (a === 7) throw twoZeroes({ hint: "thrown" });
        return a === 0 && b === 0 ? twoZeroes({ hint: "add one" }) : { v: a + b };
      },
    });
    await using server = await served(implementation, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] });
    for (const batch of [undefined, {}]) {
      await using remote = client(add, jsonrpcClient({ batch }), { from: server.address, timeoutMs: 60_000 });
      const [fine, returned, thrown] = await Promise.all([
        remote.sum.try(two),
        remote.sum.try({ a: 0, b: 0 }),
        remote.sum.try({ a: 7, b: 0 }),
      ]);
      expect(fine).toEqual({ ok: true, value: { v: 3 } });
      expect(returned).toMatchObject({
        ok: false,
        error: { reason: "two_zeroes", details: { hint: "add one" }, origin: "declared" },
      });
      expect(thrown).toMatchObject({ ok: false, error: { details: { hint: "thrown" } } });
    }
  });

  it("the handlers of a batch are called off when all of its callers have left", async () => {
    const begun: string[] = [];
    const off: string[] = [];
    const implementation = service("add", { order: add.methods.order }).implement({
      order: ({ a }, context) => {
        begun.push(`${a}`);
        context.onCancel(({ reason }) => off.push(`${a} ${reason}`));
        return new Promise(() => undefined);
      },
    });
    await using server = await served(implementation, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] });
    await using remote = client(add, jsonrpcClient({ batch: {} }), { from: server.address, timeoutMs: 60_000 });
    const controllers = [new AbortController(), new AbortController()];
    const calls = controllers.map(({ signal }, a) => failed(remote.order({ a, b: 0 }, { signal })));
    await until(() => begun.length === 2);
    for (const controller of controllers) controller.abort();
    await Promise.all(calls);
    await until(() => off.length === 2);
    expect(off.toSorted()).toEqual(["0 canceled", "1 canceled"]);
  });
});

describe("the options of jsonrpcClient", () => {
  it("are checked when it is made, instances when it is opened", () => {
    const make = (options: object) => () => jsonrpcClient(options);
    expect(make({ retries: 1 })).toThrow('jsonrpcClient has no option "retries"');
    expect(make({ names: "long" })).toThrow('names should be one of "full", "short", got "long"');
    expect(make({ batch: { size: 1 } })).toThrow('batch has no option "size"');
    expect(make({ batch: { maxCalls: 0 } })).toThrow("maxCalls should be an integer from 1 to 10000, got 0");
    expect(make({ batch: { waitMs: 2000 } })).toThrow("waitMs should be a number from 0 to 1000, got 2000");
    expect(make({ codec: { ...json, form: "bytes" } })).toThrow("codec should read and write text");
    expect(make({ limits: { maxBodyBytes: -1 } })).toThrow("maxBodyBytes should be");
    expect(make({ headers: { "content-length": "1" } })).toThrow("a header should not be one of the transport's own");
    expect(make({ before: () => {} })).toThrow("before should be a list of functions");
    expect(make({ maxSockets: 0 })).toThrow("maxSockets should be");
    expect(() => client(add, jsonrpcClient(), { from: "localhost" })).toThrow("from should be an http or https URL");
  });
});
