/**
 * Asks for SRV records, and for the addresses of their targets where those are wanted. One look per run: the loop comes again.
 *
 * @module
 */
import type { Watch } from "../index.ts";
import { lookups, type LookupOptions, type Lookups } from "./lookups.ts";
import { namedInstance, readSrv, resolvedInstances, type SrvTarget } from "./records.ts";

/** What is asked. */
export interface SrvPlan {
  readonly name: string;
  /** Of which families the addresses are looked up; none: names stay names. */
  readonly families: readonly (4 | 6)[];
  readonly lookup: LookupOptions;
}

/** How many targets are looked up at the same time. */
const AT_ONCE = 16;

/** The watch of a name's SRV records. */
export function watchSrv({ name, families, lookup }: SrvPlan): Watch {
  /** What hosts were last known by: a look-up that fails takes nobody out. */
  let known: ReadonlyMap<string, readonly string[] | undefined> = new Map();
  return async function watchDns(session) {
    const ask = lookups(lookup, session.signal);
    try {
      const { targets, unusable } = readSrv(name, await ask.srv(name));
      for (const error of unusable) session.skipped(error);
      if (families.length === 0) return session.list(targets.map(namedInstance));
      const hosts = [...new Set(targets.map(({ host }) => host))];
      const found = await hostsOf(hosts, (host) => addressesOf(ask, host, families));
      const failed = [...found.values()].find((one) => one instanceof Error);
      const addresses = new Map([...found].map(([host, one]) => [host, one instanceof Error ? known.get(host) : one]));
      const instances = targets.flatMap((target) => resolvedInstances(target, addresses.get(target.host) ?? []));
      // Nobody could be looked up, now or ever: that is no empty list.
      if (instances.length === 0 && failed !== undefined) throw failed;
      for (const host of hosts)
        if (found.get(host) instanceof Error) session.skipped(found.get(host) as Error);
        else if (addresses.get(host)?.length === 0) session.skipped(new Error(`SRV ${name}: ${host} has no address`));
      known = addresses;
      session.list(instances);
    } finally {
      ask.end();
    }
  };
}

type Found = readonly string[] | Error;

async function hostsOf(
  hosts: readonly SrvTarget["host"][],
  look: (host: string) => Promise<Found>,
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < hosts.length) {
      const host = hosts[next++]!;
      found.set(host, await look(host));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts.length) }, some));
  return found;
}

async function addressesOf(ask: Lookups, host: string, families: readonly (4 | 6)[]): Promise<Found> {
  const answers = await Promise.allSettled(families.map((family) => ask.addresses(host, family)));
  const addresses = answers.flatMap((one) =>
    one.status === "fulfilled" ? one.value.map(({ address }) => address) : [],
  );
  const failed = answers.find((one) => one.status === "rejected");
  return failed !== undefined && addresses.length === 0 ? (failed.reason as Error) : addresses.sort();
}
