/**
 * A source for tests of this room: a list that is replaced by hand.
 *
 * @module
 */
import { instance, type Instance, type InstanceInput, type ListingChange, type Source } from "../../discovery/index.ts";

/** The source, the way to give it another list, and how many listen. */
export interface ListSource {
  readonly source: Source;
  readonly update: (given: readonly (string | InstanceInput)[]) => void;
  readonly listeners: () => number;
}

const key = (one: Instance): string => JSON.stringify(one);

export function listSource(given: readonly (string | InstanceInput)[]): ListSource {
  let instances = given.map((one) => instance(one));
  const listeners = new Set<(change: ListingChange) => void>();
  const listing = () => ({ instances, state: "fresh" as const, error: undefined, updatedMs: 0 });
  return {
    source: {
      name: "test",
      get listing() {
        return listing();
      },
      subscribe(listener) {
        listeners.add(listener);
        return { cancel: () => void listeners.delete(listener) };
      },
      ready: () => Promise.resolve(listing()),
      find: (id) => instances.find((one) => one.id === id),
      explain: () => [],
      "~source": true,
    },
    update(next) {
      const before = new Map(instances.map((one) => [one.id, one]));
      instances = next.map((one) => instance(one));
      const ids = new Set(instances.map(({ id }) => id));
      const change: ListingChange = {
        listing: listing(),
        added: instances.filter(({ id }) => !before.has(id)),
        removed: [...before.values()].filter(({ id }) => !ids.has(id)),
        changed: instances.filter((one) => before.has(one.id) && key(before.get(one.id)!) !== key(one)),
      };
      for (const listener of listeners) listener(change);
    },
    listeners: () => listeners.size,
  };
}
