/**
 * Part of a source's instances.
 *
 * @module
 */
import { checkNames, checkString, shown } from "../internal/check.ts";
import { checkSource, Derived } from "./derived.ts";
import type { Instance } from "./instance.ts";
import type { Source } from "./source.ts";

/** Which instances pass: those that fit all that is given. */
export interface FilterOptions {
  /** Those with all of these tags. Default: any. */
  readonly tags?: readonly string[] | undefined;
  /** Those of exactly this version. Default: any. */
  readonly version?: string | undefined;
  /** Those in this zone. Default: any; a balancer that should prefer a zone, and not insist on it, is told the zone itself. */
  readonly zone?: string | undefined;
  /** True: those whose health is "up". Default: false, since balancers know what to do with the others. */
  readonly healthy?: boolean | undefined;
}

/**
 * Makes a source of those instances of another that pass. An instance that begins to pass is added, one that ceases to is
 * removed.
 *
 * @throws {RangeError} when an option is wrong; TypeError when `source` is none.
 *
 * @example
 * ```ts
 * import { filtered, fixed } from "servicekit/discovery";
 *
 * const all = fixed([{ address: "10.0.0.1:8081", tags: ["blue"] }, "10.0.0.2:8081"]);
 * const blue = filtered(all, { tags: ["blue"] });
 * blue.listing.instances.length; // => 1
 * blue.explain()[1]?.because; // => 'tag "blue" is missing'
 * ```
 */
export function filtered(source: Source, options: FilterOptions): Source {
  checkNames("filtered", options, ["tags", "version", "zone", "healthy"]);
  checkSource("source", source);
  const { tags = [], version, zone, healthy = false } = options;
  if (!Array.isArray(tags)) throw new TypeError(`tags should be a list, got ${shown(tags)}`);
  if (version !== undefined) checkString("version", version);
  if (zone !== undefined) checkString("zone", zone);
  const wanted = (tags as readonly string[]).map((tag) => checkString("tag", tag));
  function against(one: Instance): string | undefined {
    const missing = wanted.find((tag) => !one.tags.includes(tag));
    if (missing !== undefined) return `tag ${shown(missing)} is missing`;
    if (version !== undefined && one.version !== version) return `version is ${told(one.version)}, not ${version}`;
    if (zone !== undefined && one.zone !== zone) return `zone is ${told(one.zone)}, not ${zone}`;
    return healthy && one.health !== "up" ? `health is ${one.health}` : undefined;
  }
  return new Derived({
    name: source.name,
    sources: [source],
    combine: ([all = []]) => new Map(all.filter((one) => against(one) === undefined).map((one) => [one.id, one])),
    sum: ([listing]) => ({ state: listing!.state, error: listing!.error, updatedMs: listing!.updatedMs }),
    explain: () =>
      source.explain().map((said) => {
        const because = said.isIn ? against(said.instance) : undefined;
        return because === undefined ? said : { instance: said.instance, isIn: false, because };
      }),
  });
}

const told = (value: string | undefined): string => value ?? "not told";
