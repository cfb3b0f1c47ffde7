import { Buffer } from "node:buffer";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { request } from "../../../test/wire.ts";
import { policyError } from "../../errors/index.ts";
import { error, key, method, service, ServiceError, type Call, type Context } from "../../index.ts";
import type { ServeOptions } from "../../server/index.ts";
import { until } from "../../../test/until.ts";
import { virtualClock, settled } from "../../testing/index.ts";
import type { Codec } from "../codec.ts";
import { json } from "../codec.ts";
import { jsonrpcServer, type JsonrpcServerOptions } from "./index.ts";

const gone = error("gone", { code: "not_found", details: z.object({ id: z.int() }) });
const text = z.object({ text: z.string() });
const contract = service("sample", {
  echo: method({ request: text, response: text, errors: [gone] }),
  wait: method({ request: text, response: text, timeoutMs: 60_000 }),
  open: method({ request: z.looseObject({}), response: z.unknown() }),
});

type Handler = (request: { text: string }, context: Context) => unknown;
type Handlers = Partial<Record<"echo" | "wait", Handler>> & { readonly open?: (request: object) => unknown };

function rpc(
  handlers: Handlers = {},
  options: Partial<JsonrpcServerOptions> = {},
  around: Partial<ServeOptions> = {},
): Promise<Served> {
  const same = (message: never): never => message;
  const implementation = contract.implement({ echo: same, wait: same, open: same, ...handlers } as never);
  return served(implementation, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1", ...options })], ...around });
}

const call = (method: string, params: unknown, id?: unknown): string =>
  JSON.stringify({ jsonrpc: "2.0", method: `sample.${method}`, params, id });
const echo = (word: string, id?: unknown): string => call("echo", { text: word }, id);
const parsed = (
  body: string,
): { error: { code: number; message: string; data: Record<string, unknown> } } & Record<string, unknown> =>
  JSON.parse(body) as never;

interface Seen {
  readonly starts: Call[];
  readonly ends: Call[];
}

function watching(): { observers: ServeOptions["observers"]; seen: Seen } {
  const seen: Seen = { starts: [], ends: [] };
  return {
    seen,
    observers: [() => ({ start: (one) => void seen.starts.push(one), end: (one) => void seen.ends.push(one) })],
  };
}

function gateway<T = void>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  return { promise: new Promise<T>((done) => (resolve = done)), resolve: (value) => resolve(value) };
}

describe("an error", () => {
  it("declared travels with code, reason, message and details, and no undeclared field of them", async () => {
    await using server = await rpc({ echo: () => gone({ id: 7, secret: "hunter2" } as never) });
    expect((await server.ask({ path: "/", body: echo("a", 1) })).body).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32005,"message":"gone","data":{"code":"not_found","reason":"gone","details":{"id":7}}},"id":1}\n',
    );
  });

  it("of a policy has its number, its reason and its hint", async () => {
    await using server = await rpc({}, {}, { gates: [() => policyError("rate_limited", { retryAfterMs: 250 })] });
    expect(parsed((await server.ask({ path: "/", body: echo("a", 1) })).body).error).toEqual({
      code: -32008,
      message: "rate limit exceeded",
      data: { code: "resource_exhausted", reason: "rate_limited", retryAfterMs: 250 },
    });
  });

  it("of a gate that takes its time is that call's alone", async () => {
    const gate = async (context: Context): Promise<Context | ServiceError> => {
      await settled();
      return context.method.name === "wait" ? context : policyError("rate_limited");
    };
    await using server = await rpc({}, {}, { gates: [gate] });
    const { body } = await server.ask({ path: "/", body: `[${echo("a", 1)},${call("wait", { text: "b" }, 2)}]` });
    expect(JSON.parse(body)).toMatchObject([
      { error: { code: -32008 }, id: 1 },
      { result: { text: "b" }, id: 2 },
    ]);
  });

  it("nobody declared says nothing of the inside", async () => {
    const report = vi.fn();
    const throws = (): never => {
      throw Object.assign(new Error("password is hunter2"), { code: "EACCES", details: "hunter2" });
    };
    await using server = await rpc({ echo: throws, open: () => Promise.reject(new Error("hunter2")) }, {}, { report });
    for (const sent of [echo("a", 1), call("open", {}, 1)]) {
      expect((await server.ask({ path: "/", body: sent })).body).toBe(
        '{"jsonrpc":"2.0","error":{"code":-32603,"message":"internal error","data":{"code":"internal","reason":"internal"}},"id":1}\n',
      );
    }
    expect(report).toHaveBeenCalledTimes(2);
  });

  it("of validation tells where", async () => {
    await using server = await rpc();
    const { code, data } = parsed((await server.ask({ path: "/", body: call("echo", { text: 5 }, 1) })).body).error;
    expect(code).toBe(-32602);
    expect(data).toMatchObject({ reason: "invalid_request", details: { issues: [{ path: ["text"] }] } });
  });

  it("whose details cannot be written is answered without them, and told of", async () => {
    const report = vi.fn();
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    for (const details of [10n, cycle]) {
      await using server = await rpc(
        { echo: () => new ServiceError("no", { code: "aborted", details }) },
        {},
        { report },
      );
      const { body } = await server.ask({ path: "/", body: `[${echo("a", 1)},${call("wait", { text: "b" }, 2)}]` });
      expect(JSON.parse(body)).toEqual([
        { jsonrpc: "2.0", error: { code: -32010, message: "no", data: { code: "aborted", reason: "aborted" } }, id: 1 },
        { jsonrpc: "2.0", result: { text: "b" }, id: 2 },
      ]);
    }
    expect(report).toHaveBeenCalledTimes(2);
  });

  it("is made of a result that does not fit, and no undeclared field leaves with one that does", async () => {
    await using server = await rpc({ echo: ({ text }) => (text === "no" ? { text: 5 } : { text, secret: "hunter2" }) });
    expect(parsed((await server.ask({ path: "/", body: echo("no", 1) })).body).error).toMatchObject({
      code: -32603,
      data: { reason: "invalid_response" },
    });
    expect((await server.ask({ path: "/", body: echo("yes", 1) })).body).toBe(
      '{"jsonrpc":"2.0","result":{"text":"yes"},"id":1}\n',
    );
  });

  it.each([
    ["canceled", -32001],
    ["unknown", -32603],
    ["invalid_argument", -32003],
    ["deadline_exceeded", -32004],
    ["not_found", -32005],
    ["already_exists", -32006],
    ["permission_denied", -32007],
    ["resource_exhausted", -32008],
    ["failed_precondition", -32009],
    ["aborted", -32010],
    ["out_of_range", -32011],
    ["unimplemented", -32012],
    ["internal", -32603],
    ["unavailable", -32014],
    ["data_loss", -32015],
    ["unauthenticated", -32016],
  ] as const)("of code %s has the number %i", async (code, number) => {
    await using server = await rpc({ echo: () => new ServiceError("no", { code }) }, {}, { report: () => undefined });
    expect(parsed((await server.ask({ path: "/", body: echo("a", 1) })).body).error).toMatchObject({
      code: number,
      data: { code },
    });
  });
});

describe("HTTP around it", () => {
  it.each([
    undefined,
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/json-rpc",
    "application/jsonrequest",
  ])("takes the content type %s", async (type) => {
    await using server = await rpc();
    const body = echo("a", 1);
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${type === undefined ? "" : `Content-Type: ${type}\r\n`}\r\n`;
    expect((await server.ask(head + body)).status).toBe(200);
  });

  it.each<[Record<string, string>]>([
    [{ "Content-Type": "text/plain" }],
    [{ "Content-Type": "application/xml" }],
    [{ "Content-Type": "application/json", "Content-Encoding": "gzip" }],
  ])("refuses %j with 415", async (headers) => {
    await using server = await rpc();
    const { status, body } = await server.ask({ path: "/", headers, body: echo("a", 1) });
    expect(status).toBe(415);
    expect(body).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32003,"message":"the content type is not supported","data":{"code":"invalid_argument","reason":"unsupported_media_type"}},"id":null}\n',
    );
    expect(
      (await server.ask({ path: "/", headers: { "Content-Encoding": "identity" }, body: echo("a", 1) })).status,
    ).toBe(200);
  });

  it("refuses a body over the limit with 413, said or chunked, before all of it is read", async () => {
    await using server = await rpc({}, { limits: { maxBodyBytes: 1000 } });
    const expected =
      '{"jsonrpc":"2.0","error":{"code":-32008,"message":"the message is larger than allowed","data":{"code":"resource_exhausted","reason":"too_large"}},"id":null}\n';
    expect(await server.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")).toMatchObject({
      status: 413,
      body: expected,
      headers: { connection: "close" },
    });
    const chunk = `1f4\r\n${"x".repeat(500)}\r\n`;
    expect(
      await server.ask(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}`),
    ).toMatchObject({ status: 413, body: expected });
    expect((await server.ask({ path: "/", body: echo("x", 1) })).status).toBe(200);
  });

  it("refuses more headers than allowed with 431", async () => {
    await using server = await rpc({}, { limits: { maxHeaders: 10 } });
    const headers = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`x-${i}`, "1"]));
    const { status, body } = await server.ask({ path: "/", headers, body: echo("a", 1) });
    expect(status).toBe(431);
    expect(parsed(body)).toMatchObject({ error: { code: -32008, data: { reason: "too_many_headers" } }, id: null });
  });

  it("does not read on after a 405 with a large body", async () => {
    await using server = await rpc();
    const { status, headers } = await server.ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    expect([status, headers["connection"]]).toEqual([405, "close"]);
  });

  it("invites a body that waits for it, whatever else is expected", async () => {
    await using server = await rpc();
    const body = echo("a", 1);
    const wire = server.wire();
    const head = (expects: string): string =>
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: ${expects}\r\nContent-Length: ${body.length}\r\n\r\n`;
    wire.send(head("100-Continue"));
    await wire.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    expect((await wire.answer()).status).toBe(100);
    wire.send(body);
    expect((await wire.answer()).status).toBe(200);
    expect((await wire.send(head("miracles") + body).answer()).status).toBe(200);
  });

  it("has the request id that was given, or one of its own, also for notifications and batches", async () => {
    const ids: string[] = [];
    await using server = await rpc({ echo: (message, { requestId }) => (ids.push(requestId), message) });
    for (const body of [echo("a", 1), echo("a"), `[${echo("a", 1)},${echo("b", 2)},${echo("c")}]`]) {
      const given = await server.ask({ path: "/", headers: { "X-Request-Id": "r-1" }, body });
      expect(given.headers["x-request-id"]).toBe("r-1");
    }
    expect(ids).toEqual(Array.from({ length: 5 }, () => "r-1"));
    ids.length = 0;
    const { headers } = await server.ask({ path: "/", body: `[${echo("a", 1)},${echo("b", 2)}]` });
    expect(ids).toEqual([headers["x-request-id"], headers["x-request-id"]]);
    const spoilt = await server.ask({ path: "/", headers: { "X-Request-Id": 'a"b' }, body: echo("a", 1) });
    expect(spoilt.headers["x-request-id"]).toMatch(/^[0-9a-f]+$/);
  });

  it("carries the metadata that handlers reply with, but for what is its own", async () => {
    const noted: Handler = (message, { reply }) => {
      reply.set("x-last", message.text);
      reply.set(`x-${message.text}`, "1");
      reply.set("content-length", "9999");
      reply.set("content-type", "text/html");
      reply.set("x-request-id", "mine");
      return message;
    };
    await using server = await rpc({ echo: noted });
    const { headers } = await server.ask({
      path: "/",
      headers: { "x-request-id": "r" },
      body: `[${echo("a", 1)},${echo("b", 2)}]`,
    });
    expect(headers).toMatchObject({
      "x-a": "1",
      "x-b": "1",
      "x-last": "b",
      "content-type": "application/json; charset=utf-8",
      "x-request-id": "r",
    });
  });

  it("keeps the connection and answers what was pipelined in order", async () => {
    const finish = gateway();
    await using server = await rpc({ wait: (message) => finish.promise.then(() => message) });
    const wire = server.wire();
    wire.send(
      request({ path: "/", body: call("wait", { text: "first" }, 1) }) +
        request({ path: "/", body: echo("second", 2) }) +
        request({ path: "/", body: echo("third") }),
    );
    finish.resolve();
    expect(parsed((await wire.answer()).body)["id"]).toBe(1);
    expect(parsed((await wire.answer()).body)["id"]).toBe(2);
    expect((await wire.answer()).status).toBe(204);
    expect((await wire.send(request({ path: "/", body: echo("fourth", 4) })).answer()).status).toBe(200);
  });

  it("answers what came before broken bytes, and closes", async () => {
    const finish = gateway();
    await using server = await rpc({ wait: (message) => finish.promise.then(() => message) });
    const wire = server.wire();
    wire.send(`${request({ path: "/", body: call("wait", { text: "a" }, 1) })}no http at all\r\n\r\n`);
    await settled();
    finish.resolve();
    const { status, headers } = await wire.answer();
    expect([status, headers["connection"]]).toEqual([200, "close"]);
    await wire.closed;
  });

  it("answers a body that comes too slowly or wrong with its own status, and closes", async () => {
    const { seen, observers } = watching();
    await using server = await rpc({}, { headersTimeoutMs: 500, requestTimeoutMs: 500 }, { observers });
    const slow = server.wire().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{");
    expect(await slow.answer()).toMatchObject({
      status: 408,
      headers: { connection: "close" },
      body: expect.stringMatching(/^\{"jsonrpc":"2.0","error":\{"code":-32004,.*"id":null\}\n$/) as string,
    });
    await slow.closed;
    const broken = server.wire().send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n");
    expect(await broken.answer()).toMatchObject({
      status: 400,
      body: expect.stringMatching(/^\{"jsonrpc":"2.0","error":\{"code":-32700,/) as string,
    });
    await broken.closed;
    expect(seen.ends.map((one) => [one.method.name, one.status, one.error?.reason])).toEqual([
      ["other", 408, "request_timeout"],
      ["other", 400, "malformed_message"],
    ]);
  });

  it("sees a peer that leaves before its body is here, once", async () => {
    const ended = gateway<Call>();
    await using server = await rpc({}, {}, { observers: [() => ({ end: (one) => ended.resolve(one) })] });
    const wire = server
      .wire()
      .send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n{");
    await wire.until(/100 Continue/);
    wire.socket.resetAndDestroy();
    expect(await ended.promise).toMatchObject({ outcome: "canceled", method: { name: "other" } });
  });

  it("cuts a peer that does not read its answer", async () => {
    const clock = virtualClock();
    const ended = gateway<Call>();
    await using server = await rpc(
      { echo: () => ({ text: "x".repeat(20_000_000) }) },
      { writeTimeoutMs: 50 },
      { clock, observers: [() => ({ end: (one) => ended.resolve(one) })] },
    );
    const wire = server.wire();
    wire.socket.pause();
    wire.send(request({ path: "/", body: echo("a", 1) }));
    await ended.promise;
    expect(clock.pending).toBe(1);
    await clock.advance(50);
    wire.socket.resume();
    await wire.closed;
    expect(wire.rest.length).toBeLessThan(20_000_000);
  });
});

describe("hostile input", () => {
  const deep = (n: number): string => "[".repeat(n) + "]".repeat(n);
  const request1 = (params: string): string => `{"jsonrpc":"2.0","method":"sample.open","params":${params},"id":1}`;

  it.each<[string, string | Buffer, number]>([
    ["nothing", "", -32700],
    ["white space", "  \n", -32700],
    ["a byte order mark", `\ufeff${request1("{}")}`, -32700],
    [
      "bytes that are not UTF-8",
      Buffer.from([...Buffer.from('{"jsonrpc":"2.0","method":"'), 0xff, 0xc3, ...Buffer.from('","id":1}')]),
      -32700,
    ],
    ["UTF-16", Buffer.from(request1("{}"), "utf16le"), -32700],
    ["trailing data", `${request1("{}")}{}`, -32700],
    ["two messages", `${request1("{}")}\n${request1("{}")}`, -32700],
    ["single quotes", "{'jsonrpc':'2.0'}", -32700],
    ["NaN", request1('{"a":NaN}'), -32700],
    ["a number out of range", request1('{"a":1e999}'), -32700],
    ["an id out of range", '{"jsonrpc":"2.0","method":"sample.open","id":1e999}', -32700],
    ["a deep nest", request1(deep(100)), -32700],
    ["a very deep nest", request1(deep(200_000)), -32700],
    ["a deep nest that does not end", "[".repeat(500_000), -32700],
    ["a key twice", '{"jsonrpc":"2.0","method":"sample.open","method":"sample.echo","id":1}', -32700],
    [
      "a key twice, one escaped",
      '{"jsonrpc":"2.0","method":"sample.open","\\u006dethod":"sample.echo","id":1}',
      -32700,
    ],
    ["a param twice", request1('{"a":1,"a":2}'), -32700],
    ["__proto__ as a member", '{"jsonrpc":"2.0","method":"sample.open","id":1,"__proto__":{"a":1}}', -32700],
    ["__proto__ as a param", request1('{"__proto__":{"polluted":true}}'), -32700],
    ["an inherited request", '{"__proto__":{"jsonrpc":"2.0","method":"sample.open","id":1}}', -32700],
    ["constructor in place of members", '{"constructor":{"jsonrpc":"2.0","method":"sample.open"}}', -32600],
    ...[
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "valueOf",
      "sample.constructor",
      "sample.__proto__",
      "sample.toString",
      "sample",
      "sample.",
      ".echo",
      "SAMPLE.ECHO",
      "sample.echo ",
      "\u0000",
      "x".repeat(100_000),
    ].map((name): [string, string, number] => [
      `the method ${JSON.stringify(name.slice(0, 40))}`,
      JSON.stringify({ jsonrpc: "2.0", method: name, params: {}, id: 1 }),
      -32601,
    ]),
  ])("%s is refused with a stable body", async (_name, body, code) => {
    const { seen, observers } = watching();
    await using server = await rpc({}, {}, { observers });
    const bytes = Buffer.from(body);
    const ask = async (): Promise<string> => {
      const wire = server
        .wire()
        .send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`)
        .send(bytes);
      const { status, body } = await wire.answer();
      expect(status).toBe(200);
      return body;
    };
    const first = await ask();
    expect(parsed(first).error.code).toBe(code);
    expect(await ask()).toBe(first);
    expect(first.length).toBeLessThan(300);
    expect(seen.starts.map(({ method }) => method.name)).toEqual(["other", "other"]);
    expect(seen.ends.every(({ outcome, target }) => outcome !== "ok" && target.length <= 256)).toBe(true);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("in the names of params is data like any other", async () => {
    await using server = await rpc();
    for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf", "then"]) {
      const { body } = await server.ask({ path: "/", body: call("open", { [name]: "x" }, 1) });
      expect(parsed(body)["result"]).toEqual({ [name]: "x" });
    }
    expect(parsed((await server.ask({ path: "/", body: call("echo", { constructor: "x" }, 1) })).body).error.code).toBe(
      -32602,
    );
  });

  it("of many large ids costs one walk over the text", async () => {
    await using server = await rpc();
    const big = `{"jsonrpc":"2.0","method":"nope","params":{"x":"${"\\\\".repeat(4000)}"},"id":12345678901234567890}`;
    const { body } = await server.ask({ path: "/", body: `[${Array.from({ length: 100 }, () => big).join(",")}]` });
    expect(body.split('"id":12345678901234567890}').length).toBe(101);
  });
});

describe("observers", () => {
  it("see every entry of a batch once, and what is refused as calls of no method", async () => {
    const { seen, observers } = watching();
    await using server = await rpc(
      { echo: ({ text }) => (text === "no" ? gone({ id: 1 }) : { text }) },
      {},
      { observers },
    );
    await server.ask({
      path: "/",
      body: `[${echo("a", 1)},${echo("no", 2)},${call("nope", {}, 3)},1,${echo("b")},${call("echo", {}, 4)}]`,
    });
    expect(seen.starts).toHaveLength(6);
    expect(seen.ends.map(({ method, outcome, status, target }) => [method.name, outcome, status, target])).toEqual([
      ["echo", "ok", 200, "sample.echo"],
      ["echo", "not_found", 200, "sample.echo"],
      ["other", "unimplemented", 200, "sample.nope"],
      ["other", "invalid_argument", 200, ""],
      ["echo", "ok", 204, "sample.echo"],
      ["echo", "invalid_argument", 200, "sample.echo"],
    ]);
    expect(seen.ends.every(({ transport, peer }) => transport === "jsonrpc" && peer === "127.0.0.1")).toBe(true);
  });

  it.each<[string, string, number, string]>([
    ["405", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "wrong_verb"],
    ["413", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413, "too_large"],
    [
      "415",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
      415,
      "unsupported_media_type",
    ],
    ["431", `POST / HTTP/1.1\r\nHost: a\r\n${"a: b\r\n".repeat(101)}\r\n`, 431, "too_many_headers"],
    ["invalid JSON", request({ path: "/", body: "{" }), 200, "malformed_message"],
    ["an empty batch", request({ path: "/", body: "[]" }), 200, "malformed_message"],
    ["broken HTTP", "nonsense\r\n\r\n", 400, "malformed_message"],
  ])("see %s once", async (_name, sent, status, reason) => {
    const { seen, observers } = watching();
    await using server = await rpc({}, {}, { observers });
    expect((await server.ask(sent)).status).toBe(status);
    expect(seen.starts).toHaveLength(1);
    expect(seen.ends.map((one) => [one.method.name, one.status, one.error?.reason])).toEqual([
      ["other", status, reason],
    ]);
  });

  it("are told sizes", async () => {
    const { seen, observers } = watching();
    await using server = await rpc({}, {}, { observers });
    const sent = echo("ä", 1);
    const { body } = await server.ask({ path: "/", body: sent });
    expect(seen.ends[0]).toMatchObject({
      requestBytes: Buffer.byteLength(sent),
      responseBytes: Buffer.byteLength(body) - 1,
    });
  });
});

describe("hooks", () => {
  it("see the request and its headers, and may change the result or make it an error", async () => {
    const seen: unknown[] = [];
    const user = key<string>("user");
    await using server = await rpc(
      { echo: (_request, context) => ({ text: context.need(user) }) },
      {
        before: [
          (context, { method, params, id, header }) => (
            seen.push(method, params, id, header("X-User"), header("nope")),
            context.with(user, header("x-user") ?? "?")
          ),
        ],
        after: [
          (_context, reply) => {
            seen.push(reply.result);
            if (reply.result.includes("eve")) reply.error = { code: 7, message: "no" };
            else reply.result = '{"text":"changed"}';
          },
        ],
      },
    );
    const { body } = await server.ask({ path: "/", headers: { "X-User": "ada" }, body: echo("a", "x") });
    expect(body).toBe('{"jsonrpc":"2.0","result":{"text":"changed"},"id":"x"}\n');
    expect(seen).toEqual(["sample.echo", { text: "a" }, "x", "ada", undefined, '{"text":"ada"}']);
    expect((await server.ask({ path: "/", headers: { "X-User": "eve" }, body: echo("a", 1) })).body).toBe(
      '{"jsonrpc":"2.0","error":{"code":7,"message":"no"},"id":1}\n',
    );
  });

  it("write errors of their own, of every kind of refusal", async () => {
    await using server = await rpc(
      { echo: () => gone({ id: 1 }) },
      {
        errorEncoder: ({ reason, message }, reply) =>
          void (reply.error = { code: reply.error!.code - 1, message: `${reason}: ${message}` }),
      },
    );
    const ask = async (body: string): Promise<unknown> => parsed((await server.ask({ path: "/", body })).body).error;
    expect(await ask(echo("a", 1))).toEqual({ code: -32006, message: "gone: gone" });
    expect(await ask(call("nope", {}, 1))).toEqual({
      code: -32602,
      message: "unknown_method: there is no such method",
    });
    expect(await ask("{")).toEqual({ code: -32701, message: "malformed_message: the body is not valid JSON" });
    expect(await ask("1")).toEqual({
      code: -32601,
      message: "malformed_message: the request is not valid JSON-RPC 2.0",
    });
  });

  it("may answer an error with a result, as Go kit's server does", async () => {
    await using server = await rpc(
      { echo: () => gone({ id: 1 }) },
      { errorEncoder: (_error, reply) => void ([reply.error, reply.result] = [undefined, '{"text":""}']) },
    );
    expect((await server.ask({ path: "/", body: echo("a", 1) })).body).toBe(
      '{"jsonrpc":"2.0","result":{"text":""},"id":1}\n',
    );
  });

  it.each<[string, Partial<JsonrpcServerOptions>, number]>([
    ["a result that is no JSON", { after: [(_context, reply) => void (reply.result = "{")] }, -32603],
    ["a result that is no text", { after: [(_context, reply) => void (reply.result = 5 as never)] }, -32603],
    [
      "an error without a number",
      { after: [(_context, reply) => void (reply.error = { message: "a" } as never)] },
      -32603,
    ],
    [
      "an error that throws",
      {
        errorEncoder: () => {
          throw new Error("hunter2");
        },
        after: [
          () => {
            throw gone({ id: 1 });
          },
        ],
      },
      -32005,
    ],
    [
      "an error that cannot be written",
      {
        errorEncoder: (_error, reply) => void (reply.error = { code: 1, message: "a", data: 10n }),
        after: [
          () => {
            throw gone({ id: 1 });
          },
        ],
      },
      -32005,
    ],
    [
      "an error with half a number",
      {
        errorEncoder: (_error, reply) => void (reply.error = { code: 1.5, message: "a" }),
        after: [
          () => {
            throw gone({ id: 1 });
          },
        ],
      },
      -32005,
    ],
  ])("that make %s are told of, and break nobody else's answer", async (_name, hooks, code) => {
    const report = vi.fn();
    await using server = await rpc({}, hooks, { report });
    const { body } = await server.ask({ path: "/", body: `[${echo("a", 1)},1]` });
    expect(body).not.toContain("hunter2");
    const [first, second] = JSON.parse(body) as [{ error: { code: number } }, object];
    expect(first.error.code).toBe(code);
    expect(second).toMatchObject({ id: null });
    expect(report).toHaveBeenCalled();
  });
});

describe("a notification", () => {
  it("is taken at once and runs to its end although the connection closes", async () => {
    const finish = gateway();
    const ended = gateway<string>();
    const { seen, observers } = watching();
    const slow: Handler = async (message, context) => {
      await finish.promise;
      ended.resolve(context.canceledBy?.reason ?? "wanted");
      return message;
    };
    await using server = await rpc({ wait: slow }, {}, { observers });
    const wire = server.wire();
    expect(await wire.send(request({ path: "/", body: call("wait", { text: "a" }) })).answer()).toMatchObject({
      status: 204,
      body: "",
    });
    expect(seen.ends).toEqual([]);
    wire.close();
    await wire.closed;
    finish.resolve();
    expect(await ended.promise).toBe("wanted");
    await settled();
    expect(seen.ends.map(({ outcome, status }) => [outcome, status])).toEqual([["ok", 204]]);
  });

  it("is answered nothing whatever becomes of it", async () => {
    const { seen, observers } = watching();
    await using server = await rpc(
      { echo: () => gone({ id: 1 }) },
      {
        after: [
          () => {
            throw new Error("not run");
          },
        ],
      },
      { observers },
    );
    for (const body of [echo("a"), call("nope", {}), call("echo", { text: 1 }), `[${echo("a")},${call("nope", {})}]`]) {
      expect(await server.ask({ path: "/", body })).toMatchObject({ status: 204, body: "" });
    }
    expect(seen.ends.map(({ outcome }) => outcome)).toEqual([
      "not_found",
      "unimplemented",
      "invalid_argument",
      "not_found",
      "unimplemented",
    ]);
  });

  it("does not hold up the answers of its batch", async () => {
    const finish = gateway();
    await using server = await rpc({ wait: (message) => finish.promise.then(() => message) });
    const { body } = await server.ask({ path: "/", body: `[${call("wait", { text: "a" })},${echo("b", 1)}]` });
    expect(JSON.parse(body)).toEqual([{ jsonrpc: "2.0", result: { text: "b" }, id: 1 }]);
    finish.resolve();
  });

  it("holds a drain until it is over, and is called off when the server is cut", async () => {
    const finish = gateway();
    const off = gateway<string>();
    const slow: Handler = (message, context) => {
      context.onCancel(({ reason }) => off.resolve(reason));
      return finish.promise.then(() => message);
    };
    const waits = await rpc({ wait: slow });
    await waits.ask({ path: "/", body: call("wait", { text: "a" }) });
    let isStopped = false;
    const stopped = waits.running.stop().then(() => (isStopped = true));
    for (let i = 0; i < 20; i++) await settled();
    expect(isStopped).toBe(false);
    finish.resolve();
    await stopped;

    const cut = await rpc(
      {
        wait: (message, context) => (context.onCancel(({ reason }) => off.resolve(reason)), new Promise(() => message)),
      },
      {},
      { drainMs: 50 },
    );
    await cut.ask({ path: "/", body: call("wait", { text: "a" }) });
    await cut.running.stop();
    expect(await off.promise).toBe("draining");
  });
});

describe("deadlines and disconnects", () => {
  it("what a peer has left is what each call of its batch has, at most the method's own", async () => {
    const clock = virtualClock();
    const left: number[] = [];
    const note: Handler = (message, { deadlineMs }) => (left.push(deadlineMs - clock.now()), message);
    await using server = await rpc({ echo: note, wait: note }, {}, { clock });
    for (const timeout of ["1500", "999999999", "soon", "1e3", "-1"]) {
      await server.ask({
        path: "/",
        headers: { "Request-Timeout-Ms": timeout },
        body: `[${echo("a", 1)},${call("wait", { text: "b" }, 2)},${echo("c")}]`,
      });
    }
    expect(left).toEqual([1500, 1500, 1500, ...Array.from({ length: 4 }, () => [3000, 60_000, 3000]).flat()]);
  });

  it("a batch whose time is over is refused call by call", async () => {
    await using server = await rpc();
    const { body } = await server.ask({
      path: "/",
      headers: { "Request-Timeout-Ms": "0" },
      body: `[${echo("a", 1)},${echo("b", 2)}]`,
    });
    expect((JSON.parse(body) as { error: { code: number } }[]).map(({ error }) => error.code)).toEqual([
      -32004, -32004,
    ]);
  });

  it("a call that takes too long fails alone, at its deadline", async () => {
    const clock = virtualClock();
    const begun = gateway();
    await using server = await rpc({ echo: () => new Promise(() => begun.resolve()) }, {}, { clock });
    const asked = server.ask({ path: "/", body: `[${echo("a", 1)},${call("wait", { text: "b" }, 2)}]` });
    await begun.promise;
    await clock.advance(3000);
    expect(JSON.parse((await asked).body)).toMatchObject([
      { error: { code: -32004, data: { reason: "deadline_exceeded" } }, id: 1 },
      { result: { text: "b" }, id: 2 },
    ]);
    expect(clock.pending).toBe(0);
  });

  it("a peer that leaves calls off every call of its batch, and each is observed once", async () => {
    const { seen, observers } = watching();
    const begun: string[] = [];
    const both = gateway();
    const off: string[] = [];
    const wait: Handler = (message, context) => {
      context.onCancel(({ reason }) => off.push(`${message.text} ${reason}`));
      if (begun.push(message.text) === 2) both.resolve();
      return new Promise(() => undefined);
    };
    await using server = await rpc({ wait }, {}, { observers });
    const wire = server.wire();
    wire.send(
      request({
        path: "/",
        body: `[${call("wait", { text: "a" }, 1)},${echo("done", 2)},${call("wait", { text: "b" }, 3)}]`,
      }),
    );
    await both.promise;
    wire.close();
    await until(() => off.length === 2);
    expect(off.toSorted()).toEqual(["a canceled", "b canceled"]);
    expect(seen.ends.map(({ outcome }) => `${outcome}`).toSorted()).toEqual(["canceled", "canceled", "ok"]);
  });

  it("a drain finishes batches in flight, closes their connections and takes nothing new", async () => {
    const begun = gateway();
    const finish = gateway();
    const server = await rpc({ wait: (message) => (begun.resolve(), finish.promise.then(() => message)) });
    const wire = server.wire();
    wire.send(request({ path: "/", body: `[${call("wait", { text: "a" }, 1)},${echo("b", 2)}]` }));
    await begun.promise;
    const stopped = server.running.stop();
    await settled();
    finish.resolve();
    const { headers, body } = await wire.answer();
    expect(headers["connection"]).toBe("close");
    expect(JSON.parse(body)).toHaveLength(2);
    await stopped;
    await expect(server.ask({ path: "/", body: echo("a", 1) })).rejects.toThrow("the connection ended");
  });
});

describe("a codec", () => {
  const shouting: Codec = {
    ...json,
    reader(shape, limits) {
      const read = json.reader(shape, limits);
      return (body) =>
        Object.fromEntries(
          Object.entries(read(body) as object).map(([name, value]) => [name.toLowerCase(), value as unknown]),
        );
    },
    writer(shape, where, reason) {
      const write = json.writer(shape, where, reason);
      return (value) => `${(write(value) as string).replaceAll("<", "\\u003c")}\n`;
    },
  };

  it("reads params and writes results inside the message", async () => {
    await using server = await rpc({}, { codec: shouting });
    const { body } = await server.ask({ path: "/", body: call("echo", { TEXT: "<a>" }, 1) });
    expect(body).toBe('{"jsonrpc":"2.0","result":{"text":"\\u003ca>"},"id":1}\n');
    expect((await server.ask({ path: "/", body: call("echo", ["<a>"], 1) })).body).toBe(body);
  });
});

describe("the options of jsonrpcServer", () => {
  it("are checked when it is made", () => {
    const make = (options: object) => () => jsonrpcServer({ port: 0, ...options });
    expect(make({ maxbatch: 1 })).toThrow('jsonrpcServer has no option "maxbatch"');
    expect(make({ maxBatch: 0 })).toThrow("maxBatch should be an integer from 1 to 10000, got 0");
    expect(make({ names: "long" })).toThrow('names should be one of "full", "short", got "long"');
    expect(make({ codec: { ...json, form: "bytes" } })).toThrow(
      "codec should read and write text, got one of application/json",
    );
    expect(make({ codec: "json" })).toThrow('codec should be a codec, got "json"');
    expect(make({ after: () => {} })).toThrow("after should be a list of functions");
    expect(make({ port: -1 })).toThrow("port should be");
  });

  it("do not let two methods have one name, nor any a reserved one", async () => {
    const other = service("other", { echo: contract.methods.echo });
    const short = jsonrpcServer({ port: 0, host: "127.0.0.1", names: "short" });
    const both = [
      contract.implement({ echo: (r) => r, wait: (r) => r, open: (r) => r }),
      other.implement({ echo: (r) => r }),
    ];
    await expect(served(both, {}, { on: [short] })).rejects.toThrow(
      'other.echo should have a name of its own, "echo" is taken',
    );
    const reserved = service("rpc", { echo: contract.methods.echo }).implement({ echo: (r) => r });
    await expect(served(reserved, {}, { on: [jsonrpcServer({ port: 0 })] })).rejects.toThrow(
      'rpc.echo should have a name of its own, "rpc." begins those the specification reserves',
    );
  });

  it("leave methods that stream unknown", async () => {
    const streaming = service("s", { count: method({ request: z.object({}), response: text, stream: "server" }) });
    await using server = await served(
      streaming.implement({
        async *count() {
          yield { text: "" };
        },
      }),
      {},
      { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] },
    );
    expect(
      parsed((await server.ask({ path: "/", body: '{"jsonrpc":"2.0","method":"s.count","id":1}' })).body).error.code,
    ).toBe(-32601);
  });
});
