import { describe, expect, expectTypeOf, it } from "vitest";
import { registry, type Registry } from "../metrics/index.ts";
import type { Runnable } from "../run/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import { until } from "../../test/until.ts";
import { otlpMetrics, type OtlpMetricsOptions } from "./index.ts";
import { partsOf } from "./points.ts";
import { strictCollector, type Decoded } from "./testdata/strict.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const START = "1767225600000000000";

function filled(clock = virtualClock()) {
  const metrics = registry({ labels: { zone: "a" }, clock });
  const calls = metrics.counter({ name: "calls_total", help: "Calls.", labels: ["method"] }).with({ method: "sum" });
  const heat = metrics.gauge({ name: "heat", help: "Heat." });
  const took = metrics.histogram({ name: "took_seconds", help: "Took.", unit: "seconds", buckets: [0.1, 1] });
  const size = metrics.summary({ name: "size_bytes", help: "Sizes.", unit: "bytes" });
  return { clock, metrics, calls, heat, took, size };
}

/** The metrics of a request by name. */
function byName(decoded: Decoded): Record<string, Decoded> {
  const metrics = decoded["resourceMetrics"][0].scopeMetrics[0].metrics as Decoded[];
  return Object.fromEntries(metrics.map((metric) => [metric["name"], metric]));
}

function pusher(metrics: Registry, url: string, more: Partial<OtlpMetricsOptions> = {}) {
  return otlpMetrics({
    registry: metrics,
    service: "add",
    url,
    random: seededRandom(1),
    clock: metrics.clock,
    ...more,
  });
}

const zone = { key: "zone", value: { stringValue: "a" } };
const times = { startTimeUnixNano: START, timeUnixNano: "1767225605000000000", attributes: [zone] };

describe("otlpMetrics", () => {
  it.each(["protobuf", "json"] as const)("sends every kind of metric, as %s", async (encoding) => {
    await using collector = await strictCollector();
    const { clock, metrics, calls, heat, took, size } = filled();
    calls.inc(3);
    heat.set(-1.5);
    for (const value of [0.05, 0.1, 0.5, 7]) took.observe(value, value === 0.5 ? TRACE : undefined);
    size.observe(100);
    await clock.advance(5000);
    await pusher(metrics, collector.url, { encoding, version: "1.2.0", instance: "pod-7" }).flush();
    const { resource, scopeMetrics } = collector.decoded[0]!["resourceMetrics"][0];
    expect(resource.attributes).toEqual([
      { key: "service.name", value: { stringValue: "add" } },
      { key: "service.version", value: { stringValue: "1.2.0" } },
      { key: "service.instance.id", value: { stringValue: "pod-7" } },
    ]);
    expect(scopeMetrics[0].scope).toEqual({ name: "servicekit" });
    expect(scopeMetrics[0].metrics).toEqual([
      {
        name: "calls_total",
        description: "Calls.",
        sum: {
          dataPoints: [{ ...times, asDouble: 3, attributes: [zone, { key: "method", value: { stringValue: "sum" } }] }],
          aggregationTemporality: 2,
          isMonotonic: true,
        },
      },
      {
        name: "heat",
        description: "Heat.",
        gauge: { dataPoints: [{ timeUnixNano: times.timeUnixNano, asDouble: -1.5, attributes: [zone] }] },
      },
      {
        name: "size_bytes",
        description: "Sizes.",
        unit: "By",
        summary: { dataPoints: [{ ...times, count: "1", sum: 100 }] },
      },
      {
        name: "took_seconds",
        description: "Took.",
        unit: "s",
        histogram: {
          dataPoints: [
            {
              ...times,
              count: "4",
              sum: 7.65,
              bucketCounts: ["2", "1", "1"],
              explicitBounds: [0.1, 1],
              exemplars: [{ timeUnixNano: START, asDouble: 0.5, traceId: TRACE }],
            },
          ],
          aggregationTemporality: 2,
        },
      },
    ]);
  });

  it("sends numbers that JSON has not, in both forms", async () => {
    await using collector = await strictCollector();
    const metrics = registry({ clock: virtualClock() });
    for (const [name, value] of [
      ["a", NaN],
      ["b", Infinity],
      ["c", -Infinity],
      ["d", 0],
    ] as const) {
      metrics.gauge({ name, help: "X." }).set(value);
    }
    for (const encoding of ["protobuf", "json"] as const) {
      await pusher(metrics, collector.url, { encoding }).flush();
      const values = Object.values(byName(collector.decoded.at(-1)!)).map(({ gauge }) => gauge.dataPoints[0].asDouble);
      expect(values).toEqual(["NaN", "Infinity", "-Infinity", 0]);
    }
  });

  it("leaves out the sum of a histogram whose sum may fall", async () => {
    await using collector = await strictCollector();
    const metrics = registry({ clock: virtualClock() });
    metrics.histogram({ name: "h", help: "H.", buckets: [-1, 1] }).observe(-3);
    await pusher(metrics, collector.url).flush();
    const point = byName(collector.decoded[0]!)["h"]!["histogram"].dataPoints[0];
    expect(point).toMatchObject({ count: "1", bucketCounts: ["1", "0", "0"] });
    expect(point).not.toHaveProperty("sum");
  });

  it("pushes at its pace, sends an exemplar once, and gives itself an id when it has none", async () => {
    await using collector = await strictCollector();
    const { clock, metrics, took } = filled();
    const pushing = pusher(metrics, collector.url, { intervalMs: 10_000 });
    took.observe(0.5, TRACE);
    pushing.start();
    pushing.start();
    await until(() => pushing.stats.sent > 0);
    await clock.advance(9999);
    expect(collector.decoded.length).toBe(1);
    took.observe(0.6);
    await clock.advance(1);
    await until(() => collector.decoded.length === 2);
    await pushing.drain();
    const exemplars = collector.decoded.map((one) => byName(one)["took_seconds"]!["histogram"].dataPoints[0].exemplars);
    expect(exemplars).toEqual([[{ timeUnixNano: START, asDouble: 0.5, traceId: TRACE }], undefined]);
    const ids = collector.decoded.map((one) => one["resourceMetrics"][0].resource.attributes[1]);
    expect(ids[0]).toMatchObject({
      key: "service.instance.id",
      value: { stringValue: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect(ids[1]).toEqual(ids[0]);
    await pushing.close();
    expect(clock.pending).toBe(0);
  });

  it("leaves a push out while the one before is under way", async () => {
    await using collector = await strictCollector((i) => (i === 0 ? "hang" : { status: 200 }));
    const { clock, metrics } = filled();
    const pushing = pusher(metrics, collector.url, { intervalMs: 1000, timeoutMs: 3500 });
    pushing.start();
    await until(() => collector.received.length === 1);
    await clock.advance(3000);
    expect(collector.received.length).toBe(1);
    await clock.advance(1000);
    await until(() => collector.received.length === 2);
    await pushing.close();
    expect(pushing.stats).toMatchObject({ failures: 1, dropped: 4 });
  });

  it("pushes the last numbers when it is closed, and nothing when it never began", async () => {
    await using collector = await strictCollector();
    const { metrics, calls } = filled();
    await pusher(metrics, collector.url).close();
    expect(collector.received.length).toBe(0);
    const pushing = pusher(metrics, collector.url);
    pushing.start();
    await pushing.flush();
    calls.inc(5);
    await pushing.close();
    await pushing.close();
    expect(byName(collector.decoded.at(-1)!)["calls_total"]!["sum"].dataPoints[0].asDouble).toBe(5);
    const before = collector.received.length;
    pushing.start();
    await settled();
    expect(collector.received.length).toBe(before);
  });

  it("waits no longer than closeMs for a collector that hangs", async () => {
    await using collector = await strictCollector(() => "hang");
    const { clock, metrics } = filled();
    const pushing = pusher(metrics, collector.url, { closeMs: 500 });
    pushing.start();
    await until(() => collector.received.length === 1);
    const closed = pushing.close();
    await clock.advance(500);
    await closed;
    await until(() => pushing.stats.failures > 0);
    expect(clock.pending).toBe(0);
  });

  it("drains what is under way, until the deadline", async () => {
    await using collector = await strictCollector(() => "hang");
    const { metrics } = filled();
    const pushing = pusher(metrics, collector.url);
    await pushing.drain();
    pushing.start();
    await until(() => collector.received.length === 1);
    const deadline = new AbortController();
    const drained = pushing.drain(deadline.signal);
    deadline.abort();
    await drained;
    await pushing.drain(deadline.signal);
  });

  it("splits what is too much for one request", async () => {
    await using collector = await strictCollector();
    const metrics = registry({ clock: virtualClock() });
    const calls = metrics.counter({ name: "calls_total", help: "C.", labels: ["n"] });
    for (let n = 0; n < 25; n++) calls.with({ n: String(n) }).inc();
    metrics.gauge({ name: "heat", help: "H." });
    const pushing = pusher(metrics, collector.url, { batchSize: 10 });
    await pushing.flush();
    expect(collector.received.length).toBe(3);
    expect(pushing.stats.sent).toBe(26);
    const sizes = partsOf(metrics.collect(), 10).map((part) => part.flatMap(({ points }) => points).length);
    expect(sizes).toEqual([10, 10, 6]);
  });

  it("reports a registry that cannot be read, and goes on", async () => {
    const reported: string[] = [];
    const broken = {
      ...filled().metrics,
      collect: () => {
        throw new Error("unreadable");
      },
    } as unknown as Registry;
    const pushing = otlpMetrics({ registry: broken, service: "add", report: (error) => reported.push(String(error)) });
    await pushing.flush();
    expect(reported).toEqual(["Error: unreadable"]);
  });

  it("is a member of a group by its shape, and refuses wrong options", () => {
    expectTypeOf(otlpMetrics).returns.toExtend<Runnable>();
    const { metrics } = filled();
    const wrong = (more: object) => () => otlpMetrics({ registry: metrics, service: "add", ...more });
    expect(wrong({ intervalMs: 99 })).toThrow("intervalMs should be a number from 100 to 3600000, got 99");
    expect(wrong({ temporality: "both" })).toThrow("temporality should be one of");
    expect(wrong({ batchSize: 0 })).toThrow("batchSize should be");
    expect(wrong({ closeMs: -1 })).toThrow("closeMs should be");
    expect(wrong({ service: "" })).toThrow("service should be");
    expect(wrong({ registry: null })).toThrow("registry should be made by registry(), got null");
    expect(wrong({ registry: {} })).toThrow("registry.collect should be a function");
    expect(wrong({ interval: 1 })).toThrow('otlpMetrics has no option "interval"');
  });
});

describe("differences", () => {
  it("are what came since the last push that arrived, each with its own start", async () => {
    await using collector = await strictCollector((i) => ({ status: i === 1 ? 400 : 200 }));
    const { clock, metrics, calls, heat, took, size } = filled();
    const pushing = pusher(metrics, collector.url, { temporality: "delta" });
    calls.inc(3);
    took.observe(0.5);
    size.observe(1);
    await clock.advance(1000);
    await pushing.flush();
    calls.inc(4);
    await clock.advance(1000);
    // This one is refused.
    await pushing.flush();
    calls.inc(1);
    took.observe(9);
    heat.set(2);
    await clock.advance(1000);
    await pushing.flush();
    await clock.advance(1000);
    await pushing.flush();
    const [first, , third, fourth] = collector.decoded.map(byName);
    const point = { timeUnixNano: "1767225601000000000", startTimeUnixNano: START };
    expect(first!["calls_total"]!["sum"]).toMatchObject({
      aggregationTemporality: 1,
      dataPoints: [{ ...point, asDouble: 3 }],
    });
    const later = { startTimeUnixNano: "1767225601000000000", timeUnixNano: "1767225603000000000" };
    expect(third!["calls_total"]!["sum"].dataPoints).toMatchObject([{ ...later, asDouble: 5 }]);
    expect(third!["took_seconds"]!["histogram"].dataPoints).toMatchObject([
      { ...later, count: "1", sum: 9, bucketCounts: ["0", "0", "1"] },
    ]);
    expect(third!["heat"]!["gauge"].dataPoints[0].asDouble).toBe(2);
    // Nothing was counted: only what is no difference is there.
    expect(Object.keys(fourth!)).toEqual(["heat", "size_bytes"]);
    expect(fourth!["size_bytes"]!["summary"].dataPoints[0]).toMatchObject({ count: "1", startTimeUnixNano: START });
  });

  it("begin again with a series that was reset or removed", async () => {
    await using collector = await strictCollector();
    const clock = virtualClock();
    const metrics = registry({ clock });
    const calls = metrics.counter({ name: "calls_total", help: "C.", labels: ["n"] });
    const pushing = pusher(metrics, collector.url, { temporality: "delta" });
    const pushed = async () => {
      await clock.advance(1000);
      await pushing.flush();
      const { calls_total: sent } = byName(collector.decoded.at(-1)!);
      return sent?.["sum"].dataPoints.map(({ asDouble }: Decoded) => asDouble);
    };
    calls.with({ n: "1" }).inc(5);
    calls.with({ n: "2" }).inc(1);
    expect(await pushed()).toEqual([5, 1]);
    metrics.reset();
    calls.with({ n: "1" }).inc(7);
    expect(await pushed()).toEqual([7]);
    calls.remove({ n: "1" });
    calls.with({ n: "2" }).inc(2);
    expect(await pushed()).toEqual([2]);
    calls.with({ n: "1" }).inc(4);
    expect(await pushed()).toEqual([4]);
  });

  it("of requests that arrived are not sent again when a later one of the same push is lost", async () => {
    await using collector = await strictCollector((i) => ({ status: i === 1 ? 400 : 200 }));
    const metrics = registry({ clock: virtualClock() });
    const calls = metrics.counter({ name: "calls_total", help: "C.", labels: ["n"] });
    for (const n of ["1", "2"]) calls.with({ n }).inc();
    const pushing = pusher(metrics, collector.url, { temporality: "delta", batchSize: 1 });
    await pushing.flush();
    await pushing.flush();
    const sent = collector.decoded.map((one) => byName(one)["calls_total"]!["sum"].dataPoints[0].attributes[0].value);
    expect(sent).toEqual([{ stringValue: "1" }, { stringValue: "2" }, { stringValue: "2" }]);
  });
});
