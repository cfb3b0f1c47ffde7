/**
 * Any of them.
 *
 * @module
 */
import { Draws } from "./draws.ts";
import type { Member } from "./member.ts";
import type { Group, Strategy } from "./strategy.ts";

/** How often one that starts slowly may be passed over in one choice. */
const TRIES = 8;

/**
 * Any member, each as likely as the others; weights and copies do not count (`weightedRandom`). (Go kit `sd/lb/random.go`.)
 *
 * @example
 * ```ts
 * import { balancer, random } from "servicekit/balance";
 *
 * const one = balancer({ from: ["a:1"], open: ({ address }) => address, strategy: random() });
 * one.pick(0)!.value; // => "a:1"
 * ```
 */
export function random(): Strategy {
  return {
    text: "random",
    start(chance) {
      const draws = new Draws(chance);
      return { choose };
      function choose({ members, usable }: Group): Member<unknown> {
        for (let tries = 1; ; tries++) {
          const member = members[draws.below(usable)]!;
          if (member.share === 1 || tries === TRIES || draws.happens(member.share)) return member;
        }
      }
    },
  };
}
