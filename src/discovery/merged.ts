/**
 * Several sources as one: two registries during a move, a fixed list behind a registry.
 *
 * @module
 */
import { checkNames, checkOneOf, shown } from "../internal/check.ts";
import { checkSource, Derived } from "./derived.ts";
import type { Instance } from "./instance.ts";
import type { Explanation, Listing, ListingState, Source } from "./source.ts";

/** How sources are merged. */
export interface MergeOptions {
  /**
   * "all": the instances of all; of one id, that of the first source that has it. "first": those of the first source that
   * has any. Default: "all".
   */
  readonly mode?: "all" | "first" | undefined;
}

/**
 * Makes one source of several, the first of which counts most. It is ready as soon as one of them is.
 *
 * @throws {RangeError} when there is no source, or an option is wrong; TypeError when a source is none.
 *
 * @example
 * ```ts
 * import { fixed, merged } from "servicekit/discovery";
 *
 * const registry = fixed([]);
 * const add = merged([registry, fixed(["10.0.0.1:8081"])], { mode: "first" });
 * add.listing.instances[0]?.address; // => "10.0.0.1:8081"
 * ```
 */
export function merged(sources: readonly Source[], options: MergeOptions = {}): Source {
  checkNames("merged", options, ["mode"]);
  if (!Array.isArray(sources)) throw new TypeError(`sources should be a list, got ${shown(sources)}`);
  if (sources.length === 0) throw new RangeError("sources should be at least one, got none");
  const mode = checkOneOf("mode", options.mode ?? "all", ["all", "first"]);
  const all = (sources as readonly Source[]).map((one, at) => checkSource(`sources[${at}]`, one));
  const name = all.map((source) => source.name).join(" + ");
  return mode === "all" ? allOf(all, name) : firstOf(all, name);
}

type Lists = readonly (readonly Instance[])[];

function allOf(sources: readonly Source[], name: string): Source {
  function combine(lists: Lists): ReadonlyMap<string, Instance> {
    const known = new Map<string, Instance>();
    for (const list of lists) for (const one of list) if (!known.has(one.id)) known.set(one.id, one);
    return known;
  }
  function explain(): readonly Explanation[] {
    return sources.flatMap((source, at) =>
      source.explain().map((said) => {
        const winner = sources.slice(0, at).find((other) => other.find(said.instance.id) !== undefined);
        return winner === undefined || !said.isIn ? said : out(said, `replaced by ${winner.name}`);
      }),
    );
  }
  return new Derived({
    name,
    sources,
    combine,
    sum: (listings) => ({
      state: RANKS.find((state) => listings.some((listing) => listing.state === state)) ?? "starting",
      error: listings.find(({ error }) => error !== undefined)?.error,
      updatedMs: Math.max(...listings.map(({ updatedMs }) => updatedMs)),
    }),
    explain,
  });
}

// The weakest of those that have something to say: what is merged is no better than its parts.
const RANKS: readonly ListingState[] = ["stale", "snapshot", "fresh", "seed", "starting"];

function firstOf(sources: readonly Source[], name: string): Source {
  const chosen = (lists: Lists): number => lists.findIndex((list) => list.length > 0);
  function sum(listings: readonly Listing[]): Listing {
    const at = chosen(listings.map(({ instances }) => instances));
    return listings[at] ?? listings.find(({ state }) => state !== "starting") ?? listings[0]!;
  }
  function explain(): readonly Explanation[] {
    const at = chosen(sources.map(({ listing }) => listing.instances));
    const winner = sources[at];
    return sources.flatMap((source, i) =>
      source
        .explain()
        .map((said) =>
          i === at || !said.isIn || winner === undefined ? said : out(said, `${winner.name} has instances`),
        ),
    );
  }
  return new Derived({
    name,
    sources,
    combine: (lists) => new Map((lists[chosen(lists)] ?? []).map((one) => [one.id, one])),
    sum: (listings) => {
      const { state, error, updatedMs } = sum(listings);
      return { state, error: error ?? listings.find((one) => one.error !== undefined)?.error, updatedMs };
    },
    explain,
  });
}

function out({ instance }: Explanation, because: string): Explanation {
  return { instance, isIn: false, because };
}
