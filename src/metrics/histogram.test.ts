import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { registry, SECONDS_BUCKETS } from "./index.ts";

const latency = { name: "latency_seconds", help: "Latency.", unit: "seconds" };

/** The cumulative counts of the buckets, as written. */
function bucketsOf(text: string): number[] {
  return [...text.matchAll(/_bucket\{[^}]*\} (\d+)/g)].map((match) => Number(match[1]));
}

describe("a histogram", () => {
  it("puts a value into the first bucket whose bound is not below it", () => {
    const metrics = registry();
    const histogram = metrics.histogram({ ...latency, buckets: [1, 2, 4] });
    for (const value of [0, 1, 1.5, 2, 4.0001, 1000]) histogram.observe(value);
    expect(bucketsOf(metrics.text())).toEqual([2, 4, 4, 6]);
    expect(histogram.count).toBe(6);
    expect(histogram.sum).toBeCloseTo(1008.5001);
  });

  it("has bounds for durations unless told otherwise", () => {
    const metrics = registry();
    metrics.histogram(latency).observe(0.003);
    const written = [...metrics.text().matchAll(/le="([^"]+)"/g)].map((match) => match[1]);
    expect(written).toEqual([...SECONDS_BUCKETS.map(String), "+Inf"]);
  });

  it("counts alike with few bounds (scanned) and many (halved)", () => {
    const bounds = fc
      .uniqueArray(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 60, size: "max" })
      .map((list) => list.sort((a, b) => a - b))
      .filter((list) => list.every((bound, i) => i === 0 || bound > list[i - 1]!));
    const values = fc.array(fc.double({ min: 0, max: 120, noNaN: true }), { maxLength: 50 });
    fc.assert(
      fc.property(bounds, values, (buckets, observed) => {
        const metrics = registry();
        const histogram = metrics.histogram({ ...latency, buckets });
        for (const value of [...observed, ...buckets]) histogram.observe(value);
        const all = [...observed, ...buckets];
        const expected = [...buckets, Infinity].map((bound) => all.filter((value) => value <= bound).length);
        expect(bucketsOf(metrics.text())).toEqual(expected);
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity, -1, "1", 1n])("ignores %s, which would spoil the sum for ever", (value) => {
    const metrics = registry();
    const histogram = metrics.histogram(latency);
    histogram.observe(2);
    histogram.observe(value as number);
    expect([histogram.count, histogram.sum]).toEqual([1, 2]);
    expect(metrics.text()).toContain('metrics_ignored_total{metric="latency_seconds"} 1\n');
  });

  it("takes negative values where its first bound is negative", () => {
    const metrics = registry();
    const histogram = metrics.histogram({ name: "drift_seconds", help: "Drift.", buckets: [-1, 0, 1] });
    histogram.observe(-5);
    histogram.observe(0.5);
    expect(bucketsOf(metrics.text())).toEqual([1, 1, 2, 2]);
    expect(histogram.sum).toBe(-4.5);
  });

  it.each([[[]], [[1, 1]], [[2, 1]], [[1, Infinity]], [[NaN]], [["1"]], ["1,2"]])(
    "refuses the buckets %j",
    (buckets) => {
      expect(() => registry().histogram({ ...latency, buckets: buckets as never })).toThrow(
        /buckets of latency_seconds/,
      );
    },
  );

  it("copies its bounds: changing the array afterwards changes nothing", () => {
    const metrics = registry();
    const buckets = [1, 2];
    const histogram = metrics.histogram({ ...latency, buckets });
    buckets[0] = 100;
    histogram.observe(1.5);
    expect(bucketsOf(metrics.text())).toEqual([0, 1, 1]);
  });

  it("shares no counts between its series", () => {
    const histogram = registry().histogram({ ...latency, labels: ["method"] });
    const [sum, concat] = [histogram.with({ method: "sum" }), histogram.with({ method: "concat" })];
    sum.observe(1);
    expect([sum.count, concat.count, concat.sum]).toEqual([1, 0, 0]);
  });

  it("forgets everything when reset", () => {
    const metrics = registry();
    const histogram = metrics.histogram(latency);
    histogram.observe(1, "4bf92f35");
    histogram.reset();
    expect([histogram.count, histogram.sum]).toEqual([0, 0]);
    expect(metrics.openMetrics()).not.toContain("4bf92f35");
  });
});

describe("a timer", () => {
  it("observes seconds, once, by the registry's clock", async () => {
    const clock = virtualClock();
    const histogram = registry({ clock }).histogram(latency);
    const end = histogram.startTimer();
    await clock.advance(250);
    expect(end()).toBe(0.25);
    await clock.advance(1000);
    expect(end()).toBe(0.25);
    expect([histogram.count, histogram.sum]).toEqual([1, 0.25]);
  });

  it("observes by a clock of its own when given one", async () => {
    const clock = virtualClock();
    const summary = registry().summary(latency);
    const end = summary.startTimer(clock);
    await clock.advance(2000);
    end();
    expect([summary.count, summary.sum]).toEqual([1, 2]);
  });

  it("never observes less than nothing, whatever the clock does", () => {
    let ms = 100;
    const clock = { ...virtualClock(), now: () => ms };
    const histogram = registry().histogram(latency);
    const end = histogram.startTimer(clock);
    ms = 50;
    expect(end()).toBe(0);
    expect(histogram.count).toBe(1);
  });
});

describe("exemplars", () => {
  it("name the last trace of each bucket, in OpenMetrics only", async () => {
    const clock = virtualClock({ dateMs: 1_520_879_607_789 });
    const metrics = registry({ clock });
    const histogram = metrics.histogram({ ...latency, buckets: [1, 2] });
    histogram.observe(0.5, "first");
    histogram.observe(0.67, "KOO5S4vxi0o");
    histogram.observe(1.5);
    expect(metrics.openMetrics()).toContain(
      'latency_seconds_bucket{le="1.0"} 2 # {trace_id="KOO5S4vxi0o"} 0.67 1520879607.789\n' +
        'latency_seconds_bucket{le="2.0"} 3\n',
    );
    expect(metrics.text()).not.toContain("#  {");
    expect(metrics.text()).not.toContain("KOO5S4vxi0o");
  });

  it("are not kept when the id is longer than OpenMetrics allows; the value still counts", () => {
    const metrics = registry();
    const histogram = metrics.histogram(latency);
    histogram.observe(1, "x".repeat(65));
    expect(histogram.count).toBe(1);
    expect(metrics.openMetrics()).not.toContain("trace_id");
  });
});
