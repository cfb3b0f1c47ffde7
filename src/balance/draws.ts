/**
 * Chance for picks: seeded from the balancer's `Random`, and whole numbers only, since a fraction that a function gives back is
 * an object to the engine, one for each pick.
 *
 * @module
 */
import type { Random } from "../time/index.ts";

export class Draws {
  readonly #state: Int32Array = new Int32Array(1);

  constructor(random: Random) {
    this.#state[0] = Math.floor(random.fraction() * 0x1_0000_0000);
  }

  /** A whole number from 0 to below `count`, each as likely (to 2³² parts). */
  below(count: number): number {
    return Math.floor(this.#next() * (count / 0x1_0000_0000));
  }

  /** Whether something comes about that does with this chance. */
  happens(chance: number): boolean {
    return this.#next() < chance * 0x1_0000_0000;
  }

  /** 32 bits (Mulberry32, as `seededRandom`). */
  #next(): number {
    const state = (this.#state[0]! + 0x6d2b79f5) | 0;
    this.#state[0] = state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
