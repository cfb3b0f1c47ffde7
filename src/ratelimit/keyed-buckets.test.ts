import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { keyedBuckets, tokenBucket, type TokenBucket } from "./index.ts";

describe("keyedBuckets", () => {
  it("gives each key a bucket of its own", async () => {
    const clock = virtualClock();
    const buckets = keyedBuckets({ perSecond: 1, burst: 2, clock });
    expect([1, 2, 3].map(() => buckets.take("ada"))).toEqual([true, true, false]);
    expect(buckets.take("bob")).toBe(true);
    expect(buckets.waitMs("ada")).toBe(1000);
    expect(buckets.waitMs("bob")).toBe(0);
    await clock.advance(1000);
    expect(buckets.take("ada")).toBe(true);
  });

  it("takes and waits for several tokens", async () => {
    const clock = virtualClock();
    const buckets = keyedBuckets({ perSecond: 10, burst: 4, clock });
    expect(buckets.take("ada", 3)).toBe(true);
    expect(buckets.take("ada", 2)).toBe(false);
    expect(buckets.waitMs("ada", 2)).toBe(100);
    expect(buckets.waitMs("ada", 5)).toBe(Infinity);
    expect(buckets.waitMs("nobody", 4)).toBe(0);
    expect(buckets.waitMs("nobody", 5)).toBe(Infinity);
    expect(() => buckets.take("ada", -1)).toThrow("count should be a number above 0");
    expect(() => buckets.waitMs("ada", 0)).toThrow("count should be a number above 0");
    expect(buckets.wait("ada")).toBeUndefined();
    const waiting = buckets.wait("ada", { count: 2 });
    await clock.advance(200);
    await expect(waiting).resolves.toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("keeps no bucket for a key that is only asked about", () => {
    const buckets = keyedBuckets({ perSecond: 1, clock: virtualClock() });
    for (let i = 0; i < 50; i++) buckets.waitMs(`key ${i}`);
    expect(buckets.size).toBe(0);
  });

  it("never keeps more than maxKeys, whatever comes", () => {
    const buckets = keyedBuckets({ perSecond: 1, burst: 1, maxKeys: 100, clock: virtualClock() });
    for (let i = 0; i < 10_000; i++) buckets.take(`key ${i}`);
    expect(buckets.size).toBe(100);
  });

  it("lets full buckets go first: those in use are not forgotten", async () => {
    const clock = virtualClock();
    const buckets = keyedBuckets({ perSecond: 1, burst: 5, maxKeys: 100, clock });
    for (let i = 0; i < 92; i++) buckets.take(`idle ${i}`);
    await clock.advance(5000);
    for (let i = 0; i < 8; i++) for (let n = 0; n < 5; n++) buckets.take(`busy ${i}`);
    // As many newcomers as there are full ones: each finds a full one at the hand or within eight looks.
    for (let i = 0; i < 46; i++) buckets.take(`new ${i}`);
    for (let i = 0; i < 8; i++) expect(buckets.take(`busy ${i}`)).toBe(false);
    expect(buckets.size).toBe(100);
  });

  it("behaves as if a full bucket had never been thrown away", async () => {
    // With room for all keys in use at one time, a table that forgets must decide as one that never does.
    const step = fc.record({ key: fc.nat(40), pauseMs: fc.constantFrom(0, 0, 100, 700) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const clock = virtualClock();
        const buckets = keyedBuckets({ perSecond: 10, burst: 2, maxKeys: 8, clock });
        const all = new Map<string, TokenBucket>();
        let inUse = new Set<string>();
        for (const { key, pauseMs } of steps) {
          await clock.advance(pauseMs);
          if (pauseMs >= 200) inUse = new Set();
          const name = `key ${key}`;
          if (!inUse.has(name) && inUse.size === 8) continue;
          inUse.add(name);
          let one = all.get(name);
          if (one === undefined) all.set(name, (one = tokenBucket({ perSecond: 10, burst: 2, clock })));
          expect(buckets.take(name)).toBe(one.take());
          expect(buckets.size).toBeLessThanOrEqual(8);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("with all buckets in use forgets a fuller one rather than refuse a newcomer", () => {
    const buckets = keyedBuckets({ perSecond: 1, burst: 2, maxKeys: 2, clock: virtualClock() });
    expect([buckets.take("drained"), buckets.take("drained"), buckets.take("half")]).toEqual([true, true, true]);
    expect(buckets.take("new")).toBe(true);
    expect(buckets.take("drained")).toBe(false);
    // The control: a table with room has not forgotten the other either.
    expect(buckets.take("half")).toBe(true);
    expect(buckets.take("half")).toBe(true);
  });

  it("serves those who wait for a bucket that was thrown away meanwhile", async () => {
    const clock = virtualClock();
    const buckets = keyedBuckets({ perSecond: 1, burst: 1, maxKeys: 1, clock });
    buckets.take("ada");
    const waiting = buckets.wait("ada");
    buckets.take("bob");
    await clock.advance(1000);
    await expect(waiting).resolves.toBeUndefined();
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "", "\u0000", "\ud800", "long:300:a:b"])(
    "takes %j for a key like any other",
    (key) => {
      const buckets = keyedBuckets({ perSecond: 1, burst: 1, clock: virtualClock() });
      expect([buckets.take(key), buckets.take(key), buckets.take("other")]).toEqual([true, false, true]);
      expect(({} as Record<string, unknown>)["take"]).toBeUndefined();
    },
  );

  it("tells long keys apart by their beginning, end and length, and stores none of them", () => {
    const buckets = keyedBuckets({ perSecond: 1, burst: 1, clock: virtualClock() });
    const long = "x".repeat(1_000_000);
    const keys = [long, `a${long}`, `${long}a`, `${long}b`, `b${long.slice(1)}`, `${long}x`];
    for (const key of keys) expect(buckets.take(key)).toBe(true);
    for (const key of keys) expect(buckets.take(key)).toBe(false);
  });

  it.each([
    [{ perSecond: 1, maxKeys: 0 }, "maxKeys should be an integer from 1 to"],
    [{ perSecond: 1, maxKeys: 1.5 }, "maxKeys should be an integer from 1 to"],
    [{ perSecond: 0 }, "perSecond should be a finite number above 0"],
    [{ perSecond: 1, burst: 0 }, "burst should be a number from 1 to"],
    [{ perSecond: 1, max: 5 } as never, 'keyedBuckets has no option "max"'],
  ])("refuses %j", (options, message) => {
    expect(() => keyedBuckets(options)).toThrow(message);
  });
});
