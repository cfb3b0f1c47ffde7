/**
 * Chance as a dependency: choices and identifiers that a test or a simulation can repeat from a seed.
 *
 * @module
 */
import { checkNumber } from "../internal/check.ts";
import { fraction, hex } from "../internal/random.ts";

/** Where chance comes from. */
export interface Random {
  /** A number in [0, 1), for choices: not secure. */
  fraction(): number;
  /** `bytes` random bytes as lower-case hex, for identifiers; secure unless seeded. */
  hex(bytes: number): string;
}

/**
 * The machine's own chance: the default everywhere a `Random` is taken.
 *
 * @example
 * ```ts
 * import { systemRandom } from "servicekit/time";
 *
 * systemRandom.hex(8).length; // => 16
 * ```
 */
export const systemRandom: Random = { fraction, hex };

/**
 * A generator that gives the same numbers for the same seed. For tests and simulations; never for identifiers that must
 * be secret. (Mulberry32: 32 bits of state, passes gjrand's short tests.)
 *
 * @param seed an integer from 0 to 2³²−1.
 * @throws {RangeError} when the seed is not such an integer.
 *
 * @example
 * ```ts
 * import { seededRandom } from "servicekit/time";
 *
 * seededRandom(7).fraction() === seededRandom(7).fraction(); // => true
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = checkNumber("seed", seed, { min: 0, max: 0xffffffff, integer: true }) >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  return {
    fraction: () => next() / 0x1_0000_0000,
    hex(bytes) {
      let text = "";
      while (text.length < bytes * 2) text += next().toString(16).padStart(8, "0");
      return text.slice(0, bytes * 2);
    },
  };
}
