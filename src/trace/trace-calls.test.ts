import { describe, expect, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import {
  ActiveCall,
  descriptionOf,
  fuse,
  Metadata,
  OTHER,
  type CallStart,
  type Context,
  type Kind,
  type MethodInfo,
  type Observe,
  type Side,
} from "../endpoint/index.ts";
import { policyError, ServiceError } from "../errors/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom, type Random } from "../time/index.ts";
import { memoryExporter } from "./exporters.ts";
import { injectTrace } from "./inject.ts";
import type { SpanData } from "./span-data.ts";
import { traceCalls } from "./trace-calls.ts";
import { tracer, type Tracer, type TracerOptions } from "./tracer.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";

function info(side: Side, name = "sum", kind: Kind = "unary"): MethodInfo {
  return methodInfo({ name, kind, side, idempotent: false });
}

function fail(error: unknown): never {
  throw error;
}

interface Setup {
  readonly clock: ReturnType<typeof virtualClock>;
  readonly traces: Tracer;
  readonly observe: Observe;
  spans(): Promise<readonly SpanData[]>;
}

function setup(options: Partial<TracerOptions> = {}): Setup {
  const clock = virtualClock();
  const exporter = memoryExporter();
  const traces = tracer({ service: "adder", exporter, random: seededRandom(5), clock, ...options });
  return {
    clock,
    traces,
    observe: traceCalls(traces),
    async spans() {
      await traces.flush();
      return exporter.spans;
    },
  };
}

function incoming(headers: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

function begin(observe: Observe, method: MethodInfo, start: Partial<CallStart> = {}): ActiveCall {
  const call = new ActiveCall(method, { startMs: 0, timeoutMs: 3000, ...start });
  fuse([observe(method)!], fail).start(call);
  return call;
}

function end(observe: Observe, call: ActiveCall, result: { error?: ServiceError; durationMs?: number } = {}): void {
  call.error = result.error;
  call.outcome = result.error?.code ?? "ok";
  call.durationMs = result.durationMs ?? 1;
  fuse([observe(call.method)!], fail).end(call);
}

function serve(observe: Observe, headers: Record<string, string> = {}): ActiveCall {
  return begin(observe, info("server"), { incoming: incoming(headers) });
}

function sentBy(context: Context): Metadata {
  const sent = new Metadata();
  injectTrace(context, (name, value) => sent.set(name, value));
  return sent;
}

describe("who decides", () => {
  it("is the caller, by traceparent", () => {
    const none = setup({ ratio: 0 });
    expect(serve(none.observe, { traceparent: `00-${TRACE}-${SPAN}-01` }).trace?.sampled).toBe(true);
    const all = setup({ ratio: 1 });
    expect(serve(all.observe, { traceparent: `00-${TRACE}-${SPAN}-00` }).trace?.sampled).toBe(false);
  });

  it("is the caller, by B3", () => {
    const none = setup({ ratio: 0 });
    const all = setup({ ratio: 1 });
    expect(serve(none.observe, { b3: `${TRACE}-${SPAN}-1` }).trace?.sampled).toBe(true);
    expect(serve(none.observe, { b3: "d" }).trace?.sampled).toBe(true);
    expect(serve(all.observe, { b3: "0" }).trace?.sampled).toBe(false);
    expect(serve(all.observe, { "x-b3-sampled": "0" }).trace?.sampled).toBe(false);
  });

  it("is the ratio where nobody has decided, true to a fifth at one in ten", () => {
    const { observe } = setup({ ratio: 0.1 });
    let sampled = 0;
    for (let i = 0; i < 10_000; i++) if (serve(observe).trace!.sampled) sampled++;
    expect(sampled).toBeGreaterThan(800);
    expect(sampled).toBeLessThan(1200);
  });

  it("is nobody's chance at 0 and at 1", () => {
    for (const [ratio, sampled] of [
      [0, false],
      [1, true],
    ] as const) {
      const { observe } = setup({ ratio });
      for (let i = 0; i < 100; i++) expect(serve(observe).trace!.sampled).toBe(sampled);
    }
  });

  it("is the trace id where the decision was left to us, so that all who are left to decide agree", () => {
    const random = seededRandom(9);
    const [one, other] = [setup({ ratio: 0.3 }), setup({ ratio: 0.3, random: seededRandom(77) })];
    let sampled = 0;
    for (let i = 0; i < 2000; i++) {
      const headers = { b3: `${random.hex(16)}-${SPAN}` };
      const decided = serve(one.observe, headers).trace!.sampled;
      expect(serve(other.observe, headers).trace!.sampled).toBe(decided);
      if (decided) sampled++;
    }
    expect(sampled / 2000).toBeCloseTo(0.3, 1);
  });

  it("is the sampler in place of the ratio, and not where the caller has decided", () => {
    const asked: string[] = [];
    const { observe } = setup({ ratio: 0, sampler: (call) => asked.push(call.method.name) > 0 });
    expect(serve(observe).trace?.sampled).toBe(true);
    expect(serve(observe, { b3: `${TRACE}-${SPAN}` }).trace?.sampled).toBe(true);
    expect(serve(observe, { traceparent: `00-${TRACE}-${SPAN}-00` }).trace?.sampled).toBe(false);
    expect(asked).toEqual(["sum", "sum"]);
  });

  it("leaves a call unsampled, with a trace, when the sampler throws, and lets the error be reported", () => {
    const { observe } = setup({ sampler: () => fail(new Error("no")) });
    const reported: unknown[] = [];
    const call = new ActiveCall(info("server"), { startMs: 0, timeoutMs: 1 });
    fuse([observe(call.method)!], (error) => reported.push(error)).start(call);
    expect(reported).toEqual([new Error("no")]);
    expect(call.trace?.sampled).toBe(false);
    expect(call.trace?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it("looks at the formats asked for only", () => {
    const { observe } = setup({ ratio: 0, formats: { read: ["b3"] } });
    expect(serve(observe, { traceparent: `00-${TRACE}-${SPAN}-01` }).trace?.sampled).toBe(false);
    expect(serve(observe, { b3: "1" }).trace?.sampled).toBe(true);
  });

  it("looks at B3 first when asked to, even beside an unsampled traceparent", () => {
    const { observe } = setup({ formats: { read: ["b3", "w3c"] } });
    expect(serve(observe, { traceparent: `00-${TRACE}-${SPAN}-00`, b3: "1" }).trace?.sampled).toBe(true);
  });

  it("begins a trace in place of a malformed traceparent that says sampled", async () => {
    const { observe, spans } = setup({ ratio: 1 });
    end(observe, serve(observe, { traceparent: `00-${"0".repeat(32)}-${SPAN}-01`, tracestate: "a=1" }));
    const [span] = await spans();
    expect(span).toMatchObject({ parentSpanId: "", traceState: "" });
    expect(span!.traceId).toMatch(/[1-9a-f]/);
  });
});

describe("an edge that does not trust its callers", () => {
  it("decides anew, in a new trace that is linked to the caller's", async () => {
    const { observe, spans } = setup({ follow: "ratio", ratio: 1 });
    end(observe, serve(observe, { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: "a=1" }));
    const [span] = await spans();
    expect(span!.traceId).not.toBe(TRACE);
    expect(span).toMatchObject({ parentSpanId: "", traceState: "", links: [{ traceId: TRACE, spanId: SPAN }] });
  });

  it("is not moved by a caller that says sampled or debug", () => {
    const { observe } = setup({ follow: "ratio", ratio: 0 });
    for (const headers of [{ traceparent: `00-${TRACE}-${SPAN}-01` }, { b3: `${TRACE}-${SPAN}-d` }]) {
      const call = serve(observe, headers);
      expect(call.trace?.sampled).toBe(false);
      expect(call.trace?.traceId).not.toBe(TRACE);
    }
  });

  it("links nothing where no identifiers came", async () => {
    const { observe, spans } = setup({ follow: "ratio", ratio: 1 });
    end(observe, serve(observe, { b3: "1" }));
    end(observe, serve(observe));
    expect((await spans()).map(({ links }) => links)).toEqual([[], []]);
  });
});

describe("an unsampled call", () => {
  it("has no identifiers made for it until one is read", () => {
    let made = 0;
    const seeded = seededRandom(3);
    const random: Random = { fraction: () => 0.999, hex: (bytes) => (made++, seeded.hex(bytes)) };
    const { observe } = setup({ random });
    const calls = [
      serve(observe),
      serve(observe, { traceparent: `00-${TRACE}-${SPAN}-00` }),
      serve(observe, { b3: `${TRACE}-${SPAN}-0` }),
      begin(observe, info("client")),
    ];
    calls.push(begin(observe, info("client"), { parent: calls[0]!.context }));
    for (const call of calls) end(observe, call);
    expect(made).toBe(0);
    expect(calls[1]!.trace!.traceId).toBe(TRACE);
    expect(made).toBe(0);
    expect(calls[0]!.trace!.traceId).toBe(calls[4]!.trace!.traceId);
    expect(made).toBe(1);
  });

  it("is not recorded", async () => {
    const { observe, spans, traces } = setup({ ratio: 0 });
    end(observe, serve(observe));
    expect(await spans()).toEqual([]);
    expect(traces.stats.recorded).toBe(0);
  });
});

describe("a recorded call", () => {
  it("says what it was and what became of it, in OpenTelemetry's words", async () => {
    const { observe, spans, clock } = setup({ ratio: 1 });
    await clock.advance(250);
    const call = begin(observe, info("server"), { startMs: clock.now(), transport: "http" });
    Object.assign(call, { status: 200, requestBytes: 13, responseBytes: 7, peer: "10.0.0.7" });
    end(observe, call, { durationMs: 12.5 });
    expect(await spans()).toEqual([
      {
        service: "adder",
        traceId: call.trace!.traceId,
        spanId: call.trace!.spanId,
        parentSpanId: "",
        traceState: "",
        name: "add/sum",
        kind: "server",
        startUnixMs: Date.UTC(2026, 0, 1) + 250,
        durationMs: 12.5,
        status: "unset",
        statusMessage: "",
        attributes: {
          "rpc.system": "http",
          "rpc.service": "add",
          "rpc.method": "sum",
          "rpc.response.status_code": "ok",
          "http.response.status_code": 200,
          "http.request.body.size": 13,
          "http.response.body.size": 7,
          "network.peer.address": "10.0.0.7",
        },
        events: [],
        links: [],
        refused: 0,
      },
    ]);
  });

  it.each([
    ["jsonrpc", "http.response.status_code"],
    ["grpc", "rpc.grpc.status_code"],
    ["carrier pigeon", "rpc.status_code"],
    ["constructor", "rpc.status_code"],
  ])("names the status of %s %s", async (transport, name) => {
    const { observe, spans } = setup({ ratio: 1 });
    const call = begin(observe, info("server"), { transport });
    call.status = 5;
    end(observe, call);
    expect((await spans())[0]!.attributes).toMatchObject({ "rpc.system": transport, [name]: 5 });
  });

  it("is named other where no method fits, whatever was asked for", async () => {
    const { observe, spans } = setup({ ratio: 1 });
    const call = begin(observe, { ...info("server"), service: OTHER, name: OTHER });
    call.target = "/secret/path?token=1";
    end(observe, call, { error: policyError("unknown_method") });
    const [span] = await spans();
    expect(span!.name).toBe("other");
    expect(JSON.stringify(span)).not.toContain("secret");
  });

  it("goes on from the caller's span, tracestate included", async () => {
    const { observe, spans } = setup();
    end(observe, serve(observe, { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "a=1" }));
    expect(await spans()).toMatchObject([{ traceId: TRACE, parentSpanId: SPAN, traceState: "a=1" }]);
  });

  it("counts the messages of a stream", async () => {
    const { observe, spans } = setup({ ratio: 1 });
    const method = info("server", "count", "bidi");
    const call = begin(observe, method);
    const observer = fuse([observe(method)!], fail);
    observer.message(call, "received", 3);
    observer.message(call, "sent", 3);
    observer.message(call, "sent", 3);
    end(observe, call);
    expect((await spans())[0]!.attributes).toMatchObject({ "rpc.messages.received": 1, "rpc.messages.sent": 2 });
    const unsampled = begin(setup({ ratio: 0 }).observe, method);
    expect(() => observer.message(unsampled, "sent", 1)).not.toThrow();
  });

  it("is recorded once, also when it ends twice or two tracers watch it", async () => {
    const [one, two] = [setup({ ratio: 1 }), setup({ ratio: 1 })];
    const call = serve(one.observe);
    end(two.observe, call);
    end(one.observe, call);
    end(one.observe, call);
    expect(await one.spans()).toHaveLength(1);
    expect(await two.spans()).toHaveLength(0);
  });

  it("is dropped and counted when it ends after the tracer was closed", async () => {
    const { observe, traces } = setup({ ratio: 1 });
    const call = serve(observe);
    await traces.close();
    end(observe, call);
    expect(traces.stats).toMatchObject({ recorded: 1, exported: 0, dropped: 1 });
    expect(serve(observe).trace?.sampled).toBe(true);
    expect(traces.stats.recorded).toBe(1);
  });
});

describe("an error", () => {
  const declared = (): ServiceError =>
    new ServiceError("two zeroes", { code: "invalid_argument", reason: "two_zeroes", origin: "declared" });
  const failure = (): ServiceError =>
    new ServiceError("internal error", { code: "internal", cause: new Error("password is hunter2") });

  async function spanOf(side: Side, error: ServiceError, options: Partial<TracerOptions> = {}): Promise<SpanData> {
    const { observe, spans } = setup({ ratio: 1, ...options });
    end(observe, begin(observe, info(side)), { error });
    return (await spans())[0]!;
  }

  it("that the contract declares does not make the span fail", async () => {
    for (const side of ["server", "client"] as const) {
      const span = await spanOf(side, declared());
      expect(span.status).toBe("unset");
      expect(span.statusMessage).toBe("two zeroes");
      expect(span.attributes).toMatchObject({
        "rpc.response.status_code": "invalid_argument",
        "servicekit.reason": "two_zeroes",
      });
      expect(span.attributes).not.toHaveProperty("error.type");
    }
  });

  it("that the contract declares makes the client's span fail when the option says so", async () => {
    const span = await spanOf("client", declared(), { declaredErrorsFail: true });
    expect(span.status).toBe("error");
    expect(span.attributes["error.type"]).toBe("two_zeroes");
  });

  it("that nobody declared makes the span fail, and keeps its cause to itself", async () => {
    const span = await spanOf("server", failure());
    expect(span).toMatchObject({ status: "error", statusMessage: "internal error" });
    expect(span.attributes["error.type"]).toBe("internal");
    expect(JSON.stringify(span)).not.toContain("hunter2");
  });

  it("that is the caller's fault fails the client's span and not the server's", async () => {
    const error = policyError("rate_limited");
    expect((await spanOf("server", error)).status).toBe("unset");
    expect((await spanOf("client", error)).status).toBe("error");
  });

  it("from a peer has its reason and message cut to bounds", async () => {
    const error = new ServiceError("m".repeat(9000), { code: "internal", reason: "r".repeat(9000), origin: "peer" });
    const span = await spanOf("client", error);
    expect(span.statusMessage).toHaveLength(1024);
    expect(span.attributes["servicekit.reason"]).toHaveLength(128);
  });
});

describe("a chain of calls", () => {
  it("has each span as the child of the one before: client, server, client, server", async () => {
    const front = setup({ ratio: 1 });
    const back = setup({ ratio: 0, random: seededRandom(8) });

    const entry = serve(front.observe);
    const outgoing = begin(front.observe, info("client", "concat"), { parent: entry.context });
    const inner = begin(back.observe, info("server", "concat"), { incoming: sentBy(outgoing.context) });
    const deeper = begin(back.observe, info("client", "store"), { parent: inner.context });
    for (const call of [deeper, inner]) end(back.observe, call);
    for (const call of [outgoing, entry]) end(front.observe, call);

    const spans = [...(await front.spans()), ...(await back.spans())];
    const byName = new Map(spans.map((span) => [`${span.kind} ${span.name}`, span]));
    const chain = ["server add/sum", "client add/concat", "server add/concat", "client add/store"].map((name) =>
      byName.get(name)!,
    );
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(4);
    expect(chain.map((span) => span.parentSpanId)).toEqual(["", ...chain.slice(0, 3).map((span) => span.spanId)]);
  });

  it("keeps one trace id and the decision where nothing is sampled", () => {
    const { observe } = setup({ ratio: 0 });
    const entry = serve(observe, { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: "a=1" });
    const outgoing = begin(observe, info("client"), { parent: entry.context });
    const sent = sentBy(outgoing.context);
    expect(sent.get("traceparent")).toBe(`00-${TRACE}-${outgoing.trace!.spanId}-00`);
    expect(sent.get("tracestate")).toBe("a=1");
    expect(outgoing.trace!.spanId).not.toBe(entry.trace!.spanId);
  });

  it("begins at a client that no call is around", async () => {
    const { observe, spans } = setup({ ratio: 1 });
    end(observe, begin(observe, info("client")));
    expect(await spans()).toMatchObject([{ kind: "client", parentSpanId: "" }]);
  });

  it("goes on from the headers of a server that does not trace, if callers are trusted", async () => {
    const untraced = new ActiveCall(info("server"), {
      startMs: 0,
      timeoutMs: 1,
      incoming: incoming({ traceparent: `00-${TRACE}-${SPAN}-01` }),
    });
    const { observe, spans } = setup({ ratio: 0 });
    end(observe, begin(observe, info("client"), { parent: untraced.context }));
    expect(await spans()).toMatchObject([{ traceId: TRACE, parentSpanId: SPAN }]);
    const wary = setup({ follow: "ratio", ratio: 0 });
    expect(begin(wary.observe, info("client"), { parent: untraced.context }).trace!.traceId).not.toBe(TRACE);
  });

  it("keeps B3's debug, and writes what its tracer writes", () => {
    const { observe } = setup({ formats: { write: ["b3"] } });
    const entry = serve(observe, { b3: `${TRACE}-${SPAN}-d` });
    const outgoing = begin(observe, info("client"), { parent: entry.context });
    const { spanId } = outgoing.trace!;
    expect(sentBy(outgoing.context).get("b3")).toBe(`${TRACE}-${spanId}-d-${entry.trace!.spanId}`);
  });
});

describe("a tracer without an exporter", () => {
  it("hands identifiers and decisions on, and records nothing", () => {
    const traces = tracer({ service: "adder", ratio: 1, random: seededRandom(2) });
    const observe = traceCalls(traces);
    const entry = serve(observe, { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "a=1" });
    const outgoing = begin(observe, info("client"), { parent: entry.context });
    expect(sentBy(outgoing.context).get("traceparent")).toBe(`00-${TRACE}-${outgoing.trace!.spanId}-01`);
    expect(sentBy(outgoing.context).get("tracestate")).toBe("a=1");
    end(observe, outgoing);
    end(observe, entry);
    expect(traces.stats).toEqual({ recorded: 0, exported: 0, dropped: 0, waiting: 0, exportErrors: 0 });
  });
});

describe("traceCalls", () => {
  it("says how it is set", () => {
    expect(descriptionOf(setup().observe)).toBe(
      "trace ratio 0.01, follows the caller, reads w3c+b3+b3multi, writes w3c",
    );
    const other = setup({ sampler: () => true, follow: "ratio", formats: { read: [], write: ["b3", "w3c"] } });
    expect(descriptionOf(other.observe)).toBe("trace own sampler, decides anew, reads none, writes b3+w3c");
  });

  it("gives the same identifiers from the same seed", () => {
    const ids = (): string[] => {
      const { observe } = setup({ ratio: 1 });
      const { traceId, spanId } = serve(observe).trace!;
      return [traceId, spanId];
    };
    expect(ids()).toEqual(ids());
  });

  it("takes only what tracer() makes", () => {
    expect(() => traceCalls({ service: "x" } as Tracer)).toThrow("tracer should be made by tracer(), got an object");
  });
});
