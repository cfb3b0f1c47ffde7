import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { registry } from "./index.ts";

const calls = { name: "calls_total", help: "Calls.", labels: ["service", "method"] } as const;

/** The labels and values of all samples of `name`. */
function samples(text: string, name: string): string[] {
  return text.split("\n").filter((line) => line.startsWith(`${name}{`));
}

describe("binding label values", () => {
  it("gives the same series for the same values, whatever the order they are named in", () => {
    const family = registry().counter(calls);
    expect(family.with({ method: "sum", service: "add" })).toBe(family.with({ service: "add", method: "sum" }));
  });

  it("does not read, keep or change the object it is given", () => {
    const family = registry().counter(calls);
    const labels = { service: "add", method: "sum" };
    const series = family.with(labels);
    labels.method = "concat";
    expect(family.with({ service: "add", method: "sum" })).toBe(series);
    expect(family.with(labels)).not.toBe(series);
  });

  // go-kit/kit#1296: siblings shared their parent's array, and the second bound overwrote the first one's labels.
  it("keeps siblings apart", () => {
    const metrics = registry();
    const family = metrics.counter(calls);
    const bound = ["a", "b", "c"].map((method) => family.with({ service: "add", method }));
    bound.forEach((series, i) => series.inc(i + 1));
    expect(samples(metrics.text(), "calls_total")).toEqual([
      'calls_total{method="a",service="add"} 1',
      'calls_total{method="b",service="add"} 2',
      'calls_total{method="c",service="add"} 3',
    ]);
  });

  it("tells apart values that any joining would confuse", () => {
    const value = fc.string({ unit: fc.constantFrom("a", ",", '"', "\\", "\n", "=", "\u0000"), maxLength: 4 });
    const pairs = fc.uniqueArray(fc.tuple(value, value), {
      selector: ([a, b]) => JSON.stringify([a, b]),
      maxLength: 30,
    });
    fc.assert(
      fc.property(pairs, (distinct) => {
        const family = registry().counter(calls);
        distinct.forEach(([service, method], i) => family.with({ service, method }).inc(i + 1));
        distinct.forEach(([service, method], i) => expect(family.with({ service, method }).value).toBe(i + 1));
      }),
    );
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", ""])(
    "takes %j as a value like any other",
    (method) => {
      const metrics = registry();
      metrics.counter(calls).with({ service: "add", method }).inc();
      expect(samples(metrics.text(), "calls_total")).toEqual([`calls_total{method="${method}",service="add"} 1`]);
    },
  );

  it("does not take a label from the prototype of its argument", () => {
    const family = registry().counter({ name: "x_total", help: "X.", labels: ["toString"] });
    expect(() => family.with({ zone: "a" } as never)).toThrow("labels of x_total should be toString, got zone");
  });

  it("holds what differs only in half a surrogate pair as one series, since it is one when sent", () => {
    const family = registry().counter(calls);
    const series = family.with({ service: "add", method: "\ud800" });
    expect(family.with({ service: "add", method: "\udfff" })).toBe(series);
    expect(family.with({ service: "add", method: "\ufffd" })).toBe(series);
    expect(family.with({ service: "add", method: "😀" })).not.toBe(series);
  });
});

describe("the bound on series", () => {
  it("puts a million further label values into one series, and the total is exact", () => {
    const metrics = registry();
    const family = metrics.counter({ name: "hits_total", help: "Hits.", labels: ["path"] });
    const first = family.with({ path: "/0" });
    for (let i = 0; i < 1_000_000; i++) family.with({ path: `/${i}` }).inc();
    const written = samples(metrics.text(), "hits_total");
    expect(written).toHaveLength(2001);
    expect(written).toContain('hits_total{path="overflow"} 998000');
    expect(written.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0)).toBe(1_000_000);
    expect(first.value).toBe(1);
  });

  it("overflows in every label at once, for each kind of metric", () => {
    const metrics = registry({ maxSeries: 1 });
    const labels = calls.labels;
    for (const method of ["a", "b", "c"]) {
      metrics.gauge({ name: "g", help: "G.", labels }).with({ service: "s", method }).inc();
      metrics.summary({ name: "s", help: "S.", labels }).with({ service: "s", method }).observe(1);
      metrics.histogram({ name: "h", help: "H.", labels }).with({ service: "s", method }).observe(1);
    }
    const text = metrics.text();
    expect(text).toContain('g{method="overflow",service="overflow"} 2\n');
    expect(text).toContain('s_count{method="overflow",service="overflow"} 2\n');
    expect(text).toContain('h_count{method="overflow",service="overflow"} 2\n');
  });

  it("can be set for one metric", () => {
    const metrics = registry({ maxSeries: 1 });
    const family = metrics.counter({ ...calls, maxSeries: 3 });
    for (const method of ["a", "b", "c", "d"]) family.with({ service: "add", method }).inc();
    expect(samples(metrics.text(), "calls_total")).toHaveLength(4);
  });

  it("keeps no series for a value of more than 1,024 characters", () => {
    const metrics = registry();
    const family = metrics.counter(calls);
    family.with({ service: "add", method: "x".repeat(1024) }).inc();
    family.with({ service: "add", method: "x".repeat(1025) }).inc();
    family.with({ service: "add", method: "y".repeat(1_000_000) }).inc();
    expect(samples(metrics.text(), "calls_total")).toContain('calls_total{method="overflow",service="overflow"} 2');
    expect(samples(metrics.text(), "calls_total")).toHaveLength(2);
  });

  it("is the same series when somebody names the overflow, before or after", () => {
    const metrics = registry({ maxSeries: 1 });
    const family = metrics.counter(calls);
    const named = family.with({ service: "overflow", method: "overflow" });
    expect(family.with({ service: "add", method: "a" })).not.toBe(named);
    expect(family.with({ service: "add", method: "b" })).toBe(named);
  });

  it.each([0, -1, NaN, "5"])("refuses %s", (maxSeries) => {
    expect(() => registry({ maxSeries: maxSeries as number })).toThrow(/maxSeries should be a number of at least 1/);
    expect(() => registry().counter({ ...calls, maxSeries: maxSeries as number })).toThrow(/maxSeries of calls_total/);
  });
});

describe("removing a series", () => {
  it("takes it out of the text and makes room for another", () => {
    const metrics = registry({ maxSeries: 2 });
    const family = metrics.counter(calls);
    family.with({ service: "add", method: "a" }).inc();
    family.with({ service: "add", method: "b" }).inc();
    metrics.text();
    expect(family.remove({ service: "add", method: "a" })).toBe(true);
    family.with({ service: "add", method: "c" }).inc();
    expect(samples(metrics.text(), "calls_total")).toEqual([
      'calls_total{method="b",service="add"} 1',
      'calls_total{method="c",service="add"} 1',
    ]);
  });

  it("says so when there was none", () => {
    const family = registry().counter(calls);
    family.with({ service: "add", method: "a" });
    expect(family.remove({ service: "add", method: "b" })).toBe(false);
    expect(family.remove({ service: "b", method: "a" })).toBe(false);
    expect(family.remove({ service: "add", method: "a" })).toBe(true);
    expect(family.remove({ service: "add", method: "a" })).toBe(false);
  });

  it("leaves whoever holds the bound series counting into nothing", () => {
    const metrics = registry();
    const family = metrics.counter(calls);
    const old = family.with({ service: "add", method: "a" });
    old.inc(5);
    family.remove({ service: "add", method: "a" });
    old.inc();
    expect(family.with({ service: "add", method: "a" }).value).toBe(0);
  });

  it("can take the overflow away, which begins again with the next", () => {
    const metrics = registry({ maxSeries: 1 });
    const family = metrics.counter(calls);
    for (const method of ["a", "b"]) family.with({ service: "add", method }).inc(5);
    expect(family.remove({ service: "overflow", method: "overflow" })).toBe(true);
    family.with({ service: "add", method: "c" }).inc();
    expect(samples(metrics.text(), "calls_total")).toEqual([
      'calls_total{method="a",service="add"} 5',
      'calls_total{method="overflow",service="overflow"} 1',
    ]);
  });

  it("leaves series alone that share some of the values", () => {
    const metrics = registry();
    const family = metrics.counter(calls);
    const kept = family.with({ service: "other", method: "a" });
    family.with({ service: "add", method: "a" });
    family.remove({ service: "add", method: "a" });
    expect(family.with({ service: "other", method: "a" })).toBe(kept);
  });

  it("checks the labels like binding does", () => {
    const family = registry().counter(calls);
    expect(() => family.remove({ service: "add" } as never)).toThrow(/should be method, service, got service/);
  });
});

describe("resetting", () => {
  it("sets every series to 0 and keeps bound ones alive", () => {
    const metrics = registry();
    const family = metrics.counter(calls);
    const bound = family.with({ service: "add", method: "a" });
    bound.inc(4);
    family.reset();
    bound.inc();
    expect(samples(metrics.text(), "calls_total")).toEqual(['calls_total{method="a",service="add"} 1']);
  });
});
