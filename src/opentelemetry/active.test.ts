import { context as contexts, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { asyncContexts } from "../../test/async-contexts.ts";
import { passing, until } from "../../test/until.ts";
import { served } from "../../test/served.ts";
import { client } from "../client/index.ts";
import { method, service } from "../contract/index.ts";
import {
  backgroundContext,
  descriptionOf,
  type Middleware,
  type Observe,
  type StreamMiddleware,
} from "../endpoint/index.ts";
import { httpClient } from "../transport/http/index.ts";
import { local } from "../transport/local/index.ts";
import { memoryExporter, span, traceCalls, tracer } from "../trace/index.ts";
import { activeSpan, openTelemetryCalls, openTelemetryContext, openTelemetryProvider } from "./index.ts";

const text = z.object({ text: z.string() });
const shop = service("shop", {
  buy: method({ request: text, response: text }),
  list: method({ request: text, response: text, stream: "server" }),
});

beforeAll(() => void contexts.setGlobalContextManager(asyncContexts()));
afterAll(() => contexts.disable());

const activeId = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;

/** A tracer of either kind, and the name of each span's parent. */
interface Kind {
  readonly observe: Observe;
  /** What a library such as a database's driver does. */
  query(): void;
  parents(): Promise<Record<string, string | undefined>>;
}

function withSdk(): Kind {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return {
    observe: openTelemetryCalls({ tracerProvider }),
    query: () => tracerProvider.getTracer("pg").startSpan("SELECT").end(),
    parents: async () => {
      const spans = exporter.getFinishedSpans();
      const names = new Map(spans.map((one) => [one.spanContext().spanId, `${SpanKind[one.kind]} ${one.name}`]));
      return Object.fromEntries(
        spans.map((one) => [
          names.get(one.spanContext().spanId)!.toLowerCase(),
          names.get(one.parentSpanContext?.spanId ?? "")?.toLowerCase(),
        ]),
      );
    },
  };
}

function withOurs(): Kind {
  const exporter = memoryExporter();
  const traces = tracer({ service: "x", ratio: 1, exporter });
  const library = openTelemetryProvider(traces).getTracer("pg");
  return {
    observe: traceCalls(traces),
    query: () => library.startSpan("SELECT").end(),
    parents: async () => {
      await traces.flush();
      const names = new Map(exporter.spans.map((one) => [one.spanId, `${one.kind} ${one.name}`]));
      return Object.fromEntries(
        exporter.spans.map((one) => [names.get(one.spanId)!.toLowerCase(), names.get(one.parentSpanId)?.toLowerCase()]),
      );
    },
  };
}

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const answer of answers) list.push(answer);
  return list;
}

for (const [which, make] of [
  ["the SDK", withSdk],
  ["our tracer", withOurs],
] as const) {
  describe(`the active span of a call that ${which} traces`, () => {
    for (const transport of ["http", "local"] as const) {
      it(`is the call's, across awaits, over ${transport}`, async () => {
        const { observe, query, parents } = make();
        const seen: boolean[] = [];
        const implementation = shop.implement(
          {
            buy: async (request, context) => {
              seen.push(activeId() === context.trace?.spanId);
              await passing(1);
              query();
              seen.push(activeId() === context.trace?.spanId);
              return request;
            },
            list: async function* list() {},
          },
          { observers: [observe], methods: { buy: { use: [activeSpan()] } } },
        );
        await using server = await served(implementation, {}, { trace: false });
        await using remote =
          transport === "http"
            ? client(shop, httpClient({ connectTimeoutMs: 60_000 }), { from: server.address, timeoutMs: 60_000 })
            : client(shop, local(implementation));
        await Promise.all([remote.buy({ text: "a" }), remote.buy({ text: "b" })]);
        expect(seen).toEqual([true, true, true, true]);
        expect(trace.getActiveSpan()).toBeUndefined();
        expect(await parents()).toEqual({ "server shop/buy": undefined, "internal select": "server shop/buy" });
      });
    }

    it("is the call's in each step of a stream, to its end", async () => {
      const { observe, query, parents } = make();
      const ids = new Set<string | undefined>();
      let expected: string | undefined;
      let isOver = false;
      const implementation = shop.implement(
        {
          buy: (request) => request,
          list: async function* list(_request, context) {
            expected = context.trace?.spanId;
            try {
              for (const one of "abc") {
                ids.add(activeId());
                await passing(1);
                ids.add(activeId());
                query();
                yield { text: one };
              }
            } finally {
              ids.add(activeId());
              isOver = true;
            }
          },
        },
        { observers: [observe], methods: { list: { use: [activeSpan()] } } },
      );
      await using remote = client(shop, local(implementation));
      expect(await all(remote.list({ text: "" }))).toHaveLength(3);
      expect([...ids]).toEqual([expected]);
      isOver = false;
      for await (const { text: one } of remote.list({ text: "" })) if (one === "b") break;
      await until(() => isOver);
      expect(ids.size).toBe(2);
      expect(await parents()).toEqual({ "server shop/list": undefined, "internal select": "server shop/list" });
    });

    it("is a client's around its transport, and what a handler opened around that", async () => {
      const { observe, query, parents } = make();
      const inner = shop.implement({ buy: (request) => (query(), request), list: async function* list() {} });
      await using toInner = client(shop, local(inner), {
        observers: [observe],
        methods: { buy: { use: [activeSpan()] } },
      });
      await span(backgroundContext(), "nothing", () => toInner.buy({ text: "a" }));
      expect(await parents()).toEqual({ "client shop/buy": undefined, "internal select": "client shop/buy" });
    });
  });
}

describe("a client inside a span that a handler opened by the API", () => {
  it("is its child, with no context but the handler's", async () => {
    const exporter = new InMemorySpanExporter();
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const observers = [openTelemetryCalls({ tracerProvider })];
    const inner = shop.implement({ buy: (request) => request, list: async function* list() {} });
    await using toInner = client(shop, local(inner), { observers });
    const outer = shop.implement(
      {
        buy: (request, context) =>
          tracerProvider.getTracer("mine").startActiveSpan("mine", async (mine) => {
            const answer = await toInner.buy(request, context);
            mine.end();
            return answer;
          }),
        list: async function* list() {},
      },
      { observers, methods: { buy: { use: [activeSpan()] } } },
    );
    await using toOuter = client(shop, local(outer));
    await toOuter.buy({ text: "a" });
    const [inside, mine, call] = exporter.getFinishedSpans();
    expect([inside?.name, mine?.name, call?.name]).toEqual(["shop/buy", "mine", "shop/buy"]);
    expect(inside?.parentSpanContext?.spanId).toBe(mine?.spanContext().spanId);
    expect(mine?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
  });
});

describe("activeSpan", () => {
  it("changes nothing where nobody traces", () => {
    const context = backgroundContext();
    const run = activeSpan()((one: number) => [one, trace.getActiveSpan()], context.method);
    expect(run(1, context)).toEqual([1, undefined]);
    const stream = activeSpan()(
      async function* many(): AsyncGenerator<number> {
        yield 1;
      },
      { ...context.method, kind: "server" },
    );
    expect(typeof (stream(1, context) as AsyncIterable<number>)[Symbol.asyncIterator]).toBe("function");
  });

  it("shows an unsampled call's identifiers and takes nothing down", async () => {
    const traces = tracer({ service: "x", ratio: 0 });
    let isRight = false;
    const implementation = shop.implement(
      {
        buy: (request, context) => {
          const active = trace.getActiveSpan()!;
          active.setAttribute("a", 1).setAttributes({ b: 2 }).addEvent("c").addLinks([]).updateName("d");
          active.addLink({ context: active.spanContext() }).setStatus({ code: 2 }).recordException("e");
          active.end();
          const { traceId, traceFlags } = active.spanContext();
          isRight = traceId === context.trace?.traceId && (traceFlags & 1) === 0 && !active.isRecording();
          return request;
        },
        list: async function* list() {},
      },
      { observers: [traceCalls(traces)], methods: { buy: { use: [activeSpan()] } } },
    );
    await using remote = client(shop, local(implementation));
    await remote.buy({ text: "a" });
    expect(isRight).toBe(true);
  });

  it("keeps what else is in the context, and the baggage that came with the call", async () => {
    const KEY = Symbol("mine");
    const tracerProvider = new BasicTracerProvider();
    const baggage = propagation.createBaggage({ tenant: { value: "blue" } });
    const observers = [
      openTelemetryCalls({
        tracerProvider,
        follow: "caller",
        propagator: {
          inject: () => undefined,
          extract: (context) => propagation.setBaggage(context, baggage),
          fields: () => ["baggage"],
        },
      }),
    ];
    const seen: unknown[] = [];
    const implementation = shop.implement(
      {
        buy: (request) => (
          seen.push(contexts.active().getValue(KEY), propagation.getActiveBaggage()?.getEntry("tenant")?.value),
          request
        ),
        list: async function* list() {},
      },
      { observers, methods: { buy: { use: [activeSpan()] } } },
    );
    await using remote = client(shop, local(implementation));
    await contexts.with(ROOT_CONTEXT.setValue(KEY, 7), () => remote.buy({ text: "a" }));
    await remote.buy({ text: "a" });
    expect(seen).toEqual([7, "blue", undefined, "blue"]);
  });

  it("fits methods of both kinds, and says what it is", () => {
    expect(descriptionOf(activeSpan())).toBe("active OpenTelemetry span");
    expectTypeOf(activeSpan()).toExtend<Middleware>();
    expectTypeOf(activeSpan()).toExtend<StreamMiddleware>();
  });
});

describe("openTelemetryContext", () => {
  it("is the base where nobody traces", () => {
    const base = ROOT_CONTEXT.setValue(Symbol("a"), 1);
    expect(openTelemetryContext(backgroundContext(), base)).toBe(base);
    expect(openTelemetryContext(backgroundContext())).toBe(ROOT_CONTEXT);
  });
});
