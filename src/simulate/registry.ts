/**
 * What a simulated registry tells of a service: its instances, but for those it does not know at the moment.
 *
 * @module
 */
import { instance, type Instance, type Listing, type ListingChange, type Source } from "../discovery/index.ts";
import type { Subscription } from "../endpoint/index.ts";
import type { VirtualTime } from "../internal/virtual-time.ts";
import { changesOf } from "./faults.ts";
import type { Site } from "./site.ts";

/** A source of the instances of a service. */
export function simulatedSource(service: string, sites: readonly Site[], time: VirtualTime): Source {
  const listeners = new Set<(change: ListingChange) => void>();
  const told = new Map<string, Instance>();
  let listing = listingOf(sites, told, time.now());
  function look(): void {
    const before = new Map(listing.instances.map((one) => [one.id, one]));
    listing = listingOf(sites, told, time.now());
    const { instances } = listing;
    const added = instances.filter(({ id }) => !before.has(id));
    const changed = instances.filter((one) => before.has(one.id) && before.get(one.id) !== one);
    for (const { id } of instances) before.delete(id);
    const change: ListingChange = { listing, added, changed, removed: [...before.values()] };
    if (added.length + changed.length + change.removed.length === 0) return;
    for (const listener of listeners) listener(change);
  }
  // After the instances themselves have changed, which set their timers before this.
  for (const ms of new Set(sites.flatMap(({ backend }) => changesOf(backend)))) time.at(ms, { expire: look });
  return {
    name: `simulated ${service}`,
    "~source": true,
    get listing() {
      return listing;
    },
    subscribe(listener): Subscription {
      listeners.add(listener);
      return { cancel: () => void listeners.delete(listener) };
    },
    ready: () => Promise.resolve(listing),
    find: (id) => listing.instances.find((one) => one.id === id),
    explain: () => listing.instances.map((one) => ({ instance: one, isIn: true, because: "listed" })),
  };
}

// What did not change is the same object again: `told` remembers what was last said of each.
function listingOf(sites: readonly Site[], told: Map<string, Instance>, nowMs: number): Listing {
  const instances: Instance[] = [];
  for (const { address, backend, condition } of sites) {
    if (condition.isUnlisted) continue;
    const health = condition.marked ?? "up";
    let one = told.get(address);
    if (one?.health !== health) one = instance({ ...backend.instance, address, service: backend.service, health });
    told.set(address, one);
    instances.push(one);
  }
  return { instances, state: "fresh", error: undefined, updatedMs: nowMs };
}
