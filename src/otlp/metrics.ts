/**
 * A registry's metrics to an OpenTelemetry collector, or whatever else takes OTLP over HTTP, at an even pace. Where
 * Prometheus scrapes, its own way is simpler: see `Registry.expose`.
 *
 * @module
 */
import { checkFunction, checkNumber, checkOneOf, checkString, shown } from "../internal/check.ts";
import type { MetricFamily, Registry } from "../metrics/index.ts";
import type { Timer } from "../time/index.ts";
import { OtlpChannel, type OtlpStats } from "./channel.ts";
import { Deltas } from "./delta.ts";
import { Ending } from "./ending.ts";
import { checkOtlp, type OtlpOptions } from "./options.ts";
import { metricOf, partsOf, type Push } from "./points.ts";
import type { Message } from "./proto.ts";
import { METRICS } from "./schema.ts";
import { resourceOf, SCOPE } from "./values.ts";

/** What a pusher of metrics may be told. */
export interface OtlpMetricsOptions extends OtlpOptions {
  /** Whose metrics are sent; read like a scrape, at each push. */
  readonly registry: Registry;
  /** The name of this service. */
  readonly service: string;
  /** From one push to the next, in milliseconds, from 100 to an hour. Default: 60000, OpenTelemetry's. */
  readonly intervalMs?: number | undefined;
  /**
   * "cumulative": numbers since the start, so that a lost push loses nothing. "delta": since the last push that arrived,
   * for back-ends that want it; what arrived with its answer lost is counted twice. Summaries stay cumulative: OTLP has no
   * other. Default: "cumulative".
   */
  readonly temporality?: "cumulative" | "delta" | undefined;
  /** The most points in one request, from 1; more are sent in several. Default: 2000, about a megabyte before compression. */
  readonly batchSize?: number | undefined;
  /** The most that `close` waits for the last push, in milliseconds. Default: 4000, within what `run` allows. */
  readonly closeMs?: number | undefined;
}

/** Pushes metrics; a member for `run`. Put it before the servers: it then closes after them, with their last numbers. */
export interface OtlpMetrics extends AsyncDisposable {
  readonly name: string;
  /** In data points. Those of a push that failed count as dropped, and cumulative ones come again with the next. */
  readonly stats: OtlpStats;
  /** Pushes now, and from now on at its pace. The pace keeps no process alive. */
  start(): void;
  /** Pushes now. Never rejects: what failed is in `stats`. */
  flush(): Promise<void>;
  /** Resolves when what is being sent has arrived, or at the deadline. Goes on pushing: servers are draining. */
  drain(deadline?: AbortSignal): Promise<void>;
  /** Pushes a last time, within `closeMs`, and ends. Never rejects. */
  close(): Promise<void>;
}

const NAMES = ["registry", "service", "intervalMs", "temporality", "batchSize", "closeMs"];

/**
 * Pushes a registry over OTLP/HTTP: counters as monotonic sums, gauges, histograms with their bounds and exemplars,
 * summaries without quantiles. Names and labels stay as they are, so that dashboards fit both ways.
 *
 * A push that is due while the one before is still under way is left out.
 *
 * @throws {RangeError} or {TypeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { registry } from "servicekit/metrics";
 * import { otlpMetrics } from "servicekit/otlp";
 *
 * const pusher = otlpMetrics({ registry: registry(), service: "add", intervalMs: 10_000 });
 * await pusher.close();
 * pusher.stats.requests; // => 0
 * ```
 */
export function otlpMetrics(options: OtlpMetricsOptions): OtlpMetrics {
  return new Pusher(options);
}

class Pusher implements OtlpMetrics {
  readonly name = "otlp-metrics";
  readonly #registry: Registry;
  readonly #channel: OtlpChannel;
  readonly #ending: Ending;
  readonly #resource: Message;
  readonly #intervalMs: number;
  readonly #batchSize: number;
  readonly #deltas: Deltas | undefined;
  readonly #checked: ReturnType<typeof checkOtlp>;
  #exemplarsAfterMs = 0;
  #timer: Timer | undefined = undefined;
  #pushing: Promise<void> | undefined = undefined;
  #isClosed = false;

  constructor(options: OtlpMetricsOptions) {
    const checked = checkOtlp("otlpMetrics", options, NAMES);
    const { registry, intervalMs = 60_000, batchSize = 2000 } = options;
    if (typeof registry !== "object" || registry === null) {
      throw new TypeError(`registry should be made by registry(), got ${shown(registry)}`);
    }
    checkFunction("registry.collect", registry.collect);
    const service = checkString("service", options.service);
    const temporality = checkOneOf("temporality", options.temporality ?? "cumulative", ["cumulative", "delta"]);
    this.#intervalMs = checkNumber("intervalMs", intervalMs, { min: 100, max: 3_600_000 });
    this.#batchSize = checkNumber("batchSize", batchSize, { min: 1, integer: true });
    this.#ending = new Ending(checked.clock, options.closeMs);
    this.#registry = registry;
    this.#checked = checked;
    this.#channel = new OtlpChannel(METRICS, checked);
    const instance = checked.resource.instance ?? checked.random.hex(16);
    this.#resource = resourceOf({ ...checked.resource, service, instance });
    this.#deltas = temporality === "delta" ? new Deltas() : undefined;
  }

  get stats(): OtlpStats {
    return this.#channel.stats;
  }

  start(): void {
    if (this.#isClosed || this.#timer !== undefined) return;
    this.expire();
  }

  /** Called by the timer. */
  expire(): void {
    this.#timer = this.#checked.clock.expire(this.#intervalMs, this);
    this.#pushing ??= this.#push();
  }

  flush(): Promise<void> {
    return this.#ending.awake(this.#flush());
  }

  async drain(deadline?: AbortSignal): Promise<void> {
    if (this.#pushing !== undefined) await this.#ending.within(this.#pushing, deadline);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const wasRunning = this.#timer !== undefined;
    this.#timer?.cancel();
    if (wasRunning) await this.#ending.within(this.#flush());
    this.#channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #flush(): Promise<void> {
    // What is under way was read before.
    await this.#pushing;
    await (this.#pushing ??= this.#push());
  }

  async #push(): Promise<void> {
    try {
      await this.#pushAll();
    } catch {
      // Counted and reported where it was sent.
    } finally {
      this.#pushing = undefined;
    }
  }

  async #pushAll(): Promise<void> {
    // One turn, so that `pushing` is set before anything is read.
    await Promise.resolve();
    const endMs = this.#checked.clock.date();
    const families = this.#collect();
    const due = this.#deltas === undefined ? families : this.#deltas.of(families);
    const push = { endMs, isDelta: this.#deltas !== undefined, exemplarsAfterMs: this.#exemplarsAfterMs };
    for (const part of partsOf(due, this.#batchSize)) {
      await this.#send(part, push);
      this.#deltas?.commit(part, endMs);
    }
    this.#deltas?.trim();
    this.#exemplarsAfterMs = endMs;
  }

  #collect(): readonly MetricFamily[] {
    try {
      return this.#registry.collect();
    } catch (error) {
      this.#channel.report(error);
      throw error;
    }
  }

  async #send(families: readonly MetricFamily[], push: Push): Promise<void> {
    const count = families.reduce((sum, { points }) => sum + points.length, 0);
    const metrics = families.map((family) => metricOf(family, push));
    const message = { resourceMetrics: [{ resource: this.#resource, scopeMetrics: [{ scope: SCOPE, metrics }] }] };
    await this.#channel.send(message, count);
  }
}
