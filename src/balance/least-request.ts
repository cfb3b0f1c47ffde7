/**
 * Who has the fewest calls.
 *
 * @module
 */
import { checkNames, shown } from "../internal/check.ts";
import { Draws } from "./draws.ts";
import type { Member } from "./member.ts";
import { pairs, type Better } from "./pairs.ts";
import type { Group, Strategy } from "./strategy.ts";

/** How many are compared. */
export interface LeastRequestOptions {
  /** 2, or Infinity: all, in time that grows with their number, and every client goes for the same one. Default: 2. */
  readonly choices?: number | undefined;
}

/**
 * Of two members drawn by weight, the one with fewer pending calls for its weight. For calls of very different length, where durations say
 * nothing of the instance; it is blind for one that fails fast.
 *
 * @throws {RangeError} when choices is neither 2 nor Infinity.
 *
 * @example
 * ```ts
 * import { balancer, leastRequest } from "servicekit/balance";
 *
 * const two = balancer({ from: ["a:1", "b:1"], open: ({ address }) => address, strategy: leastRequest() });
 * const busy = two.pick(0)!;
 * busy.begin(0);
 * two.pick(0)!.value !== busy.value; // => true
 * ```
 */
export function leastRequest(options: LeastRequestOptions = {}): Strategy {
  checkNames("leastRequest", options, ["choices"]);
  const { choices = 2 } = options;
  if (choices !== 2 && choices !== Infinity)
    throw new RangeError(`choices should be 2 or Infinity, got ${shown(choices)}`);
  if (choices === 2)
    return {
      text: "least request of 2",
      start: (random) => pairs(random, emptier),
    };
  return {
    text: "least request of all",
    start(random) {
      const draws = new Draws(random);
      return { choose: (group) => fewest(group, draws.below(group.usable)) };
    },
  };
}

const emptier: Better = {
  at: ({ members }, one, other) => isEmptier(members[one]!, members[other]!),
  of: isEmptier,
};

function isEmptier(one: Member<unknown>, other: Member<unknown>): boolean {
  return one.pending * other.weight <= other.pending * one.weight;
}

/** Begins anywhere, so that equals have equal chances. */
function fewest({ members, usable }: Group, start: number): Member<unknown> {
  let best = members[start]!;
  for (let i = 1; i < usable; i++) {
    const at = start + i;
    const member = members[at < usable ? at : at - usable]!;
    if (member.pending * best.weight < best.pending * member.weight) best = member;
  }
  return best;
}
