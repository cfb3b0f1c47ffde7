/**
 * A hash ring: every member has places on a circle, and a key belongs to the next place after it.
 *
 * @module
 */
import { fullWeight, type KeySpace } from "./key-space.ts";
import { hash, mix } from "./hash.ts";
import type { Member } from "./member.ts";

/** What stands on the ring for a member. */
interface Owner {
  readonly base: number;
  /** By this number its places know it. */
  readonly number: number;
  wanted: number;
  places: number;
}

/** Steps between the hashes of a member's places. */
const STEP = 0x9e3779b9;

/** So many places at the most; where weights ask for more, everybody gets the same part of what it asks for. */
const MOST_PLACES = 2 ** 20;

/** A slot without a place; below every hash. */
const FREE = -1;

/** Slots behind the last, for places that find their own taken; more when they are used up. */
const TAIL = 64;

/**
 * One sorted array with gaps, of slots of two numbers: the hash of a place, and whose it is. The upper bits of a hash say from which slot on to
 * look, so a lookup goes straight there, and adding or removing a place moves those up to the next gap: one line of the processor's cache, mostly.
 */
export class HashRing implements KeySpace {
  readonly #virtualNodes: number;
  readonly #mostPlaces: number;
  readonly #owners = new Map<Member<unknown>, Owner>();
  /** By the number of the owner. */
  readonly #members: (Member<unknown> | undefined)[] = [];
  readonly #unused: number[] = [];
  /** There are two to this power of slots, and the tail. */
  #bits = 4;
  #slots: Int32Array = free(this.#bits);
  #places = 0;
  #wanted = 0;
  /** The part of the wanted places that there are, a power of two, so that it does not change with every member. */
  #part = 1;
  #at = 0;

  constructor(virtualNodes: number, mostPlaces: number = MOST_PLACES) {
    this.#virtualNodes = virtualNodes;
    this.#mostPlaces = mostPlaces;
  }

  seek(hashed: number): Member<unknown> {
    const slots = this.#slots;
    let at = this.#homeOf(hashed);
    while (at < slots.length && slots[at]! < hashed) at += 2;
    this.#at = at - 2;
    return this.next();
  }

  next(): Member<unknown> {
    const slots = this.#slots;
    do {
      this.#at += 2;
      if (this.#at >= slots.length) this.#at = 0;
    } while (slots[this.#at] === FREE);
    return this.#members[slots[this.#at + 1]!]!;
  }

  add(member: Member<unknown>): void {
    this.#want(member, Math.max(1, Math.round(this.#virtualNodes * fullWeight(member))));
  }

  remove(member: Member<unknown>): void {
    this.#want(member, 0);
  }

  change(member: Member<unknown>): void {
    this.add(member);
  }

  #want(member: Member<unknown>, wanted: number): void {
    const owner = this.#owners.get(member) ?? this.#owner(member);
    this.#wanted += wanted - owner.wanted;
    owner.wanted = wanted;
    const part = Math.min(1, 2 ** Math.floor(Math.log2(this.#mostPlaces / this.#wanted)));
    if (part === this.#part) this.#resize(owner);
    else {
      this.#part = part;
      for (const one of this.#owners.values()) this.#resize(one);
    }
    if (wanted > 0) return;
    this.#owners.delete(member);
    this.#members[owner.number] = undefined;
    this.#unused.push(owner.number);
  }

  #owner(member: Member<unknown>): Owner {
    const number = this.#unused.pop() ?? this.#members.length;
    const owner: Owner = { base: hash(member.instance.id), number, wanted: 0, places: 0 };
    this.#members[number] = member;
    this.#owners.set(member, owner);
    return owner;
  }

  #resize(owner: Owner): void {
    const { base, number, wanted, places } = owner;
    owner.places = wanted === 0 ? 0 : Math.max(1, Math.round(wanted * this.#part));
    this.#places += owner.places - places;
    for (let i = owner.places; i < places; i++) this.#delete(placeOf(base, i), number);
    this.#fit();
    for (let i = places; i < owner.places; i++) this.#insert(placeOf(base, i), number);
  }

  /** A quarter to a half of the slots are taken, after many have left a sixteenth: few are passed in looking, few are moved. */
  #fit(): void {
    let bits = this.#bits;
    while (this.#places * 2 > 2 ** bits) bits++;
    while (bits > 4 && this.#places * 16 < 2 ** bits) bits--;
    if (bits === this.#bits) return;
    const before = this.#slots;
    this.#bits = bits;
    this.#slots = free(bits);
    for (let at = 0; at < before.length; at += 2) if (before[at] !== FREE) this.#insert(before[at]!, before[at + 1]!);
  }

  #insert(hashed: number, number: number): void {
    let slots = this.#slots;
    let at = this.#homeOf(hashed);
    while (slots[at]! >= 0 && this.#isBefore(at, hashed, number)) at += 2;
    let gap = at;
    while (slots[gap]! >= 0) gap += 2;
    if (gap === slots.length) {
      slots = new Int32Array(gap + TAIL * 2).fill(FREE);
      slots.set(this.#slots);
      this.#slots = slots;
    }
    slots.copyWithin(at + 2, at, gap);
    slots[at] = hashed;
    slots[at + 1] = number;
  }

  #delete(hashed: number, number: number): void {
    const slots = this.#slots;
    let at = this.#homeOf(hashed);
    while (slots[at] !== hashed || slots[at + 1] !== number) at += 2;
    // Those behind it go one back, up to the first that is where it belongs.
    let end = at + 2;
    while (slots[end]! >= 0 && this.#homeOf(slots[end]!) < end) end += 2;
    slots.copyWithin(at, at + 2, end);
    slots[end - 2] = FREE;
    slots[end - 1] = FREE;
  }

  #homeOf(hashed: number): number {
    return (hashed >>> (31 - this.#bits)) << 1;
  }

  /** Two on one place stand in the order of their ids, in whatever order they came. */
  #isBefore(at: number, hashed: number, number: number): boolean {
    const other = this.#slots[at]!;
    if (other !== hashed) return other < hashed;
    return this.#members[this.#slots[at + 1]!]!.instance.id < this.#members[number]!.instance.id;
  }
}

function free(bits: number): Int32Array {
  return new Int32Array((2 ** bits + TAIL) * 2).fill(FREE);
}

function placeOf(base: number, index: number): number {
  return mix(base + Math.imul(index + 1, STEP)) >>> 1;
}
