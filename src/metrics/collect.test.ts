import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { registry, type MetricFamily } from "./index.ts";

const START_MS = Date.UTC(2026, 0, 1);

function family(families: readonly MetricFamily[], name: string): MetricFamily {
  return families.find((one) => one.name === name)!;
}

describe("collect", () => {
  it("gives every kind of metric with what it holds now", async () => {
    const clock = virtualClock();
    const metrics = registry({ prefix: "shop_", labels: { zone: "a" }, clock });
    metrics
      .counter({ name: "calls_total", help: "Calls.", labels: ["method"] })
      .with({ method: "sum" })
      .inc(3);
    metrics.gauge({ name: "heat", help: "Heat." }).set(-1.5);
    const sizes = metrics.histogram({ name: "size_bytes", help: "Sizes.", unit: "bytes", buckets: [1, 10] });
    const spent = metrics.summary({ name: "spent_seconds", help: "Spent.", unit: "seconds" });
    await clock.advance(5);
    for (const value of [0.5, 1, 2, 11]) sizes.observe(value);
    sizes.observe(5, "4bf92f3577b34da6a3ce929d0e0e4736");
    spent.observe(2);
    spent.observe(0.5);
    const none = { count: 0, sum: 0, buckets: [], createdMs: START_MS };
    expect(metrics.collect()).toEqual([
      {
        name: "shop_calls_total",
        help: "Calls.",
        kind: "counter",
        bounds: [],
        points: [{ ...none, labels: { zone: "a", method: "sum" }, value: 3 }],
      },
      {
        name: "shop_heat",
        help: "Heat.",
        kind: "gauge",
        bounds: [],
        points: [{ ...none, labels: { zone: "a" }, value: -1.5 }],
      },
      {
        name: "shop_size_bytes",
        help: "Sizes.",
        unit: "bytes",
        kind: "histogram",
        bounds: [1, 10],
        points: [
          {
            labels: { zone: "a" },
            value: 0,
            count: 5,
            sum: 19.5,
            buckets: [2, 2, 1],
            createdMs: START_MS,
            exemplars: [{ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", value: 5, dateMs: START_MS + 5 }],
          },
        ],
      },
      {
        name: "shop_spent_seconds",
        help: "Spent.",
        unit: "seconds",
        kind: "summary",
        bounds: [],
        points: [{ ...none, labels: { zone: "a" }, value: 0, count: 2, sum: 2.5 }],
      },
    ]);
  });

  it("is a copy: what is counted later does not change it", () => {
    const metrics = registry();
    const sizes = metrics.histogram({ name: "size", help: "S.", buckets: [1] });
    sizes.observe(1, "a1");
    const before = metrics.collect();
    const kept = structuredClone(before);
    sizes.observe(1, "b2");
    expect(before).toEqual(kept);
    expect(family(metrics.collect(), "size").points[0]!.exemplars![0]!.traceId).toBe("b2");
  });

  it("reads gauges and runs the readers as a scrape does, and leaves out what cannot be read", () => {
    const metrics = registry();
    let reads = 0;
    metrics.onScrape(() => void reads++);
    metrics.gauge({ name: "read", help: "R." }).track(() => ++reads);
    metrics.gauge({ name: "broken", help: "B." }).track(() => {
      throw new Error("gone");
    });
    metrics.counter({ name: "never_total", help: "N.", labels: ["a"] });
    const families = metrics.collect();
    expect(reads).toBe(2);
    expect(families.map(({ name }) => name)).toEqual(["metrics_ignored_total", "read"]);
    expect(family(families, "metrics_ignored_total").points[0]!.labels).toEqual({ metric: "broken" });
  });

  it("says since when a series counts: from when it was made, or reset, or made again", async () => {
    const clock = virtualClock();
    const metrics = registry({ clock });
    const calls = metrics.counter({ name: "calls_total", help: "C.", labels: ["a"] });
    const since = (): number => family(metrics.collect(), "calls_total").points[0]!.createdMs - START_MS;
    await clock.advance(10);
    calls.with({ a: "x" }).inc();
    await clock.advance(10);
    expect(since()).toBe(10);
    calls.remove({ a: "x" });
    calls.with({ a: "x" }).inc();
    expect(since()).toBe(20);
    await clock.advance(10);
    calls.with({ a: "x" }).inc();
    expect(since()).toBe(20);
    metrics.reset();
    expect(since()).toBe(30);
  });

  it("tells the same numbers as the text, whatever was observed", () => {
    const values = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 50 });
    fc.assert(
      fc.property(values, (observed) => {
        const metrics = registry();
        const sizes = metrics.histogram({ name: "size", help: "S.", buckets: [0.5, 1, 10] });
        for (const value of observed) sizes.observe(value);
        const { bounds, points } = family(metrics.collect(), "size");
        const { buckets, count, sum } = points[0]!;
        let below = 0;
        const lines = [...bounds.map(String), "+Inf"].map(
          (le, i) => `size_bucket{le="${le}"} ${(below += buckets[i]!)}`,
        );
        const text = metrics.text();
        expect(text).toContain([...lines, `size_sum ${sum}`, `size_count ${count}`].join("\n"));
      }),
    );
  });
});
