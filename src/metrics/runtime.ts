/**
 * The process as metrics: processor, memory, event loop. Read at a scrape and not otherwise, under the names that
 * dashboards for Node know.
 *
 * @module
 */
import type { Registry } from "./registry.ts";

/** The part of Node's `process` that is read. What is missing is left out. */
export interface RuntimeSource {
  /** Microseconds of processor time since the start. */
  cpuUsage?(): { readonly user: number; readonly system: number };
  /** In bytes. */
  memoryUsage?(): {
    readonly rss: number;
    readonly heapTotal: number;
    readonly heapUsed: number;
    readonly external: number;
  };
  /** Seconds since the start. */
  uptime?(): number;
  readonly version?: string;
  /** Asked for `node:perf_hooks`, which watches the event loop: so this door loads where there is no Node. */
  getBuiltinModule?(id: string): object | undefined;
}

interface Delay {
  enable(): boolean;
  disable(): boolean;
  reset(): void;
  readonly mean: number;
  readonly max: number;
  percentile(percent: number): number;
}

interface Utilization {
  readonly idle: number;
  readonly active: number;
  readonly utilization: number;
}

interface PerfHooks {
  monitorEventLoopDelay?(options: { readonly resolution: number }): Delay;
  readonly performance?: { eventLoopUtilization?(now?: Utilization, before?: Utilization): Utilization };
}

// The monitor measures from one of its ticks to the next; what is over the tick is lag.
const TICK_MS = 10;

const LAGS = [
  ["mean", (delay: Delay) => delay.mean],
  ["max", (delay: Delay) => delay.max],
  ["p50", (delay: Delay) => delay.percentile(50)],
  ["p90", (delay: Delay) => delay.percentile(90)],
  ["p99", (delay: Delay) => delay.percentile(99)],
] as const;

/**
 * Adds metrics of the process to a registry: `process_cpu_seconds_total` (and `_user_`, `_system_`),
 * `process_resident_memory_bytes`, `process_start_time_seconds`, `nodejs_heap_size_total_bytes`,
 * `nodejs_heap_size_used_bytes`, `nodejs_external_memory_bytes`, `nodejs_version_info`,
 * `nodejs_eventloop_lag_{mean,max,p50,p90,p99}_seconds` and `nodejs_eventloop_utilization_ratio`. The lags and the
 * utilization are of the time since the last scrape: of two scrapers each sees a part.
 *
 * @param source where they are read. Default: the global `process`; where there is none, nothing is added.
 * @returns a function that ends the reading and the watching of the event loop.
 *
 * @example
 * ```ts
 * import { registry, runtimeMetrics } from "servicekit/metrics";
 *
 * const metrics = registry();
 * const stop = runtimeMetrics(metrics, { cpuUsage: () => ({ user: 1_500_000, system: 500_000 }) });
 * metrics.text().includes("process_cpu_seconds_total 2\n"); // => true
 * stop();
 * ```
 */
export function runtimeMetrics(metrics: Registry, source: RuntimeSource = globalThis.process ?? {}): () => void {
  const stops = [
    ...cpu(metrics, source),
    ...memory(metrics, source),
    ...eventLoop(metrics, source.getBuiltinModule?.("node:perf_hooks")),
  ];
  about(metrics, source);
  return function stop() {
    for (const one of stops) one();
  };
}

type Stop = () => void;

function cpu(metrics: Registry, source: RuntimeSource): Stop[] {
  if (source.cpuUsage === undefined) return [];
  const counter = (part: string, help: string): { inc(by: number): void; readonly value: number } =>
    metrics.counter({ name: `process_cpu_${part}seconds_total`, help, unit: "seconds" });
  const both = counter("", "Processor time spent, in seconds.");
  const user = counter("user_", "Processor time spent in user mode, in seconds.");
  const system = counter("system_", "Processor time spent in the kernel, in seconds.");
  // A counter is brought up to what is read, so reading twice changes nothing.
  const raise = (one: typeof both, toSeconds: number): void => one.inc(Math.max(0, toSeconds - one.value));
  return [
    metrics.onScrape(() => {
      const used = source.cpuUsage!();
      raise(both, (used.user + used.system) / 1e6);
      raise(user, used.user / 1e6);
      raise(system, used.system / 1e6);
    }),
  ];
}

function memory(metrics: Registry, source: RuntimeSource): Stop[] {
  if (source.memoryUsage === undefined) return [];
  const bytes = (name: string, help: string): { set(value: number): void } =>
    metrics.gauge({ name, help, unit: "bytes" });
  const rss = bytes("process_resident_memory_bytes", "Memory of the process that is in RAM, in bytes.");
  const total = bytes("nodejs_heap_size_total_bytes", "Size of the JavaScript heap, in bytes.");
  const used = bytes("nodejs_heap_size_used_bytes", "Used part of the JavaScript heap, in bytes.");
  const external = bytes(
    "nodejs_external_memory_bytes",
    "Memory outside the heap that JavaScript objects hold, in bytes.",
  );
  return [
    metrics.onScrape(() => {
      const usage = source.memoryUsage!();
      rss.set(usage.rss);
      total.set(usage.heapTotal);
      used.set(usage.heapUsed);
      external.set(usage.external);
    }),
  ];
}

function eventLoop(metrics: Registry, hooks: PerfHooks | undefined): Stop[] {
  const stops: Stop[] = [];
  const delay = hooks?.monitorEventLoopDelay?.({ resolution: TICK_MS });
  if (delay !== undefined) {
    const gauges = LAGS.map(([part]) =>
      metrics.gauge({
        name: `nodejs_eventloop_lag_${part}_seconds`,
        help: `How late the event loop was since the last scrape (${part}), in seconds.`,
        unit: "seconds",
      }),
    );
    delay.enable();
    stops.push(
      metrics.onScrape(() => {
        // Right after another scrape there may be no tick to tell of.
        if (!(delay.mean > 0)) return;
        LAGS.forEach(([, read], i) => gauges[i]!.set(Math.max(0, read(delay) / 1e6 - TICK_MS) / 1000));
        delay.reset();
      }),
      () => void delay.disable(),
    );
  }
  const performance = hooks?.performance;
  if (performance?.eventLoopUtilization !== undefined) {
    const ratio = metrics.gauge({
      name: "nodejs_eventloop_utilization_ratio",
      help: "Share of the time since the last scrape in which the event loop was busy.",
      unit: "ratio",
    });
    let before = performance.eventLoopUtilization();
    stops.push(
      metrics.onScrape(() => {
        const now = performance.eventLoopUtilization!();
        ratio.set(performance.eventLoopUtilization!(now, before).utilization);
        before = now;
      }),
    );
  }
  return stops;
}

function about(metrics: Registry, source: RuntimeSource): void {
  if (source.uptime !== undefined) {
    const help = "When the process began, in seconds since 1970.";
    const started = metrics.gauge({ name: "process_start_time_seconds", help, unit: "seconds" });
    started.set(metrics.clock.date() / 1000 - source.uptime());
  }
  if (source.version !== undefined) {
    const help = "The version of Node; always 1.";
    metrics
      .gauge({ name: "nodejs_version_info", help, labels: ["version"] })
      .with({ version: source.version })
      .set(1);
  }
}
