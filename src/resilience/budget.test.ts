import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budget, type Budget } from "./index.ts";

const take = (tries: Budget, nowMs: number): number => {
  let taken = 0;
  while (taken < 10_000 && tries.withdraw(nowMs)) taken++;
  return taken;
};

describe("a budget", () => {
  it("gives the floor where nothing was asked for yet, and no more", () => {
    const tries = budget();
    expect(tries.left(0)).toBe(30);
    expect(take(tries, 0)).toBe(30);
    expect(tries.left(0)).toBe(0);
  });

  it("gives a part of the requests where that is more than the floor", () => {
    const tries = budget({ ratio: 0.1, perSecond: 1 });
    for (let i = 0; i < 1000; i++) tries.deposit(i);
    expect(tries.snapshot(999)).toEqual({ requests: 1000, spent: 0, left: 100, refused: 0 });
  });

  it("is exact for parts that binary fractions cannot hold", () => {
    const tries = budget({ ratio: 0.29, perSecond: 0 });
    for (let i = 0; i < 100; i++) tries.deposit(0);
    expect(take(tries, 0)).toBe(29);
  });

  it("forgets requests and tries after its time, as a whole step", () => {
    const tries = budget({ ratio: 1, perSecond: 0, ttlMs: 1000 });
    for (let i = 0; i < 10; i++) tries.deposit(50);
    expect(tries.left(50)).toBe(10);
    tries.withdraw(50);
    expect(tries.snapshot(999)).toMatchObject({ requests: 10, spent: 1 });
    expect(tries.snapshot(1000)).toMatchObject({ requests: 0, spent: 0, left: 0 });
  });

  it("does not give out in one burst what a whole window has saved", () => {
    const tries = budget({ ratio: 0.1, perSecond: 0 });
    for (let ms = 0; ms < 10_000; ms++) tries.deposit(ms);
    expect(take(tries, 9999)).toBe(200);
    expect(take(tries, 10_000)).toBeGreaterThan(150);
  });

  it("always gives one where there is one, however thin it is spread", () => {
    const tries = budget({ ratio: 0.1, perSecond: 0 });
    for (let i = 0; i < 10; i++) tries.deposit(i * 1000);
    expect(take(tries, 9000)).toBe(1);
  });

  it("gives nothing at all when it is told so, and counts what it refused", () => {
    const tries = budget({ ratio: 0, perSecond: 0 });
    tries.deposit(0);
    expect([tries.withdraw(0), tries.withdraw(0)]).toEqual([false, false]);
    expect(tries.snapshot(0).refused).toBe(2);
  });

  it("is not brought back by a clock that steps back", () => {
    const tries = budget({ ratio: 1, perSecond: 0, ttlMs: 1000 });
    tries.deposit(5000);
    tries.deposit(100);
    expect(tries.snapshot(5000).requests).toBe(2);
  });

  it("works on a clock that began below zero", () => {
    const tries = budget({ ratio: 1, perSecond: 0, ttlMs: 1000 });
    for (let ms = -2000; ms < 0; ms += 100) tries.deposit(ms);
    expect(tries.snapshot(-1).requests).toBe(10);
  });

  it("never lets more through than its words say, in any whole window", () => {
    const step = fc.record({ afterMs: fc.nat(400), requests: fc.nat(30), tries: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const tries = budget({ ratio: 0.2, perSecond: 2, ttlMs: 1000 });
        const windows = new Map<number, { requests: number; spent: number }>();
        let nowMs = 0;
        for (const one of steps) {
          nowMs += one.afterMs;
          const number = Math.floor(nowMs / 1000);
          const window = windows.get(number) ?? { requests: 0, spent: 0 };
          windows.set(number, window);
          for (let i = 0; i < one.requests; i++) tries.deposit(nowMs);
          window.requests += one.requests;
          for (let i = 0; i < one.tries; i++) if (tries.withdraw(nowMs)) window.spent++;
        }
        // Requests of the window before may still count within one.
        for (const [number, { requests, spent }] of windows) {
          const before = windows.get(number - 1)?.requests ?? 0;
          expect(spent).toBeLessThanOrEqual(Math.max(2, 0.2 * (requests + before)) + 1e-6);
        }
      }),
    );
  });

  it("can be changed while it runs, and changes nothing when a value is wrong", () => {
    const tries = budget({ ratio: 0.1, perSecond: 0 });
    for (let i = 0; i < 100; i++) tries.deposit(0);
    tries.set({ ratio: 0.5 });
    expect(tries.left(0)).toBe(50);
    expect(() => tries.set({ ratio: 0.9, perSecond: -1 })).toThrow("budget: perSecond should be a number from 0");
    expect(tries.left(0)).toBe(50);
    tries.set({ ttlMs: 5000 });
    expect(tries.snapshot(0).requests).toBe(0);
    expect(tries.describe()).toBe("budget 0.5 per request or 0/s, over 5000 ms");
  });

  it.each<[object, string]>([
    [{ ratio: 11 }, "budget: ratio should be a number from 0 to 10, got 11"],
    [{ perSecond: Number.NaN }, "budget: perSecond should be a number from 0 to 1000000, got NaN"],
    [{ ttlMs: 5 }, "budget: ttlMs should be a number from 100 to 600000, got 5"],
    [{ rate: 1 }, 'budget has no option "rate", it has ratio, perSecond, ttlMs'],
  ])("is checked: %j", (options, message) => {
    expect(() => budget(options)).toThrow(message);
  });
});
