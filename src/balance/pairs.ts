/**
 * Two different members drawn by weight, and the better one of them.
 *
 * @module
 */
import type { Random } from "../time/index.ts";
import { Draws } from "./draws.ts";
import type { Member } from "./member.ts";
import type { Chooser, Group } from "./strategy.ts";
import { Weights } from "./weights.ts";

/** Decides between two members of a group; on a tie for the first. */
export interface Better {
  /** By their indices. */
  at(group: Group, one: number, other: number, nowMs: number): boolean;
  /** By themselves. */
  of(one: Member<unknown>, other: Member<unknown>, nowMs: number): boolean;
}

/** How often a second member is drawn before any other is taken, where one has nearly all of the weight. */
const TRIES = 4;

/** A chooser that compares two. */
export function pairs(random: Random, better: Better): Chooser {
  const draws = new Draws(random);
  const weights = new Weights();
  function uneven(group: Group, nowMs: number): Member<unknown> {
    const one = weights.draw(draws)!;
    if (group.isPanicking) return one;
    let other = one;
    for (let tries = 0; other === one && tries < TRIES; tries++) other = weights.draw(draws)!;
    if (other === one) other = group.members[draws.below(group.usable)]!;
    return better.of(one, other, nowMs) ? one : other;
  }
  return {
    choose(group, nowMs) {
      const { members, usable } = group;
      if (usable === 1) return members[0]!;
      if (!weights.isEven) return uneven(group, nowMs);
      const first = draws.below(usable);
      if (group.isPanicking) return members[first]!;
      let second = draws.below(usable - 1);
      if (second >= first) second++;
      return members[better.at(group, first, second, nowMs) ? first : second]!;
    },
    added: (member) => weights.add(member),
    removed: (member) => weights.remove(member),
    changed: (member) => weights.change(member),
  };
}
