/**
 * Asks for the addresses of a name.
 *
 * @module
 */
import { sleep } from "../../time/index.ts";
import type { InstanceInput, Watch, WatchSession } from "../index.ts";
import { joined } from "../place.ts";
import { Addresses } from "./addresses.ts";
import { lookups, type LookupOptions } from "./lookups.ts";

/** What is asked. */
export interface AddressPlan {
  readonly host: string;
  readonly port: number;
  readonly families: readonly (4 | 6)[];
  /** Asks again when the records are too old, or after this long; undefined: the loop's own interval. */
  readonly untilMs: number | undefined;
  readonly lookup: LookupOptions;
}

/** Not more often than this, whatever the records say: some say 0. */
const LEAST_MS = 1000;

/** The watch of a name's addresses. */
export function watchAddresses({ host, port, families, untilMs, lookup }: AddressPlan): Watch {
  const known = new Addresses(families);
  async function watchDns({ signal, clock, list, skipped }: WatchSession): Promise<void> {
    for (;;) {
      const ask = lookups(lookup, signal);
      const found = await known.look(ask, [host]).finally(() => ask.end());
      const { records, errors } = found.get(host)!;
      const [error] = errors;
      // One of two families is enough, unless it has nothing: some name servers fail whenever they are asked for AAAA.
      if (error !== undefined && (errors.length === families.length || records.length === 0)) throw error;
      if (error !== undefined) skipped(error);
      const addresses = [...new Set(records.map(({ address }) => address))].sort();
      list(addresses.map((address): InstanceInput => ({ address: joined(address, port), metadata: { host } })));
      if (untilMs === undefined || records.length === 0) return;
      const ttlMs = Math.min(...records.map(({ ttl }) => ttl * 1000));
      if (ttlMs >= untilMs) return;
      await sleep(Math.min(Math.max(ttlMs, LEAST_MS), untilMs), { clock, signal, keepsAlive: false });
    }
  }
  // While the records are good nobody is asked, and nothing is heard.
  return Object.assign(watchDns, { silenceMs: 60_000 + (untilMs ?? 0) });
}
