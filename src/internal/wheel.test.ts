import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TICK_MS, Wheel } from "./wheel.ts";

/** A platform whose time stands still until it is moved, tick by tick or by a leap. */
function platform() {
  let nowMs = 1000.5;
  let isRef = false;
  let pending: { dueMs: number; run: () => void } | undefined;
  return {
    now: () => nowMs,
    start(delayMs: number, run: () => void) {
      pending = { dueMs: nowMs + delayMs, run };
      isRef = true;
      return { ref: () => void (isRef = true), unref: () => void (isRef = false) };
    },
    /** Whether the process would wait for it. */
    isAwaited: () => pending !== undefined && isRef,
    isRunning: () => pending !== undefined,
    move(ms: number) {
      const untilMs = nowMs + ms;
      while (pending !== undefined && pending.dueMs <= untilMs) {
        const { dueMs, run } = pending;
        pending = undefined;
        nowMs = Math.max(nowMs, dueMs);
        run();
      }
      nowMs = untilMs;
    },
    /** The event loop was blocked: the timer fires late, once. */
    stall(ms: number) {
      nowMs += ms;
      const late = pending;
      pending = undefined;
      late?.run();
    },
  };
}

describe("Wheel", () => {
  it("wakes an entry once, never early and at most a tick late", () => {
    const time = platform();
    const wheel = new Wheel(time);
    const startMs = time.now();
    let wokenMs = 0;
    let count = 0;
    wheel.add(100, { expire: () => ((wokenMs = time.now()), count++) });
    time.move(99);
    expect(count).toBe(0);
    time.move(500);
    expect(count).toBe(1);
    expect(wokenMs - startMs).toBeGreaterThanOrEqual(100);
    expect(wokenMs - startMs).toBeLessThanOrEqual(100 + TICK_MS);
  });

  it("keeps the process alive only while there is an entry somebody waits for", () => {
    const time = platform();
    const wheel = new Wheel(time);
    const quiet = { expire: () => undefined };
    const awaited = { expire: () => undefined, keepsAlive: true };
    wheel.add(1000, quiet);
    expect(time.isAwaited()).toBe(false);
    const first = wheel.add(100, awaited);
    expect(time.isAwaited()).toBe(true);
    first.cancel();
    time.move(TICK_MS);
    expect(time.isAwaited()).toBe(false);
    wheel.add(100, awaited);
    expect(time.isAwaited()).toBe(true);
    time.move(200);
    expect(time.isAwaited()).toBe(false);
    expect(time.isRunning()).toBe(true);
  });

  it("does not wake a cancelled entry, and cancelling twice is harmless", () => {
    const time = platform();
    const wheel = new Wheel(time);
    const entry = wheel.add(10, { expire: () => expect.unreachable() });
    entry.cancel();
    entry.cancel();
    expect(wheel.size).toBe(0);
    time.move(100);
  });

  it("keeps entries that lie more than one turn ahead", () => {
    const time = platform();
    const wheel = new Wheel(time);
    let count = 0;
    wheel.add(512 * TICK_MS * 3 + 5, { expire: () => count++ });
    time.move(512 * TICK_MS * 3);
    expect(count).toBe(0);
    time.move(20);
    expect(count).toBe(1);
  });

  it("runs no timer while nothing waits, and starts again", () => {
    const time = platform();
    const wheel = new Wheel(time);
    expect(time.isRunning()).toBe(false);
    wheel.add(1, { expire: () => undefined });
    expect(time.isRunning()).toBe(true);
    time.move(50);
    expect(time.isRunning()).toBe(false);
    let count = 0;
    wheel.add(1, { expire: () => count++ });
    time.move(50);
    expect(count).toBe(1);
  });

  it("lets a target cancel its neighbours and add to the slot that is being woken", () => {
    const time = platform();
    const wheel = new Wheel(time);
    const woken: string[] = [];
    const entries = [
      wheel.add(4, {
        expire: () => (
          woken.push("a"),
          entries[1]!.cancel(),
          entries[2]!.cancel(),
          wheel.add(0, { expire: () => woken.push("e") })
        ),
      }),
      wheel.add(4, { expire: () => woken.push("b") }),
      wheel.add(4, { expire: () => woken.push("c") }),
      wheel.add(4, { expire: () => woken.push("d") }),
    ];
    time.move(100);
    expect(woken).toEqual(["a", "d", "e"]);
    expect(wheel.size).toBe(0);
  });

  it("wakes everything that fell due while the event loop stood still", () => {
    const time = platform();
    const wheel = new Wheel(time);
    let count = 0;
    for (let i = 0; i < 1000; i++) wheel.add(i * 10, { expire: () => count++ });
    time.stall(20_000);
    expect(count).toBe(1000);
  });

  it("wakes exactly what was not cancelled, in time, for any schedule", () => {
    const step = fc.record({
      delayMs: fc.integer({ min: 0, max: 9000 }),
      moveMs: fc.integer({ min: 0, max: 700 }),
      cancels: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const time = platform();
        const wheel = new Wheel(time);
        const lateness: number[] = [];
        let expected = 0;
        for (const { delayMs, moveMs, cancels } of steps) {
          const dueMs = time.now() + delayMs;
          const entry = wheel.add(delayMs, { expire: () => lateness.push(time.now() - dueMs) });
          if (cancels) entry.cancel();
          else expected++;
          time.move(moveMs);
        }
        time.move(20_000);
        expect(lateness.length).toBe(expected);
        for (const late of lateness) {
          expect(late).toBeGreaterThanOrEqual(0);
          expect(late).toBeLessThanOrEqual(TICK_MS + 1e-6);
        }
      }),
    );
  });
});
