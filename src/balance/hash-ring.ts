/**
 * A hash ring: every member has places on a circle, and a key belongs to the next place after it.
 *
 * @module
 */
import { fullWeight, type KeySpace } from "./key-space.ts";
import { hash, mix } from "./hash.ts";
import type { Member } from "./member.ts";

interface Place {
  readonly hash: number;
  readonly member: Member<unknown>;
}

/** Few enough places that looking through a bucket is quick. */
const PER_BUCKET = 8;

/** Steps between the hashes of a member's places. */
const STEP = 0x9e3779b9;

/** So many places at the most, whatever the weight. */
const MOST_PLACES = 100_000;

/**
 * The circle is cut into equal buckets, each a short sorted list: a lookup goes straight to its bucket, and adding or removing a place changes one
 * bucket, where a sorted array of all places would be moved as a whole.
 */
export class HashRing implements KeySpace {
  readonly #virtualNodes: number;
  readonly #counts = new Map<Member<unknown>, number>();
  #buckets: Place[][] = [[]];
  /** A hash's bucket is its upper bits. */
  #shift = 31;
  #places = 0;
  #bucket = 0;
  #at = 0;

  constructor(virtualNodes: number) {
    this.#virtualNodes = virtualNodes;
  }

  seek(hashed: number): Member<unknown> {
    this.#bucket = this.#bucketOf(hashed);
    const bucket = this.#buckets[this.#bucket]!;
    let at = 0;
    while (at < bucket.length && bucket[at]!.hash < hashed) at++;
    this.#at = at - 1;
    return this.next();
  }

  next(): Member<unknown> {
    this.#at++;
    let bucket = this.#buckets[this.#bucket]!;
    while (this.#at >= bucket.length) {
      this.#bucket = this.#bucket + 1 < this.#buckets.length ? this.#bucket + 1 : 0;
      this.#at = 0;
      bucket = this.#buckets[this.#bucket]!;
    }
    return bucket[this.#at]!.member;
  }

  add(member: Member<unknown>): void {
    this.#resize(member, Math.min(MOST_PLACES, Math.max(1, Math.round(this.#virtualNodes * fullWeight(member)))));
  }

  remove(member: Member<unknown>): void {
    this.#resize(member, 0);
  }

  change(member: Member<unknown>): void {
    this.add(member);
  }

  #resize(member: Member<unknown>, count: number): void {
    const before = this.#counts.get(member) ?? 0;
    const base = hash(member.instance.id);
    for (let i = before; i < count; i++) this.#insert({ hash: placeOf(base, i), member });
    for (let i = count; i < before; i++) this.#delete(placeOf(base, i), member);
    if (count === 0) this.#counts.delete(member);
    else this.#counts.set(member, count);
  }

  #insert(place: Place): void {
    if (this.#places >= this.#buckets.length * PER_BUCKET * 2) this.#grow();
    this.#places++;
    const bucket = this.#buckets[this.#bucketOf(place.hash)]!;
    let at = bucket.length;
    while (at > 0 && isBefore(place, bucket[at - 1]!)) at--;
    bucket.splice(at, 0, place);
  }

  #delete(hashed: number, member: Member<unknown>): void {
    const bucket = this.#buckets[this.#bucketOf(hashed)]!;
    for (let at = 0; at < bucket.length; at++) {
      const place = bucket[at]!;
      if (place.hash !== hashed || place.member !== member) continue;
      bucket.splice(at, 1);
      this.#places--;
      return;
    }
  }

  #grow(): void {
    const places = this.#buckets.flat();
    this.#shift -= 2;
    this.#buckets = Array.from({ length: this.#buckets.length * 4 }, () => []);
    for (const place of places) this.#buckets[this.#bucketOf(place.hash)]!.push(place);
  }

  #bucketOf(hashed: number): number {
    return hashed >>> this.#shift;
  }
}

function placeOf(base: number, index: number): number {
  return mix(base + Math.imul(index + 1, STEP)) >>> 1;
}

/** Two on one place stand in the order of their ids, in whatever order they came. */
function isBefore(one: Place, other: Place): boolean {
  return one.hash < other.hash || (one.hash === other.hash && one.member.instance.id < other.member.instance.id);
}
