import { describe, expect, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall, fuse, Metadata, type CallStart, type MethodInfo, type Observe } from "../endpoint/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import { memoryExporter } from "./exporters.ts";
import { injectTrace } from "./inject.ts";
import { RecordedSpan } from "./recorded-span.ts";
import { span } from "./span.ts";
import type { SpanData } from "./span-data.ts";
import { traceCalls } from "./trace-calls.ts";
import { tracer, type TracerOptions } from "./tracer.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";
const server = methodInfo({ idempotent: false });
const client: MethodInfo = { ...server, side: "client" };

function setup(options: Partial<TracerOptions> = {}) {
  const clock = virtualClock();
  const traces = tracer({ service: "adder", ratio: 0, random: seededRandom(5), clock, ...options });
  return { clock, traces, observe: traceCalls(traces), seen: [] as SpanData[] };
}

function begin(observe: Observe, method: MethodInfo, start: Partial<CallStart> = {}): ActiveCall {
  const call = new ActiveCall(method, { startMs: 0, timeoutMs: 3000, ...start });
  fuse([observe(method)!], (error) => expect(error).toBeUndefined()).start(call);
  return call;
}

function end(observe: Observe, call: ActiveCall): void {
  call.outcome = "ok";
  call.durationMs = 1;
  fuse([observe(call.method)!], (error) => expect(error).toBeUndefined()).end(call);
}

function incoming(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

describe("watching a tracer", () => {
  it("shows calls that nobody samples, without an exporter, with the handler's own spans", () => {
    const { traces, observe, seen } = setup();
    const stop = traces.watch((one) => seen.push(one));
    const call = begin(observe, server);
    span(call.context, "inner", () => 1);
    end(observe, call);
    expect(seen.map(({ name, kind }) => [name, kind])).toEqual([
      ["inner", "internal"],
      ["add/sum", "server"],
    ]);
    expect(seen[0]!.parentSpanId).toBe(seen[1]!.spanId);
    expect(call.trace!.sampled).toBe(false);
    expect(traces.stats.recorded).toBe(0);
    stop();
  });

  it("records nothing before the first watcher and after the last", () => {
    const { traces, observe, seen } = setup();
    const isRecorded = (): boolean => {
      const call = begin(observe, server);
      end(observe, call);
      return call.trace instanceof RecordedSpan;
    };
    expect(isRecorded()).toBe(false);
    const [one, other] = [traces.watch((each) => seen.push(each)), traces.watch((each) => seen.push(each))];
    expect(isRecorded()).toBe(true);
    expect(seen).toHaveLength(2);
    one();
    one();
    expect(isRecorded()).toBe(true);
    expect(seen).toHaveLength(3);
    other();
    expect(isRecorded()).toBe(false);
    expect(seen).toHaveLength(3);
  });

  it("ends with the tracer", async () => {
    const { traces, observe, seen } = setup();
    traces.watch((each) => seen.push(each));
    await traces.close();
    end(observe, begin(observe, server));
    expect(seen).toEqual([]);
  });

  it.each([
    [{}],
    [{ traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: "vendor=1" }],
    [{ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "vendor=1" }],
    [{ traceparent: `00-${TRACE}-${SPAN}-02` }],
    [{ traceparent: `00-${"0".repeat(32)}-${SPAN}-00`, b3: `${TRACE}-${SPAN}-1` }],
    [{ b3: `${TRACE}-${SPAN}-d` }],
    [{ b3: "0" }],
    [{ b3: "1" }],
    [{ b3: `${TRACE}-${SPAN}` }],
  ])("changes nothing about what travels and what is exported: %j", async (headers) => {
    for (const [ratio, follow] of [
      [0, "parent"],
      [1, "parent"],
      [0, "ratio"],
      [1, "ratio"],
    ] as const) {
      const outcomes = [];
      for (const isWatched of [false, true]) {
        const exporter = memoryExporter();
        const { traces, observe, seen } = setup({ ratio, follow, exporter, formats: { write: ["w3c", "b3"] } });
        if (isWatched) traces.watch((each) => seen.push(each));
        const call = begin(observe, server, { incoming: incoming(headers) });
        const sent: Record<string, string> = {};
        injectTrace(call.context, (name, value) => (sent[name] = value));
        end(observe, call);
        await traces.flush();
        const inherited = sent["traceparent"]?.includes(TRACE);
        const spans = exporter.spans.map(({ traceId, parentSpanId, links }) => [
          traceId === TRACE,
          parentSpanId,
          links,
        ]);
        outcomes.push([
          inherited,
          sent["traceparent"]?.slice(-2),
          sent["tracestate"],
          sent["b3"]?.split("-")[2],
          spans,
        ]);
        expect(seen).toHaveLength(isWatched ? 1 : 0);
      }
      expect(outcomes[1]).toEqual(outcomes[0]);
    }
  });

  it("shows fifty calls of a second at most, and those of the next second again", async () => {
    const { traces, observe, seen, clock } = setup({ ratio: 0 });
    traces.watch((each) => seen.push(each));
    for (let i = 0; i < 200; i++) end(observe, begin(observe, server));
    expect(seen).toHaveLength(50);
    await clock.advance(1000);
    for (let i = 0; i < 200; i++) end(observe, begin(observe, server));
    expect(seen).toHaveLength(100);
  });

  it("shows a thousand spans of a second at most", () => {
    const { traces, observe, seen } = setup();
    traces.watch((each) => seen.push(each));
    const call = begin(observe, server);
    for (let i = 0; i < 2000; i++) span(call.context, "each", () => i);
    end(observe, call);
    expect(seen).toHaveLength(1000);
  });

  it("shows calls made for a watched call, also through another tracer, and none made for others", () => {
    const { traces, observe, seen } = setup();
    const other = setup();
    const unwatched = begin(observe, server);
    traces.watch((each) => seen.push(each));
    const call = begin(observe, server);
    for (const parent of [unwatched, call]) {
      for (const by of [observe, other.observe]) end(by, begin(by, client, { parent: parent.context }));
    }
    end(observe, call);
    expect(seen.map(({ kind, traceId }) => [kind, traceId === call.trace!.traceId])).toEqual([
      ["client", true],
      ["client", true],
      ["server", true],
    ]);
    expect(new Set(seen.slice(0, 2).map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([call.trace!.spanId]));
  });

  it("lets no watcher fail a call, nor keep the others from seeing it", () => {
    const { traces, observe, seen } = setup();
    traces.watch(() => {
      throw new Error("broken");
    });
    traces.watch((each) => seen.push(each));
    end(observe, begin(observe, server));
    expect(seen).toHaveLength(1);
    expect(() => traces.watch(7 as never)).toThrow("onSpan should be a function, got 7");
  });
});
