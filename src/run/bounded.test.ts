import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { bounded, type Ending } from "./bounded.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const never = new Promise<void>(() => undefined);
const error = new Error("no");

describe("bounded", () => {
  it.each<[string, () => Promise<void> | void, Ending]>([
    ["done at once", () => undefined, { kind: "done" }],
    ["done later", () => Promise.resolve(), { kind: "done" }],
    [
      "a throw",
      () => {
        throw error;
      },
      { kind: "failed", error },
    ],
    ["a rejection", () => Promise.reject(error), { kind: "failed", error }],
    ["late", () => never, { kind: "late" }],
  ])("tells %s, and leaves neither timer nor listener", async (_, work, ending) => {
    const clock = virtualClock();
    const { signal } = new AbortController();
    const wait = bounded(work, { clock, ms: 10, off: signal });
    await clock.advance(10);
    expect(await wait).toEqual(ending);
    expect([clock.pending, listeners(signal)]).toEqual([0, 0]);
  });

  it("is called off, and what the work still does is nobody's business", async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    let fail!: (error: Error) => void;
    const wait = bounded(() => new Promise((_, reject) => (fail = reject)), { clock, ms: 10, off: controller.signal });
    controller.abort();
    fail(error);
    expect(await wait).toEqual({ kind: "off" });
    expect([clock.pending, listeners(controller.signal)]).toEqual([0, 0]);
  });

  it("does the work all the same, without waiting, where it is called off before", async () => {
    const clock = virtualClock();
    let isDone = false;
    const work = (): Promise<void> => ((isDone = true), never);
    expect(await bounded(work, { clock, ms: 10, off: AbortSignal.abort() })).toEqual({ kind: "off" });
    expect([isDone, clock.pending]).toEqual([true, 0]);
  });
});
