/**
 * From SRV records to instances (RFC 2782).
 *
 * @module
 */
import type { SrvRecord } from "node:dns";
import type { InstanceInput } from "../index.ts";
import { joined } from "../place.ts";

/** What an answer holds: what can be used, and why the rest cannot. */
export interface SrvAnswer {
  readonly targets: readonly SrvTarget[];
  readonly unusable: readonly Error[];
}

/** A record that can be used. */
export interface SrvTarget {
  /** `host:port`: who it is, whatever addresses the host has. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** The least that an instance may weigh. */
const LEAST = 1e-6;

/** Reads an answer. A record that cannot be used leaves the others as they are. */
export function readSrv(name: string, records: readonly SrvRecord[]): SrvAnswer {
  const unusable: Error[] = [];
  const targets = new Map<string, SrvTarget>();
  // Weights say something among records of one priority, and nothing where all of them are 0.
  const weighted = new Set(records.filter(({ weight }) => weight > 0).map(({ priority }) => priority));
  for (const { name: target, port, priority, weight } of records) {
    // Some servers repeat the question's own letters, in any case.
    const host = target.toLowerCase().replace(/\.$/, "");
    const id = joined(host, port);
    if (host === "")
      unusable.push(new Error(`SRV ${name}: a record says that the service is not available (its target is ".")`));
    else if (port === 0) unusable.push(new Error(`SRV ${name}: the record of ${host} has port 0`));
    else if (targets.has(id)) unusable.push(new Error(`SRV ${name}: ${id} stands in the answer more than once`));
    else
      targets.set(id, { id, host, port, priority, weight: weight > 0 ? weight : weighted.has(priority) ? LEAST : 1 });
  }
  return { targets: [...targets.values()].sort(byId), unusable };
}

/** The instances of targets whose addresses were looked up: one for each address, their target's weight among them. */
export function resolvedInstances(
  { id, port, priority, weight, host }: SrvTarget,
  addresses: readonly string[],
): InstanceInput[] {
  const share = Math.max(weight / addresses.length, LEAST);
  return addresses.map((address) => {
    const own = joined(address, port);
    const metadata = { host };
    return { id: addresses.length === 1 ? id : `${id}/${address}`, address: own, priority, weight: share, metadata };
  });
}

/** The instance of a target whose name is its address. */
export function namedInstance({ id, priority, weight }: SrvTarget): InstanceInput {
  return { id, address: id, priority, weight };
}

function byId(a: SrvTarget, b: SrvTarget): number {
  return a.id < b.id ? -1 : 1;
}
