/**
 * How a balancer chooses among those that may be chosen.
 *
 * @module
 */
import type { Random } from "../time/index.ts";
import type { Member } from "./member.ts";

/** A way to choose, as a value: `p2c()`, `roundRobin()`, … It holds no state; `start` makes what does. */
export interface Strategy {
  /** For people: `p2c`, `ring hash, at most 1.25 of the mean`. */
  readonly text: string;
  /** How members learn what they cost (`Member.cost`). Default: `{ tauMs: 10_000, failureMs: 1000 }`. */
  readonly learning?: Learning | undefined;
  /** Begins for one group of members. */
  start(random: Random): Chooser;
}

/** How members learn what they cost. */
export interface Learning {
  /** How long a slow answer or a failure is remembered, in milliseconds: after this time 37 % of it is left. */
  readonly tauMs: number;
  /** What a call to a member that always fails costs, in milliseconds; half of the calls failing costs a quarter. 0: failures cost nothing. */
  readonly failureMs: number;
}

/** Chooses among the members of one group. It hears of each change, and what a change costs it does not grow with the group. */
export interface Chooser {
  /**
   * One of `group.members`, of which the first `group.usable` may be chosen (at least one). O(1), and nothing is allocated.
   */
  choose(group: Group, nowMs: number, key: string | undefined): Member<unknown>;
  /** It may be chosen from now on: it is new, or well again. */
  added?(member: Member<unknown>): void;
  /** It may not be chosen any more: it is gone (`isListed` is false), or not well. */
  removed?(member: Member<unknown>): void;
  /** It belongs to this group no longer, whether it could be chosen or not: for what keeps a place for those that are not well. */
  left?(member: Member<unknown>): void;
  /** Its weight, or its share while it starts slowly, is different. */
  changed?(member: Member<unknown>): void;
}

/** Members of one priority and zone: the usable ones first. */
export interface Group {
  readonly members: readonly Member<unknown>[];
  readonly usable: number;
  /** Pending calls of all members. */
  readonly pending: number;
  /** Too few are well, so that all are usable: what was learned says little now, and spreading evenly hurts nobody further. */
  readonly isPanicking: boolean;
  /** `members[index].cost(nowMs)`, without a look at the member: among thousands, memory is what a pick waits for. */
  cost(index: number, nowMs: number): number;
}
