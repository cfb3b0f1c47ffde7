/**
 * Draws by weight: a tree of sums (Fenwick), so that a draw and a change both cost the logarithm of the number.
 *
 * @module
 */
import type { Draws } from "./draws.ts";
import type { Member } from "./member.ts";

/** How finely weights are drawn: as whole numbers go without becoming objects. */
const PARTS = 0x4000_0000;

export class Weights {
  readonly #members: Member<unknown>[] = [];
  readonly #places = new Map<Member<unknown>, number>();
  /** How many have each weight: while there is one weight only, nobody needs the tree. */
  readonly #kinds = new Map<number, number>();
  #weights = new Float64Array(16);
  #sums = new Float64Array(17);
  /** Changes since the sums were last made anew: each leaves a rounding error behind. */
  #changes = 0;
  #isStale = false;
  #total = 0;

  /** Whether all have the same weight. */
  get isEven(): boolean {
    return this.#kinds.size <= 1;
  }

  add(member: Member<unknown>): void {
    const place = this.#members.push(member) - 1;
    this.#places.set(member, place);
    if (place === this.#weights.length) {
      const weights = new Float64Array(place * 2);
      weights.set(this.#weights);
      this.#weights = weights;
      this.#sums = new Float64Array(place * 2 + 1);
      this.#isStale = true;
    }
    this.#set(place, member.weight);
  }

  remove(member: Member<unknown>): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    const last = this.#members.length - 1;
    const moved = this.#members[last]!;
    if (place !== last) {
      const weight = this.#weights[last]!;
      this.#set(last, 0);
      this.#set(place, weight);
      this.#members[place] = moved;
      this.#places.set(moved, place);
    } else this.#set(last, 0);
    this.#members.pop();
    this.#places.delete(member);
  }

  change(member: Member<unknown>): void {
    const place = this.#places.get(member);
    if (place !== undefined) this.#set(place, member.weight);
  }

  /** A member, each as likely as its weight; undefined when there is none. */
  draw(draws: Draws): Member<unknown> | undefined {
    if (this.#isStale) this.#build();
    const sums = this.#sums;
    const size = this.#weights.length;
    let left = (draws.below(PARTS) / PARTS) * this.#total;
    let place = 0;
    for (let step = size; step > 0; step >>= 1) {
      const next = place + step;
      if (next <= size && sums[next]! <= left) {
        left -= sums[next]!;
        place = next;
      }
    }
    // Rounding can point past the end.
    return this.#members[Math.min(place, this.#members.length - 1)];
  }

  #set(place: number, weight: number): void {
    const before = this.#weights[place]!;
    if (before === weight) return;
    this.#count(before, -1);
    this.#count(weight, 1);
    this.#weights[place] = weight;
    if (++this.#changes > 4096 + this.#members.length) this.#isStale = true;
    if (this.#isStale) return;
    const difference = weight - before;
    this.#total += difference;
    for (let i = place + 1; i < this.#sums.length; i += i & -i) this.#sums[i]! += difference;
  }

  #count(weight: number, change: number): void {
    if (weight === 0) return;
    const count = (this.#kinds.get(weight) ?? 0) + change;
    if (count === 0) this.#kinds.delete(weight);
    else this.#kinds.set(weight, count);
  }

  #build(): void {
    this.#isStale = false;
    this.#changes = 0;
    this.#total = 0;
    this.#sums.fill(0);
    for (let i = 1; i < this.#sums.length; i++) {
      const weight = this.#weights[i - 1]!;
      this.#total += weight;
      this.#sums[i]! += weight;
      const parent = i + (i & -i);
      if (parent < this.#sums.length) this.#sums[parent]! += this.#sums[i]!;
    }
  }
}
