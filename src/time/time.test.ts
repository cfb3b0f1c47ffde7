import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { seededRandom, sleep, systemClock, systemRandom } from "./index.ts";

describe("systemClock", () => {
  it("is monotonic and knows the date", () => {
    const first = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(first);
    expect(new Date(systemClock.date()).getUTCFullYear()).toBeGreaterThanOrEqual(2026);
  });

  it("fires what is due and leaves what was cancelled", async () => {
    await new Promise<void>((resolve) => {
      systemClock.after(0, () => expect.unreachable()).cancel();
      systemClock.expire(0, { expire: () => expect.unreachable() }).cancel();
      // The wheel does not keep a process alive; this one timer does.
      const alive = systemClock.after(5000, () => expect.unreachable());
      systemClock.expire(1, { expire: () => (alive.cancel(), resolve()) });
    });
  });
});

describe.each([true, false])("sleep, where the process goes on for it: %s", (keepsAlive) => {
  it("resolves when the time has passed, and not before", async () => {
    const clock = virtualClock();
    let isAwake = false;
    const slept = sleep(1000, { clock, keepsAlive }).then(() => (isAwake = true));
    await clock.advance(999);
    expect(isAwake).toBe(false);
    await clock.advance(1);
    await slept;
    expect(clock.pending).toBe(0);
  });

  it("rejects with the signal's reason, and leaves neither timer nor listener", async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const slept = sleep(1000, { clock, keepsAlive, signal: controller.signal });
    controller.abort(new Error("called off"));
    await expect(slept).rejects.toThrow("called off");
    expect(clock.pending).toBe(0);
  });

  it("does not begin when the signal was aborted already", async () => {
    const clock = virtualClock();
    await expect(sleep(1000, { clock, keepsAlive, signal: AbortSignal.abort(new Error("too late")) })).rejects.toThrow(
      "too late",
    );
    expect(clock.pending).toBe(0);
  });

  it("takes its listener off once it is over", async () => {
    const clock = virtualClock();
    const { signal } = new AbortController();
    const removed: string[] = [];
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = ((type: string, listener: () => void) => (
      removed.push(type),
      remove(type, listener)
    )) as typeof remove;
    const slept = sleep(5, { clock, keepsAlive, signal });
    await clock.advance(5);
    await slept;
    expect(removed).toEqual(["abort"]);
  });
});

describe("seededRandom", () => {
  it("repeats itself for the same seed and differs for another", () => {
    const take = (seed: number) => Array.from({ length: 5 }, seededRandom(seed).fraction);
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
  });

  it("is even: ten buckets of 100,000 numbers differ by less than 3 %", () => {
    const random = seededRandom(42);
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 100_000; i++) buckets[Math.floor(random.fraction() * 10)]!++;
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(300);
  });

  it("gives hex of the length that was asked", () => {
    expect(seededRandom(3).hex(5)).toMatch(/^[0-9a-f]{10}$/);
    expect(systemRandom.hex(5)).toMatch(/^[0-9a-f]{10}$/);
  });

  it("refuses a seed that is no 32-bit integer", () => {
    expect(() => seededRandom(-1)).toThrow("seed should be an integer from 0 to 4294967295, got -1");
    expect(() => seededRandom(1.5)).toThrow(RangeError);
  });
});
