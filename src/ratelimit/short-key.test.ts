import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_KEY_CHARS, shortKey } from "./short-key.ts";

const long = (length: number, seed = 0): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(97 + ((i * 7 + seed) % 26))).join("");

describe("shortKey", () => {
  it("keeps a key of up to 256 characters as it is, and stores at most 40 characters of a longer one", () => {
    expect(shortKey(long(MAX_KEY_CHARS))).toBe(long(MAX_KEY_CHARS));
    for (const length of [257, 511, 512, 513, 100_000, 1_000_000]) {
      const short = shortKey(long(length));
      expect(short).toMatch(/^long:\d+:[0-9a-z]+:[0-9a-z]+$/);
      expect(short.length).toBeLessThanOrEqual(40);
      expect(shortKey(long(length))).toBe(short);
    }
  });

  it("tells long keys apart by any character of their first or last 256, and by their length", () => {
    const position = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 744, max: 999 }));
    fc.assert(
      fc.property(position, fc.integer({ min: 0, max: 25 }), (at, seed) => {
        const key = long(1000, seed);
        const other = `${key.slice(0, at)}!${key.slice(at + 1)}`;
        expect(shortKey(other)).not.toBe(shortKey(key));
        expect(shortKey(`${key}a`)).not.toBe(shortKey(key));
      }),
    );
  });

  it("reads no more of a key than that: what differs in the middle shares a bucket", () => {
    const key = long(1000);
    expect(shortKey(`${key.slice(0, 500)}!${key.slice(501)}`)).toBe(shortKey(key));
  });

  it("spreads many long keys without a collision", () => {
    const all = new Set(Array.from({ length: 20_000 }, (_, i) => shortKey(`${"k".repeat(300)}${i}`)));
    expect(all.size).toBe(20_000);
  });
});
