import { describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall, backgroundContext, type Context, type Key, type MethodInfo } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import { OPEN_SPAN } from "./current.ts";
import { memoryExporter } from "./exporters.ts";
import { injectTrace } from "./inject.ts";
import type { AttributeValue, SpanData } from "./span-data.ts";
import { annotate, noteEvent, span } from "./span.ts";
import { traceCalls } from "./trace-calls.ts";
import { tracer, type TracerOptions } from "./tracer.ts";

const server = methodInfo({ idempotent: false });
const client: MethodInfo = { ...server, name: "store", side: "client" };

interface Setup {
  readonly clock: ReturnType<typeof virtualClock>;
  readonly context: Context;
  call(method: MethodInfo, parent: Context): ActiveCall;
  end(call?: ActiveCall): void;
  spans(): Promise<readonly SpanData[]>;
}

/** A call in progress, sampled unless said otherwise. */
function setup(options: Partial<TracerOptions> = {}): Setup {
  const clock = virtualClock();
  const exporter = memoryExporter();
  const traces = tracer({ service: "adder", exporter, ratio: 1, random: seededRandom(5), clock, ...options });
  const observe = traceCalls(traces);
  function begin(method: MethodInfo, parent?: Context): ActiveCall {
    const call = new ActiveCall(method, { startMs: clock.now(), timeoutMs: 3000, parent });
    observe(method)!.start!(call);
    return call;
  }
  const entry = begin(server);
  return {
    clock,
    context: entry.context,
    call: begin,
    end: (call = entry) => observe(call.method)!.end!(call),
    async spans() {
      await traces.flush();
      return exporter.spans;
    },
  };
}

async function attributesAfter(write: (context: Context) => void, options?: Partial<TracerOptions>): Promise<SpanData> {
  const { context, end, spans } = setup(options);
  write(context);
  end();
  return (await spans())[0]!;
}

describe("span", () => {
  it("records what runs inside it as a child of the call", async () => {
    const { context, end, spans, clock } = setup();
    const result = span(context, "add up", async () => {
      await clock.advance(40);
      return 3;
    });
    expect(await result).toBe(3);
    end();
    const [inner, outer] = await spans();
    expect(inner).toMatchObject({ name: "add up", kind: "internal", durationMs: 40, status: "unset" });
    expect([inner!.traceId, inner!.parentSpanId]).toEqual([outer!.traceId, outer!.spanId]);
  });

  it("keeps a plain value plain, sampled or not", () => {
    expect(span(setup().context, "x", () => 3)).toBe(3);
    expect(span(setup({ ratio: 0 }).context, "x", () => 3)).toBe(3);
    expect(span(backgroundContext(), "x", () => 3)).toBe(3);
    expectTypeOf(span(backgroundContext(), "x", () => 3)).toEqualTypeOf<number>();
    expectTypeOf(span(backgroundContext(), "x", async () => 3)).toEqualTypeOf<Promise<number>>();
  });

  it("notes what is thrown by its type, not by its text, and throws it on", async () => {
    const { context, spans } = setup();
    const thrown = new TypeError("password is hunter2");
    const run = (): never => {
      throw thrown;
    };
    expect(() => span(context, "sync", run)).toThrow(thrown);
    await expect(span(context, "async", async () => run())).rejects.toBe(thrown);
    const found = await spans();
    for (const one of found) {
      expect(one).toMatchObject({ status: "error", statusMessage: "", attributes: { "error.type": "TypeError" } });
    }
    expect(found.map(({ name }) => name)).toEqual(["sync", "async"]);
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });

  it("notes what is thrown and is no error", async () => {
    const { context, spans } = setup();
    await expect(span(context, "x", () => Promise.reject("text" as unknown as Error))).rejects.toBe("text");
    expect((await spans())[0]!.attributes).toEqual({ "error.type": "string" });
  });

  it("does not fail by an error that the contract declares", async () => {
    const { context, spans } = setup();
    const answer = new ServiceError("two zeroes", { code: "aborted", reason: "two_zeroes", origin: "declared" });
    await expect(span(context, "x", () => Promise.reject(answer))).rejects.toBe(answer);
    expect(await spans()).toMatchObject([{ status: "unset", attributes: { "servicekit.reason": "two_zeroes" } }]);
  });

  it("nests, and calls made inside are its children", async () => {
    const { context, call, end, spans } = setup();
    let sent = "";
    span(context, "outer", (outer) => {
      span(outer, "inner", (inner) => {
        const made = call(client, inner);
        injectTrace(made.context, (_, value) => void (sent = value));
        end(made);
      });
      span(outer, "beside", () => undefined);
    });
    end();
    const found = new Map((await spans()).map((one) => [one.name, one]));
    const parent = (name: string): string => found.get(name)!.parentSpanId;
    expect(parent("outer")).toBe(found.get("add/sum")!.spanId);
    expect(parent("inner")).toBe(found.get("outer")!.spanId);
    expect(parent("beside")).toBe(found.get("outer")!.spanId);
    expect(parent("add/store")).toBe(found.get("inner")!.spanId);
    expect(sent).toContain(found.get("add/store")!.spanId);
  });

  it("is the current one for headers written by hand", () => {
    const { context } = setup();
    const sent: string[] = [];
    span(context, "outer", (inner) => injectTrace(inner, (_, value) => void sent.push(value)));
    injectTrace(context, (_, value) => void sent.push(value));
    expect(sent[0]!.slice(3, 35)).toBe(sent[1]!.slice(3, 35));
    expect(sent[0]!.slice(36, 52)).not.toBe(sent[1]!.slice(36, 52));
  });

  it("of the call around a client's does not stand for the client's own, though its values do", () => {
    const { context, call } = setup();
    span(context, "outer", (inner) => {
      const values = { key: OPEN_SPAN as Key<unknown>, value: inner.get(OPEN_SPAN), next: undefined };
      const made = new ActiveCall(client, { startMs: 0, timeoutMs: 1, parent: inner, values });
      made.trace = call(client, inner).trace;
      const sent: string[] = [];
      injectTrace(made.context, (_, value) => void sent.push(value));
      expect(sent[0]).toContain(made.trace!.spanId);
    });
  });

  it("records nothing in a call that is not sampled", async () => {
    const { context, end, spans } = setup({ ratio: 0 });
    span(context, "x", (inner) => expect(inner).toBe(context));
    end();
    expect(await spans()).toEqual([]);
  });
});

describe("annotate", () => {
  it("adds attributes to the span that is open", async () => {
    const { context, end, spans } = setup();
    annotate(context, "cart.items", 3);
    span(context, "inner", (inner) => annotate(inner, "hit", true));
    annotate(context, "cart.items", 4);
    end();
    const [inner, outer] = await spans();
    expect(inner!.attributes).toEqual({ hit: true });
    expect(outer!.attributes["cart.items"]).toBe(4);
  });

  it("does nothing in a call that is not sampled, outside a call, and after the end", async () => {
    annotate(backgroundContext(), "a", 1);
    annotate(setup({ ratio: 0 }).context, "a", 1);
    const { context, end, spans } = setup();
    end();
    annotate(context, "a", 1);
    noteEvent(context, "late");
    expect((await spans())[0]!.attributes).not.toHaveProperty("a");
    expect((await spans())[0]!.events).toEqual([]);
  });

  it("takes 32 attributes and counts the rest", async () => {
    const made = await attributesAfter((context) => {
      for (let i = 0; i < 40; i++) annotate(context, `k${i}`, i);
      annotate(context, "k0", "again");
    });
    expect(Object.keys(made.attributes).filter((name) => /^k\d+$/.test(name))).toHaveLength(32);
    expect(made.attributes["k0"]).toBe("again");
    expect(made.refused).toBe(8);
  });

  it("cuts values at 1024 characters and refuses long and empty names", async () => {
    const made = await attributesAfter((context) => {
      annotate(context, "long", "x".repeat(5000));
      annotate(context, "n".repeat(129), 1);
      annotate(context, "", 1);
    });
    expect(made.attributes["long"]).toHaveLength(1024);
    expect(made.refused).toBe(2);
  });

  it("refuses what cannot be exported", async () => {
    const values: unknown[] = [undefined, null, {}, [], 1n, Symbol("x"), () => 1, Number.NaN, Infinity];
    const made = await attributesAfter((context) => {
      for (const value of values) annotate(context, "odd", value as AttributeValue);
    });
    expect(made.attributes).not.toHaveProperty("odd");
    expect(made.refused).toBe(values.length);
  });

  it("is not fooled by the names of objects' own parts", async () => {
    const made = await attributesAfter((context) => {
      for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) annotate(context, name, "x");
    });
    expect(Object.getPrototypeOf(made.attributes)).toBe(Object.prototype);
    expect(made.attributes).toMatchObject({ constructor: "x", toString: "x", hasOwnProperty: "x" });
    expect(Object.hasOwn(made.attributes, "__proto__")).toBe(false);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(made.refused).toBe(1);
  });

  it("keeps secrets back, built-in and configured", async () => {
    const made = await attributesAfter(
      (context) => {
        annotate(context, "http.request.header.authorization", "Bearer hunter2");
        annotate(context, "Set-Cookie", "hunter2");
        annotate(context, "db.PassWord", "hunter2");
        annotate(context, "Shoe.Size", "hunter2");
        annotate(context, "shoe.colour", "blue");
        noteEvent(context, "login", { accessToken: "hunter2", user: "ada" });
      },
      { redact: ["shoe.size"] },
    );
    expect(JSON.stringify(made)).not.toContain("hunter2");
    expect(made.attributes).toMatchObject({ "Shoe.Size": "[redacted]", "shoe.colour": "blue" });
    expect(made.events).toMatchObject([{ attributes: { accessToken: "[redacted]", user: "ada" } }]);
  });
});

describe("noteEvent", () => {
  it("notes what happened and when", async () => {
    const { context, end, spans, clock } = setup();
    await clock.advance(7);
    noteEvent(context, "cache miss", { key: "user:7" });
    noteEvent(context, "n".repeat(500));
    end();
    const [{ events }] = (await spans()) as [SpanData];
    expect(events[0]).toEqual({
      name: "cache miss",
      unixMs: Date.UTC(2026, 0, 1) + 7,
      attributes: { key: "user:7" },
    });
    expect(events[1]!.name).toHaveLength(128);
  });

  it("takes 32 events and counts the rest, and what they hold too much", async () => {
    const made = await attributesAfter((context) => {
      for (let i = 0; i < 40; i++) noteEvent(context, "again");
    });
    expect(made.events).toHaveLength(32);
    expect(made.refused).toBe(8);
    const many = Object.fromEntries(Array.from({ length: 35 }, (_, i) => [`k${i}`, i]));
    const odd = await attributesAfter((context) => {
      noteEvent(context, "many", many);
      noteEvent(context, "odd", { "": 1, list: [] as unknown as string });
    });
    expect(Object.keys(odd.events[0]!.attributes)).toHaveLength(32);
    expect(odd.events[1]!.attributes).toEqual({});
    expect(odd.refused).toBe(5);
  });

  it("does nothing outside a sampled call", () => {
    expect(noteEvent(backgroundContext(), "x")).toBeUndefined();
  });
});
