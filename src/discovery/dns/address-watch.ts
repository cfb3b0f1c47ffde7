/**
 * Asks for the addresses of a name.
 *
 * @module
 */
import type { RecordWithTtl } from "node:dns";
import { sleep } from "../../time/index.ts";
import type { InstanceInput, Watch } from "../index.ts";
import { lookups, type LookupOptions, type Lookups } from "./lookups.ts";
import { joined } from "../place.ts";

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
  /** What each family said last: one that fails takes nobody out. */
  const known = new Map<4 | 6, readonly RecordWithTtl[]>();
  return async function watchDns({ signal, clock, list, skipped }) {
    for (;;) {
      const ask = lookups(lookup, signal);
      const error = await lookUp(ask, host, { families, known }).finally(() => ask.end());
      const records = families.flatMap((family) => known.get(family) ?? []);
      // One of two families is enough, unless it has nothing: some name servers fail whenever they are asked for AAAA.
      if (error !== undefined && records.length === 0) throw error;
      if (error !== undefined) skipped(error);
      const addresses = [...new Set(records.map(({ address }) => address))].sort();
      list(addresses.map((address): InstanceInput => ({ address: joined(address, port), metadata: { host } })));
      if (untilMs === undefined || records.length === 0) return;
      const ttlMs = Math.min(...records.map(({ ttl }) => ttl * 1000));
      if (ttlMs >= untilMs) return;
      await sleep(Math.min(Math.max(ttlMs, LEAST_MS), untilMs), { clock, signal, keepsAlive: false });
    }
  };
}

interface Families {
  readonly families: readonly (4 | 6)[];
  readonly known: Map<4 | 6, readonly RecordWithTtl[]>;
}

/** Asks for each family; what answers is known then. Returns why one did not; throws when none did. */
async function lookUp(ask: Lookups, host: string, { families, known }: Families): Promise<Error | undefined> {
  const answers = await Promise.allSettled(families.map((family) => ask.addresses(host, family)));
  let error: Error | undefined;
  answers.forEach((one, i) => {
    if (one.status === "fulfilled") known.set(families[i]!, one.value);
    else error ??= one.reason as Error;
  });
  if (answers.every(({ status }) => status === "rejected")) throw error!;
  return error;
}
