/**
 * A source that never changes, for tests and for addresses that are known by other means.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import { listedInstance, type Instance, type InstanceInput } from "./instance.ts";
import type { Listing, Source } from "./source.ts";

/**
 * Makes a source of a list that never changes; its state is `seed`. An id that stands there twice has both weights. (Go kit
 * `sd.FixedInstancer`.)
 *
 * @throws {RangeError} when an instance is none, or its address has no port and is no URL.
 *
 * @example
 * ```ts
 * import { fixed } from "servicekit/discovery";
 *
 * const add = fixed(["10.0.0.1:8081", { address: "10.0.0.2:8081", weight: 3 }]);
 * add.listing.instances.map(({ weight }) => weight); // => [1, 3]
 * ```
 */
export function fixed(instances: readonly (string | InstanceInput)[]): Source {
  if (!Array.isArray(instances)) throw new TypeError(`instances should be a list, got ${shown(instances)}`);
  const known = new Map<string, Instance>();
  for (const given of instances as readonly (string | InstanceInput)[]) {
    const one = listedInstance(given, "");
    const before = known.get(one.id);
    known.set(one.id, before === undefined ? one : listedInstance({ ...one, weight: one.weight + before.weight }, ""));
  }
  const all = Object.freeze([...known.values()]);
  const listing: Listing = Object.freeze({ instances: all, state: "seed", error: undefined, updatedMs: -Infinity });
  return {
    "~source": true,
    name: "fixed",
    listing,
    subscribe: () => ({ cancel: () => undefined }),
    ready: () => Promise.resolve(listing),
    find: (id) => known.get(id),
    explain: () => all.map((one) => ({ instance: one, isIn: true, because: "given" })),
  };
}
