/**
 * Any of them, by weight.
 *
 * @module
 */
import { Draws } from "./draws.ts";
import type { Strategy } from "./strategy.ts";
import { Weights } from "./weights.ts";

/**
 * Any member, each as likely as its weight; copies and slow start count. A pick and a change cost the logarithm of the number of members.
 *
 * @example
 * ```ts
 * import { balancer, weightedRandom } from "servicekit/balance";
 *
 * const from = [{ address: "big:1", weight: 9 }, { address: "small:1", weight: 1 }];
 * const two = balancer({ from, open: ({ address }) => address, strategy: weightedRandom() });
 * let big = 0;
 * for (let i = 0; i < 1000; i++) if (two.pick(0)!.value === "big:1") big++;
 * big > 800; // => true
 * ```
 */
export function weightedRandom(): Strategy {
  return {
    text: "weighted random",
    start(random) {
      const draws = new Draws(random);
      const weights = new Weights();
      return {
        choose: ({ members, usable }) => (weights.isEven ? members[draws.below(usable)]! : weights.draw(draws)!),
        added: (member) => weights.add(member),
        removed: (member) => weights.remove(member),
        changed: (member) => weights.change(member),
      };
    },
  };
}
