// The ring against a plain model of it: all places in one list, sorted anew for each look.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instance } from "../discovery/index.ts";
import { hash, mix } from "./hash.ts";
import { HashRing } from "./hash-ring.ts";
import type { Member } from "./member.ts";

const VIRTUAL_NODES = 5;

interface Place {
  readonly hash: number;
  readonly id: string;
}

/** What the ring reads of a member. */
function member(id: string, weight: number): Member<unknown> {
  return { instance: instance({ id, address: `${id}:1`, weight }), copies: 1 } as unknown as Member<unknown>;
}

function placesOf({ instance: { id, weight } }: Member<unknown>): readonly Place[] {
  const base = hash(id);
  const count = Math.max(1, Math.round(VIRTUAL_NODES * weight));
  return Array.from({ length: count }, (_, i) => ({ hash: mix(base + Math.imul(i + 1, 0x9e3779b9)) >>> 1, id }));
}

/** The first members on a key's way. */
function wayOn(ring: HashRing, key: number, steps: number): readonly string[] {
  return Array.from({ length: steps }, (_, i) => (i === 0 ? ring.seek(key) : ring.next()).instance.id);
}

function sorted(members: readonly Member<unknown>[]): readonly Place[] {
  return members.flatMap(placesOf).sort((a, b) => a.hash - b.hash || (a.id < b.id ? -1 : 1));
}

function wayIn(places: readonly Place[], key: number, steps: number): readonly string[] {
  const first = places.findIndex((place) => place.hash >= key);
  return Array.from({ length: steps }, (_, i) => places[(Math.max(0, first) + i) % places.length]!.id);
}

describe("a hash ring", () => {
  it("is what sorting all places gives, through any sequence of changes", () => {
    const id = fc.integer({ min: 0, max: 40 }).map((n) => `shard-${n}`);
    const change = fc.record({ id, weight: fc.constantFrom(0, 0.01, 0.5, 1, 1, 1, 3, 40) });
    const key = fc.oneof(fc.nat(0x7fff_ffff), fc.constantFrom(0, 0x7fff_ffff));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 100 }), fc.array(key, { maxLength: 4 }), (all, keys) => {
        const ring = new HashRing(VIRTUAL_NODES);
        const listed = new Map<string, { current: Member<unknown> }>();
        for (const [i, { id: name, weight }] of all.entries()) {
          const known = listed.get(name);
          if (weight === 0) {
            if (known !== undefined) ring.remove(known.current);
            listed.delete(name);
          } else if (known === undefined) {
            listed.set(name, { current: member(name, weight) });
            ring.add(listed.get(name)!.current);
          } else {
            Object.assign(known.current, { instance: member(name, weight).instance });
            ring.change(known.current);
          }
          if (listed.size === 0 || (i % 10 !== 0 && i !== all.length - 1)) continue;
          const places = sorted([...listed.values()].map(({ current }) => current));
          for (const one of keys) expect(wayOn(ring, one, 30)).toEqual(wayIn(places, one, 30));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("goes round through all of its places", () => {
    const ring = new HashRing(VIRTUAL_NODES);
    const members = Array.from({ length: 40 }, (_, i) => member(`m${i}`, 1));
    for (const one of members) ring.add(one);
    expect(wayOn(ring, 12_345, 500)).toEqual(wayIn(sorted(members), 12_345, 500));
  });

  it("shares by weight where weights ask for more places than there are, and is the same again when that is over", () => {
    const small = Array.from({ length: 20 }, (_, i) => member(`m${i}`, 1));
    const heavy = [member("a", 1e6), member("b", 2.5e5)];
    const ring = new HashRing(10, 5000);
    const ways = (of: HashRing) => Array.from({ length: 50 }, (_, i) => wayOn(of, i * 40_000_000, 5));
    for (const one of [...small, ...heavy]) ring.add(one);
    let first = 0;
    for (let i = 0; i < 20_000; i++) if (ring.seek(mix(i) >>> 1) === heavy[0]) first++;
    expect(Math.abs(first / 20_000 - 0.8)).toBeLessThan(0.03);
    const other = new HashRing(10, 5000);
    for (const one of [...heavy, ...small]) other.add(one);
    expect(ways(other)).toEqual(ways(ring));
    for (const one of heavy) ring.remove(one);
    const fresh = new HashRing(10, 5000);
    for (const one of small) fresh.add(one);
    expect(ways(ring)).toEqual(ways(fresh));
  });
});
