import { describe, expect, it } from "vitest";
import { virtualClock } from "../../testing/virtual-clock.ts";
import { pause } from "./index.ts";

describe("a pause", () => {
  it("is over when the time has passed, and not before", async () => {
    const clock = virtualClock();
    let isOver = false;
    const paused = pause(1000, { clock, signal: new AbortController().signal }).then(() => (isOver = true));
    await clock.advance(999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await paused;
  });

  it("ends at once with the signal's reason, and leaves no timer", async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const paused = pause(1000, { clock, signal: controller.signal });
    controller.abort(new Error("called off"));
    await expect(paused).rejects.toThrow("called off");
    await expect(pause(1, { clock, signal: controller.signal })).rejects.toThrow("called off");
    expect(clock.pending).toBe(0);
  });
});
