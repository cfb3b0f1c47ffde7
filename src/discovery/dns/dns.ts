/**
 * Instances from DNS: SRV records, or the addresses of a name. DNS tells nothing by itself, so it is asked again and again; for
 * registries that tell at once there are the other doors.
 *
 * @module
 */
import { isIP } from "node:net";
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { source, sourceOptionNames, sourceOptions, type Source, type SourceOptions, type Watch } from "../index.ts";
import { watchAddresses } from "./address-watch.ts";
import type { LookupOptions } from "./lookups.ts";
import { watchSrv } from "./srv-watch.ts";

/** Who is asked, and how often. Times are in milliseconds. */
export interface DnsOptions extends SourceOptions {
  /**
   * Name servers by address, with a port if it is not 53: `["10.0.0.2", "127.0.0.1:8600"]`. The next is asked when one does not
   * answer. Default: those of the machine.
   */
  readonly servers?: readonly string[] | undefined;
  /** How long the first try waits for one server, from 10 to 60,000; further tries wait longer. Default: 2000: a resolver that needs more is not well. */
  readonly timeoutMs?: number | undefined;
  /** How often each server is asked before it counts as failed, from 1 to 10. Default: 2: datagrams get lost. */
  readonly tries?: number | undefined;
  /** How often is asked, from 10; jittered by a tenth. Default: 10,000: faster only makes work for everybody's name servers. */
  readonly intervalMs?: number | undefined;
}

/** How SRV records are read. */
export interface DnsSrvOptions extends DnsOptions {
  /**
   * Looks up the targets' addresses too, and gives an instance for each: `true` for both families, or one of them. Default: false: an instance's
   * address has the target's name, which TLS needs, and the one who connects looks it up.
   */
  readonly resolve?: boolean | 4 | 6 | undefined;
}

/** How addresses are read. */
export interface DnsAddressesOptions extends DnsOptions {
  /** 4 for A records, 6 for AAAA records, 0 for both. Default: 0. */
  readonly family?: 0 | 4 | 6 | undefined;
  /** Asks again as soon as the records' time to live is over, if that is before the interval, but not within a second. Default: false. */
  readonly ttl?: boolean | undefined;
}

const OWN = ["servers", "timeoutMs", "tries"];

/**
 * The instances that SRV records tell of (RFC 2782), with their priorities and weights (Go kit `sd/dnssrv`, which ignores both, and to which one record
 * with port 0 is an error of the whole answer). An instance's id is `target:port`. A name that is not there and an empty answer are an empty list, which
 * is believed only after a while; a server that fails keeps the list as it is.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { dnsSrv } from "servicekit/discovery/dns";
 *
 * const add = dnsSrv("_add._tcp.example.com", { servers: ["127.0.0.1:8600"], seed: ["10.0.0.1:8081"] });
 * add.listing.instances.length; // => 1
 * ```
 */
export function dnsSrv(name: string, options: DnsSrvOptions = {}): Source {
  checkNames("dnsSrv", options, [...OWN, "resolve", ...sourceOptionNames]);
  const { resolve = false } = options;
  if (![true, false, 4, 6].includes(resolve))
    throw new RangeError(`resolve should be true, false, 4 or 6, got ${shown(resolve)}`);
  const families = resolve === false ? [] : resolve === true ? ([4, 6] as const) : [resolve];
  return made(checkHost("name", name), options, watchSrv({ name, families, lookup: lookupOf(options) }));
}

/**
 * An instance for each address of a name, all with one port: for a name with several A records, such as a headless service of Kubernetes. An instance's
 * id is `address:port`. When A and AAAA are asked and one fails, what it said last goes on.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { dnsAddresses } from "servicekit/discovery/dns";
 *
 * const add = dnsAddresses("add.default.svc.cluster.local", 8081, { ttl: true });
 * add.name; // => "dns add.default.svc.cluster.local"
 * ```
 */
export function dnsAddresses(host: string, port: number, options: DnsAddressesOptions = {}): Source {
  checkNames("dnsAddresses", options, [...OWN, "family", "ttl", ...sourceOptionNames]);
  const { family = 0, ttl = false, intervalMs = 10_000 } = options;
  if (![0, 4, 6].includes(family)) throw new RangeError(`family should be 0, 4 or 6, got ${shown(family)}`);
  checkNumber("port", port, { min: 1, max: 65_535, integer: true });
  const families = family === 0 ? ([4, 6] as const) : [family];
  const untilMs = ttl ? intervalMs : undefined;
  const plan = { host, port, families, untilMs, lookup: lookupOf(options) };
  return made(checkHost("host", host), options, watchAddresses(plan));
}

function made(name: string, options: DnsOptions, watch: Watch): Source {
  return source({ ...sourceOptions(options), name: `dns ${name}`, service: name, watch });
}

function lookupOf({ servers, timeoutMs, tries }: DnsOptions): LookupOptions {
  if (servers !== undefined) {
    if (!Array.isArray(servers) || servers.length === 0)
      throw new RangeError(`servers should be a list of addresses, got ${shown(servers)}`);
    for (const server of servers as readonly unknown[]) checkServer(server);
  }
  return {
    servers: servers && [...servers],
    timeoutMs: checkNumber("timeoutMs", timeoutMs ?? 2000, { min: 10, max: 60_000, integer: true }),
    tries: checkNumber("tries", tries ?? 2, { min: 1, max: 10, integer: true }),
  };
}

// Names cannot be asked before there is somebody to ask.
function checkServer(server: unknown): void {
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:]+|[^[\]]*:[^[\]]*:[^[\]]*))(?::(\d{1,5}))?$/.exec(String(server)) ?? [];
  if (isIP(bracketed ?? plain ?? "") > 0 && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)))
    return;
  throw new RangeError(`servers should be addresses like "10.0.0.2" or "127.0.0.1:8600", got ${shown(server)}`);
}

function checkHost(option: string, name: unknown): string {
  return checkString(option, name, { pattern: /^(?=.{1,254}$)[^\s.]{1,63}(\.[^\s.]{1,63})*\.?$/, says: "a DNS name" });
}
