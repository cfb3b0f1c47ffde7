import { describe, expect, it } from "vitest";
import { until } from "../../test/until.ts";
import { health } from "../health/index.ts";
import { logger } from "../log/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { memoryExporter, tracer, type Tracer } from "../trace/index.ts";
import type { Logger } from "../log/index.ts";
import { look, servedShop, type Viewer } from "./testdata/shop.ts";

/** A tracer and a logger that count who watches them. */
function counted() {
  const count = { spans: 0, lines: 0, shown: 0 };
  const trace = tracer({ service: "shop" });
  const log = logger({ format: "json", write: () => undefined });
  const [watchSpans, watchLines] = [trace.watch.bind(trace), log.watch!.bind(log)];
  (trace as { watch: Tracer["watch"] }).watch = (onSpan) => {
    count.spans++;
    const stop = watchSpans((span) => {
      count.shown++;
      onSpan(span);
    });
    return () => {
      count.spans--;
      stop();
    };
  };
  (log as { watch: NonNullable<Logger["watch"]> }).watch = (onLine) => {
    count.lines++;
    const stop = watchLines(onLine);
    return () => {
      count.lines--;
      stop();
    };
  };
  return { count, trace, log };
}

async function next(clock: ReturnType<typeof virtualClock>, viewer: Viewer): Promise<Viewer["ticks"][number]> {
  const before = viewer.ticks.length;
  await clock.advance(1000);
  await until(() => viewer.ticks.length > before);
  return viewer.ticks.at(-1)!;
}

describe("looking on", () => {
  it("begins with everything as it stands, then tells each second what has changed", async () => {
    const clock = virtualClock();
    await using shop = await servedShop({}, { clock });
    await shop.buy("tea");
    const viewer = await look(shop.debug);
    await until(() => viewer.ticks.length === 1);
    const first = viewer.ticks[0]!;
    expect(first.bounds!.length).toBeGreaterThan(5);
    expect(first.methods["shop.buy"]).toMatchObject({ codes: { ok: 1 }, count: 1, inFlight: 0 });
    expect(first.methods["shop.watch"]).toMatchObject({ count: 0 });
    expect(first.methods["shop.buy"]!.buckets).toHaveLength(first.bounds!.length + 1);
    expect(first.methods["shop.buy"]!.states.map(({ type }) => type)).toEqual(["limiter", "breaker"]);
    expect((await next(clock, viewer)).health).toMatchObject({ ok: true });
    await shop.buy("none");
    const later = await next(clock, viewer);
    expect(later.methods["shop.buy"]).toMatchObject({ codes: { ok: 1, failed_precondition: 1 }, count: 2 });
    expect(Object.keys(later.methods)).not.toContain("shop.watch");
    for (let i = 0; i < 2; i++) await shop.buy("broken");
    const opened = await next(clock, viewer);
    expect(opened.methods["shop.buy"]!.states).toContainEqual(
      expect.objectContaining({ type: "breaker", state: "open" }),
    );
    viewer.leave();
  });

  it("shows calls as spans, each with its own lines of the log, also those before its span ended", async () => {
    const clock = virtualClock();
    await using shop = await servedShop({}, { clock });
    await shop.buy("before");
    const viewer = await look(shop.debug);
    await shop.buy("tea", { "x-request-id": "mine-7" });
    await until(() => viewer.ticks.length > 0);
    await next(clock, viewer);
    expect(viewer.spans.map(({ name }) => name)).toEqual(["shop/buy"]);
    const { traceId } = viewer.spans[0]!;
    const own = viewer.lines.filter((line) => line.traceId === traceId).map(({ text }) => JSON.parse(text) as object);
    expect(own).toMatchObject([
      { msg: "buying", sku: "tea", request_id: "mine-7" },
      { msg: "request", request_id: "mine-7", code: "ok" },
    ]);
    viewer.leave();
  });

  it("costs nothing before the first viewer comes and after the last one leaves", async () => {
    const { count, trace, log } = counted();
    await using shop = await servedShop({}, { trace, log });
    await shop.buy("tea");
    expect(count).toEqual({ spans: 0, lines: 0, shown: 0 });
    const [one, other] = [await look(shop.debug), await look(shop.debug)];
    await shop.buy("tea");
    await until(() => count.shown === 1);
    expect(count).toEqual({ spans: 1, lines: 1, shown: 1 });
    one.leave();
    await settled();
    other.leave();
    await until(() => count.spans === 0);
    await shop.buy("tea");
    expect(count).toEqual({ spans: 0, lines: 0, shown: 1 });
  });

  it("leaves the exporter and the sampled flag alone", async () => {
    const clock = virtualClock();
    const exporter = memoryExporter();
    await using shop = await servedShop({}, { clock, trace: tracer({ service: "shop", ratio: 0, exporter, clock }) });
    const viewer = await look(shop.debug);
    await shop.buy("tea");
    await until(() => viewer.ticks.length > 0);
    await next(clock, viewer);
    expect(viewer.spans).toHaveLength(1);
    expect(exporter.spans).toEqual([]);
    expect(shop.lines.join("")).not.toContain('"sampled":true');
    viewer.leave();
  });

  it("is for eight at once: more are told so, until one leaves", async () => {
    await using shop = await servedShop();
    const viewers = await Promise.all(Array.from({ length: 8 }, () => look(shop.debug)));
    await until(() => viewers.every(({ ticks }) => ticks.length > 0));
    const ninth = await shop.ask("/debug/events");
    expect([ninth.status, ninth.body, ninth.headers["retry-after"]]).toEqual([
      503,
      "503 8 are looking already, or the server is shutting down\n",
      "5",
    ]);
    expect((await shop.ask("/debug/calls.json")).status).toBe(503);
    viewers[0]!.leave();
    let last = await look(shop.debug);
    while (last.status !== 200) last = await look(shop.debug);
    for (const viewer of [...viewers, last]) viewer.leave();
  });

  it("asks for health every fifth second only: its checks may go out to others", async () => {
    const clock = virtualClock();
    let asked = 0;
    const state = health({ clock, parts: { db: { check: () => void asked++, cacheMs: 0 } } });
    await using shop = await servedShop({}, { clock, health: state });
    const before = asked;
    const viewer = await look(shop.debug);
    await until(() => viewer.ticks.length > 0);
    for (let i = 0; i < 9; i++) await next(clock, viewer);
    expect(asked - before).toBeLessThanOrEqual(2);
    viewer.leave();
  });

  it("ends when the server drains, which nobody who looks on can hold", async () => {
    const clock = virtualClock();
    const shop = await servedShop({}, { clock });
    const viewer = await look(shop.debug);
    await until(() => viewer.ticks.length > 0);
    const before = clock.pending;
    const calls = shop.ask("/debug/calls.json?seconds=30");
    await until(() => clock.pending > before);
    await shop.running.stop();
    await until(() => viewer.isOver);
    expect((await calls).status).toBe(200);
  });

  it("works where metrics, traces and log are off", async () => {
    await using shop = await servedShop({}, { metrics: false, trace: false, log: false });
    const viewer = await look(shop.debug);
    await until(() => viewer.ticks.length > 0);
    expect(viewer.ticks[0]!.bounds).toBeUndefined();
    expect(viewer.ticks[0]!.methods["shop.buy"]).toMatchObject({ count: 0 });
    expect(await shop.json("/debug/services.json")).toMatchObject({ metrics: false, traces: false });
    viewer.leave();
  });
});

describe("the JSON for scripts", () => {
  it("names services, methods, shapes, an example and stacks", async () => {
    await using shop = await servedShop({ tryIt: true });
    const { tryIt, methods } = await shop.json<{ tryIt: boolean; methods: Record<string, unknown>[] }>(
      "/debug/services.json",
    );
    expect([tryIt, methods.map(({ name, kind }) => `${String(name)} ${String(kind)}`)]).toEqual([
      true,
      ["buy unary", "watch server", "count client", "hang unary"],
    ]);
    expect(methods[0]).toMatchObject({
      service: "shop",
      idempotent: true,
      timeoutMs: 3000,
      errors: [{ reason: "sold_out", code: "failed_precondition" }],
      request: { type: "object" },
      example: { sku: "text", count: 1 },
    });
    expect(methods[0]!["stack"]).toContainEqual({ kind: "decode", text: "validate the request" });
  });

  it("has the numbers of every method", async () => {
    await using shop = await servedShop();
    await shop.buy("tea");
    const { bounds, methods } = await shop.json<{ bounds: number[]; methods: Record<string, object> }>(
      "/debug/methods.json",
    );
    expect(bounds.length).toBeGreaterThan(5);
    expect(methods["shop.buy"]).toMatchObject({ codes: { ok: 1 }, requestBytes: 13 });
  });

  it("has the calls of the next seconds with their lines", async () => {
    const clock = virtualClock();
    await using shop = await servedShop({}, { clock });
    const before = clock.pending;
    const asked = shop.json<{ calls: { spans: object[]; lines: string[] }[]; lines: string[] }>(
      "/debug/calls.json?seconds=3",
    );
    await until(() => clock.pending > before + 1);
    await shop.buy("tea");
    await shop.buy("coffee");
    await clock.advance(3000);
    const { calls, lines } = await asked;
    expect(calls.map((one) => [one.spans.length, one.lines.length])).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(lines).toEqual([]);
  });

  it.each(["0", "31", "x", "1e1", "-1", ""])("refuses to look for %j seconds", async (seconds) => {
    await using shop = await servedShop();
    expect((await shop.ask(`/debug/calls.json?seconds=${seconds}`)).status).toBe(400);
  });
});
