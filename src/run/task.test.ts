import { describe, expect, it } from "vitest";
import { settled, virtualClock } from "../testing/index.ts";
import { sleep } from "../time/index.ts";
import { run, runEventLine, task, type RunEvent, type Runnable, type TaskOptions } from "./index.ts";

type Work = (signal: AbortSignal) => Promise<void> | void;

/** Runs a task beside a server that takes 100 ms to drain. */
function beside(work: Work, options?: TaskOptions) {
  const clock = virtualClock();
  const lines: string[] = [];
  const server: Runnable = {
    name: "http",
    start: () => undefined,
    drain: () => new Promise((resolve) => void clock.after(100, resolve)),
    close: () => void lines.push(`${clock.now()} http.close`),
  };
  const onEvent = (event: RunEvent): void => void lines.push(`${clock.now()} ${runEventLine(event)}`);
  const group = run([task("work", work, options), server], {
    clock,
    signals: false,
    drainMs: 1000,
    closeMs: 500,
    onEvent,
  });
  const stop = async (): Promise<number> => {
    const stopped = group.stop();
    await clock.advance(5000);
    return stopped;
  };
  return { clock, lines, group, stop };
}

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

describe("task", () => {
  it("works until the group drains", async () => {
    const seen: string[] = [];
    const { clock, lines, group, stop } = beside(async (signal) => {
      seen.push("began");
      await until(signal);
      seen.push("ended");
    });
    await group.started;
    expect(seen).toEqual(["began"]);
    expect(await stop()).toBe(0);
    expect(seen).toEqual(["began", "ended"]);
    expect(lines).toContain("0 work drained in 0 ms");
    expect(clock.pending).toBe(0);
  });

  it("that is needed until the others have finished works until the group closes", async () => {
    let endedMs = -1;
    const { clock, lines, stop } = beside(
      async (signal) => {
        await until(signal);
        endedMs = clock.now();
      },
      { until: "close" },
    );
    await settled();
    expect(await stop()).toBe(0);
    expect(endedMs).toBe(100);
    expect(lines.slice(-4)).toEqual([
      "100 http.close",
      "100 http closed in 0 ms",
      "100 work closed in 0 ms",
      "100 stopped with exit code 0 in 100 ms",
    ]);
  });

  it("that returns stops the group", async () => {
    const { clock, lines, group } = beside(() => undefined);
    await clock.advance(1000);
    expect(await group.done).toBe(0);
    expect(lines).toContain("0 work ended");
  });

  it("that returns leaves the group running where once is enough", async () => {
    const { lines, stop } = beside(() => undefined, { once: true });
    await settled();
    expect(lines.at(-1)).toBe("0 running, started in 0 ms");
    expect(await stop()).toBe(0);
  });

  it.each<[string, Work, TaskOptions]>([
    [
      "throws at once",
      () => {
        throw new Error("no");
      },
      {},
    ],
    ["rejects", () => Promise.reject(new Error("no")), {}],
    ["rejects, though once was enough", () => Promise.reject(new Error("no")), { once: true }],
  ])("that %s fails the group, once", async (_, work, options) => {
    const { clock, lines, group } = beside(work, options);
    await clock.advance(1000);
    expect(await group.done).toBe(1);
    expect(lines.filter((line) => line.includes("failed"))).toEqual([
      "0 work failed: no",
      "0 stopping because work failed, not ready",
    ]);
  });

  it.each<[string, Work]>([
    ["the signal's reason", (signal) => until(signal).then(() => Promise.reject(signal.reason as Error))],
    ["an AbortError", (signal) => until(signal).then(() => Promise.reject(new DOMException("gone", "AbortError")))],
    ["what a sleep rejects with", (signal) => sleep(60_000, { signal, clock: virtualClock() })],
  ])("may end by throwing %s", async (_, work) => {
    const { stop, group } = beside(work);
    await group.started;
    expect(await stop()).toBe(0);
  });

  it("that fails while it ends is a failure, told once", async () => {
    const { lines, stop, group } = beside((signal) =>
      until(signal).then(() => Promise.reject(new Error("lost the batch"))),
    );
    await group.started;
    expect(await stop()).toBe(1);
    expect(lines.filter((line) => line.includes("lost the batch"))).toEqual(["0 work failed: lost the batch"]);
  });

  it("that throws an AbortError which nobody asked for has failed", async () => {
    const { clock, group } = beside(() => Promise.reject(new DOMException("gone", "AbortError")));
    await clock.advance(1000);
    expect(await group.done).toBe(1);
  });

  it("that does not mind its signal is cut, and not waited for a second time", async () => {
    const { clock, lines, group, stop } = beside(() => new Promise<void>(() => undefined));
    await group.started;
    expect(await stop()).toBe(1);
    expect(lines.slice(-5)).toEqual([
      "1000 work did not drain within 1000 ms",
      "1000 http.close",
      "1000 http closed in 0 ms",
      "1000 work closed in 0 ms",
      "1000 stopped with exit code 1 in 1000 ms",
    ]);
    expect(clock.pending).toBe(0);
  });

  it("is ended when another member cannot start", async () => {
    let reason: unknown;
    const work = task("work", (signal) => until(signal).then(() => void (reason = signal.reason)));
    const broken: Runnable = { name: "http", start: () => Promise.reject(new Error("taken")), close: () => undefined };
    const group = run([work, broken], { signals: false, clock: virtualClock(), onEvent: () => undefined });
    expect(await group.done).toBe(1);
    expect(reason).toMatchObject({ reason: "draining" });
  });

  it.each<[string, () => unknown, string]>([
    ["an empty name", () => task("", () => undefined), 'name should be a non-empty string, got ""'],
    ["work that is none", () => task("a", 5 as never), "work should be a function, got 5"],
    [
      "an unknown end",
      () => task("a", () => undefined, { until: "stop" as never }),
      'until should be one of "drain", "close", got "stop"',
    ],
    ["an unknown option", () => task("a", () => undefined, { one: true } as never), 'task has no option "one"'],
  ])("throws for %s", (_, wrong, message) => {
    expect(wrong).toThrow(message);
  });
});
