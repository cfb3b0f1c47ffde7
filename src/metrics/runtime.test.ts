import { describe, expect, expectTypeOf, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { registry, runtimeMetrics, type RuntimeSource } from "./index.ts";

function fakeDelay(): Record<string, unknown> & { enabled: boolean; resets: number; mean: number } {
  return {
    enabled: false,
    resets: 0,
    mean: 12e6,
    max: 110e6,
    percentile: (percent: number) => (percent === 99 ? 60e6 : 9e6),
    enable() {
      return (this.enabled = true);
    },
    disable() {
      return !(this.enabled = false);
    },
    reset() {
      this.resets++;
    },
  };
}

describe("runtime metrics", () => {
  it("fit Node's process", () => {
    expectTypeOf<typeof process>().toExtend<RuntimeSource>();
  });

  it("read the source at a scrape and not otherwise, once for all that comes from one reading", () => {
    const metrics = registry();
    let reads = 0;
    runtimeMetrics(metrics, {
      memoryUsage: () => ({ rss: ++reads * 100, heapTotal: 50, heapUsed: 40, external: 3 }),
    });
    expect(reads).toBe(0);
    const text = metrics.text();
    expect(reads).toBe(1);
    expect(text).toContain("process_resident_memory_bytes 100\n");
    expect(text).toContain("nodejs_heap_size_total_bytes 50\n");
    expect(text).toContain("nodejs_heap_size_used_bytes 40\n");
    expect(text).toContain("nodejs_external_memory_bytes 3\n");
    expect(metrics.text()).toContain("process_resident_memory_bytes 200\n");
  });

  it("bring the processor counters up to what is read, also when added twice", () => {
    const metrics = registry();
    const used = { user: 1_500_000, system: 500_000 };
    const source = { cpuUsage: () => used };
    runtimeMetrics(metrics, source);
    runtimeMetrics(metrics, source);
    metrics.text();
    used.user = 2_500_000;
    const text = metrics.text();
    expect(text).toContain("process_cpu_seconds_total 3\n");
    expect(text).toContain("process_cpu_user_seconds_total 2.5\n");
    expect(text).toContain("process_cpu_system_seconds_total 0.5\n");
    expect(text).not.toContain("metrics_ignored_total");
  });

  it("say when the process began and which Node it is", () => {
    const clock = virtualClock({ dateMs: 1_000_000 });
    const metrics = registry({ clock });
    const source = {
      since: 40,
      version: "v20.19.0",
      uptime(): number {
        return this.since;
      },
    };
    runtimeMetrics(metrics, source);
    expect(metrics.text()).toContain("process_start_time_seconds 960\n");
    expect(metrics.text()).toContain('nodejs_version_info{version="v20.19.0"} 1\n');
  });

  it("tell the event loop's lag over the monitor's own tick, for the time since the last scrape", () => {
    const metrics = registry();
    const delay = fakeDelay();
    const asked: string[] = [];
    const stop = runtimeMetrics(metrics, {
      getBuiltinModule: (id) => {
        asked.push(id);
        return { monitorEventLoopDelay: ({ resolution }: { resolution: number }) => resolution === 10 && delay };
      },
    });
    expect(asked).toEqual(["node:perf_hooks"]);
    expect(delay.enabled).toBe(true);
    const text = metrics.text();
    expect(text).toContain("nodejs_eventloop_lag_mean_seconds 0.002\n");
    expect(text).toContain("nodejs_eventloop_lag_max_seconds 0.1\n");
    expect(text).toContain("nodejs_eventloop_lag_p50_seconds 0\n");
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds 0.05\n");
    expect(delay.resets).toBe(1);
    delay.mean = NaN;
    expect(metrics.text()).toContain("nodejs_eventloop_lag_mean_seconds 0.002\n");
    expect(delay.resets).toBe(1);
    stop();
    expect(delay.enabled).toBe(false);
  });

  it("tell the event loop's utilization since the last scrape", () => {
    const metrics = registry();
    let active = 0;
    const eventLoopUtilization = (now?: { active: number }, before?: { active: number }): object =>
      now === undefined
        ? { idle: 0, active: (active += 0.25), utilization: 1 }
        : { idle: 0, active: 0, utilization: now.active - before!.active };
    runtimeMetrics(metrics, { getBuiltinModule: () => ({ performance: { eventLoopUtilization } }) });
    active += 0.5;
    expect(metrics.text()).toContain("nodejs_eventloop_utilization_ratio 0.75\n");
    expect(metrics.text()).toContain("nodejs_eventloop_utilization_ratio 0.25\n");
  });

  it("add nothing for what the source has not", () => {
    const metrics = registry();
    runtimeMetrics(metrics, {})();
    runtimeMetrics(metrics, { getBuiltinModule: () => undefined });
    runtimeMetrics(metrics, { getBuiltinModule: () => ({}) });
    expect(metrics.text()).toBe("");
  });

  it("stop reading when stopped", () => {
    const metrics = registry();
    let reads = 0;
    runtimeMetrics(metrics, { cpuUsage: () => ({ user: ++reads, system: 0 }) })();
    metrics.text();
    expect(reads).toBe(0);
  });

  it("come from this process unless told otherwise, and make sense", () => {
    const metrics = registry();
    const stop = runtimeMetrics(metrics);
    const text = metrics.text();
    stop();
    const value = (name: string): number => Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(value("nodejs_heap_size_used_bytes")).toBeLessThanOrEqual(value("process_resident_memory_bytes") * 4);
    expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(value("process_start_time_seconds")).toBeGreaterThan(1.7e9);
    expect(value("nodejs_eventloop_utilization_ratio")).toBeLessThanOrEqual(1);
    expect(value("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThanOrEqual(0);
    expect(text).not.toContain("metrics_ignored_total");
  });
});
