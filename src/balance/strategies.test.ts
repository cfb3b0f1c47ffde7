import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backgroundContext } from "../endpoint/index.ts";
import type { Instance, InstanceInput } from "../discovery/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import {
  balancer,
  consistentHash,
  leastRequest,
  loadOf,
  loadReport,
  p2c,
  random,
  roundRobin,
  sticky,
  weightedRandom,
  weightedRoundRobin,
  type Balancer,
  type ConsistentHashOptions,
  type Strategy,
} from "./index.ts";
import { hash } from "./hash.ts";
import { listSource } from "./testdata/list-source.ts";

const open = ({ id }: Instance): string => id;
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i}:1`);
const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `user ${i}`);

interface Made {
  readonly made: Balancer<string>;
  readonly update: (given: readonly (string | InstanceInput)[]) => void;
}

function make(strategy: Strategy, list: readonly (string | InstanceInput)[], seed: number = 1): Made {
  const { source, update } = listSource(list);
  const clock = virtualClock();
  return {
    made: balancer<string>({ from: source, open, strategy, clock, random: seededRandom(seed), slowStartMs: 0 }),
    update,
  };
}

function counts(made: Balancer<string>, picks: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const { value } = made.pick(0)!;
    found[value] = (found[value] ?? 0) + 1;
  }
  return found;
}

const all: readonly Strategy[] = [
  roundRobin(),
  random(),
  weightedRoundRobin(),
  weightedRandom(),
  leastRequest(),
  leastRequest({ choices: Infinity }),
  p2c(),
  consistentHash(),
  consistentHash({ kind: "maglev", tableSize: 251 }),
  consistentHash({ kind: "jump" }),
  sticky(),
];

describe.each(all)("$text", (strategy) => {
  it("never gives what is not usable, or gone, through any sequence of changes", () => {
    const health = fc.constantFrom("up" as const, "down" as const, "draining" as const);
    const listed = fc.array(
      fc.record({ address: fc.constantFrom(...names(6)), weight: fc.constantFrom(0.5, 1, 3), health }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(fc.array(listed, { minLength: 1, maxLength: 8 }), fc.nat(1000), (lists, seed) => {
        const { source, update } = listSource([]);
        const made = balancer<string>({
          from: source,
          open,
          strategy,
          clock: virtualClock(),
          random: seededRandom(seed),
          panicRatio: 0,
        });
        for (const list of lists) {
          const byId = new Map(list.map((one) => [one.address, one]));
          update([...byId.values()]);
          const up = new Set([...byId.values()].filter((one) => one.health === "up").map(({ address }) => address));
          const isKeyed = strategy.text.includes("hash") || strategy.text === "sticky";
          for (let i = 0; i < 30; i++) {
            const picked = made.pick(i, isKeyed && i % 2 === 0 ? `k${i}` : undefined);
            if (picked === undefined) expect(up.size).toBe(0);
            else expect(up.has(picked.value)).toBe(true);
            if (i % 3 === 0) picked?.begin(i);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("weights", () => {
  const weighted = [{ address: "a:1", weight: 5 }, "b:1", { address: "c:1", weight: 3 }];

  it("are met exactly by weighted round robin, in every period, and evenly mixed", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { made } = make(weightedRoundRobin(), weighted, seed);
      for (let period = 0; period < 2000; period++) expect(counts(made, 9)).toEqual({ "a:1": 5, "b:1": 1, "c:1": 3 });
      let inRow = 0;
      for (let i = 0; i < 90; i++) {
        inRow = made.pick(0)!.value === "a:1" ? inRow + 1 : 0;
        expect(inRow).toBeLessThan(4);
      }
    }
  });

  it("are met at once after a change", () => {
    const { made, update } = make(weightedRoundRobin(), weighted);
    counts(made, 100);
    update([{ address: "a:1", weight: 1 }, "b:1", { address: "c:1", weight: 2 }]);
    counts(made, 4);
    for (let i = 0; i < 100; i++) expect(counts(made, 4)).toEqual({ "a:1": 1, "b:1": 1, "c:1": 2 });
  });

  it.each([weightedRandom(), p2c(), leastRequest()])("are met within 3 % by $text where all are idle", (strategy) => {
    const { made } = make(strategy, weighted);
    for (const member of made.members) {
      member.begin(0);
      member.end(0, 10, "success");
    }
    const found = counts(made, 90_000);
    // Two draws of which a tie takes the first are one draw.
    expect(Math.abs(found["a:1"]! - 50_000)).toBeLessThan(1500);
    expect(Math.abs(found["b:1"]! - 10_000)).toBeLessThan(600);
  });

  it("share calls that stay by P2C and least request", () => {
    for (const strategy of [p2c(), leastRequest(), leastRequest({ choices: Infinity })]) {
      const { made } = make(strategy, [...names(3), { address: "big:1", weight: 3 }]);
      for (let i = 0; i < 6000; i++) made.pick(0)!.begin(0);
      expect(Math.abs(made.find("big:1")!.pending - 3000)).toBeLessThan(60);
    }
  });

  it("do not count for round robin and random: the control", () => {
    expect(counts(make(roundRobin(), weighted).made, 90)).toEqual({ "a:1": 30, "b:1": 30, "c:1": 30 });
    expect(counts(make(random(), weighted).made, 90_000)["a:1"]).toBeLessThan(31_000);
  });
});

describe("consistent hashing", () => {
  const kinds = ["ring", "maglev", "jump"] as const;
  const shards = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `shard-${i}`, address: `s:${i}` }));
  const unbound = (kind: "ring" | "maglev" | "jump", more: ConsistentHashOptions = {}) =>
    consistentHash({ kind, boundedLoad: false, ...more });
  /** Maglev may keep its table for a while, so each look is a second later. */
  function homes(made: Balancer<string>, look: number): readonly string[] {
    return keys(20_000).map((key) => made.pick(look * 1000, key)!.value);
  }
  function moved(before: readonly string[], after: readonly string[]): readonly string[] {
    return before.filter((home, i) => home !== after[i]);
  }

  it.each(kinds)("by %s moves only what it must when the last instance goes, and when one comes", (kind) => {
    const { made, update } = make(unbound(kind), shards(20));
    const full = homes(made, 0);
    update(shards(19));
    const less = homes(made, 1);
    const lost = moved(full, less);
    expect(lost.length / full.length).toBeLessThan(1 / 20 + 0.02);
    // Maglev alone moves a few others.
    if (kind !== "maglev") expect(new Set(lost)).toEqual(new Set(["shard-19"]));
    update(shards(20));
    expect(homes(made, 2)).toEqual(full);
  });

  it.each(["ring", "maglev"] as const)("by %s does so for any instance", (kind) => {
    const { made, update } = make(unbound(kind), shards(20));
    const full = homes(made, 0);
    update(shards(20).filter(({ id }) => id !== "shard-7"));
    expect(moved(full, homes(made, 1)).length / full.length).toBeLessThan(1 / 20 + 0.035);
  });

  it("is what hashing modulo the number is not: the control moves nearly all", () => {
    const at = (count: number) => keys(20_000).map((key) => String(hash(key) % count));
    expect(moved(at(20), at(19)).length / 20_000).toBeGreaterThan(0.9);
  });

  it.each(kinds)("by %s gives the keys of one that is out to others, and back", (kind) => {
    const { made, update } = make(unbound(kind), shards(10));
    const full = homes(made, 0);
    update(shards(10).map((one) => (one.id === "shard-3" ? { ...one, health: "down" as const } : one)));
    const out = homes(made, 1);
    expect(out.includes("shard-3")).toBe(false);
    expect(moved(full, out).length / full.length).toBeLessThan(0.1 + 0.05);
    if (kind !== "maglev") expect(new Set(moved(full, out))).toEqual(new Set(["shard-3"]));
    update(shards(10));
    expect(homes(made, 2)).toEqual(full);
  });

  it.each(kinds)("by %s is the same whatever the order of the list", (kind) => {
    const one = make(unbound(kind), shards(12)).made;
    const other = make(unbound(kind), shards(12).toReversed(), 9).made;
    expect(homes(one, 0)).toEqual(homes(other, 0));
  });

  it.each([
    ["ring", 0.3],
    ["maglev", 0.06],
    ["jump", 0.06],
  ] as const)("by %s spreads keys within %s of the mean", (kind, within) => {
    const spread = new Map<string, number>();
    for (const home of homes(make(unbound(kind), shards(10)).made, 0)) spread.set(home, (spread.get(home) ?? 0) + 1);
    for (const count of spread.values()) expect(Math.abs(count / 2000 - 1)).toBeLessThan(within);
    expect(spread.size).toBe(10);
  });

  it("respects weights on the ring and in Maglev's table", () => {
    for (const kind of ["ring", "maglev"] as const) {
      const { made } = make(unbound(kind), ["a:1", { address: "b:1", weight: 3 }]);
      const part = homes(made, 0).filter((home) => home === "b:1").length / 20_000;
      expect(Math.abs(part - 0.75)).toBeLessThan(0.08);
    }
  });

  it.each(kinds)("by %s sends a hot key on when its instance has more than its bound", (kind) => {
    for (let seed = 1; seed <= 5; seed++) {
      const { made } = make(consistentHash({ kind }), shards(10), seed);
      for (let i = 0; i < 5000; i++) made.pick(0, "hot")!.begin(0);
      const most = Math.max(...made.members.map(({ pending }) => pending));
      expect(most).toBeLessThanOrEqual(Math.ceil(1.25 * 500));
      // The control: without a bound one has them all.
      const control = make(unbound(kind), shards(10), seed).made;
      for (let i = 0; i < 5000; i++) control.pick(0, "hot")!.begin(0);
      expect(Math.max(...control.members.map(({ pending }) => pending))).toBe(5000);
    }
  });

  it("is random without a key", () => {
    expect(Object.keys(counts(make(consistentHash(), names(5)).made, 500)).length).toBe(5);
  });

  it("refuses what is out of range", () => {
    expect(() => consistentHash({ kind: "modulo" as never })).toThrow(
      'kind should be one of "ring", "maglev", "jump", got "modulo"',
    );
    expect(() => consistentHash({ boundedLoad: 0.5 })).toThrow(
      "boundedLoad should be a number from 1 to 1000, got 0.5",
    );
    expect(() => consistentHash({ tableSize: 100 })).toThrow("tableSize should be a prime, got 100");
    expect(() => leastRequest({ choices: 3 })).toThrow("choices should be 2 or Infinity, got 3");
    expect(() => p2c({ tauMs: 0 })).toThrow("tauMs should be a number from 1 to 3600000, got 0");
  });
});

describe("load reports", () => {
  it("send less to whoever says that it is busy", () => {
    const { made } = make(p2c(), names(2));
    // Twice: the first call of each pays for its connection and is not gone by.
    for (const member of [...made.members, ...made.members]) {
      member.begin(0);
      member.end(0, 10, "success");
    }
    made.find("h0:1")!.report(0.9);
    for (let i = 0; i < 100; i++) expect(made.pick(10)!.value).toBe("h1:1");
    made.find("h0:1")!.report(Number.NaN);
    made.find("h0:1")!.report(0);
    expect(made.find("h0:1")!.cost(10)).toBe(made.find("h1:1")!.cost(10));
  });

  it("are read once in an interval, and nonsense is not sent or taken", async () => {
    const clock = virtualClock();
    const loads = [0.123, 7, Number.NaN];
    let reads = 0;
    const gate = loadReport({ clock, read: () => loads[reads++]! });
    const said = async () => {
      const context = backgroundContext();
      await gate(context, context.method);
      return loadOf(context.reply);
    };
    expect([await said(), await said(), reads]).toEqual([0.12, 0.12, 1]);
    await clock.advance(1000);
    expect(await said()).toBe(1);
    await clock.advance(1000);
    expect(await said()).toBeUndefined();
    for (const text of ["-1", "1.5", "0x1", "1e-3", "", "NaN", " 0.5"])
      expect(loadOf({ get: () => text })).toBeUndefined();
  });

  it("measures the event loop of Node by itself", async () => {
    const context = backgroundContext();
    await loadReport()(context, context.method);
    expect(loadOf(context.reply)).toBeGreaterThanOrEqual(0);
  });
});

describe("a first call that pays for the connection", () => {
  it("does not keep an instance that is as good as the other from its share", () => {
    const { made } = make(p2c(), names(2));
    const counts = new Map<string, number>();
    let nowMs = 0;
    for (let i = 0; i < 2000; i++) {
      const member = made.pick(nowMs)!;
      const calls = (counts.get(member.value) ?? 0) + 1;
      counts.set(member.value, calls);
      member.begin(nowMs);
      // One after the other, each a little different; the first takes twelve times as long.
      const tookMs = calls === 1 ? 12 : 1 + ((i * 7) % 10) / 20;
      member.end(nowMs, nowMs + tookMs, "success");
      nowMs += tookMs;
    }
    for (const name of names(2)) expect(counts.get(name)!).toBeGreaterThan(100);
  });
});
