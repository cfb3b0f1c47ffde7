import { describe, expect, it } from "vitest";
import { registry } from "./index.ts";

describe("a summary", () => {
  // What Go kit's addsvc exposes: NewSummaryFrom without objectives.
  it("writes sum and count, and no quantiles, as Go's client does without objectives", () => {
    const metrics = registry();
    const durations = metrics.summary({
      name: "example_addsvc_request_duration_seconds",
      help: "Request duration in seconds.",
      labels: ["method", "success"],
    });
    const sum = durations.with({ method: "Sum", success: "true" });
    sum.observe(0.25);
    sum.observe(0.5);
    expect(metrics.text()).toBe(
      "# HELP example_addsvc_request_duration_seconds Request duration in seconds.\n" +
        "# TYPE example_addsvc_request_duration_seconds summary\n" +
        'example_addsvc_request_duration_seconds_sum{method="Sum",success="true"} 0.75\n' +
        'example_addsvc_request_duration_seconds_count{method="Sum",success="true"} 2\n',
    );
  });

  it.each([-1, NaN, Infinity, "1"])("ignores %s: both of its parts only grow", (value) => {
    const metrics = registry();
    const summary = metrics.summary({ name: "size", help: "Size." });
    summary.observe(value as number);
    expect([summary.count, summary.sum]).toEqual([0, 0]);
    expect(metrics.text()).toContain('metrics_ignored_total{metric="size"} 1\n');
  });

  it("begins again when reset", () => {
    const summary = registry().summary({ name: "size", help: "Size." });
    summary.observe(3);
    summary.reset();
    expect([summary.count, summary.sum]).toEqual([0, 0]);
  });
});
