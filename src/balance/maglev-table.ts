/**
 * Maglev's table: members take turns in filling it, so that all get equal parts, and a key looks up one place.
 *
 * @module
 */
import { fullWeight, type KeySpace } from "./key-space.ts";
import { hash } from "./hash.ts";
import type { Member } from "./member.ts";

/** While members come and go the table is made anew at most this often; those that went are stepped over meanwhile. */
const REBUILD_MS = 100;

/** (Eisenbud and others, Maglev, §3.4; weights as in Envoy.) */
export class MaglevTable implements KeySpace {
  readonly #size: number;
  readonly #members = new Set<Member<unknown>>();
  #table: Member<unknown>[] = [];
  #isStale = true;
  #builtMs = -Infinity;
  #at = 0;

  constructor(size: number) {
    this.#size = size;
  }

  seek(hashed: number, nowMs: number): Member<unknown> {
    if (this.#isStale && (nowMs - this.#builtMs >= REBUILD_MS || !this.#table.some((one) => one.isUsable)))
      this.#build(nowMs);
    this.#at = (hashed % this.#size) - 1;
    return this.next();
  }

  next(): Member<unknown> {
    for (;;) {
      this.#at = this.#at + 1 < this.#size ? this.#at + 1 : 0;
      const member = this.#table[this.#at]!;
      if (member.isUsable) return member;
    }
  }

  add(member: Member<unknown>): void {
    this.#members.add(member);
    this.#isStale = true;
  }

  remove(member: Member<unknown>): void {
    this.#members.delete(member);
    this.#isStale = true;
  }

  change(): void {
    this.#isStale = true;
  }

  #build(nowMs: number): void {
    const size = this.#size;
    // Clients with the same members make the same table.
    const members = [...this.#members].sort((one, other) => (one.instance.id < other.instance.id ? -1 : 1));
    const heaviest = members.reduce((most, member) => Math.max(most, fullWeight(member)), 0);
    const starts = members.map(({ instance }) => hash(instance.id) % size);
    const skips = members.map(({ instance }) => (hash(instance.id, 1) % (size - 1)) + 1);
    const shares = members.map((member) => fullWeight(member) / heaviest);
    const table = Array.from<Member<unknown> | undefined>({ length: size });
    let filled = 0;
    for (let round = 1; filled < size; round++) {
      for (let i = 0; i < members.length && filled < size; i++) {
        // A member of half the weight has every second turn.
        if (Math.floor(round * shares[i]!) === Math.floor((round - 1) * shares[i]!)) continue;
        let place = starts[i]!;
        while (table[place] !== undefined) place = (place + skips[i]!) % size;
        table[place] = members[i];
        starts[i] = (place + skips[i]!) % size;
        filled++;
      }
    }
    this.#table = table as Member<unknown>[];
    this.#isStale = false;
    this.#builtMs = nowMs;
  }
}
