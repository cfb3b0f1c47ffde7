import { describe, expect, it } from "vitest";
import { virtualClock } from "./index.ts";

describe("virtualClock", () => {
  it("fires timers in order of time, then of setting", async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    clock.after(20, () => fired.push("c"));
    clock.after(10, () => fired.push("a"));
    clock.expire(10, { expire: () => fired.push("b") });
    await clock.advance(20);
    expect(fired).toEqual(["a", "b", "c"]);
  });

  it("lets promises run between timers, so that a chain of waits passes in one advance", async () => {
    const clock = virtualClock();
    const at: number[] = [];
    void (async () => {
      for (let i = 0; i < 3; i++) {
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        at.push(clock.now());
      }
    })();
    await clock.advance(100);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(100);
    expect(clock.date() - Date.UTC(2026, 0, 1)).toBe(100);
  });

  it("forgets cancelled timers and refuses to run backwards", async () => {
    const clock = virtualClock();
    clock.after(5, () => expect.unreachable()).cancel();
    expect(clock.pending).toBe(0);
    await expect(clock.advance(-1)).rejects.toThrow("ms should be a number of at least 0, got -1");
  });
});
