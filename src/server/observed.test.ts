import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../test/served.ts";
import { until } from "../../test/until.ts";
import { request } from "../../test/wire.ts";
import { policyError } from "../errors/index.ts";
import { error, method, service, ServiceError, type Call, type Context } from "../index.ts";
import { logger, type Logger } from "../log/index.ts";
import { registry, type Registry } from "../metrics/index.ts";
import type { HttpServerOptions } from "../transport/http/index.ts";
import { memoryExporter, tracer, type MemoryExporter, type Tracer } from "../trace/index.ts";

const gone = error("gone", { code: "not_found" });
const echo = service("echo", {
  say: method({ request: z.object({ text: z.string() }), response: z.object({ text: z.string() }), errors: [gone] }),
  slow: method({ request: z.object({}), response: z.object({}), timeoutMs: 30 }),
  held: method({ request: z.object({}), response: z.object({}) }),
});

let lines: string[];
let log: Logger;
let metrics: Registry;
let exporter: MemoryExporter;
let trace: Tracer;
let server: Served;
let failure: unknown;
let called: string[];

const untilCalledOff = (_: unknown, context: Context): Promise<Record<string, never>> =>
  new Promise((resolve) => {
    context.onCancel(({ reason }) => {
      called.push(reason);
      resolve({});
    });
  });

async function start(patience: Partial<HttpServerOptions> = {}): Promise<void> {
  lines = [];
  called = [];
  failure = undefined;
  log = logger({
    format: "json",
    batchBytes: 0,
    write: (text) => lines.push(...text.trimEnd().split("\n")),
    redact: ["X-Tenant-Key"],
  });
  metrics = registry();
  exporter = memoryExporter();
  trace = tracer({ service: "echo", ratio: 1, exporter });
  server = await served(
    echo.implement({
      say(message) {
        // oxlint-disable-next-line only-throw-error -- what a handler throws need not be an error
        if (failure !== undefined) throw failure;
        return message.text === "gone" ? gone() : message;
      },
      slow: untilCalledOff,
      held: untilCalledOff,
    }),
    { limits: { maxBodyBytes: 100, maxHeaders: 20 }, ...patience },
    { log, metrics, trace, signals: false },
  );
  lines.length = 0;
}

beforeEach(() => start());
afterEach(() => server[Symbol.asyncDispose]());

interface Line {
  readonly [name: string]: unknown;
}

const calls = (): readonly Line[] =>
  lines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === "request");

/** The counts of requests, as "service.method code count". */
const counts = (): readonly string[] =>
  [...metrics.text().matchAll(/^rpc_server_requests_total\{code="(\w+)",method="(\w+)",service="(\w+)"\} (\d+)$/gm)]
    .filter(([, , , , count]) => count !== "0")
    .map(([, code, method, service, count]) => `${service}.${method} ${code} ${count}`)
    .toSorted();

const spans = async (): Promise<readonly string[]> => {
  await trace.flush();
  return exporter.spans.map(
    ({ name, attributes }) =>
      `${name} ${String(attributes["rpc.response.status_code"])} ${String(attributes["http.response.status_code"])}`,
  );
};

describe("what never reaches a handler", () => {
  const cases: Readonly<
    Record<
      string,
      {
        readonly send: string;
        readonly status: number;
        readonly service: string;
        readonly method: string;
        readonly code: string;
        readonly reason: string;
        readonly target?: string;
        readonly patience?: Partial<HttpServerOptions>;
      }
    >
  > = {
    "a body that is not JSON": {
      send: request({ path: "/echo/say", body: "{" }),
      status: 400,
      service: "echo",
      method: "say",
      code: "invalid_argument",
      reason: "malformed_message",
    },
    "a request that does not fit": {
      send: request({ path: "/echo/say", body: "{}" }),
      status: 400,
      service: "echo",
      method: "say",
      code: "invalid_argument",
      reason: "invalid_request",
    },
    "a body that is too large": {
      send: request({ path: "/echo/say", body: "x".repeat(101) }),
      status: 413,
      service: "echo",
      method: "say",
      code: "resource_exhausted",
      reason: "too_large",
    },
    "a path that is not served": {
      send: request({ path: "/nothing?x=1" }),
      status: 404,
      service: "other",
      method: "other",
      code: "unimplemented",
      reason: "unknown_method",
      target: "/nothing?x=1",
    },
    "a verb that is not served": {
      send: request({ path: "/echo/say" }),
      status: 405,
      service: "other",
      method: "other",
      code: "unimplemented",
      reason: "wrong_verb",
      target: "/echo/say",
    },
    "a type that is not served": {
      send: request({ path: "/echo/say", headers: { "Content-Type": "a/b" }, body: "{}" }),
      status: 415,
      service: "echo",
      method: "say",
      code: "invalid_argument",
      reason: "unsupported_media_type",
    },
    "an answer that is not accepted": {
      send: request({ path: "/echo/say", headers: { Accept: "a/b" }, body: "{}" }),
      status: 406,
      service: "echo",
      method: "say",
      code: "invalid_argument",
      reason: "not_acceptable",
    },
    "too many headers": {
      send: request({
        path: "/echo/say",
        headers: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x${i}`, "1"])),
        body: "{}",
      }),
      status: 431,
      service: "echo",
      method: "say",
      code: "resource_exhausted",
      reason: "too_many_headers",
    },
    "a deadline that has passed": {
      send: request({ path: "/echo/say", headers: { "request-timeout-ms": "0" }, body: '{"text":""}' }),
      status: 504,
      service: "echo",
      method: "say",
      code: "deadline_exceeded",
      reason: "deadline_exceeded",
    },
    "a request line that is none": {
      send: "nonsense\r\n\r\n",
      status: 400,
      service: "other",
      method: "other",
      code: "invalid_argument",
      reason: "malformed_message",
    },
    "no Host": {
      send: "GET / HTTP/1.1\r\n\r\n",
      status: 400,
      service: "other",
      method: "other",
      code: "invalid_argument",
      reason: "malformed_message",
    },
    "headers too large": {
      send: `GET / HTTP/1.1\r\nHost: t\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      status: 431,
      service: "other",
      method: "other",
      code: "resource_exhausted",
      reason: "too_many_headers",
    },
    "headers that never end": {
      send: "GET / HTTP/1.1\r\nHost: t\r\n",
      status: 408,
      service: "other",
      method: "other",
      code: "deadline_exceeded",
      reason: "request_timeout",
      patience: { headersTimeoutMs: 40, requestTimeoutMs: 40 },
    },
    "a body that never ends": {
      send: 'POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n{"text"',
      status: 408,
      service: "echo",
      method: "say",
      code: "deadline_exceeded",
      reason: "request_timeout",
      patience: { headersTimeoutMs: 40, requestTimeoutMs: 40 },
    },
  };
  for (const [what, { send, status, service, method, code, reason, target, patience }] of Object.entries(cases)) {
    it(`is one line, one count and one span: ${what}`, async () => {
      if (patience !== undefined) {
        await server[Symbol.asyncDispose]();
        await start(patience);
      }
      const wire = server.wire();
      wire.send(send);
      const answer = await wire.answer();
      expect(answer.status).toBe(status);
      const [line, ...others] = calls();
      expect(others).toEqual([]);
      expect(line).toMatchObject({ service, method, code, reason, status, transport: "http", peer: "127.0.0.1" });
      expect([line?.["target"], line?.["error"]]).toEqual([target, undefined]);
      if (answer.headers["x-request-id"] !== undefined)
        expect(line?.["request_id"]).toBe(answer.headers["x-request-id"]);
      expect(counts()).toEqual([`${service}.${method} ${code} 1`]);
      expect(await spans()).toEqual([`${service === "other" ? "other" : `${service}/${method}`} ${code} ${status}`]);
      expect(exporter.spans[0]!.traceId).toBe(line?.["trace_id"]);
    });
  }

  it("is counted as `other`, however many paths are tried", async () => {
    for (let i = 0; i < 50; i++) await server.ask({ path: `/no/${i}` });
    expect(counts()).toEqual(["other.other unimplemented 50"]);
    expect(metrics.text()).not.toContain("/no/");
  });

  it("shows OPTIONS and probes to nobody: they are no calls", async () => {
    for (const [verb, path] of [
      ["OPTIONS", "/echo/say"],
      ["GET", "/livez"],
      ["GET", "/readyz"],
      ["HEAD", "/startupz"],
    ] as const) {
      expect((await server.ask({ verb, path })).status).toBeLessThan(300);
    }
    expect([calls(), counts(), await spans()]).toEqual([[], [], []]);
  });
});

describe("what reaches a handler", () => {
  it("is one line, one count and one span, with the trace it came with", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await server.ask({ path: "/echo/say", headers: { traceparent, "x-request-id": "r-1" }, body: '{"text":"hi"}' });
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toMatchObject({
      level: "info",
      code: "ok",
      status: 200,
      in: 13,
      out: 13,
      request_id: "r-1",
      trace_id: traceparent.slice(3, 35),
      sampled: true,
    });
    expect(counts()).toEqual(["echo.say ok 1"]);
    expect(await spans()).toEqual(["echo/say ok 200"]);
    expect(exporter.spans[0]).toMatchObject({
      traceId: traceparent.slice(3, 35),
      parentSpanId: traceparent.slice(36, 52),
    });
  });

  it("is business where the contract declares its error, and a fault where nobody does", async () => {
    await server.ask({ path: "/echo/say", body: '{"text":"gone"}' });
    failure = new Error("the disk is on fire");
    await server.ask({ path: "/echo/say", body: '{"text":""}' });
    expect(calls().map(({ level, code, reason, status }) => [level, code, reason, status])).toEqual([
      ["info", "not_found", "gone", 404],
      ["error", "internal", "internal", 500],
    ]);
    expect(counts()).toEqual(["echo.say internal 1", "echo.say not_found 1"]);
  });

  it("ends once when its deadline passes, with the handler called off", async () => {
    const { status } = await server.ask({ path: "/echo/slow", body: "{}" });
    expect([status, called]).toEqual([504, ["deadline_exceeded"]]);
    expect(calls().map(({ code, status }) => [code, status])).toEqual([["deadline_exceeded", 504]]);
  });

  it("ends once as canceled when its peer is gone, and nobody is answered", async () => {
    const wire = server.wire();
    wire.send(request({ path: "/echo/held", body: "{}" }));
    await until(() => metrics.text().includes('rpc_server_requests_in_flight{method="held",service="echo"} 1'));
    wire.close();
    await until(() => calls().length > 0);
    expect(called).toEqual(["canceled"]);
    expect(calls().map(({ code, level, status }) => [code, level, status])).toEqual([["canceled", "info", 499]]);
    expect(counts()).toEqual(["echo.held canceled 1"]);
    expect(await spans()).toEqual(["echo/held canceled 499"]);
  });
});

describe("an error nobody declared", () => {
  const secret = "hunter2";

  it("says internal error and nothing else, and is logged with all its causes", async () => {
    const cause = new Error(`at the bottom ${secret}-cause`);
    failure = new Error(`the disk ${secret}-message`, { cause });
    const { status, body, headers } = await server.ask({ path: "/echo/say", body: '{"text":""}' });
    expect([status, JSON.parse(body)]).toEqual([
      500,
      { title: "Internal Server Error", status: 500, detail: "internal error", code: "internal", reason: "internal" },
    ]);
    expect(JSON.stringify(headers)).not.toContain(secret);
    const [line] = calls();
    const logged = JSON.stringify(line?.["error"]);
    expect(logged).toContain("the disk hunter2-message");
    expect(logged).toContain("at the bottom hunter2-cause");
    expect(logged).toContain("observed.test.ts");
  });

  it("stays inside whatever was thrown", async () => {
    const thrown: readonly unknown[] = [
      secret,
      { message: secret, code: "not_found", reason: secret, details: secret },
      Object.assign(new Error(secret), { code: secret, status: 400, expose: true, details: { secret } }),
      new AggregateError([new Error(secret)], secret),
      Symbol(secret),
      null,
      undefined,
      () => secret,
      Object.assign(Object.create(null) as object, { secret }),
      new Proxy(
        {},
        {
          get: () => {
            throw new Error(secret);
          },
        },
      ),
      new ServiceError("internal error", { code: "internal", cause: new Error(secret) }),
      policyError("internal", { cause: secret }),
    ];
    for (const one of thrown) {
      failure = one ?? Object.create(null);
      const { status, body } = await server.ask({ path: "/echo/say", body: '{"text":""}' });
      expect([status, (JSON.parse(body) as { detail: unknown }).detail]).toEqual([500, "internal error"]);
      expect(body).not.toContain(secret);
    }
    expect(counts()).toEqual([`echo.say internal ${thrown.length}`]);
  });

  it("is told to `report` once, when there is one", async () => {
    const reported: unknown[] = [];
    const thrown = new Error("no");
    await using other = await served(
      echo.implement({
        say: () => {
          throw thrown;
        },
        slow: () => ({}),
        held: () => ({}),
      }),
      {},
      { report: (error, { name }) => reported.push([name, (error as Error).cause]) },
    );
    await other.ask({ path: "/echo/say", body: '{"text":""}' });
    expect(reported).toEqual([["say", thrown]]);
  });

  it("does not end the process when `report` throws as well", async () => {
    await using other = await served(
      echo.implement({
        say: () => {
          throw new Error("no");
        },
        slow: () => ({}),
        held: () => ({}),
      }),
      {},
      {
        report: () => {
          throw new Error("no report");
        },
        observers: [
          () => ({
            start: () => {
              throw new Error("no start");
            },
            end: () => {
              throw new Error("no end");
            },
          }),
        ],
      },
    );
    expect((await other.ask({ path: "/echo/say", body: '{"text":""}' })).status).toBe(500);
    expect((await other.ask({ path: "/echo/say", body: '{"text":""}' })).status).toBe(500);
  });
});

describe("secrets", () => {
  it("of headers, bodies and errors are in no line, span, metric or answer", async () => {
    const secrets = ["sekrit-basic", "sekrit-cookie", "sekrit-tenant", "sekrit-token", "sekrit-query"];
    failure = new Error("could not call with Authorization: Bearer sekrit-token1", {
      cause: Object.assign(new Error("X-Tenant-Key: sekrit-tenant"), {
        password: "sekrit-basic",
        headers: { Cookie: "sekrit-cookie" },
      }),
    });
    const headers = {
      Authorization: "Basic sekrit-basic1",
      Cookie: "a=sekrit-cookie",
      "X-Tenant-Key": "sekrit-tenant",
      "Proxy-Authorization": "sekrit-token",
    };
    const answers = [
      await server.ask({ path: "/echo/say", headers, body: '{"text":"sekrit-token"}' }),
      await server.ask({ path: "/echo/say", headers, body: '{"password":"sekrit-token"}' }),
      await server.ask({ path: "/nowhere", headers }),
      await server.ask({ path: "/echo/say?token=sekrit-query", headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([500, 400, 404, 405]);
    await trace.flush();
    const everything = [JSON.stringify(answers), lines.join("\n"), metrics.text(), JSON.stringify(exporter.spans)];
    expect(exporter.spans.length).toBe(4);
    for (const [i, text] of everything.entries()) {
      for (const secret of secrets) expect([i, secret, text.includes(secret)]).toEqual([i, secret, false]);
    }
  });
});

describe("observers", () => {
  it("see each call from start to end, once, with what is final then", async () => {
    const seen: string[] = [];
    const tell = (when: string, { outcome, durationMs, status, target }: Call): void =>
      void seen.push(`${when} ${outcome} ${durationMs >= 0} ${status} ${target}`);
    await using other = await served(
      echo.implement({ say: (message) => message, slow: () => ({}), held: () => ({}) }),
      {},
      {
        observers: [() => ({ start: (call) => tell("start", call), end: (call) => tell("end", call) })],
      },
    );
    await other.ask({ path: "/echo/say?x", body: '{"text":""}' });
    await other.ask({ path: "/echo/nothing", body: "{}" });
    expect(seen).toEqual([
      "start undefined true 0 /echo/say?x",
      "end ok true 200 /echo/say?x",
      "start undefined true 0 /echo/nothing",
      "end unimplemented true 404 /echo/nothing",
    ]);
  });
});
