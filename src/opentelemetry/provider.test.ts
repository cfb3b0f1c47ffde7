import {
  context as contexts,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span as ApiSpan,
  type SpanContext,
  type Tracer as ApiTracer,
  type TracerProvider as ApiProvider,
} from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { asyncContexts } from "../../test/async-contexts.ts";
import { ActiveCall } from "../endpoint/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import { memoryExporter, traceCalls, tracer, type SpanData, type Tracer, type TracerOptions } from "../trace/index.ts";
import { openTelemetryContext, openTelemetryProvider } from "./index.ts";
import type { CallSpanView, OurSpan, QuietSpan } from "./our-span.ts";

beforeAll(() => void contexts.setGlobalContextManager(asyncContexts()));
afterAll(() => contexts.disable());

interface Setup {
  readonly clock: ReturnType<typeof virtualClock>;
  readonly traces: Tracer;
  readonly library: ApiTracer;
  spans(): Promise<readonly SpanData[]>;
  only(): Promise<SpanData>;
}

function setup(options: Partial<TracerOptions> = {}): Setup {
  const clock = virtualClock();
  const exporter = memoryExporter({ maxSpans: 20_000 });
  const traces = tracer({ service: "x", ratio: 1, exporter, clock, random: seededRandom(3), ...options });
  const spans = async (): Promise<readonly SpanData[]> => (await traces.flush(), exporter.spans);
  return {
    clock,
    traces,
    library: openTelemetryProvider(traces).getTracer("pg", "8.1"),
    spans,
    only: async () => {
      const [one, ...more] = await spans();
      expect([one === undefined, more]).toEqual([false, []]);
      return one!;
    },
  };
}

const REMOTE: SpanContext = {
  traceId: "12345678901234567890123456789012",
  spanId: "1234567890123456",
  traceFlags: 1,
  isRemote: true,
};
const within = (parent: SpanContext) => trace.setSpanContext(ROOT_CONTEXT, parent);

describe("a span that a library starts", () => {
  it("has all that the API lets it say", async () => {
    const { library, clock, only } = setup();
    const one = library.startSpan("SELECT", { kind: SpanKind.CLIENT, attributes: { "db.system": "pg" } });
    expect(one.isRecording()).toBe(true);
    const returned = one
      .setAttribute("rows", 3)
      .setAttributes({ cached: false, list: ["a", "b"], nothing: undefined })
      .addEvent("first", { n: 1 })
      .addLink({ context: REMOTE })
      .addLinks([{ context: { ...REMOTE, spanId: "6543210987654321" } }])
      .updateName("SELECT users")
      .setStatus({ code: SpanStatusCode.ERROR, message: "no such table" });
    expect(returned).toBe(one);
    await clock.advance(12);
    one.end();
    expect(one.isRecording()).toBe(false);
    const { spanId, traceId, traceFlags } = one.spanContext();
    expect(await only()).toMatchObject({
      service: "x",
      traceId,
      spanId,
      parentSpanId: "",
      name: "SELECT users",
      kind: "client",
      durationMs: 12,
      status: "error",
      statusMessage: "no such table",
      attributes: {
        "otel.scope.name": "pg",
        "otel.scope.version": "8.1",
        "db.system": "pg",
        rows: 3,
        cached: false,
        list: '["a","b"]',
      },
      events: [{ name: "first", attributes: { n: 1 } }],
      links: [
        { traceId: REMOTE.traceId, spanId: REMOTE.spanId },
        { traceId: REMOTE.traceId, spanId: "6543210987654321" },
      ],
      refused: 0,
    });
    expect(traceFlags & 1).toBe(1);
  });

  it("says what was thrown, as the library asked", async () => {
    const { library, only } = setup();
    const one = library.startSpan("a");
    one.recordException(new TypeError("no"));
    one.recordException("bare");
    one.recordException({ code: 42, message: "coded" });
    one.recordException({} as never);
    one.end();
    const { events, refused } = await only();
    expect(
      events.map(({ name, attributes }) => [name, attributes["exception.type"], attributes["exception.message"]]),
    ).toEqual([
      ["exception", "TypeError", "no"],
      ["exception", undefined, "bare"],
      ["exception", "42", "coded"],
    ]);
    expect(String(events[0]?.attributes["exception.stacktrace"])).toContain("TypeError: no");
    expect(refused).toBe(1);
  });

  it("takes the last word on its status from `OK`, and nothing from `UNSET`", async () => {
    const { library, spans } = setup();
    const settle = (...codes: SpanStatusCode[]): void => {
      const one = library.startSpan("a");
      for (const code of codes) one.setStatus({ code, message: "m" });
      one.end();
    };
    const { OK, ERROR, UNSET } = SpanStatusCode;
    settle(OK, ERROR);
    settle(ERROR, UNSET);
    settle(ERROR, OK);
    settle(UNSET);
    expect((await spans()).map(({ status, statusMessage }) => [status, statusMessage])).toEqual([
      ["unset", ""],
      ["error", "m"],
      ["unset", ""],
      ["unset", ""],
    ]);
  });

  it("may be given its times, in each of the API's ways", async () => {
    const { library, clock, spans } = setup();
    await clock.advance(1000);
    const date = clock.date();
    const times = [date, new Date(date), [Math.floor(date / 1000), (date % 1000) * 1e6] as [number, number]] as const;
    for (const at of times) {
      const one = library.startSpan("a", { startTime: at });
      one.addEvent("e", at).addEvent("f", { n: 1 }, at);
      one.end(new Date(date + 5));
    }
    library.startSpan("a", { startTime: clock.now() - 1 }).end(clock.now());
    library.startSpan("a", { startTime: Number.NaN }).end(new Date(0));
    const seen = await spans();
    for (const one of seen.slice(0, 3)) {
      expect(one.startUnixMs).toBeCloseTo(date, 3);
      expect(one.durationMs).toBeCloseTo(5, 3);
      for (const { unixMs } of one.events) expect(unixMs).toBeCloseTo(date, 3);
      expect(one.events.map(({ attributes }) => attributes)).toEqual([{}, { n: 1 }]);
    }
    expect(seen[3]?.startUnixMs).toBeCloseTo(date - 1, 3);
    expect(seen[3]?.durationMs).toBeCloseTo(1, 3);
    expect([seen[4]?.startUnixMs, seen[4]?.durationMs]).toEqual([date, 0]);
  });

  it("is bounded, counts what it refuses, and keeps secrets to itself", async () => {
    const { library, only } = setup({ redact: ["iban"] });
    const one = library.startSpan("x".repeat(1000));
    for (let i = 0; i < 100; i++) {
      one.setAttribute(`a${i}`, "x".repeat(5000));
      one.addEvent(`e${i}`, { password: "hunter2" });
      one.addLink({ context: REMOTE, attributes: i === 0 ? { lost: 1 } : {} });
    }
    one.setAttribute(
      "a0",
      Array.from({ length: 100_000 }, () => "y"),
    );
    one.setAttribute("a1", { not: "a value" } as never);
    one.addLink({ context: { ...REMOTE, traceId: "none" } });
    one.updateName("y".repeat(1000));
    one.setStatus({ code: SpanStatusCode.ERROR, message: "z".repeat(5000) });
    one.end();
    one.setAttribute("late", 1).addEvent("late").updateName("late").addLink({ context: REMOTE });
    one.end();
    const made = await only();
    expect(Object.keys(made.attributes)).toHaveLength(32);
    expect([made.events.length, made.links.length, made.name.length, made.statusMessage.length]).toEqual([
      32, 32, 128, 1024,
    ]);
    expect(Object.values(made.attributes).every((value) => String(value).length <= 1024)).toBe(true);
    expect(made.events[0]?.attributes).toEqual({ password: "[redacted]" });
    // 70 attributes beside the library's two, 68 events, 68 links, one link's attributes, one value that is none.
    expect(made.refused).toBe(70 + 68 + 68 + 1 + 1);
    const secret = setup({ redact: ["iban"] });
    secret.library.startSpan("a", { attributes: { IBAN: "hunter2", "db.password": ["hunter2"] } }).end();
    expect(JSON.stringify(await secret.only())).not.toContain("hunter2");
  });

  it("never fails the library that is careless", async () => {
    const { library, only } = setup();
    const one = library.startSpan(undefined as never, { kind: 9 as never, attributes: null as never });
    one
      .setAttributes(undefined as never)
      .setAttribute("__proto__", "x")
      .addEvent("e", { ["__proto__"]: "x" });
    one.setAttribute("big", [1n] as never).setStatus({ code: SpanStatusCode.ERROR, message: 5 as never });
    one.end("soon" as never);
    expect(await only()).toMatchObject({ kind: "internal", statusMessage: "5", attributes: { big: "[]" } });
  });
});

describe("the parent of such a span", () => {
  it("is the active one of the API's context", async () => {
    const { library, spans } = setup();
    const outer = library.startActiveSpan("outer", (outer) => {
      library.startActiveSpan("inner", { kind: SpanKind.PRODUCER }, (inner) => inner.end());
      library.startActiveSpan("apart", { root: true, kind: SpanKind.CONSUMER }, (apart) => apart.end());
      library.startActiveSpan("far", {}, within(REMOTE), (far) => far.end());
      outer.end();
      return outer;
    });
    const [inner, apart, far] = await spans();
    expect(inner).toMatchObject({ parentSpanId: outer.spanContext().spanId, kind: "client" });
    expect(apart).toMatchObject({ parentSpanId: "", kind: "server" });
    expect(far).toMatchObject({ parentSpanId: REMOTE.spanId, traceId: REMOTE.traceId });
    expect(apart?.traceId).not.toBe(outer.spanContext().traceId);
  });

  it("is the call's, whose span nobody can end from there", async () => {
    const { traces, library, spans } = setup();
    const info = methodInfo({ service: "shop", name: "buy", idempotent: false, timeoutMs: 10 });
    const observer = traceCalls(traces)(info)!;
    const call = new ActiveCall(info, { startMs: 0, timeoutMs: 10 });
    observer.start!(call);
    const inside = openTelemetryContext(call.context);
    const own = trace.getSpan(inside)!;
    own.setAttribute("cart", 3).end();
    library.startSpan("SELECT", {}, inside).end();
    call.outcome = "ok";
    observer.end!(call);
    const [select, whole] = await spans();
    expect(select?.parentSpanId).toBe(whole?.spanId);
    expect(whole).toMatchObject({ name: "shop/buy", attributes: { cart: 3, "rpc.method": "buy" } });
  });

  it("passes on the vendors' list", async () => {
    const { library, only } = setup();
    const { createTraceState } = await import("@opentelemetry/api");
    library.startSpan("a", {}, within({ ...REMOTE, traceState: createTraceState("a=1,b=2") })).end();
    expect((await only()).traceState).toBe("a=1,b=2");
  });
});

describe("what is sampled", () => {
  it("is the parent's decision, else the tracer's ratio", async () => {
    const none = setup({ ratio: 0 });
    const quiet = none.library.startSpan("a");
    expect(quiet.isRecording()).toBe(false);
    expect(quiet.spanContext()).toBe(quiet.spanContext());
    expect(trace.isSpanContextValid(quiet.spanContext())).toBe(true);
    quiet.end();
    none.library.startSpan("b", {}, within(REMOTE)).end();
    expect((await none.only()).name).toBe("b");
    const every = setup();
    const child = every.library.startSpan("c", {}, within({ ...REMOTE, traceFlags: 0 }));
    expect([child.isRecording(), child.spanContext().traceId]).toEqual([false, REMOTE.traceId]);
    expect(await every.spans()).toEqual([]);
  });

  it("is what the tracer's sampler says of the library and the span", () => {
    const asked: string[] = [];
    const { library } = setup({
      sampler: ({ method: { service, name, side } }) => asked.push(`${side} ${service} ${name}`) > 1,
    });
    expect(library.startSpan("a").isRecording()).toBe(false);
    expect(library.startSpan("b", { kind: SpanKind.CLIENT }).isRecording()).toBe(true);
    expect(asked).toEqual(["server pg a", "client pg b"]);
  });

  it("begins anew, linked, where the tracer does not follow its callers", async () => {
    const { library, only } = setup({ follow: "ratio" });
    library.startSpan("a", {}, within(REMOTE)).end();
    const made = await only();
    expect(made.links).toEqual([{ traceId: REMOTE.traceId, spanId: REMOTE.spanId }]);
    expect([made.parentSpanId, made.traceId === REMOTE.traceId]).toEqual(["", false]);
  });

  it("is nothing without an exporter or after the end, though decisions travel", async () => {
    const { library, traces } = setup({ exporter: undefined });
    const one = library.startSpan("a");
    expect([one.isRecording(), one.spanContext().traceFlags & 1]).toEqual([false, 1]);
    await traces.close();
    expect(library.startSpan("a").isRecording()).toBe(false);
  });

  it("keeps nothing but the queue of 10,000 spans, which is bounded", async () => {
    const { library, traces } = setup({ maxQueue: 100 });
    for (let i = 0; i < 10_000; i++) library.startActiveSpan("a", (one) => one.end());
    expect(traces.stats).toMatchObject({ recorded: 10_000, waiting: 100, dropped: 9900 });
    await traces.flush();
    expect(traces.stats.waiting).toBe(0);
  });
});

describe("the provider", () => {
  it("works as the global one", async () => {
    const { traces, spans } = setup();
    trace.setGlobalTracerProvider(openTelemetryProvider(traces));
    try {
      trace.getTracer("lib").startActiveSpan("work", (one) => {
        expect(trace.getActiveSpan()).toBe(one);
        one.end();
      });
    } finally {
      trace.disable();
    }
    expect((await spans()).map(({ name }) => name)).toEqual(["work"]);
  });

  it("has the types of the API", () => {
    const { traces } = setup();
    expectTypeOf(openTelemetryProvider(traces)).toEqualTypeOf<ApiProvider>();
    expectTypeOf<OurSpan>().toExtend<ApiSpan>();
    expectTypeOf<CallSpanView>().toExtend<ApiSpan>();
    expectTypeOf<QuietSpan>().toExtend<ApiSpan>();
    // @ts-expect-error a name is no tracer
    expect(() => openTelemetryProvider("x")).toThrow("tracer should be made by tracer()");
  });
});
