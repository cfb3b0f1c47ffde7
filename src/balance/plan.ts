/**
 * Which part of the calls goes to which group: fail-over between priorities, panic, canaries, zones. Made anew only when
 * numbers change, never by a pick.
 *
 * @module
 */
import type { MemberGroup } from "./group.ts";

/** A level bears all calls until its usable part is below 1/1.4 = 71 %, then the rest goes to the next. (Envoy's rule.) */
const OVER_PROVISION = 1.4;

/** Sums of parts are 1 but for rounding. */
const NEARLY_ONE = 1 - 1e-9;

/** How calls are spread over groups. */
export interface PlanRules {
  readonly panicRatio: number;
  readonly zone: string | undefined;
  readonly canaryRatio: number;
}

/** A group and the upper end of its part of [0, 1); the last one ends at Infinity. */
export interface Part {
  readonly group: MemberGroup;
  upTo: number;
}

interface Level {
  readonly groups: readonly MemberGroup[];
  readonly well: number;
  readonly able: number;
}

/** Spreads calls over the groups, and says to each whether it panics. */
export function plan(groups: readonly MemberGroup[], rules: PlanRules): readonly Part[] {
  const levels = leveled(groups);
  const bears = levels.map(({ well, able }) => (able === 0 ? 0 : Math.min(1, (OVER_PROVISION * well) / able)));
  const sum = bears.reduce((total, one) => total + one, 0);
  const parts: Part[] = [];
  let left = 1;
  for (const [i, level] of levels.entries()) {
    // While all levels together can bear everything, none needs members that are not well.
    const panics = sum < NEARLY_ONE && level.able > 0 && level.well / level.able < rules.panicRatio;
    for (const group of level.groups) group.panic(panics);
    let load = sum < NEARLY_ONE && sum > 0 ? bears[i]! / sum : Math.min(left, bears[i]!);
    // Nobody anywhere is well: everybody is asked alike.
    if (sum === 0 && panics) load = level.able / levels.reduce((all, { able }) => all + able, 0);
    left -= load;
    for (const part of load > 0 ? spread(level.groups, rules) : [])
      parts.push({ group: part.group, upTo: load * part.upTo });
  }
  let upTo = 0;
  for (const part of parts) part.upTo = upTo += part.upTo;
  if (parts.length > 0) parts.at(-1)!.upTo = Infinity;
  return parts;
}

function leveled(groups: readonly MemberGroup[]): readonly Level[] {
  const byPriority = new Map<number, MemberGroup[]>();
  for (const group of groups) {
    const { priority } = group.place;
    const level = byPriority.get(priority);
    if (level === undefined) byPriority.set(priority, [group]);
    else level.push(group);
  }
  return [...byPriority]
    .sort(([one], [other]) => one - other)
    .map(([, level]) => ({ groups: level, well: sumOf(level, "well"), able: sumOf(level, "able") }));
}

/** The parts of one level's calls; not yet summed up. */
function spread(groups: readonly MemberGroup[], { zone, canaryRatio }: PlanRules): readonly Part[] {
  const canary = groups.filter(({ place, usable }) => place.isCanary && usable > 0);
  const main = groups.filter(({ place, usable }) => !place.isCanary && usable > 0);
  if (canary.length === 0) return zoned(main, zone);
  if (main.length === 0) return zoned(canary, zone);
  return [...scaled(zoned(main, zone), 1 - canaryRatio), ...scaled(zoned(canary, zone), canaryRatio)];
}

function scaled(parts: readonly Part[], by: number): readonly Part[] {
  return by === 0 ? [] : parts.map(({ group, upTo }) => ({ group, upTo: upTo * by }));
}

/**
 * Every zone's clients are taken to call alike. A zone with its fair part of the usable instances keeps all of its calls; one with less keeps
 * what its instances can bear, and the rest goes to zones with more than their part, by what they have over: then every
 * instance of every zone gets the same.
 */
function zoned(groups: readonly MemberGroup[], zone: string | undefined): readonly Part[] {
  const all = sumOf(groups, "usable");
  if (all === 0) return [];
  if (zone === undefined) return groups.map((group) => ({ group, upTo: group.usable / all }));
  const local = groups.find(({ place }) => place.zone === zone);
  const zones = new Set(groups.map(({ place }) => place.zone).filter((one) => one !== undefined)).add(zone);
  const fair = all / zones.size;
  const kept = local === undefined ? 0 : Math.min(1, local.usable / fair);
  const parts: Part[] = local === undefined ? [] : [{ group: local, upTo: kept }];
  if (kept >= NEARLY_ONE) return parts;
  // Instances without a zone are nobody's own: all they bear is over.
  const over = groups.map((group) =>
    group === local ? 0 : Math.max(0, group.place.zone === undefined ? group.usable : group.usable - fair),
  );
  const sum = over.reduce((total, one) => total + one, 0);
  for (const [i, group] of groups.entries())
    if (over[i]! > 0) parts.push({ group, upTo: ((1 - kept) * over[i]!) / sum });
  return parts;
}

function sumOf(groups: readonly MemberGroup[], what: "well" | "able" | "usable"): number {
  return groups.reduce((sum, group) => sum + group[what], 0);
}
