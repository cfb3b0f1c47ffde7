import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { Batch } from "./batch.ts";

interface Trial {
  readonly batch: Batch;
  readonly clock: ReturnType<typeof virtualClock>;
  readonly written: string[];
  /** What the destination throws; undefined: it works. */
  broken: Error | undefined;
  tries: number;
}

function trial(size = 10, write?: (text: string) => void): Trial {
  const clock = virtualClock();
  const lost = (count: number): string => `lost ${count}\n`;
  const it: Trial = {
    clock,
    written: [],
    broken: undefined,
    tries: 0,
    batch: new Batch({ write: write ?? take, size, flushMs: 100, clock, lost }),
  };
  function take(text: string): void {
    it.tries++;
    if (it.broken) throw it.broken;
    it.written.push(text);
  }
  return it;
}

describe("a batch", () => {
  it("writes when enough has gathered", () => {
    const { batch, written } = trial();
    batch.add("1234\n", false);
    expect(written).toEqual([]);
    batch.add("5678\n", false);
    expect(written).toEqual(["1234\n5678\n"]);
  });

  it("writes after a while, however little has gathered", async () => {
    const { batch, clock, written } = trial();
    batch.add("a\n", false);
    await clock.advance(99);
    expect(written).toEqual([]);
    await clock.advance(1);
    expect(written).toEqual(["a\n"]);
    expect(clock.pending).toBe(0);
  });

  it("writes an urgent line at once, after those before it", () => {
    const { batch, written } = trial();
    batch.add("a\n", false);
    batch.add("b\n", true);
    expect(written).toEqual(["a\nb\n"]);
  });

  it("writes each line at once when its size is 0", () => {
    const { batch, clock, written } = trial(0);
    batch.add("a\n", false);
    batch.add("b\n", false);
    expect(written).toEqual(["a\n", "b\n"]);
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer behind when it is finished", () => {
    const { batch, clock, written } = trial();
    batch.add("a\n", false);
    expect(clock.pending).toBe(1);
    batch.finish();
    expect(written).toEqual(["a\n"]);
    expect(clock.pending).toBe(0);
    batch.finish();
    expect(written).toEqual(["a\n"]);
  });

  it("never has more than one timer", () => {
    const { batch, clock } = trial();
    for (let i = 0; i < 100; i++) batch.add("123456789\n", false);
    batch.add("a\n", false);
    expect(clock.pending).toBeLessThanOrEqual(1);
  });
});

describe("a destination that fails", () => {
  it("is tried again at the pace of the timer, and nothing is lost", async () => {
    const all = trial();
    all.broken = new Error("disk full");
    for (let i = 0; i < 50; i++) all.batch.add(`line ${i}\n`, i % 2 === 0);
    expect(all.tries).toBe(1);
    await all.clock.advance(1000);
    expect(all.tries).toBe(11);
    all.broken = undefined;
    await all.clock.advance(100);
    expect(all.written).toEqual([Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join("")]);
    expect(all.clock.pending).toBe(0);
  });

  it("costs a bounded amount of memory, and the lines that were dropped are counted", async () => {
    const all = trial();
    all.broken = new Error("disk full");
    const line = `${"x".repeat(1023)}\n`;
    for (let i = 0; i < 3000; i++) all.batch.add(line, false);
    all.broken = undefined;
    await all.clock.advance(100);
    expect(all.written).toHaveLength(1);
    expect(all.written[0]!.length).toBeLessThanOrEqual(1_048_576 + 20);
    const kept = all.written[0]!.split(line).length - 1;
    expect(all.written[0]).toMatch(/lost \d+\n$/);
    expect(kept + Number(/lost (\d+)/.exec(all.written[0]!)![1])).toBe(3000);
    all.batch.add("next\n", true);
    expect(all.written[1]).toBe("next\n");
  });

  it("may be asynchronous: a rejection goes nowhere", async () => {
    const rejects = (async () => {
      await Promise.resolve();
      throw new Error("no");
    }) as () => void;
    const { batch, clock } = trial(0, rejects);
    batch.add("a\n", false);
    await clock.advance(1000);
    expect(clock.pending).toBe(0);
  });
});

it("a destination that logs is not called again while it writes", async () => {
  const texts: string[] = [];
  const all = trial(0, (text) => {
    texts.push(text);
    if (texts.length < 5) all.batch.add(`about ${texts.length}\n`, true);
  });
  all.batch.add("first\n", false);
  expect(texts).toEqual(["first\n"]);
  await all.clock.advance(100);
  expect(texts).toEqual(["first\n", "about 1\n"]);
  await all.clock.advance(1000);
  expect(texts).toHaveLength(5);
});

describe("watching a batch", () => {
  it("shows every line as it is added, and none before or after", () => {
    const { batch } = trial(1000);
    const seen: string[] = [];
    batch.add("a\n", false);
    const [one, other] = [batch.watch((line) => seen.push(`1 ${line}`)), batch.watch((line) => seen.push(`2 ${line}`))];
    batch.add("b\n", false);
    one();
    one();
    batch.add("c\n", true);
    other();
    batch.add("d\n", false);
    expect(seen).toEqual(["1 b\n", "2 b\n", "2 c\n"]);
  });

  it("keeps no line from being written, whatever a watcher does", () => {
    const { batch, written } = trial(0);
    batch.watch(() => {
      throw new Error("broken");
    });
    batch.add("a\n", false);
    expect(written).toEqual(["a\n"]);
  });

  it("leaves a destination that fails to its pace", async () => {
    const one = trial(1);
    one.broken = new Error("full");
    const stop = one.batch.watch(() => undefined);
    one.batch.add("a\n", false);
    stop();
    for (let i = 0; i < 5; i++) one.batch.add("b\n", true);
    expect(one.tries).toBe(1);
    one.broken = undefined;
    await one.clock.advance(200);
    expect(one.written).toEqual(["a\nb\nb\nb\nb\nb\n"]);
  });
});
