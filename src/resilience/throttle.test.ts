import { describe, expect, expectTypeOf, it } from "vitest";
import { bareError, policyError, ServiceError, type Code } from "../errors/index.ts";
import { virtualClock } from "../testing/virtual-clock.ts";
import { throttle, type Throttle, type ThrottleOptions } from "./index.ts";

const zero = { fraction: () => 0, hex: () => "" };
const peer = (code: Code): ServiceError => bareError("no", { code, origin: "peer" });
const on = (options: ThrottleOptions = {}) => throttle({ clock: virtualClock(), random: zero, ...options });

/** A call at a moment, which is turned away if it is sent: whether it was. */
function isSent(slow: Throttle, nowMs: number): boolean {
  const passes = slow.tryEnter(nowMs);
  if (passes) slow.rejected(nowMs);
  return passes;
}

describe("a throttle", () => {
  it("passes everything while the back-end accepts what it gets, or half of it", () => {
    const slow = on();
    for (let i = 0; i < 1000; i++) {
      expect(slow.tryEnter(i)).toBe(true);
      if (i % 2 === 0) slow.accepted(i);
      else slow.rejected(i);
    }
    expect(slow.snapshot()).toMatchObject({ calls: 1000, accepted: 500, reject: 0, refused: 0 });
  });

  it("refuses what goes beyond that, as its own finding", () => {
    const slow = on();
    const passed = Array.from({ length: 20 }, (_, i) => isSent(slow, i)).filter(Boolean).length;
    // The first eight prove nothing.
    expect([passed, slow.tryEnter(20)]).toEqual([9, false]);
    expect(slow.refusal()).toMatchObject({ code: "resource_exhausted", reason: "overloaded", origin: "policy" });
    expect(slow.snapshot().refused).toBe(12);
  });

  it("refuses no more than it may, so that a recovery is seen", () => {
    const slow = on({ maxReject: 0.9, probeMs: 1e9 });
    for (let i = 0; i < 2000; i++) isSent(slow, i);
    expect(slow.snapshot().reject).toBe(0.9);
  });

  it("lets a call through when there was none for a while, whatever was seen", () => {
    const slow = on();
    for (let i = 0; i < 9; i++) isSent(slow, 0);
    for (let ms = 1; ms < 1000; ms++) expect(slow.tryEnter(ms)).toBe(false);
    expect([slow.tryEnter(1000), slow.tryEnter(1001)]).toEqual([true, false]);
  });

  it("forgets what is longer ago than its window", () => {
    const slow = on({ windowMs: 2000 });
    for (let i = 0; i < 100; i++) isSent(slow, i);
    expect([isSent(slow, 1000), isSent(slow, 1999), isSent(slow, 2100), isSent(slow, 2101)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it("sees by the errors of a function whether it was turned away", async () => {
    const turnedAway = [
      peer("unavailable"),
      peer("resource_exhausted"),
      peer("deadline_exceeded"),
      new Error("ECONNREFUSED"),
    ];
    const accepted = [
      peer("not_found"),
      peer("internal"),
      bareError("no", { code: "unavailable", origin: "declared" }),
    ];
    const silent = [policyError("canceled"), policyError("breaker_open"), policyError("rate_limited"), on().refusal()];
    for (const [list, counts] of [
      [turnedAway, { calls: 2, accepted: 0 }],
      [accepted, { calls: 2, accepted: 2 }],
      [silent, { calls: 0, accepted: 0 }],
    ] as const)
      for (const error of list) {
        const slow = on();
        await expect(slow.run(async () => Promise.reject(error))).rejects.toBe(error);
        expect(() => slow.run(() => { throw error; })).toThrow(error); // prettier-ignore
        expect([error, slow.snapshot()]).toMatchObject([error, counts]);
      }
    const own = on({ isRejection: (error) => ServiceError.is(error) && error.code === "internal" });
    await own.run(async () => Promise.reject(peer("internal"))).catch(() => undefined);
    expect(own.snapshot().accepted).toBe(0);
  });

  it("sends a crowd that comes at once: who was not answered yet was not turned away", async () => {
    const slow = on();
    const all = Array.from({ length: 200 }, () => slow.run(() => Promise.resolve(1)));
    expect((await Promise.all(all)).length).toBe(200);
    expect(slow.snapshot()).toMatchObject({ calls: 200, accepted: 200, refused: 0 });
  });

  it("takes an error that is returned for an error", async () => {
    const slow = on();
    const error = peer("unavailable");
    expect([slow.run(() => error), await slow.run(async () => error)]).toEqual([error, error]);
    expect(slow.snapshot()).toMatchObject({ calls: 2, accepted: 0 });
  });

  it("keeps the manner of a function: values stay values, refusals of promises are rejections", async () => {
    const slow = on();
    expect(slow.run(() => 5)).toBe(5);
    const plain = slow.wrap((n: number) => n);
    expect(plain(1)).toBe(1);
    expectTypeOf(plain).toEqualTypeOf<(n: number) => number>();
    const later = slow.wrap((n: number) => Promise.resolve(n));
    expect(await later(1)).toBe(1);
    for (let i = 0; i < 50; i++) isSent(slow, 0);
    expect(() => plain(1)).toThrow("the back-end turns too many calls away");
    await expect(later(1)).rejects.toMatchObject({ reason: "overloaded" });
    await expect(slow.run(async () => 1)).rejects.toMatchObject({ reason: "overloaded" });
  });

  it("can be changed while it runs, and changes nothing when a value is wrong", () => {
    const slow = on();
    for (let i = 0; i < 50; i++) isSent(slow, 0);
    slow.set({ maxReject: 0 });
    expect(slow.tryEnter(0)).toBe(true);
    expect(() => slow.set({ maxReject: 1, ratio: 0 })).toThrow(
      "throttle: ratio should be a number from 1 to 100, got 0",
    );
    expect(slow.describe()).toBe(
      "throttle 2 calls per accepted one over 10000 ms, at most 0 refused, a probe each 1000 ms",
    );
    slow.set({ windowMs: 5000 });
    expect(slow.snapshot().calls).toBe(0);
  });

  it.each<[object, string]>([
    [{ ratio: 0.5 }, "throttle: ratio should be a number from 1 to 100, got 0.5"],
    [{ windowMs: 10 }, "throttle: windowMs should be a number from 1000 to 600000, got 10"],
    [{ maxReject: 2 }, "throttle: maxReject should be a number from 0 to 1, got 2"],
    [{ probeMs: 0 }, "throttle: probeMs should be a number of at least 1, got 0"],
    [{ k: 2 }, 'throttle has no option "k"'],
    [{ isRejection: 2 }, "throttle: isRejection should be a function, got 2"],
  ])("is checked: %j", (options, message) => {
    expect(() => throttle(options)).toThrow(message);
  });
});
