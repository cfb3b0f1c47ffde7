/**
 * One after the other.
 *
 * @module
 */
import { Draws } from "./draws.ts";
import type { Strategy } from "./strategy.ts";

/**
 * One member after the other, from a random place (Go kit `sd/lb/round_robin.go`, where every client begins with the
 * first one). One that stands twice in a list has two turns; weights do not count (`weightedRoundRobin`); one that
 * starts slowly is passed over now and then.
 *
 * @example
 * ```ts
 * import { balancer, roundRobin } from "servicekit/balance";
 *
 * const three = balancer({ from: ["a:1", "b:1", "c:1"], open: ({ address }) => address, strategy: roundRobin() });
 * new Set([0, 1, 2].map((nowMs) => three.pick(nowMs)!.value)).size; // => 3
 * ```
 */
export function roundRobin(): Strategy {
  return {
    text: "round robin",
    start(random) {
      const draws = new Draws(random);
      let at = -1;
      let turns = 0;
      return {
        choose({ members, usable }) {
          if (at < 0) at = draws.below(usable);
          for (let passed = 0; ; passed++) {
            if (at >= usable) at = 0;
            const member = members[at]!;
            if (++turns >= member.copies) {
              turns = 0;
              at++;
            }
            if (member.share === 1 || passed >= usable || draws.happens(member.share)) return member;
          }
        },
      };
    },
  };
}
