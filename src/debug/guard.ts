/**
 * Who may look: a page at a debug port is a target for other pages in the same browser. What they can do is send requests
 * across sites, and give a name of their own this machine's address (DNS rebinding).
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { checkString, shown } from "../internal/check.ts";

const HOST = {
  pattern: /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i,
  says: "a host name without a port",
};

/** The host names of the option, in lower case. */
export function checkHosts(hosts: unknown): ReadonlySet<string> {
  if (hosts === undefined) return new Set();
  if (!Array.isArray(hosts)) throw new TypeError(`hosts should be a list of host names, got ${shown(hosts)}`);
  return new Set(hosts.map((one: unknown) => checkString("hosts", one, HOST).toLowerCase()));
}

/** Why a request for something that people see is refused; undefined when it is not. */
export function refusalOf(request: IncomingMessage, hosts: ReadonlySet<string>): string | undefined {
  const { host = "", "sec-fetch-site": site } = request.headers;
  if (!isKnown(nameOf(host), hosts)) {
    return "421 this page is for an address, localhost, or a name in debugServer({ hosts }): a foreign name may be another page's\n";
  }
  // A link from elsewhere may lead here; what another site asks for by script may not.
  const isLink = request.headers["sec-fetch-mode"] === "navigate" && request.method === "GET";
  if ((site === "cross-site" || site === "same-site") && !isLink) return "403 another site may not ask\n";
  return undefined;
}

/** The header that a call from the page carries: no form can send it, and no other site without being asked first. */
const TRY_HEADER = "x-servicekit-debug";

/** Why a call from the page is refused; undefined when it is not. */
export function tryRefusalOf({ headers }: IncomingMessage): string | undefined {
  if (headers[TRY_HEADER] !== "try") return `403 a call needs the header ${TRY_HEADER}: try\n`;
  const { origin, host } = headers;
  if (origin !== undefined && originHost(origin) !== host?.toLowerCase()) return "403 another site may not call\n";
  if (!/^application\/json(?:\s*;|$)/i.test(headers["content-type"] ?? "")) return "403 a call is application/json\n";
  return undefined;
}

function isKnown(name: string, hosts: ReadonlySet<string>): boolean {
  return isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || hosts.has(name);
}

/** The name in a Host header: without port, and an IPv6 address without its brackets. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d*$/, "")).toLowerCase();
}

function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
