import { describe, expect, it } from "vitest";
import { registry } from "./index.ts";

const calls = { name: "calls_total", help: "Calls." };

describe("defining a metric twice", () => {
  // Go kit's Prometheus metrics panic on a second definition, so two servers cannot live in one process.
  it("gives the same metric when the definition is the same, so that two servers can share a registry", () => {
    const metrics = registry();
    expect(metrics.counter(calls)).toBe(metrics.counter({ ...calls }));
    const labelled = { name: "h_seconds", help: "H.", unit: "seconds", buckets: [1, 2] };
    expect(metrics.histogram({ ...labelled, labels: ["a", "b"] })).toBe(
      metrics.histogram({ ...labelled, labels: ["b", "a"] }),
    );
  });

  it("throws when anything differs, and says what", () => {
    const metrics = registry();
    metrics.counter(calls);
    metrics.histogram({ name: "h_seconds", help: "H." });
    expect(() => metrics.counter({ ...calls, help: "Others." })).toThrow(
      new RangeError('help of calls_total should be "Calls.", as it was defined first, got "Others."'),
    );
    expect(() => metrics.gauge(calls)).toThrow(/kind of calls_total should be "counter"/);
    expect(() => metrics.counter({ ...calls, labels: ["a"] })).toThrow(/labels of calls_total should be \[\]/);
    expect(() => metrics.counter({ ...calls, maxSeries: 5 })).toThrow(/maxSeries of calls_total/);
    expect(() => metrics.histogram({ name: "h_seconds", help: "H.", unit: "seconds" })).toThrow(/unit of h_seconds/);
    expect(() => metrics.histogram({ name: "h_seconds", help: "H.", buckets: [1] })).toThrow(/buckets of h_seconds/);
  });

  it("throws when one metric would write a sample of another's, in either format", () => {
    const metrics = registry();
    metrics.counter(calls);
    metrics.histogram({ name: "latency", help: "L." });
    metrics.summary({ name: "size", help: "S." });
    for (const name of ["latency_bucket", "latency_count", "latency_sum", "size_count", "calls", "calls_created"]) {
      expect(() => metrics.gauge({ name, help: "X." })).toThrow(`got "${name}"`);
    }
    expect(() => metrics.counter({ name: "calls", help: "X." })).toThrow(/clash with calls_total/);
    metrics.gauge({ name: "latency_max", help: "X." });
  });

  it("does not remember a name whose definition was refused", () => {
    const metrics = registry();
    metrics.gauge({ name: "a_count", help: "A." });
    expect(() => metrics.summary({ name: "a", help: "A." })).toThrow(/clash with a_count/);
    metrics.gauge({ name: "a_sum", help: "A." });
    metrics.gauge({ name: "a", help: "A." });
  });

  it("is nothing to two registries", () => {
    const [one, other] = [registry(), registry()];
    one.counter(calls).inc();
    expect(other.counter(calls).value).toBe(0);
  });
});

describe("names", () => {
  it.each(["", "1st", "a-b", "a b", "_a", "__a", "a:b", "é", "a\n", 5])("refuses the metric name %j", (name) => {
    expect(() => registry().counter({ name: name as string, help: "X." })).toThrow(/metric name should be letters/);
  });

  it.each(["", "1st", "a-b", "__name__", "__proto__", "é", "a\n", 5])("refuses the label name %j", (label) => {
    expect(() => registry().counter({ ...calls, labels: [label as string] })).toThrow(/label of calls_total should be/);
  });

  it.each(["le", "quantile"])("refuses the label %s, which the format itself writes", (label) => {
    expect(() => registry().gauge({ name: "g", help: "G.", labels: [label] })).toThrow(/should not be a reserved name/);
    expect(() => registry({ labels: { [label]: "1" } })).toThrow(/should not be a reserved name/);
  });

  it("refuses a label named twice, or named by the registry already", () => {
    expect(() => registry().counter({ ...calls, labels: ["a", "b", "a"] })).toThrow(/named once, got "a" twice/);
    expect(() => registry({ labels: { a: "1" } }).counter({ ...calls, labels: ["a"] })).toThrow(
      /should not be one of the registry's own, got "a"/,
    );
  });

  it("refuses an empty help, a unit the name does not end with, and an option there is not", () => {
    expect(() => registry().counter({ ...calls, help: "" })).toThrow(
      /help of calls_total should be a non-empty string/,
    );
    expect(() => registry().gauge({ name: "age", help: "A.", unit: "seconds" })).toThrow(
      'unit of age should be the end of its name, got "seconds"',
    );
    expect(() => registry().gauge({ name: "myseconds", help: "A.", unit: "seconds" })).toThrow(RangeError);
    registry().counter({ name: "busy_seconds_total", help: "B.", unit: "seconds" });
    expect(() => registry().gauge({ name: "age", help: "A.", lables: [] } as never)).toThrow(/has no option "lables"/);
    expect(() => registry({ namespace: "x" } as never)).toThrow(/a registry has no option "namespace"/);
  });
});

describe("prefix and constant labels", () => {
  it("stand on every series, constant labels first", () => {
    const metrics = registry({ prefix: "shop_", labels: { zone: 'a"b', host: "h1" } });
    metrics
      .counter({ ...calls, labels: ["method"] })
      .with({ method: "buy" })
      .inc();
    metrics.gauge({ name: "up", help: "Up." }).set(1);
    expect(metrics.text()).toContain('shop_calls_total{host="h1",zone="a\\"b",method="buy"} 1\n');
    expect(metrics.text()).toContain('shop_up{host="h1",zone="a\\"b"} 1\n');
    expect(metrics.counter({ ...calls, labels: ["method"] }).name).toBe("shop_calls_total");
  });

  it("are checked", () => {
    expect(() => registry({ prefix: "1_" })).toThrow(/prefix should be letters/);
    expect(() => registry({ labels: { zone: 5 as never } })).toThrow(
      "label zone of the registry should be a string, got 5",
    );
  });
});

describe("onScrape", () => {
  it("runs before each scrape, until taken off", () => {
    const metrics = registry();
    const gauge = metrics.gauge({ name: "g", help: "G." });
    let reads = 0;
    const read = (): void => gauge.set(++reads);
    const stop = metrics.onScrape(read);
    expect(reads).toBe(0);
    expect(metrics.text()).toContain("g 1\n");
    expect(metrics.expose().body).toContain("g 2\n");
    stop();
    expect(metrics.text()).toContain("g 2\n");
  });

  it("takes off one of two that were given the same function", () => {
    const metrics = registry();
    let reads = 0;
    const read = (): void => void reads++;
    metrics.onScrape(read);
    metrics.onScrape(read)();
    metrics.text();
    expect(reads).toBe(1);
  });

  it("does not spoil the scrape when it throws, which is counted", () => {
    const metrics = registry();
    metrics.gauge({ name: "g", help: "G." }).set(1);
    metrics.onScrape(() => {
      throw new Error("gone");
    });
    expect(metrics.text()).toContain("g 1\n");
    expect(metrics.text()).toContain('metrics_ignored_total{metric="scrape"} 2\n');
  });
});

describe("resetting a registry", () => {
  it("sets all its metrics back, unlabelled ones too, and keeps their definitions", () => {
    const metrics = registry();
    const counter = metrics.counter(calls);
    const bound = metrics.gauge({ name: "g", help: "G.", labels: ["a"] }).with({ a: "1" });
    counter.inc();
    bound.set(7);
    metrics.reset();
    expect([counter.value, bound.value]).toEqual([0, 0]);
    expect(metrics.counter(calls)).toBe(counter);
  });
});
