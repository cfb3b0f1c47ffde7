/**
 * Rate, errors and duration of every method, as an observer: what a server or client measures without being asked.
 *
 * @module
 */
import { described, type Call, type MethodInfo, type Observe, type Observer, type Side } from "../endpoint/index.ts";
import { codes, type Outcome } from "../errors/index.ts";
import { checkNames } from "../internal/check.ts";
import type { Counter } from "./counter.ts";
import type { Labelled, LabelValues } from "./family.ts";
import type { Gauge } from "./gauge.ts";
import type { Histogram } from "./histogram.ts";
import type { Registry } from "./registry.ts";

/** What RED metrics may be given. */
export interface RedOptions {
  /** Bounds of the duration histogram, in seconds. Default: `SECONDS_BUCKETS`. */
  readonly buckets?: readonly number[] | undefined;
}

/**
 * Observes calls into a registry, five metrics a side (`rpc_server_…` or `rpc_client_…`), labelled `service` and
 * `method`:
 *
 * - `requests_total`, with `code`: "ok" or the code of the error
 * - `request_duration_seconds`, a histogram; a sampled trace is its bucket's exemplar
 * - `requests_in_flight`
 * - `request_bytes_total` and `response_bytes_total`: bodies, as far as the transport knows their size
 *
 * Everything is bound when a method's observer is made; only a code other than "ok" makes its series when it first
 * occurs. The transport is no label: a method is one thing, however it is reached.
 *
 * @throws {RangeError} at the first method, when the registry holds one of the names with another definition.
 *
 * @example
 * ```ts
 * import { redMetrics, registry } from "servicekit/metrics";
 *
 * const metrics = registry();
 * const more = { kind: "unary", idempotent: true, errors: [], timeoutMs: 3000 } as const;
 * redMetrics(metrics)({ service: "add", name: "sum", side: "server", ...more });
 * metrics.text().includes('rpc_server_requests_in_flight{method="sum",service="add"} 0'); // => true
 * ```
 */
export function redMetrics(metrics: Registry, options: RedOptions = {}): Observe {
  checkNames("RED metrics", options, ["buckets"]);
  const sides = new Map<Side, SideMetrics>();
  return described("metrics: requests by code, duration, in flight", function red(method) {
    let side = sides.get(method.side);
    if (side === undefined) sides.set(method.side, (side = define(metrics, method.side, options)));
    return new RedObserver(side, method);
  });
}

const LABELS = ["service", "method"] as const;

type Labels = (typeof LABELS)[number];

interface SideMetrics {
  readonly requests: Labelled<Labels | "code", Counter>;
  readonly duration: Labelled<Labels, Histogram>;
  readonly inFlight: Labelled<Labels, Gauge>;
  readonly requestBytes: Labelled<Labels, Counter>;
  readonly responseBytes: Labelled<Labels, Counter>;
}

function define(metrics: Registry, side: Side, { buckets }: RedOptions): SideMetrics {
  const name = (last: string): string => `rpc_${side}_${last}`;
  const bytes = (which: string): Labelled<Labels, Counter> =>
    metrics.counter({
      name: name(`${which}_bytes_total`),
      help: `Bytes of ${which} bodies.`,
      labels: LABELS,
      unit: "bytes",
    });
  return {
    requests: metrics.counter({
      name: name("requests_total"),
      help: "Calls that ended, by outcome.",
      labels: [...LABELS, "code"],
      // As many methods as the other metrics hold, each with all its codes, which do not come from outside.
      maxSeries: metrics.maxSeries * (codes.length + 1),
    }),
    duration: metrics.histogram({
      name: name("request_duration_seconds"),
      help: "How long calls took.",
      labels: LABELS,
      unit: "seconds",
      buckets,
    }),
    inFlight: metrics.gauge({
      name: name("requests_in_flight"),
      help: "Calls that have begun and not ended.",
      labels: LABELS,
    }),
    requestBytes: bytes("request"),
    responseBytes: bytes("response"),
  };
}

/** The place of a code among a method's counters. */
const PLACES: ReadonlyMap<Outcome, number> = new Map(codes.map((code, i) => [code, i]));

class RedObserver implements Observer {
  readonly #labels: LabelValues<Labels>;
  readonly #requests: Labelled<Labels | "code", Counter>;
  readonly #ok: Counter;
  readonly #failed: (Counter | undefined)[] = codes.map(() => undefined);
  readonly #duration: Histogram;
  readonly #inFlight: Gauge;
  readonly #requestBytes: Counter;
  readonly #responseBytes: Counter;

  constructor(side: SideMetrics, method: MethodInfo) {
    const labels = { service: method.service, method: method.name };
    this.#labels = labels;
    this.#requests = side.requests;
    // Made before the first call: a series that begins at 1 hides that call from every rate.
    this.#ok = side.requests.with({ ...labels, code: "ok" });
    this.#duration = side.duration.with(labels);
    this.#inFlight = side.inFlight.with(labels);
    this.#requestBytes = side.requestBytes.with(labels);
    this.#responseBytes = side.responseBytes.with(labels);
  }

  start(_call: Call): void {
    this.#inFlight.inc();
  }

  end(call: Call): void {
    const { outcome, trace } = call;
    this.#inFlight.dec();
    this.#duration.observe(call.durationMs / 1000, trace?.sampled === true ? trace.traceId : undefined);
    this.#requestBytes.inc(call.requestBytes);
    this.#responseBytes.inc(call.responseBytes);
    if (outcome === "ok") this.#ok.inc();
    else this.#counterOf(outcome ?? "unknown").inc();
  }

  #counterOf(code: Outcome): Counter {
    const place = PLACES.get(code) ?? PLACES.get("unknown")!;
    return (this.#failed[place] ??= this.#requests.with({ ...this.#labels, code: codes[place]! }));
  }
}
