/**
 * The address of an instance: what an `http:` or `https:` URL says, read once.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";

/** Where an instance is. */
export interface Place {
  readonly secure: boolean;
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** The value of the Host header. */
  readonly authority: string;
  /** What stands before every path, "" or `/base`. */
  readonly basePath: string;
}

const RULE = "an http or https URL without user, query and fragment";

// What registries tell of: `10.0.0.1:8081`, `add.internal:8081`, `[::1]:8081`.
const HOST_PORT = /^(?:\[[\da-f:.]+\]|[\w.-]+):\d{1,5}$/i;

/** The URL of an instance that may be given as `host:port`. */
export function urlOf(address: string, secure: boolean): string {
  return HOST_PORT.test(address) ? `${secure ? "https" : "http"}://${address}` : address;
}

/**
 * Reads the URL of an instance: `http://10.0.0.1:8081`, `https://api.example/base`, `http://[::1]:8081`.
 *
 * @throws {RangeError} when it is not such a URL.
 */
export function placeOf(name: string, url: string): Place {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new RangeError(`${name} should be ${RULE}, got ${shown(url)}`);
  }
  const secure = parsed.protocol === "https:";
  if (!secure && parsed.protocol !== "http:") throw new RangeError(`${name} should be ${RULE}, got ${shown(url)}`);
  // Not shown: it holds a secret, and error messages end in logs.
  if (parsed.username !== "" || parsed.password !== "")
    throw new RangeError(`${name} should be ${RULE}, got one with a user`);
  if (parsed.search !== "" || parsed.hash !== "") throw new RangeError(`${name} should be ${RULE}, got ${shown(url)}`);
  const { hostname, pathname } = parsed;
  return {
    secure,
    host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: parsed.port === "" ? (secure ? 443 : 80) : Number(parsed.port),
    authority: parsed.host,
    basePath: pathname.replace(/\/+$/, ""),
  };
}
