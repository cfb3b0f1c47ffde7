import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { tokenBucket, type Allower, type TokenBucket, type Waiting } from "./index.ts";

describe("tokenBucket", () => {
  it("starts full, gives the burst at once and then one token per period", async () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 2, burst: 3, clock });
    expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([true, true, true, false]);
    await clock.advance(499);
    expect(bucket.take()).toBe(false);
    await clock.advance(1);
    expect(bucket.take()).toBe(true);
    expect(bucket.take()).toBe(false);
  });

  it("never holds more than the burst, however long it was left alone", async () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 1000, burst: 2, clock });
    bucket.take(2);
    await clock.advance(3_600_000);
    expect(bucket.available).toBe(2);
    expect([1, 2, 3].map(() => bucket.take())).toEqual([true, true, false]);
  });

  it("takes several tokens or none", () => {
    const bucket = tokenBucket({ perSecond: 1, burst: 5, clock: virtualClock() });
    expect(bucket.take(3)).toBe(true);
    expect(bucket.take(3)).toBe(false);
    expect(bucket.available).toBe(2);
    expect(bucket.take(2)).toBe(true);
  });

  it("says how long until tokens can be taken, and that is exactly when they can", async () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 3, burst: 2, clock });
    expect(bucket.waitMs(2)).toBe(0);
    bucket.take(2);
    const waitMs = bucket.waitMs();
    expect(waitMs).toBeCloseTo(1000 / 3, 9);
    await clock.advance(waitMs);
    expect(bucket.waitMs()).toBe(0);
    expect(bucket.take()).toBe(true);
  });

  it("says that more than the burst can never be taken", () => {
    const bucket = tokenBucket({ perSecond: 10, burst: 2, clock: virtualClock() });
    expect(bucket.waitMs(3)).toBe(Infinity);
    expect(bucket.take(3)).toBe(false);
    expect(bucket.available).toBe(2);
  });

  it.each([
    [0.2, 1],
    [1, 1],
    [2.5, 3],
    [100, 100],
  ])("at %d a second holds one second's worth unless told otherwise", (perSecond, burst) => {
    expect(tokenBucket({ perSecond }).burst).toBe(burst);
  });

  it("sets no timer for those who do not wait", () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 1, burst: 1, clock });
    for (let i = 0; i < 10; i++) bucket.take();
    expect(clock.pending).toBe(0);
  });

  it("changes while running: tokens that are there stay, up to the new size", async () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 1, burst: 10, clock });
    bucket.take(4);
    bucket.set({ perSecond: 100, burst: 8 });
    expect([bucket.perSecond, bucket.burst, bucket.available]).toEqual([100, 8, 6]);
    await clock.advance(10);
    expect(bucket.available).toBeCloseTo(7, 9);
    bucket.set({ perSecond: 1, burst: 2 });
    expect(bucket.available).toBe(2);
  });

  it("changes nothing when a new value is out of range", () => {
    const bucket = tokenBucket({ perSecond: 1, burst: 10, clock: virtualClock() });
    expect(() => bucket.set({ perSecond: 5, burst: 0 })).toThrow(RangeError);
    expect([bucket.perSecond, bucket.burst, bucket.available]).toEqual([1, 10, 10]);
  });

  it.each([
    [{ perSecond: 0 }, "perSecond should be a finite number above 0, got 0"],
    [{ perSecond: -1 }, "perSecond should be a finite number above 0, got -1"],
    [{ perSecond: Infinity }, "perSecond should be a finite number above 0, got Infinity"],
    [{ perSecond: NaN }, "perSecond should be a finite number above 0, got NaN"],
    [{ perSecond: "1" as never }, 'perSecond should be a finite number above 0, got "1"'],
    [{ perSecond: 1, burst: 0.5 }, "burst should be a number from 1 to"],
    [{ perSecond: 1, burst: Infinity }, "burst should be a number from 1 to"],
    [{ perSecond: 1, brust: 2 } as never, 'tokenBucket has no option "brust"'],
  ])("refuses %j", (options, message) => {
    expect(() => tokenBucket(options)).toThrow(message);
  });

  it("refuses a count that would fill it", () => {
    const bucket = tokenBucket({ perSecond: 1, burst: 1, clock: virtualClock() });
    bucket.take();
    for (const count of [0, -1, NaN]) {
      expect(() => bucket.take(count)).toThrow("count should be a number above 0");
      expect(() => bucket.waitMs(count)).toThrow("count should be a number above 0");
      expect(() => bucket.wait({ count })).toThrow("count should be a number above 0");
    }
    expect(bucket.take()).toBe(false);
  });

  it("decides as a bucket that is filled step by step would", async () => {
    const step = fc.record({ pauseMs: fc.integer({ min: 0, max: 3000 }), count: fc.integer({ min: 1, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0.5, 1, 4, 10, 125),
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { maxLength: 40 }),
        async (perSecond, burst, steps) => {
          const clock = virtualClock();
          const bucket = tokenBucket({ perSecond, burst, clock });
          // Exact: all paces divide 1000 ms into whole eighths, so the model can count in eighths of a token-millisecond.
          let tokens = burst * 1000;
          for (const { pauseMs, count } of steps) {
            await clock.advance(pauseMs);
            tokens = Math.min(burst * 1000, tokens + pauseMs * perSecond);
            const fits = tokens >= count * 1000;
            expect(bucket.take(count)).toBe(fits);
            if (fits) tokens -= count * 1000;
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never lets more through than the burst and the pace allow, in any stretch of time", async () => {
    const pauses = fc.array(fc.double({ min: 0, max: 700, noNaN: true }), { minLength: 5, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.3, max: 50, noNaN: true }), pauses, async (perSecond, pausesMs) => {
        const clock = virtualClock();
        const bucket = tokenBucket({ perSecond, burst: 3, clock });
        const taken: number[] = [];
        for (const pauseMs of pausesMs) {
          await clock.advance(pauseMs);
          while (bucket.take()) taken.push(clock.now());
        }
        for (let from = 0; from < taken.length; from++) {
          for (let to = from; to < taken.length; to++) {
            const most = 3 + ((taken[to]! - taken[from]!) / 1000) * perSecond;
            expect(to - from + 1).toBeLessThanOrEqual(most + 1e-6);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is what Go kit's Allower and Waiter are", () => {
    expectTypeOf<TokenBucket>().toExtend<Allower>();
    expectTypeOf<TokenBucket>().toExtend<Waiting>();
    // @ts-expect-error a pace has to be given
    expect(() => tokenBucket({ burst: 1 })).toThrow(RangeError);
  });
});
