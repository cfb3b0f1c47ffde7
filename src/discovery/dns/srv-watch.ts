/**
 * Asks for SRV records, and for the addresses of their targets where those are wanted. One look per run: the loop comes again.
 *
 * @module
 */
import type { Watch } from "../index.ts";
import { Addresses } from "./addresses.ts";
import { lookups, type LookupOptions } from "./lookups.ts";
import { namedInstance, readSrv, resolvedInstances } from "./records.ts";

/** What is asked. */
export interface SrvPlan {
  readonly name: string;
  /** Of which families the addresses are looked up; none: names stay names. */
  readonly families: readonly (4 | 6)[];
  readonly lookup: LookupOptions;
}

/** The watch of a name's SRV records. */
export function watchSrv({ name, families, lookup }: SrvPlan): Watch {
  const known = new Addresses(families);
  return async function watchDns(session) {
    const ask = lookups(lookup, session.signal);
    try {
      const { targets, unusable } = readSrv(name, await ask.srv(name));
      for (const error of unusable) session.skipped(error);
      if (families.length === 0) return session.list(targets.map(namedInstance));
      const hosts = [...new Set(targets.map(({ host }) => host))];
      const found = await known.look(ask, hosts);
      const instances = targets.flatMap((target) =>
        resolvedInstances(
          target,
          found
            .get(target.host)!
            .records.map(({ address }) => address)
            .sort(),
        ),
      );
      const errors = [...found.values()].flatMap((one) => one.errors);
      // Nobody could be looked up, now or ever: that is no empty list.
      if (instances.length === 0 && errors.length > 0) throw errors[0]!;
      for (const error of errors) session.skipped(error);
      for (const [host, one] of found)
        if (one.records.length + one.errors.length === 0)
          session.skipped(new Error(`SRV ${name}: ${host} has no address`));
      session.list(instances);
    } finally {
      ask.end();
    }
  };
}
