import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../test/until.ts";
import { exchange, request, Wire } from "../../test/wire.ts";
import { health } from "../health/index.ts";
import { error, method, service, type Gate, type Middleware } from "../index.ts";
import { logger } from "../log/index.ts";
import { registry } from "../metrics/index.ts";
import { task } from "../run/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { memoryExporter, tracer } from "../trace/index.ts";
import { debugServer } from "../debug/index.ts";
import { httpServer } from "../transport/http/index.ts";
import { jsonrpcServer } from "../transport/jsonrpc/index.ts";
import { serve, type Running, type ServeOptions } from "./index.ts";

const pair = z.object({ a: z.int(), b: z.int() });
const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
const sums = add.implement({ sum: ({ a, b }) => ({ v: a + b }) });
const text = service("text", {
  upper: method({ request: z.object({ s: z.string() }), response: z.object({ v: z.string() }) }),
  slow: method({ request: z.object({}), response: z.object({}), timeoutMs: 60_000 }),
});

const waiting: (() => void)[] = [];
const texts = text.implement({
  upper: ({ s }) => ({ v: s.toUpperCase() }),
  slow: () => new Promise((resolve) => waiting.push(() => resolve({}))),
});

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  waiting.splice(0).forEach((go) => go());
  await Promise.all(open.splice(0).map((one) => one.stop()));
});

const http = (): ReturnType<typeof httpServer> => httpServer({ port: 0, host: "127.0.0.1" });
const quiet = { log: false, signals: false } as const;

async function running(what: Parameters<typeof serve>[0], options: Partial<ServeOptions> = {}): Promise<Running> {
  const served = await serve(what, { on: [http()], ...quiet, ...options });
  open.push(served);
  return served;
}

const sum = request({ path: "/add/sum", body: '{"a":1,"b":2}' });

describe("serving", () => {
  it("serves several implementations on several transports, and says where", async () => {
    const { addresses } = await running([sums, texts], {
      on: [http(), jsonrpcServer({ port: 0, host: "127.0.0.1" }), debugServer({ port: 0, host: "127.0.0.1" })],
    });
    expect(addresses.map((address) => address.replace(/\d+$/, "0"))).toEqual([
      "http://127.0.0.1:0",
      "http://127.0.0.1:0",
      "http://127.0.0.1:0",
    ]);
    expect((await exchange(addresses[0]!, sum)).body).toBe('{"v":3}');
    expect((await exchange(addresses[0]!, request({ path: "/text/upper", body: '{"s":"x"}' }))).body).toBe('{"v":"X"}');
    const rpc = await exchange(
      addresses[1]!,
      request({ path: "/", body: '{"jsonrpc":"2.0","method":"text.upper","params":{"s":"x"},"id":1}' }),
    );
    expect(JSON.parse(rpc.body)).toEqual({ jsonrpc: "2.0", result: { v: "X" }, id: 1 });
  });

  it("counts calls of all transports against one limit", async () => {
    const clock = virtualClock();
    const { addresses } = await running(sums, { clock, limit: { perSecond: 1, burst: 3 }, on: [http(), http()] });
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await exchange(addresses[i % 2]!, sum)).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429]);
    await clock.advance(1000);
    expect([(await exchange(addresses[1]!, sum)).status, (await exchange(addresses[0]!, sum)).status]).toEqual([
      200, 429,
    ]);
  });

  it("keeps a breaker of its own for each method", async () => {
    const flaky = text.implement({
      upper() {
        throw new Error("no");
      },
      slow: () => ({}),
    });
    const { addresses } = await running(flaky, {
      breaker: { consecutive: 2, openMs: 60_000 },
      report: () => undefined,
    });
    const upper = request({ path: "/text/upper", body: '{"s":"x"}' });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await exchange(addresses[0]!, upper)).status);
    expect(statuses).toEqual([500, 500, 503, 503]);
    expect((await exchange(addresses[0]!, request({ path: "/text/slow", body: "{}" }))).status).toBe(200);
  });

  it("serves nothing but health where there is nothing to serve", async () => {
    const { addresses } = await running([]);
    expect((await exchange(addresses[0]!, request({ path: "/livez" }))).status).toBe(200);
    expect((await exchange(addresses[0]!, sum)).status).toBe(404);
  });
});

describe("the description of a server", () => {
  it("is its stacks, outermost first, with everything that is on; methods with the same share a block", async () => {
    const auth: Gate = function auth(context) {
      return context;
    };
    const own: Gate = function own(context) {
      return context;
    };
    const audit: Middleware = function audit(next) {
      return next;
    };
    const described = add.implement(
      { sum: () => ({ v: 1 }) },
      {
        gates: [own],
        observers: [
          function seen() {
            return undefined;
          },
        ],
        methods: {
          sum: { limit: { perSecond: 5, per: "peer" }, breaker: { consecutive: 3 }, use: [audit], timeoutMs: 50 },
        },
      },
    );
    const sameTimes = text.implement(
      { upper: ({ s }) => ({ v: s }), slow: () => ({}) },
      { methods: { slow: { timeoutMs: 2000 } } },
    );
    const served = await running([described, sameTimes], {
      log: logger({ write: () => undefined }),
      trace: tracer({ service: "add", ratio: 0.5, exporter: memoryExporter() }),
      metrics: registry(),
      observers: [
        function watch() {
          return undefined;
        },
      ],
      gates: [auth],
      limit: { perSecond: 100, burst: 20 },
      timeoutMs: 2000,
    });
    expect(served.describe()).toBe(`add.sum
  observer    trace ratio 0.5, follows the caller, reads w3c+b3+b3multi, writes w3c
  observer    metrics: requests by code, duration, in flight
  observer    access log
  observer    watch
  observer    seen
  gate        deadline 50 ms, or what is left of the caller's
  gate        auth
  gate        rateLimit 5/s burst 5 per peer
  gate        own
  decode      validate the request
  middleware  breaker 3 in a row, open 30000 ms, 1 probe
  middleware  audit
  handler     unary
text.upper, text.slow
  observer    trace ratio 0.5, follows the caller, reads w3c+b3+b3multi, writes w3c
  observer    metrics: requests by code, duration, in flight
  observer    access log
  observer    watch
  gate        deadline 2000 ms, or what is left of the caller's
  gate        auth
  gate        rateLimit 100/s burst 20
  decode      validate the request
  handler     unary
`);
  });

  it("is short where everything is off", async () => {
    const served = await running(sums, { metrics: false, trace: false });
    expect([served.metrics, served.describe()]).toEqual([
      undefined,
      "add.sum\n  gate        deadline 3000 ms, or what is left of the caller's\n  decode      validate the request\n  handler     unary\n",
    ]);
  });
});

describe("the probes on the public port", () => {
  it("say ok and nothing else, whatever the parts say", async () => {
    const mine = health({ parts: { db: { check: () => Promise.reject(new Error("password=hunter2")) } } });
    const { addresses } = await running(sums, { health: mine });
    const answers = await Promise.all(
      ["/livez", "/readyz", "/startupz"].map((path) => exchange(addresses[0]!, request({ path }))),
    );
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [200, '{"ok":true}\n'],
      [503, '{"ok":false}\n'],
      [200, '{"ok":true}\n'],
    ]);
    for (const { headers } of answers)
      expect([headers["content-type"], headers["cache-control"]]).toEqual(["application/json", "no-store"]);
  });

  it("may stand elsewhere, or nowhere", async () => {
    const moved = await running(sums, {
      on: [httpServer({ port: 0, host: "127.0.0.1", health: { live: "/-/alive" } })],
    });
    expect((await exchange(moved.addresses[0]!, request({ path: "/-/alive" }))).status).toBe(200);
    expect((await exchange(moved.addresses[0]!, request({ path: "/livez" }))).status).toBe(404);
    const none = await running(sums, { on: [httpServer({ port: 0, host: "127.0.0.1", health: false })] });
    expect((await exchange(none.addresses[0]!, request({ path: "/readyz" }))).status).toBe(404);
  });

  it("say 503 when a check throws at once", async () => {
    const broken = {
      ...health(),
      ready: () => {
        throw new Error("no");
      },
      live: () => ({ ok: true }),
      started: () => undefined,
      drain: () => undefined,
    };
    const { addresses } = await running(sums, { health: broken as never });
    expect((await exchange(addresses[0]!, request({ path: "/readyz" }))).body).toBe('{"ok":false}\n');
  });

  it("say 503 to `ready` and 200 to `live` while the server drains, over a connection that is open", async () => {
    const served = await running(texts);
    const busy = new Wire(served.addresses[0]!).send(request({ path: "/text/slow", body: "{}" }));
    await until(() => waiting.length === 1);
    // A request is on its way when the drain begins.
    const probe = new Wire(served.addresses[0]!).send(
      `${request({ path: "/readyz" })}GET /readyz HTTP/1.1\r\nHost: t\r\n`,
    );
    expect((await probe.answer()).status).toBe(200);
    const stopped = served.stop();
    await settled();
    probe.send("\r\n");
    const { status, headers, body } = await probe.answer();
    expect([status, headers["connection"], body]).toEqual([503, "close", '{"ok":false}\n']);
    waiting.splice(0).forEach((go) => go());
    expect((await busy.answer()).status).toBe(200);
    expect(await stopped).toBe(0);
  });
});

describe("a start that fails", () => {
  const taken = async (): Promise<{ readonly port: number; readonly server: Server }> => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ stop: () => new Promise((resolve) => server.close(resolve)) });
    return { port: (server.address() as { port: number }).port, server };
  };

  it("says which port is taken, and leaves nothing open", async () => {
    const { port } = await taken();
    const first = httpServer({ port: 0, host: "127.0.0.1" });
    const addresses: string[] = [];
    const watched = {
      ...first,
      listen: async (app: never) => {
        const listening = await first.listen(app);
        addresses.push(...listening.addresses);
        return listening;
      },
    };
    await expect(serve(sums, { ...quiet, on: [watched, httpServer({ port, host: "127.0.0.1" })] })).rejects.toThrow(
      `EADDRINUSE: address already in use 127.0.0.1:${port}`,
    );
    expect(addresses.length).toBe(1);
    const wire = new Wire(addresses[0]!);
    await wire.closed;
    await expect(wire.answer()).rejects.toThrow("the connection ended");
  });

  it("says which method cannot be served, before any port is opened", async () => {
    const twice = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) }).implement({
      sum: () => ({ v: 1 }),
    });
    await expect(serve([sums, twice], { ...quiet, on: [http()] })).rejects.toThrow(
      'serve should be given each service once, got "add" twice',
    );
    const vague = service("vague", {
      go: method({
        request: pair,
        response: {
          "~standard": { version: 1, vendor: "valibot", validate: (value: unknown) => ({ value }) },
        } as z.ZodUnknown,
      }),
    });
    await expect(serve(vague.implement({ go: () => 1 }), { ...quiet, on: [http()] })).rejects.toThrow(
      'vague.go response: the valibot schema should give its JSON Schema, it does not: wrap it in toStandardJsonSchema() of "@valibot/to-json-schema"',
    );
    const failing = error("failing", {
      code: "aborted",
      details: {
        "~standard": { version: 1, vendor: "other", validate: (value: unknown) => ({ value }) },
      } as z.ZodUnknown,
    });
    const failable = service("failable", { go: method({ request: pair, response: pair, errors: [failing] }) });
    await expect(serve(failable.implement({ go: () => failing(1) }), { ...quiet, on: [http()] })).rejects.toThrow(
      "failable.go error failing: the other schema should give its JSON Schema",
    );
  });

  const wrong: readonly (readonly [object, string])[] = [
    [{ on: undefined }, "on should be a list of transports, got undefined"],
    [{ on: [] }, "on should hold at least one transport, got none"],
    [{ on: [{}] }, "on should hold server transports, got an object"],
    [{ on: http() }, "on should be a list of transports, got an object"],
    [{ log: true }, 'log should have a method "info", got true'],
    [{ log: { write: 1 } }, 'log should have a method "info", got an object'],
    [{ metrics: {} }, 'metrics should have a method "expose", got an object'],
    [{ trace: "on" }, 'trace should have a method "flush", got "on"'],
    [{ observers: {} }, "observers should be a list of functions, got an object"],
    [{ observers: [1] }, "observers[0] should be a function, got 1"],
    [{ gates: [undefined] }, "gates[0] should be a function, got undefined"],
    [{ health: {} }, 'health should have a method "ready", got an object'],
    [{ tasks: [5] }, "members[1] should be runnable, got 5"],
    [{ tasks: {} }, "tasks should be a list of tasks, got an object"],
    [{ signals: {} }, "signals.on should be a function, got undefined"],
    [{ graceMs: -1 }, "graceMs should be a number from 0 to 3600000, got -1"],
    [{ drainMs: "1s" }, 'drainMs should be a number from 0 to 3600000, got "1s"'],
    [{ report: 1 }, "report should be a function, got 1"],
    [{ clock: Date }, 'clock should have a method "expire", got function Date'],
    [{ timeoutMs: 0 }, "timeoutMs should be a number from 1 to 86400000, got 0"],
    [{ limit: true }, "limit should be an object or false, got true"],
    [{ limit: { perSecond: 0 } }, "perSecond should be"],
    [{ limit: { perSecond: 1, burst: 0 } }, "burst should be"],
    [{ limit: { perSecond: 1, per: "user" } }, 'limit.per should be one of "method", "peer", got "user"'],
    [{ limit: { rate: 1 } }, 'limit has no option "rate"'],
    [{ breaker: 5 }, "breaker should be an object or false, got 5"],
    [{ breaker: { consecutive: 0 } }, "consecutive should be"],
    [{ timeout: 5 }, 'serve has no option "timeout"'],
  ];
  for (const [options, says] of wrong) {
    it(`names the option that is wrong: ${says}`, async () => {
      await expect(serve(sums, { ...quiet, on: [http()], ...options } as never)).rejects.toThrow(says);
    });
  }

  it("says what should be served", async () => {
    for (const what of [undefined, {}, add, [sums, null], { sum: () => 1 }]) {
      await expect(serve(what as never, { ...quiet, on: [http()] })).rejects.toThrow(
        "serve should be given what implement() returns, got",
      );
    }
    await expect(serve(sums, undefined as never)).rejects.toThrow("serve should be given options, got undefined");
  });
});

describe("the end of a server", () => {
  it("comes once, however often it is asked for", async () => {
    const lines: string[] = [];
    const served = await serve(sums, {
      on: [http()],
      signals: false,
      log: logger({ format: "logfmt", write: (text) => lines.push(text) }),
    });
    const codes = await Promise.all([served.stop(), served.stop(), served.done]);
    expect([...codes, await served.stop()]).toEqual([0, 0, 0, 0]);
    expect(lines.join("").match(/stopped with exit code 0/g)?.length).toBe(1);
  });

  it("comes with the scope of `await using`", async () => {
    let address = "";
    {
      await using served = await serve(sums, { on: [http()], ...quiet });
      address = served.addresses[0]!;
      expect((await exchange(address, sum)).status).toBe(200);
    }
    await expect(exchange(address, sum)).rejects.toThrow("the connection ended");
  });

  it("comes when a task fails, with exit code 1, and tells the log", async () => {
    const lines: string[] = [];
    let fail: () => void = () => undefined;
    const broken = task(
      "refresher",
      () => new Promise((_, reject) => (fail = () => reject(new Error("lost its source")))),
    );
    const served = await serve(sums, {
      on: [http()],
      signals: false,
      tasks: [broken],
      graceMs: 0,
      log: logger({ format: "logfmt", write: (text) => lines.push(text) }),
    });
    fail();
    expect(await served.done).toBe(1);
    expect(lines.join("")).toContain("lost its source");
    await expect(exchange(served.addresses[0]!, sum)).rejects.toThrow("the connection ended");
  });

  /** Signals that a test sends. */
  const fakeSignals = () => {
    const listeners = new Map<string, Set<() => void>>();
    const of = (signal: string): Set<() => void> =>
      listeners.get(signal) ?? listeners.set(signal, new Set()).get(signal)!;
    return {
      on: (signal: string, run: () => void) => of(signal).add(run),
      off: (signal: string, run: () => void) => of(signal).delete(run),
      send: (signal: string) => [...of(signal)].forEach((run) => run()),
    };
  };

  it("lets balancers notice first: 5 s after SIGTERM it still serves, and says that it is not ready", async () => {
    const clock = virtualClock();
    const signals = fakeSignals();
    const served = await running(sums, { clock, signals });
    const address = served.addresses[0]!;
    signals.send("SIGTERM");
    await clock.advance(4999);
    expect((await exchange(address, sum)).status).toBe(200);
    expect((await exchange(address, request({ path: "/readyz" }))).status).toBe(503);
    expect((await exchange(address, request({ path: "/livez" }))).status).toBe(200);
    await clock.advance(1);
    expect(await served.done).toBe(0);
  });

  it("does not wait for that after SIGINT, nor where graceMs is 0", async () => {
    for (const [signal, options] of [
      ["SIGINT", {}],
      ["SIGTERM", { graceMs: 0 }],
    ] as const) {
      const signals = fakeSignals();
      const served = await running(sums, { clock: virtualClock(), signals, ...options });
      signals.send(signal);
      expect(await served.done).toBe(0);
    }
  });
});

describe("a breaker on a server", () => {
  it("writes a line when it opens and when it closes, and not for each call it refuses", async () => {
    const clock = virtualClock();
    const lines: string[] = [];
    let fails = true;
    const flaky = add.implement({
      sum: () => {
        if (fails) throw new Error("down");
        return { v: 3 };
      },
    });
    const served = await running(flaky, {
      clock,
      log: logger({ format: "logfmt", batchBytes: 0, write: (line) => lines.push(line), clock }),
      breaker: { consecutive: 2, openMs: 1000 },
    });
    for (let i = 0; i < 4; i++) await exchange(served.addresses[0]!, sum);
    fails = false;
    await clock.advance(1000);
    expect((await exchange(served.addresses[0]!, sum)).status).toBe(200);
    const told = lines.filter((line) => line.includes('msg="breaker'));
    expect(told.map((line) => /msg="([^"]+)" breaker=(\S+)/.exec(line)?.slice(1, 3))).toEqual([
      ["breaker opened", "add.sum"],
      ["breaker closed", "add.sum"],
    ]);
  });
});

describe("exporters", () => {
  it("start before the transports and close after them, when lines and spans are written", async () => {
    const steps: string[] = [];
    const spans = memoryExporter();
    const traces = tracer({ service: "text", ratio: 1, exporter: spans, flushMs: 60_000 });
    const lines: string[] = [];
    const served = await serve(sums, {
      on: [http()],
      signals: false,
      trace: traces,
      log: logger({ format: "logfmt", batchBytes: 1_048_576, flushMs: 60_000, write: (text) => lines.push(text) }),
      exporters: [
        {
          name: "mine",
          start: () => void steps.push("started"),
          close: () => void steps.push(`closed with ${spans.spans.length} span, ${/msg=request/.test(lines.join(""))}`),
        },
      ],
    });
    await exchange(served.addresses[0]!, sum);
    await served.stop();
    expect(steps).toEqual(["started", "closed with 1 span, true"]);
    expect(lines.join("")).toMatch(/mine started.*http started/s);
  });

  it("are not needed for the last spans: stopping waits for them", async () => {
    const spans = memoryExporter();
    const traces = tracer({ service: "text", ratio: 1, exporter: spans, flushMs: 60_000 });
    const served = await running(sums, { trace: traces });
    await exchange(served.addresses[0]!, sum);
    expect(spans.spans).toHaveLength(0);
    expect(await served.stop()).toBe(0);
    expect(spans.spans).toHaveLength(1);
  });
});

describe("the log of a server", () => {
  it("says where it listens, and that it stops, as lines of the service's own logger", async () => {
    const lines: string[] = [];
    const served = await serve(sums, {
      on: [http()],
      signals: false,
      log: logger({ format: "logfmt", write: (text) => lines.push(text) }),
    });
    await served.stop();
    const said = lines.join("");
    expect(said).toContain(`http started at ${served.addresses[0]}`);
    expect(said).toMatch(/msg="running, started in/);
    expect(said).toMatch(/msg="stopped with exit code 0/);
  });
});
