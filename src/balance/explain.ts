/**
 * What a balancer says of its members to people.
 *
 * @module
 */
import type { Instance } from "../discovery/index.ts";
import type { MemberExplanation, MemberSnapshot } from "./balancer.ts";
import type { Entry } from "./entry.ts";
import type { Part } from "./plan.ts";

/** Why an instance gets calls or not. */
export function explained(of: {
  readonly instance: Instance;
  readonly entry: Entry<unknown> | undefined;
  readonly parts: readonly Part[];
  readonly nowMs: number;
}): MemberExplanation {
  const { instance, entry, parts, nowMs } = of;
  const say = (isUsed: boolean, because: string): MemberExplanation => ({ instance, isUsed, because });
  if (entry === undefined) return say(false, "not in this client's subset, or it could not be opened");
  if (instance.health === "draining") return say(false, "draining: it finishes what it has");
  const why = entry.isEjected
    ? `ejected for another ${Math.max(0, Math.ceil(entry.untilMs - nowMs))} ms${entry.ejections > 1 ? `, ${entry.ejections} times so far` : ""}`
    : instance.health === "down"
      ? "down, says the source"
      : undefined;
  if (why !== undefined)
    return entry.isUsable ? say(true, `${why}; used all the same: too few are well`) : say(false, why);
  if (!parts.some(({ group }) => group === entry.group))
    return say(false, `others are preferred: priority ${instance.priority}, zone ${instance.zone ?? "unknown"}`);
  if (entry.row > 0) return say(true, entry.row === 1 ? "its last call failed" : `its last ${entry.row} calls failed`);
  return say(true, entry.share < 1 ? `starts slowly, at ${Math.round(entry.share * 100)} % of its weight` : "well");
}

/** A member in numbers. */
export function snapshotOf(entry: Entry<unknown>, nowMs: number): MemberSnapshot {
  return {
    id: entry.instance.id,
    address: entry.instance.address,
    isUsable: entry.isUsable,
    isEjected: entry.isEjected,
    weight: entry.weight,
    pending: entry.pending,
    cost: entry.cost(nowMs),
    calls: entry.calls,
    failures: entry.failures,
    ejections: entry.ejections,
  };
}
