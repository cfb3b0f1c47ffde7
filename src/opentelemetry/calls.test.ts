import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { context as contexts, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { TextMapPropagator, TracerProvider } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { methodInfo } from "../../test/method-info.ts";
import { asyncContexts } from "../../test/async-contexts.ts";
import { passing } from "../../test/until.ts";
import { served, type Served } from "../../test/served.ts";
import { client, close } from "../client/index.ts";
import { method, service } from "../contract/index.ts";
import { ActiveCall, descriptionOf, fuse, Metadata, type Context, type Observe } from "../endpoint/index.ts";
import { error } from "../errors/index.ts";
import { logger } from "../log/index.ts";
import { httpClient } from "../transport/http/index.ts";
import { local } from "../transport/local/index.ts";
import {
  annotate,
  injectTrace,
  memoryExporter,
  noteEvent,
  span,
  traceCalls,
  tracer,
  type SpanData,
} from "../trace/index.ts";
import { openTelemetryCalls, openTelemetryContext, openTelemetryPropagator } from "./index.ts";

const gone = error("gone", { code: "not_found" });
const text = z.object({ text: z.string() });
const shop = service("shop", {
  buy: method({ request: text, response: text, errors: [gone] }),
  list: method({ request: text, response: text, stream: "server" }),
});
const stock = service("stock", { take: method({ request: text, response: text }) });

beforeAll(() => void contexts.setGlobalContextManager(asyncContexts()));
afterAll(() => contexts.disable());
afterEach(() => {
  trace.disable();
  propagation.disable();
});

interface Sdk {
  readonly tracerProvider: BasicTracerProvider;
  readonly exporter: InMemorySpanExporter;
  /** The finished spans by `kind name`. */
  spans(): Map<string, ReadableSpan>;
}

function sdk(sampler?: Sampler): Sdk {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  const tracerProvider = new BasicTracerProvider({ spanProcessors, ...(sampler && { sampler }) });
  return {
    tracerProvider,
    exporter,
    spans: () => new Map(exporter.getFinishedSpans().map((one) => [`${SpanKind[one.kind]} ${one.name}`, one])),
  };
}

const parentOf = (one: ReadableSpan | undefined): string | undefined => one?.parentSpanContext?.spanId;
const idOf = (one: ReadableSpan | undefined): string | undefined => one?.spanContext().spanId;

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const answer of answers) list.push(answer);
  return list;
}

function handlers(buy: (request: { text: string }, context: Context) => unknown) {
  return {
    buy: buy as never,
    list: async function* list({ text }: { text: string }) {
      for (const one of text) yield await Promise.resolve({ text: one });
    },
  };
}

function onServer(observe: Observe, headers: Record<string, string>): ActiveCall {
  const incoming = new Metadata();
  for (const [name, value] of Object.entries(headers)) incoming.set(name, value);
  const info = methodInfo({ service: "shop", name: "buy", idempotent: false, timeoutMs: 10 });
  const call = new ActiveCall(info, { startMs: 0, timeoutMs: 10, incoming });
  observe(info)?.start?.(call);
  return call;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";

describe("a request through two services", () => {
  for (const kind of ["http", "local"] as const) {
    it(`is one trace with the right parents over ${kind}`, async () => {
      const { tracerProvider, spans } = sdk();
      const observers = [openTelemetryCalls({ tracerProvider })];
      const inner = stock.implement({ take: (request) => request }, { observers: kind === "local" ? observers : [] });
      await using back = await served(inner, {}, { trace: false, observers });
      const options = { observers };
      await using toStock =
        kind === "http"
          ? client(stock, httpClient({ connectTimeoutMs: 60_000 }), { from: back.address, ...options })
          : client(stock, local(inner), options);
      const outer = shop.implement(handlers((request, context) => toStock.take(request, context)));
      await using front = await served(outer, {}, { trace: false, observers });
      await using toShop = client(shop, httpClient({ connectTimeoutMs: 60_000 }), { from: front.address, ...options });
      expect(await toShop.buy({ text: "tea" })).toEqual({ text: "tea" });
      const seen = spans();
      expect([...seen.keys()].sort()).toEqual([
        "CLIENT shop/buy",
        "CLIENT stock/take",
        "SERVER shop/buy",
        "SERVER stock/take",
      ]);
      expect(new Set([...seen.values()].map((one) => one.spanContext().traceId)).size).toBe(1);
      expect(parentOf(seen.get("CLIENT shop/buy"))).toBeUndefined();
      expect(parentOf(seen.get("SERVER shop/buy"))).toBe(idOf(seen.get("CLIENT shop/buy")));
      expect(parentOf(seen.get("CLIENT stock/take"))).toBe(idOf(seen.get("SERVER shop/buy")));
      expect(parentOf(seen.get("SERVER stock/take"))).toBe(idOf(seen.get("CLIENT stock/take")));
      expect(seen.get("SERVER shop/buy")?.parentSpanContext?.isRemote).toBe(true);
    });
  }

  it("carries baggage with the SDK's own propagators", async () => {
    const { tracerProvider } = sdk();
    const propagator = new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    });
    const observers = [openTelemetryCalls({ tracerProvider, propagator })];
    let came: string | undefined;
    const inner = stock.implement({
      take: (request, context) => ((came = context.metadata("baggage")), request),
    });
    await using back = await served(inner, {}, { trace: false, observers });
    await using toStock = client(stock, httpClient({ connectTimeoutMs: 60_000 }), { from: back.address, observers });
    const outer = shop.implement(handlers((request, context) => toStock.take(request, context)));
    await using front = await served(outer, {}, { trace: false, observers });
    await front.ask({ path: "/shop/buy", headers: { baggage: "tenant=blue" }, body: '{"text":"tea"}' });
    expect(came).toBe("tenant=blue");
  });
});

/** What both tracers must agree on. */
interface Said {
  readonly name: string;
  readonly kind: string;
  readonly attributes: object;
  readonly status: string;
  readonly message: string;
}

// Each of the two runs has a server with a port of its own.
const withoutPort = (attributes: object): object =>
  JSON.parse(JSON.stringify(attributes).replace(/127\.0\.0\.1:\d+/, "server")) as object;

const ours = (one: SpanData): Said => ({
  name: one.name,
  kind: one.kind,
  attributes: withoutPort(one.attributes),
  status: one.status,
  message: one.status === "error" ? one.statusMessage : "",
});

const theirs = (one: ReadableSpan): Said => ({
  name: one.name,
  kind: SpanKind[one.kind]!.toLowerCase(),
  attributes: withoutPort(one.attributes),
  status: one.status.code === SpanStatusCode.ERROR ? "error" : "unset",
  message: one.status.message ?? "",
});

describe("names, attributes and status", () => {
  type Do = (remote: ReturnType<typeof shopAt>, server: Served) => Promise<unknown>;
  const shopAt = (from: string, observers: readonly Observe[]) =>
    client(shop, httpClient({ connectTimeoutMs: 60_000 }), { from, observers, breaker: false });
  const cases: Readonly<Record<string, Do>> = {
    "an answer": (remote) => remote.buy({ text: "tea" }),
    "a declared error": (remote) => remote.buy({ text: "gone" }),
    "a failure": (remote) => remote.buy({ text: "fail" }),
    // By hand: of a client and its server either may be the first to see it pass.
    "a deadline": (_remote, server) =>
      server.ask({ path: "/shop/buy", headers: { "request-timeout-ms": "10" }, body: '{"text":"slow"}' }),
    "a request that does not fit": (remote) => remote.buy({ text: 5 as never }),
  };
  const buy = ({ text }: { text: string }, context: Context): unknown => {
    if (text === "gone") return gone();
    if (text === "fail") throw new Error("hunter2");
    if (text === "slow") return new Promise((_resolve, reject) => context.onCancel(reject));
    return { text };
  };

  for (const [what, run] of Object.entries(cases)) {
    for (const declaredErrorsFail of [false, true]) {
      it(`are those of our own tracer: ${what}${declaredErrorsFail ? ", declared errors failing" : ""}`, async () => {
        const { tracerProvider, exporter } = sdk();
        const own = memoryExporter();
        const traces = tracer({ service: "x", ratio: 1, exporter: own, declaredErrorsFail });
        for (const observers of [
          [traceCalls(traces)],
          [openTelemetryCalls({ tracerProvider, declaredErrorsFail })],
        ] as const) {
          await using server = await served(shop.implement(handlers(buy)), {}, { trace: false, observers });
          await using remote = shopAt(server.address, observers);
          await run(remote, server).catch(() => undefined);
        }
        await traces.flush();
        const sorted = (list: Said[]): Said[] => list.sort((a, b) => a.kind.localeCompare(b.kind));
        const expected = sorted(own.spans.map(ours));
        expect(expected.length).toBeGreaterThan(0);
        expect(sorted(exporter.getFinishedSpans().map(theirs))).toEqual(expected);
        expect(JSON.stringify(expected)).not.toContain("hunter2");
      });
    }
  }

  it("are those of our own tracer: a path that is not served, a stream", async () => {
    const { tracerProvider, exporter } = sdk();
    const own = memoryExporter();
    const traces = tracer({ service: "x", ratio: 1, exporter: own });
    for (const observers of [[traceCalls(traces)], [openTelemetryCalls({ tracerProvider })]] as const) {
      await using server = await served(shop.implement(handlers(buy)), {}, { trace: false, observers });
      expect((await server.ask({ path: "/nothing" })).status).toBe(404);
      const remote = client(shop, local(shop.implement(handlers(buy), { observers })), { observers });
      expect(await all(remote.list({ text: "abc" }))).toHaveLength(3);
      await close(remote);
    }
    await traces.flush();
    const found = exporter.getFinishedSpans().map(theirs);
    expect(found).toEqual(own.spans.map(ours));
    expect(found.map(({ name }) => name)).toEqual(["other", "shop/list", "shop/list"]);
    expect(found[1]?.attributes).toMatchObject({ "rpc.messages.sent": 3 });
  });
});

describe("where a server's call goes on from", () => {
  it("is the caller, by W3C and by B3", () => {
    const observe = openTelemetryCalls({ tracerProvider: sdk().tracerProvider });
    for (const headers of [
      { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "a=1" },
      { b3: `${TRACE}-${SPAN}-1` },
      { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1" },
    ]) {
      const { trace: place } = onServer(observe, headers as Record<string, string>);
      expect(place).toMatchObject({ traceId: TRACE, sampled: true, state: "traceparent" in headers ? "a=1" : "" });
      expect(place?.spanId).not.toBe(SPAN);
    }
  });

  it("is the caller's decision, sampled or not", () => {
    const { tracerProvider, exporter } = sdk(new ParentBasedSampler({ root: new AlwaysOffSampler() }));
    const observe = openTelemetryCalls({ tracerProvider });
    for (const [flags, sampled] of [
      ["00", false],
      ["01", true],
    ] as const) {
      const call = onServer(observe, { traceparent: `00-${TRACE}-${SPAN}-${flags}` });
      expect(call.trace).toMatchObject({ traceId: TRACE, sampled });
      observe(call.method)?.end?.(call);
    }
    expect(onServer(observe, {}).trace?.sampled).toBe(false);
    expect(exporter.getFinishedSpans()).toHaveLength(1);
  });

  it("is the span of an HTTP instrumentation around it, which has read the same headers", () => {
    const { tracerProvider } = sdk();
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
    const remote = { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true };
    const asked = trace.setSpanContext(ROOT_CONTEXT, remote);
    const around = tracerProvider.getTracer("http").startSpan("POST", { kind: SpanKind.SERVER }, asked);
    const parentIn = (follow: "active" | "caller"): string | undefined => {
      const observe = openTelemetryCalls({ tracerProvider, follow });
      const call = contexts.with(trace.setSpan(asked, around), () => onServer(observe, headers));
      return parentOf((call.trace as unknown as { span: ReadableSpan }).span);
    };
    expect(parentIn("active")).toBe(around.spanContext().spanId);
    expect(parentIn("caller")).toBe(SPAN);
  });

  it("is not a span that is over, nor one that has nothing to do with its headers", () => {
    const { tracerProvider } = sdk();
    const observe = openTelemetryCalls({ tracerProvider });
    const boot = tracerProvider.getTracer("boot").startSpan("start");
    const inBoot = trace.setSpan(ROOT_CONTEXT, boot);
    const other = contexts.with(inBoot, () => onServer(observe, { traceparent: `00-${TRACE}-${SPAN}-01` }));
    expect(other.trace?.traceId).toBe(TRACE);
    boot.end();
    const later = contexts.with(inBoot, () => onServer(observe, {}));
    expect(later.trace?.traceId).not.toBe(boot.spanContext().traceId);
  });
});

describe("a client's call", () => {
  it("goes on from the active context where it is made for no call", async () => {
    const { tracerProvider, spans } = sdk();
    const job = tracerProvider.getTracer("job").startSpan("job");
    await using remote = client(stock, local(stock.implement({ take: (request) => request })), {
      observers: [openTelemetryCalls({ tracerProvider })],
    });
    await contexts.with(trace.setSpan(ROOT_CONTEXT, job), () => remote.take({ text: "a" }));
    expect(parentOf(spans().get("CLIENT stock/take"))).toBe(job.spanContext().spanId);
  });

  it("goes on from a call that our own tracer records", async () => {
    const { tracerProvider, spans } = sdk();
    const own = memoryExporter();
    const traces = tracer({ service: "x", ratio: 1, exporter: own });
    await using toStock = client(stock, local(stock.implement({ take: (request) => request })), {
      observers: [openTelemetryCalls({ tracerProvider })],
    });
    const outer = shop.implement(
      handlers((request, context) => toStock.take(request, context)),
      { observers: [traceCalls(traces)] },
    );
    await using toShop = client(shop, local(outer));
    await toShop.buy({ text: "tea" });
    await traces.flush();
    expect(parentOf(spans().get("CLIENT stock/take"))).toBe(own.spans[0]?.spanId);
  });

  it("goes on from the headers of a call that nobody traces", async () => {
    const { tracerProvider, spans } = sdk();
    await using toStock = client(stock, local(stock.implement({ take: (request) => request })), {
      observers: [openTelemetryCalls({ tracerProvider })],
    });
    const outer = shop.implement(handlers((request, context) => toStock.take(request, context)));
    await using server = await served(outer, {}, { trace: false });
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
    await server.ask({ path: "/shop/buy", headers, body: '{"text":"tea"}' });
    expect(parentOf(spans().get("CLIENT stock/take"))).toBe(SPAN);
  });
});

describe("in a handler", () => {
  it("`span`, `annotate` and `noteEvent` speak to the SDK, without secrets, and clients inside are children", async () => {
    const { tracerProvider, spans } = sdk();
    const observers = [openTelemetryCalls({ tracerProvider, redact: ["iban"] })];
    await using toStock = client(stock, local(stock.implement({ take: (request) => request })), { observers });
    const outer = shop.implement(
      handlers((request, context) => {
        annotate(context, "cart.items", 3);
        annotate(context, "password", "hunter2");
        return span(context, "work", (inside) => {
          annotate(inside, "IBAN", "hunter2");
          noteEvent(inside, "miss", { key: "a", token: "hunter2" });
          return toStock.take(request, inside);
        });
      }),
      { observers },
    );
    await using toShop = client(shop, local(outer));
    await toShop.buy({ text: "tea" });
    const seen = spans();
    const work = seen.get("INTERNAL work");
    expect(seen.get("SERVER shop/buy")?.attributes).toMatchObject({ "cart.items": 3, password: "[redacted]" });
    expect(work?.attributes).toEqual({ IBAN: "[redacted]" });
    expect(work?.events).toMatchObject([{ name: "miss", attributes: { key: "a", token: "[redacted]" } }]);
    expect(parentOf(work)).toBe(idOf(seen.get("SERVER shop/buy")));
    expect(parentOf(seen.get("CLIENT stock/take"))).toBe(idOf(work));
  });

  it("a span of its own says what was thrown in it, and not the text that nobody made for the public", async () => {
    const { tracerProvider, spans } = sdk();
    const observers = [openTelemetryCalls({ tracerProvider })];
    const outer = shop.implement(
      handlers((_request, context) =>
        span(context, "work", () => {
          throw new TypeError("hunter2");
        }),
      ),
      { observers },
    );
    await using toShop = client(shop, local(outer));
    await toShop.buy({ text: "tea" }).catch(() => undefined);
    const work = spans().get("INTERNAL work");
    expect(work?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(work?.attributes).toEqual({ "error.type": "TypeError" });
  });
});

describe("the access log", () => {
  it("carries the SDK's trace id", async () => {
    const { tracerProvider, spans } = sdk();
    const lines: string[] = [];
    const log = logger({ batchBytes: 0, write: (line) => lines.push(line) });
    const observers = [openTelemetryCalls({ tracerProvider })];
    await using server = await served(shop.implement(handlers((r) => r)), {}, { trace: false, log, observers });
    await server.ask({ path: "/shop/buy", body: '{"text":"tea"}' });
    const line = lines.map((one) => JSON.parse(one) as Record<string, unknown>).find(({ code }) => code === "ok");
    expect(line?.["trace_id"]).toBe(spans().get("SERVER shop/buy")?.spanContext().traceId);
    expect(line?.["sampled"]).toBe(true);
  });
});

describe("an SDK that is registered globally", () => {
  it("is used, also when that happens after the observer was made", () => {
    const observe = openTelemetryCalls();
    expect(onServer(observe, {}).trace).toBeUndefined();
    const { tracerProvider } = sdk();
    trace.setGlobalTracerProvider(tracerProvider);
    propagation.setGlobalPropagator(openTelemetryPropagator({ read: ["b3"], write: ["b3"] }));
    expect(onServer(observe, { b3: `${TRACE}-${SPAN}-1` }).trace?.traceId).toBe(TRACE);
    expect(onServer(observe, { traceparent: `00-${TRACE}-${SPAN}-01` }).trace?.traceId).not.toBe(TRACE);
    const sent: string[] = [];
    injectTrace(onServer(observe, { b3: `${TRACE}-${SPAN}-1` }).context, (name, value) =>
      sent.push(`${name} ${value}`),
    );
    expect(sent).toEqual([expect.stringMatching(new RegExp(`^b3 ${TRACE}-[0-9a-f]{16}-1$`))]);
  });

  it("may be missing: headers are handed on as they came", async () => {
    const observers = [openTelemetryCalls()];
    let came: string | undefined;
    const inner = stock.implement({ take: (request, context) => ((came = context.metadata("traceparent")), request) });
    await using toStock = client(stock, local(inner), { observers });
    const outer = shop.implement(handlers((request, context) => toStock.take(request, context)));
    await using server = await served(outer, {}, { trace: false, observers });
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
    expect((await server.ask({ path: "/shop/buy", headers, body: '{"text":"tea"}' })).status).toBe(200);
    expect(came).toBe(headers.traceparent);
  });
});

describe("what the SDK or its plug-ins throw", () => {
  const fail = (): never => {
    throw new Error("no");
  };
  const broken: Readonly<Record<string, () => Parameters<typeof openTelemetryCalls>[0]>> = {
    "its sampler": () => ({ tracerProvider: sdk({ shouldSample: fail }).tracerProvider }),
    "a processor": () => {
      const processor: SpanProcessor = {
        onStart: () => undefined,
        onEnd: fail,
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      };
      return { tracerProvider: new BasicTracerProvider({ spanProcessors: [processor] }) };
    },
    "a propagator that writes": () => ({
      tracerProvider: sdk().tracerProvider,
      propagator: { inject: fail, extract: (context) => context, fields: () => [] },
    }),
    "a propagator that reads": () => ({
      tracerProvider: sdk().tracerProvider,
      propagator: { inject: () => undefined, extract: fail, fields: () => [] },
    }),
    "a propagator of nonsense": () => ({
      tracerProvider: sdk().tracerProvider,
      propagator: {
        inject: (_context, carrier, setter) => {
          setter.set(carrier, "x-line", "a\r\nb: c");
          setter.set(carrier, "x-long", "x".repeat(10_000));
          setter.set(carrier, "bad name", "x".repeat(10_000));
        },
        extract: (context) => context,
        fields: () => [],
      } satisfies TextMapPropagator,
    }),
    "a span inside a call": () => {
      const tracer = sdk().tracerProvider.getTracer("a");
      const startSpan: typeof tracer.startSpan = (name, ...rest) =>
        name === "work" ? fail() : tracer.startSpan(name, ...rest);
      return { tracer: { startSpan, startActiveSpan: fail } };
    },
    "a propagator that asks for all there is": () => ({
      tracerProvider: sdk().tracerProvider,
      propagator: {
        inject: () => undefined,
        extract: (context, carrier, getter) => (getter.keys(carrier).length === 0 ? context : fail()),
        fields: () => [],
      } satisfies TextMapPropagator,
    }),
    "a span": () => ({
      tracer: {
        startSpan: () =>
          Object.assign(trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1 }), {
            isRecording: () => true,
            setAttribute: fail,
            setAttributes: fail,
            addEvent: fail,
            setStatus: fail,
            end: fail,
          }),
        startActiveSpan: fail,
      },
    }),
  };
  for (const [what, make] of Object.entries(broken)) {
    it(`never fails a call: ${what}`, async () => {
      const reported: unknown[] = [];
      const observers = [openTelemetryCalls(make())];
      const options = { trace: false, observers, report: (error: unknown) => void reported.push(error) } as const;
      const implementation = shop.implement(
        handlers((request, context) =>
          span(context, "work", (inside) => {
            annotate(inside, "a", 1);
            noteEvent(inside, "b");
            return request;
          }),
        ),
        { observers },
      );
      await using server = await served(implementation, {}, options);
      await using remote = client(shop, httpClient({ connectTimeoutMs: 60_000 }), {
        from: server.address,
        observers,
        report: options.report,
      });
      expect(await remote.buy({ text: "tea" })).toEqual({ text: "tea" });
      await using near = client(shop, local(implementation), { observers, report: options.report });
      expect(await all(near.list({ text: "ab" }))).toHaveLength(2);
    });
  }
});

describe("openTelemetryCalls", () => {
  it("says what it does, and checks its options", () => {
    expect(descriptionOf(openTelemetryCalls())).toBe("OpenTelemetry, follows the active span");
    expect(descriptionOf(openTelemetryCalls({ follow: "caller" }))).toBe("OpenTelemetry, follows the caller");
    expect(() => openTelemetryCalls({ follow: "nobody" as never })).toThrow('follow should be one of "active"');
    expect(() => openTelemetryCalls({ tracer: {} as never })).toThrow("tracer.startSpan should be a function");
    expect(() => openTelemetryCalls({ tracerProvider: {} as never })).toThrow("tracerProvider.getTracer should be");
    expect(() => openTelemetryCalls({ propagator: {} as never })).toThrow("propagator.inject should be a function");
    expect(() => openTelemetryCalls({ redact: [""] })).toThrow("redact should be a non-empty string");
    expect(() => openTelemetryCalls({ tracing: true } as never)).toThrow('has no option "tracing"');
  });

  it("takes the providers and tracers of the real SDK", () => {
    expectTypeOf<BasicTracerProvider>().toExtend<TracerProvider>();
    expectTypeOf<CompositePropagator>().toExtend<TextMapPropagator>();
    // @ts-expect-error a name is no tracer
    expect(() => openTelemetryCalls({ tracer: "servicekit" })).toThrow("tracer.startSpan");
  });

  it("keeps nothing of 10,000 calls", async () => {
    const { tracerProvider } = sdk(new AlwaysOffSampler());
    const observe = openTelemetryCalls({ tracerProvider });
    const refs: WeakRef<object>[] = [];
    const once = (): void => {
      const call = onServer(observe, {});
      const inside = openTelemetryContext(call.context);
      fuse([observe(call.method)!], () => undefined).end(call);
      refs.push(new WeakRef(call), new WeakRef(call.trace!), new WeakRef(inside));
    };
    for (let i = 0; i < 10_000; i++) once();
    // A weak reference keeps its object until the turn is over.
    await passing(1);
    collectGarbage();
    expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(10);
  });
});
