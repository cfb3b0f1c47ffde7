import { describe, expect, expectTypeOf, it } from "vitest";
import { registry, type Counter, type Labelled } from "./index.ts";

describe("a counter", () => {
  it("adds one, or what it is given, fractions too", () => {
    const counter = registry().counter({ name: "calls_total", help: "Calls." });
    counter.inc();
    counter.inc(2.5);
    expect(counter.value).toBe(3.5);
  });

  it("takes 0 without complaint", () => {
    const metrics = registry();
    metrics.counter({ name: "calls_total", help: "Calls." }).inc(0);
    expect(metrics.text()).not.toContain("metrics_ignored_total");
  });

  // Go kit's addsvc adds the result of a sum to a counter; a negative one makes its Prometheus client panic, which over
  // gRPC ends the process.
  it.each([-1, NaN, Infinity, -Infinity, "5", 7n, null, {}])("ignores %s, and counts that it did", (by) => {
    const metrics = registry();
    const counter = metrics.counter({ name: "integers_summed", help: "Sums." });
    counter.inc(3);
    counter.inc(by as number);
    expect(counter.value).toBe(3);
    expect(metrics.text()).toContain('\nmetrics_ignored_total{metric="integers_summed"} 1\n');
  });

  it("is named with the registry's prefix where it is told to have ignored something", () => {
    const metrics = registry({ prefix: "shop_" });
    metrics.counter({ name: "calls_total", help: "Calls." }).inc(-1);
    expect(metrics.text()).toContain('shop_metrics_ignored_total{metric="shop_calls_total"} 1\n');
  });

  it("begins again at 0 when reset, and goes on counting", () => {
    const counter = registry().counter({ name: "calls_total", help: "Calls." });
    counter.inc(5);
    counter.reset();
    counter.inc();
    expect(counter.value).toBe(1);
  });
});

describe("the types of labels", () => {
  const metrics = registry();
  const plain = metrics.counter({ name: "plain_total", help: "Plain." });
  const labelled = metrics.counter({ name: "labelled_total", help: "Labelled.", labels: ["method", "code"] });

  it("make a metric without labels its own series, and one with labels something to bind", () => {
    expectTypeOf(plain).toEqualTypeOf<Counter>();
    expectTypeOf(labelled).toEqualTypeOf<Labelled<"method" | "code", Counter>>();
    expectTypeOf(metrics.counter({ name: "plain_total", help: "Plain.", labels: undefined })).toEqualTypeOf<Counter>();
    expectTypeOf(metrics.counter({ name: "plain_total", help: "Plain.", labels: [] })).toEqualTypeOf<Counter>();
    expectTypeOf<Parameters<typeof labelled.with>[0]>().toEqualTypeOf<{
      readonly method: string;
      readonly code: string;
    }>();
  });

  it("refuse a missing, a misspelt, a surplus and a wrongly typed label, as the run time does", () => {
    // @ts-expect-error code is missing
    expect(() => labelled.with({ method: "sum" })).toThrow(
      new RangeError("labels of labelled_total should be code, method, got method"),
    );
    // @ts-expect-error cod is not a label
    expect(() => labelled.with({ method: "sum", cod: "ok" })).toThrow(/should be code, method, got method, cod/);
    // @ts-expect-error zone is not a label
    expect(() => labelled.with({ method: "sum", code: "ok", zone: "a" })).toThrow(RangeError);
    // @ts-expect-error a code is a string
    expect(() => labelled.with({ method: "sum", code: 404 })).toThrow(
      new RangeError("label code of labelled_total should be a string, got 404"),
    );
    // @ts-expect-error every label is missing
    expect(() => labelled.with({})).toThrow(/got none/);
    // @ts-expect-error labels come first
    expect(() => labelled.inc()).toThrow(TypeError);
    // @ts-expect-error there is nothing to bind
    expect(() => plain.with({})).toThrow(TypeError);
    // @ts-expect-error buckets belong to histograms
    expect(() => metrics.counter({ name: "x_total", help: "X.", buckets: [1] })).toThrow(/has no option "buckets"/);
  });
});
