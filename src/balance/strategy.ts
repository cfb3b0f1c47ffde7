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
  /** Begins for one group of members. */
  start(random: Random): Chooser;
}

/** Chooses among the members of one group. It hears of each change, and what a change costs it does not grow with the group. */
export interface Chooser {
  /**
   * One of `group.members`, of which the first `group.usable` may be chosen (at least one). O(1), and nothing is allocated.
   */
  choose(group: Group, nowMs: number, key: string | undefined): Member<unknown>;
  added?(member: Member<unknown>): void;
  removed?(member: Member<unknown>): void;
  /** Its weight, or its share while it starts slowly, is different. */
  changed?(member: Member<unknown>): void;
}

/** Members of one priority and zone: the usable ones first. */
export interface Group {
  readonly members: readonly Member<unknown>[];
  readonly usable: number;
}
