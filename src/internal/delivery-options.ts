/**
 * The options that everything which delivers telemetry has in common, checked.
 *
 * @module
 */
import { checkFunction, checkNumber, checkOneOf, shown } from "./check.ts";
import { Delivery, type DeliveryClock } from "./delivery.ts";

/** As the users give them; each door documents its own. */
export interface GivenDelivery {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly compression?: "gzip" | "none" | undefined;
  readonly timeoutMs?: number | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly clock: DeliveryClock;
  readonly random: { fraction(): number };
}

/** The names of these options. */
export const DELIVERY_NAMES: readonly string[] = [
  "url",
  "headers",
  "compression",
  "timeoutMs",
  "fetch",
  "report",
  "clock",
  "random",
];

/** Below the 10 s after which a tracer gives up a batch: what was given up must not be under way still. */
const TIMEOUT_MS = 9000;

/** Checks the options and makes a delivery that says what its bodies are. */
export function delivery(options: GivenDelivery, contentType: string): Delivery {
  const { headers = {}, clock, random } = options;
  const { fetch = globalThis.fetch } = options;
  checkFunction("fetch", fetch);
  return new Delivery({
    url: checkUrl(options.url),
    headers: { ...checkHeaders(headers), "content-type": contentType },
    gzip: checkOneOf("compression", options.compression ?? "gzip", ["gzip", "none"]) === "gzip",
    timeoutMs: checkNumber("timeoutMs", options.timeoutMs ?? TIMEOUT_MS, { min: 1 }),
    fetch,
    clock,
    random,
  });
}

/** @throws {RangeError} without showing what may be a password. */
export function checkUrl(url: unknown): URL {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && (parsed.username !== "" || parsed.password !== "")) {
    throw new RangeError("url should hold no user name and no password, which belong into headers, got one that does");
  }
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new RangeError(`url should be an http or https URL, got ${shown(url)}`);
  }
  return parsed;
}

function checkHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw new TypeError(`headers should be an object, got ${shown(headers)}`);
  }
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new RangeError(`headers should have proper names, got ${shown(name)}`);
    // Never shown: it is a key more often than not.
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new RangeError(`headers.${name} should be text that a header can hold, got something else`);
    }
    checked[name.toLowerCase()] = value;
  }
  return checked;
}
