import { describe, expect, it } from "vitest";
import { registry } from "./index.ts";

const queue = { name: "queue_length", help: "Waiting." };

describe("a gauge", () => {
  it("is set, and goes up and down", () => {
    const gauge = registry().gauge(queue);
    gauge.set(-4);
    gauge.inc();
    gauge.inc(2.5);
    gauge.dec();
    gauge.dec(0.5);
    expect(gauge.value).toBe(-2);
  });

  it("can be NaN or infinite, and come back from it", () => {
    const metrics = registry();
    const gauge = metrics.gauge(queue);
    gauge.set(NaN);
    expect(metrics.text()).toContain("\nqueue_length NaN\n");
    gauge.set(Infinity);
    expect(metrics.text()).toContain("\nqueue_length +Inf\n");
    gauge.set(-Infinity);
    expect(metrics.text()).toContain("\nqueue_length -Inf\n");
    gauge.set(1);
    expect(gauge.value).toBe(1);
  });

  it("ignores a step that is no finite number, and a setting that is no number", () => {
    const metrics = registry();
    const gauge = metrics.gauge(queue);
    gauge.set(3);
    gauge.inc(NaN);
    gauge.dec(Infinity);
    gauge.inc("1" as never);
    gauge.set(undefined as never);
    expect(gauge.value).toBe(3);
    expect(metrics.text()).toContain('metrics_ignored_total{metric="queue_length"} 4\n');
  });
});

describe("a tracked gauge", () => {
  it("is read at each scrape and not otherwise", () => {
    const metrics = registry();
    let reads = 0;
    metrics.gauge(queue).track(() => ++reads);
    expect(reads).toBe(0);
    expect(metrics.text()).toContain("queue_length 1\n");
    expect(metrics.openMetrics()).toContain("queue_length 2\n");
    expect(reads).toBe(2);
  });

  it("is left out of a scrape in which its reading fails; the others are written and the failure counted", () => {
    const metrics = registry();
    const gauge = metrics.gauge(queue);
    metrics.gauge({ name: "other", help: "Other." }).set(7);
    let broken = true;
    gauge.track(() => {
      if (broken) throw new Error("gone");
      return 5;
    });
    const text = metrics.text();
    expect(text).not.toMatch(/^queue_length /m);
    expect(text).toContain("other 7\n");
    expect(text).toContain('metrics_ignored_total{metric="queue_length"} 1\n');
    broken = false;
    expect(metrics.text()).toContain("queue_length 5\n");
  });

  it("is left out when the reading is no number", () => {
    const metrics = registry();
    metrics.gauge(queue).track(() => "5" as never);
    expect(metrics.text()).not.toMatch(/^queue_length /m);
  });

  it("keeps its last value when tracking ends", () => {
    const metrics = registry();
    const gauge = metrics.gauge(queue);
    gauge.track(() => 9);
    metrics.text();
    gauge.track(undefined);
    expect(metrics.text()).toContain("queue_length 9\n");
    gauge.set(1);
    expect(metrics.text()).toContain("queue_length 1\n");
  });

  it("is there again when tracking ends after a reading that failed", () => {
    const metrics = registry();
    const gauge = metrics.gauge(queue);
    gauge.set(4);
    gauge.track(() => undefined as never);
    metrics.text();
    gauge.track(undefined);
    expect(metrics.text()).toContain("queue_length 4\n");
  });

  it("can be one of several labelled series", () => {
    const metrics = registry();
    const gauges = metrics.gauge({ ...queue, labels: ["pool"] });
    gauges.with({ pool: "a" }).track(() => 1);
    gauges.with({ pool: "b" }).set(2);
    expect(metrics.text()).toContain('queue_length{pool="a"} 1\nqueue_length{pool="b"} 2\n');
  });
});
