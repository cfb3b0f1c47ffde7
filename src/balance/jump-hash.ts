/**
 * Jump hash: perfectly even and without memory, for members that have an order.
 *
 * @module
 */
import type { KeySpace } from "./key-space.ts";
import { mix } from "./hash.ts";
import type { Member } from "./member.ts";

/** How often a key may meet one that is out before the next usable one in order is taken. */
const TRIES = 32;

/**
 * Members stand in the order of their ids, numbers in them by value. One that is listed and not usable keeps its place, and only its keys go elsewhere; one
 * that leaves the list shifts all after it. (Lamping and Veach, A Fast, Minimal Memory, Consistent Hash Algorithm, with 32-bit chance.)
 */
export class JumpHash implements KeySpace {
  #members: Member<unknown>[] = [];
  /** Not in order yet; and those that have left and still stand there. */
  #new: Member<unknown>[] = [];
  readonly #gone = new Set<Member<unknown>>();
  readonly #known = new Set<Member<unknown>>();
  #key = 0;
  #tries = 0;

  seek(hashed: number): Member<unknown> {
    if (this.#gone.size > 0 || this.#new.length > 0) this.#order();
    this.#key = hashed;
    this.#tries = 0;
    return this.next();
  }

  next(): Member<unknown> {
    for (; this.#tries < TRIES; this.#tries++) {
      const member = this.#members[jump(this.#key, this.#members.length)]!;
      this.#key = mix(this.#key + 0x9e3779b9) >>> 1;
      if (member.isUsable) return member;
    }
    for (;;) {
      const member = this.#members[this.#tries++ % this.#members.length]!;
      if (member.isUsable) return member;
    }
  }

  add(member: Member<unknown>): void {
    if (this.#known.has(member)) return;
    this.#known.add(member);
    // Back before anybody looked.
    if (!this.#gone.delete(member)) this.#new.push(member);
  }

  /** Not well: it keeps its place. */
  remove(): void {}

  left(member: Member<unknown>): void {
    if (this.#known.delete(member)) this.#gone.add(member);
  }

  change(): void {}

  /** All changes since the last pick in one go. */
  #order(): void {
    if (this.#gone.size > 0) {
      this.#members = this.#members.filter((member) => !this.#gone.has(member));
      this.#new = this.#new.filter((member) => !this.#gone.has(member));
      this.#gone.clear();
    }
    if (this.#new.length * 8 > this.#members.length) this.#members = [...this.#members, ...this.#new].sort(compare);
    else for (const member of this.#new) this.#insert(member);
    this.#new = [];
  }

  #insert(member: Member<unknown>): void {
    let [low, high] = [0, this.#members.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#members[middle]!, member) < 0) low = middle + 1;
      else high = middle;
    }
    this.#members.splice(low, 0, member);
  }
}

const collator: Intl.Collator = new Intl.Collator("en", { numeric: true });

function compare(one: Member<unknown>, other: Member<unknown>): number {
  return collator.compare(one.instance.id, other.instance.id) || (one.instance.id < other.instance.id ? -1 : 1);
}

function jump(key: number, buckets: number): number {
  let found = 0;
  let next = 0;
  let chance = key;
  while (next < buckets) {
    found = next;
    chance = mix(chance + 0x9e3779b9);
    next = Math.floor((found + 1) * (0x1_0000_0000 / (chance + 1)));
  }
  return found;
}
