/**
 * The options that all three signals share, checked.
 *
 * @module
 */
import { checkFunction, checkNames, checkOneOf, checkString, shown } from "../internal/check.ts";
import { checkUrl, DELIVERY_NAMES, type GivenDelivery } from "../internal/delivery-options.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import type { AttributeValue } from "../trace/index.ts";
import type { ResourceParts } from "./values.ts";

/** Where a signal goes, and whose it is. */
export interface OtlpOptions {
  /**
   * The collector's base URL; `/v1/traces`, `/v1/metrics` or `/v1/logs` is added unless it is its end. Default:
   * `http://localhost:4318`, where collectors listen for OTLP over HTTP.
   */
  readonly url?: string | undefined;
  /** Sent with each request, e.g. `authorization`. They appear in no error and no log. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The form of the bodies. Default: "protobuf", which every collector takes; some refuse JSON for metrics. */
  readonly encoding?: "protobuf" | "json" | undefined;
  /** The version of this service, as `service.version`. Default: none. */
  readonly version?: string | undefined;
  /**
   * Which copy of the service this is, as `service.instance.id`, e.g. a pod's name. Default: none; for metrics a random
   * one, because two copies that write the same series spoil each other's.
   */
  readonly instance?: string | undefined;
  /** Further attributes of the resource, e.g. `{ "deployment.environment.name": "test" }`. Default: none. */
  readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined;
  /** Whether bodies of more than 1 KiB are compressed. Default: "gzip", which halves the traffic many times over. */
  readonly compression?: "gzip" | "none" | undefined;
  /**
   * The time for one request with all its attempts, in milliseconds, from 1. Default: 9000, below the 10 s after which a
   * tracer gives a batch up.
   */
  readonly timeoutMs?: number | undefined;
  /** Makes the requests. Default: the platform's `fetch`. It must not be traced, or each batch makes the next. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Is told what was lost, and why. Not with a logger that writes to the same collector. Default: nobody; `stats` counts. */
  readonly report?: ((error: unknown) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Spreads attempts in time. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** The options with their defaults. */
export interface OtlpSettings {
  readonly url: URL;
  readonly encoding: "protobuf" | "json";
  readonly resource: Omit<ResourceParts, "service">;
  readonly report: (error: unknown) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly given: Omit<GivenDelivery, "url">;
}

const NAMES = [...DELIVERY_NAMES, "encoding", "version", "instance", "attributes"];

/** Checks the shared options, and that there are no others but `more`. */
export function checkOtlp(what: string, options: OtlpOptions, more: readonly string[] = []): OtlpSettings {
  checkNames(what, options, [...more, ...NAMES]);
  const { version, instance, attributes, report = ignore, clock = systemClock, random = systemRandom } = options;
  if (version !== undefined) checkString("version", version);
  if (instance !== undefined) checkString("instance", instance);
  checkFunction("report", report);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (["string", "number", "boolean"].includes(typeof value)) continue;
    throw new RangeError(`attributes.${name} should be a string, number or boolean, got ${shown(value)}`);
  }
  return {
    url: checkUrl(options.url ?? "http://localhost:4318"),
    encoding: checkOneOf("encoding", options.encoding ?? "protobuf", ["protobuf", "json"]),
    resource: { version, instance, attributes },
    report,
    clock,
    random,
    given: { ...options, clock, random },
  };
}

function ignore(): void {}
