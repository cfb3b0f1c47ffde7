/**
 * Spans to a Zipkin server, or whatever else takes its second JSON form. The tracer gathers and bounds them; this only
 * sends. For a new installation OTLP is the better way: see `servicekit/otlp`.
 *
 * @module
 */
import { checkFunction, checkNames, checkString, shown } from "../internal/check.ts";
import { delivery, DELIVERY_NAMES } from "../internal/delivery-options.ts";
import type { Delivery } from "../internal/delivery.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import type { SpanData, SpanExporter } from "../trace/index.ts";
import { endpointOf, zipkinSpan, type Endpoint } from "./spans.ts";

/** Where spans go. The name of the service is the tracer's. */
export interface ZipkinOptions {
  /** Where spans are posted. Default: `http://localhost:9411/api/v2/spans`, Zipkin's own. */
  readonly url?: string | undefined;
  /** Sent with each request, e.g. `authorization`. They appear in no error and no log. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The address of this side as others see it, e.g. `10.0.0.7:8081`. Default: none; the service's name tells enough. */
  readonly address?: string | undefined;
  /** Whether bodies of more than 1 KiB are compressed. Default: "gzip": spans repeat themselves. */
  readonly compression?: "gzip" | "none" | undefined;
  /**
   * The time for one request with all its attempts, in milliseconds, from 1. Default: 9000, below the 10 s after which a
   * tracer gives a batch up.
   */
  readonly timeoutMs?: number | undefined;
  /** Makes the requests. Default: the platform's `fetch`. It must not be traced, or each batch makes the next. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Is told what was lost, and why. Default: nobody; `stats` counts, and the tracer is told too. */
  readonly report?: ((error: unknown) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Spreads attempts in time. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** What has become of the spans so far. */
export interface ZipkinStats {
  /** Spans that the server took. */
  readonly sent: number;
  /** Spans lost: the server refused them or could not be reached in time. */
  readonly dropped: number;
  /** Requests made, those made again included. */
  readonly requests: number;
  /** Requests made again after a failure. */
  readonly retries: number;
  /** Batches given up. */
  readonly failures: number;
}

/** An exporter for `tracer({ exporter })`. */
export interface ZipkinTraces extends SpanExporter {
  /** What has become of the spans; those that the tracer itself dropped are in its own. */
  readonly stats: ZipkinStats;
  close(): Promise<void>;
}

/**
 * Exports spans to Zipkin: one request at a time, tried again on 429, 502, 503, 504 and broken connections, and given up
 * in time. Spans look as Go kit's `tracing/zipkin` has them where both say the same (`http.status_code`,
 * `http.response.size`, `error`); all else keeps OpenTelemetry's names. `tracestate` has no place in Zipkin.
 *
 * Ask the tracer to write B3 as well when others in the house read nothing else: `formats: { write: ["w3c", "b3multi"] }`.
 *
 * @throws {RangeError} or {TypeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { tracer } from "servicekit/trace";
 * import { zipkinTraces } from "servicekit/zipkin";
 *
 * const exporter = zipkinTraces({ url: "http://localhost:9411/api/v2/spans" });
 * await tracer({ service: "add", exporter }).close();
 * exporter.stats.sent; // => 0
 * ```
 */
export function zipkinTraces(options: ZipkinOptions = {}): ZipkinTraces {
  return new ZipkinExporter(options);
}

class ZipkinExporter implements ZipkinTraces {
  readonly #delivery: Delivery;
  readonly #local: Endpoint;
  readonly #report: (error: unknown) => void;
  #sent = 0;
  #dropped = 0;
  #failures = 0;

  constructor(options: ZipkinOptions) {
    checkNames("zipkinTraces", options, [...DELIVERY_NAMES, "address"]);
    const { url = "http://localhost:9411/api/v2/spans", clock = systemClock, random = systemRandom } = options;
    const { address, report = ignore } = options;
    checkFunction("report", report);
    this.#report = report;
    this.#local = address === undefined ? {} : checkAddress(address);
    this.#delivery = delivery({ ...options, url, clock, random }, "application/json");
  }

  get stats(): ZipkinStats {
    const { requests, retries } = this.#delivery;
    return { sent: this.#sent, dropped: this.#dropped, requests, retries, failures: this.#failures };
  }

  async export(spans: readonly SpanData[]): Promise<void> {
    if (spans.length === 0) return;
    const body = JSON.stringify(spans.map((span) => zipkinSpan(span, this.#local)));
    try {
      await this.#delivery.send(new TextEncoder().encode(body));
      this.#sent += spans.length;
    } catch (error) {
      this.#failures++;
      this.#dropped += spans.length;
      this.#tell(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#delivery.close();
  }

  #tell(error: unknown): void {
    try {
      this.#report(error);
    } catch {
      // The one who is told has no one to tell: the counts stand.
    }
  }
}

function checkAddress(address: string): Endpoint {
  const endpoint = endpointOf(checkString("address", address));
  if (Object.keys(endpoint).length > 0) return endpoint;
  throw new RangeError(`address should be an IP address, with or without a port, got ${shown(address)}`);
}

function ignore(): void {}
