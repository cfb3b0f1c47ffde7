import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import {
  balancer,
  leastRequest,
  p2c,
  random,
  roundRobin,
  type BalanceEvent,
  type BalancerOptions,
  type EjectionOptions,
} from "./index.ts";
import { listSource } from "./testdata/list-source.ts";
import { lognormal, quantile, run, type Call, type Model } from "./testdata/model.ts";

const seeds = [1, 2, 3, 4, 5];
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i}:1`);
const successOf = (calls: readonly Call[], refused: number = 0): number =>
  calls.filter(({ ending }) => ending === "success").length / (calls.length + refused);
const between = (calls: readonly Call[], fromMs: number, toMs: number) =>
  calls.filter(({ startMs }) => startMs >= fromMs && startMs < toMs);

describe("two slow back-ends of twenty", () => {
  const slow = (perSecond: number, options: Partial<BalancerOptions<number>>, seed: number): Model => ({
    backends: 20,
    workers: 20,
    perSecond,
    forMs: 80_000,
    timeoutMs: 600_000,
    seed,
    behave: (backend, nowMs, chance) => ({
      tookMs: lognormal(chance, 10, 0.5) * (backend < 2 && nowMs >= 20_000 && nowMs < 60_000 ? 100 : 1),
      isFailure: false,
    }),
    options,
  });
  const p99 = (calls: readonly Call[]) =>
    quantile(
      calls.map(({ tookMs }) => tookMs),
      0.99,
    );

  it.each([2000, 200])("at %i/s P2C keeps p99 within twice the healthy one, and the control does not", (perSecond) => {
    for (const seed of perSecond === 200 ? seeds : seeds.slice(0, 2)) {
      const { calls } = run(slow(perSecond, {}, seed));
      const healthy = p99(between(calls, 0, 20_000));
      const during = between(calls, 20_000, 60_000);
      expect(p99(during) / healthy).toBeLessThan(2);
      expect(during.filter(({ backend }) => backend < 2).length / during.length).toBeLessThan(0.015);
      expect(p99(between(calls, 70_000, 80_000)) / healthy).toBeLessThan(1.2);
    }
    const control = run(slow(perSecond, { strategy: roundRobin() }, 1)).calls;
    expect(p99(between(control, 20_000, 60_000)) / p99(between(control, 0, 20_000))).toBeGreaterThan(50);
  });
});

describe("one of ten fails fast", () => {
  const failing = (options: Partial<BalancerOptions<number>>, seed: number): Model => ({
    backends: 10,
    workers: 20,
    perSecond: 2000,
    forMs: 20_000,
    timeoutMs: 3000,
    seed,
    behave: (backend, nowMs, chance) =>
      backend === 0 && nowMs >= 10_000
        ? { tookMs: 0.5, isFailure: true }
        : { tookMs: lognormal(chance, 10, 0.5), isFailure: false },
    options,
  });

  it("is put out within 100 ms, and 99.9 % succeed", () => {
    for (const seed of seeds) {
      const { calls, events } = run(failing({}, seed));
      const ejected = events.find(([, { kind }]) => kind === "ejected")!;
      expect(ejected[1]).toMatchObject({ instance: { id: "h0:1" }, because: "consecutive", forMs: 30_000 });
      expect(ejected[0]).toBeLessThan(10_100);
      expect(successOf(calls)).toBeGreaterThanOrEqual(0.999);
    }
  });

  it("has a share of at most 1 % within a second even without ejection", () => {
    for (const seed of seeds) {
      const after = between(run(failing({ ejection: false }, seed)).calls, 11_000, 20_000);
      expect(after.filter(({ backend }) => backend === 0).length / after.length).toBeLessThan(0.01);
    }
  });

  it("takes most calls of a balancer that is blind for failures: the control", () => {
    for (const seed of seeds) {
      const { calls } = run(failing({ ejection: false, strategy: p2c({ failureMs: 0 }) }, seed));
      expect(successOf(between(calls, 11_000, 20_000))).toBeLessThan(0.85);
    }
  });
});

describe("the outlier table of gRPC A50", () => {
  function swept(hosts: number, dead: number, options: EjectionOptions = {}, calls: number = 100) {
    const events: BalanceEvent[] = [];
    const { source, update } = listSource(names(hosts));
    const made = balancer<string>({
      from: source,
      open: ({ id }) => id,
      clock: virtualClock(),
      random: seededRandom(1),
      ejection: { consecutive: false, ...options },
      onEvent: (event) => void events.push(event),
    });
    for (const [i, member] of made.members.entries()) {
      for (let call = 0; call < calls; call++) {
        member.begin(0);
        member.end(0, 1, i < dead ? "failure" : "success");
      }
    }
    const out = () => made.members.filter(({ isEjected }) => isEjected).length;
    return { made, events, out, update };
  }

  it.each([
    [4, 1, 0],
    [5, 1, 1],
    [9, 2, 0],
    [10, 2, 1],
    [20, 2, 2],
    [20, 4, 2],
    [20, 5, 0],
  ])("of %i hosts with %i dead puts out %i, at the first sweep", (hosts, dead, expected) => {
    const { made, out } = swept(hosts, dead);
    made.pick(9999);
    expect(out()).toBe(0);
    made.pick(10_001);
    expect(out()).toBe(expected);
  });

  it("does not look at hosts with fewer than 100 requests", () => {
    const { made, out } = swept(10, 1, {}, 99);
    made.pick(10_001);
    expect(out()).toBe(0);
  });

  it("does not look at what happened more than an interval ago", () => {
    const { made, out } = swept(10, 1);
    made.pick(20_002);
    expect(out()).toBe(0);
  });

  it("is off when it is off: the control", () => {
    const { made, out } = swept(10, 1, { successRate: false });
    made.pick(10_001);
    expect(out()).toBe(0);
  });

  it("goes by the share of failures, whatever the others do", () => {
    const { made, out, events } = swept(20, 18, { successRate: false, failureShare: {} });
    made.pick(10_001);
    expect(out()).toBe(2);
    expect(events.filter(({ kind }) => kind === "spared").length).toBe(16);
  });

  it("brings back after base times the number of times, which falls by one in each healthy interval", () => {
    const { made, events, out } = swept(10, 0);
    const member = made.find("h0:1")!;
    const forMs = () => events.flatMap((event) => (event.kind === "ejected" ? [event.forMs] : [])).at(-1);
    function fails(nowMs: number): void {
      for (const other of made.members) {
        for (let i = 0; i < 100; i++) {
          other.begin(nowMs);
          other.end(nowMs, nowMs, other === member ? "failure" : "success");
        }
      }
    }
    fails(0);
    made.pick(10_000);
    expect([out(), forMs()]).toEqual([1, 30_000]);
    made.pick(39_999);
    expect(out()).toBe(1);
    made.pick(40_000);
    expect(out()).toBe(0);
    // Out again before a healthy interval is over: twice as long. After that, two such intervals and more: as at first.
    fails(40_001);
    made.pick(50_001);
    expect([out(), forMs()]).toEqual([1, 60_000]);
    for (let nowMs = 60_000; nowMs < 140_000; nowMs += 1000) made.pick(nowMs);
    fails(140_000);
    made.pick(150_001);
    expect([out(), forMs()]).toEqual([1, 30_000]);
  });

  it("lasts longer each time it fails again at once, up to the longest", () => {
    const { made, events } = swept(10, 0, { consecutive: 5, maxMs: 100_000 });
    const member = made.find("h0:1")!;
    let nowMs = 0;
    for (let times = 0; times < 5; times++) {
      for (let i = 0; i < 5; i++) {
        member.begin(nowMs);
        member.end(nowMs, nowMs, "failure");
      }
      expect(member.isEjected).toBe(true);
      const last = events.findLast((event) => event.kind === "ejected");
      nowMs += last?.kind === "ejected" ? last.forMs : 0;
      // Brings it back, and no sweep has been since the one before: nothing is forgiven.
      made.pick(nowMs);
      expect(member.isEjected).toBe(false);
    }
    const lengths = events.flatMap((event) => (event.kind === "ejected" ? [event.forMs] : []));
    expect(lengths).toEqual([30_000, 60_000, 90_000, 100_000, 100_000]);
  });

  it("counts neither a caller who left nor an answer from before it was back", () => {
    const { made } = swept(10, 0, { consecutive: 5 });
    const member = made.find("h0:1")!;
    for (let i = 0; i < 20; i++) member.begin(0);
    for (let i = 0; i < 4; i++) member.end(0, 1, "failure");
    member.end(0, 1, "neither");
    expect(member.isEjected).toBe(false);
    member.end(0, 1, "failure");
    expect(member.isEjected).toBe(true);
    made.pick(30_001);
    expect(member.isEjected).toBe(false);
    for (let i = 0; i < 14; i++) member.end(0, 30_002, "failure");
    expect(member.isEjected).toBe(false);
  });

  it("survives a refresh of the list", () => {
    const { made, update } = swept(10, 0, { consecutive: 5 });
    const member = made.find("h0:1")!;
    for (let i = 0; i < 5; i++) {
      member.begin(0);
      member.end(0, 0, "failure");
    }
    update(names(10).map((address) => ({ address, metadata: { build: "7" } })));
    expect(made.find("h0:1")!.isEjected).toBe(true);
    for (let i = 0; i < 200; i++) expect(made.pick(i)!.value).not.toBe("h0:1");
    expect(made.explain().find(({ instance }) => instance.id === "h0:1")).toMatchObject({
      isUsed: false,
      because: "ejected for another 30000 ms",
    });
  });
});

describe("panic", () => {
  const marked = (bad: number, options: Partial<BalancerOptions<number>>, more: Partial<Model>): Model => ({
    backends: 10,
    workers: 10,
    perSecond: 5000,
    forMs: 10_000,
    timeoutMs: 200,
    seed: 1,
    behave: (_, __, chance) => ({ tookMs: lognormal(chance, 10, 0.5), isFailure: false }),
    options: {
      from: names(10).map((address, i) => ({ address, health: i < bad ? ("down" as const) : ("up" as const) })),
      ...options,
    },
    ...more,
  });

  it.each([6, 8, 10])("of ten, %i marked as down falsely: 99 % succeed", (bad) => {
    for (const seed of seeds.slice(0, 3)) {
      const { calls, refused, events } = run(marked(bad, {}, { seed }));
      expect(successOf(calls, refused)).toBeGreaterThanOrEqual(0.99);
      expect(events.find(([, { kind }]) => kind === "panic")?.[1]).toEqual({
        kind: "panic",
        isOn: true,
        usable: 10 - bad,
        of: 10,
      });
    }
  });

  it("six truly dead: the other four are not crushed, and 38 % succeed", () => {
    for (const seed of seeds.slice(0, 3)) {
      const dead: Model["behave"] = (backend, _, chance) =>
        backend < 6 ? { tookMs: 0.5, isFailure: true } : { tookMs: lognormal(chance, 10, 0.5), isFailure: false };
      const { calls } = run(marked(6, {}, { seed, behave: dead }));
      expect(successOf(calls)).toBeGreaterThanOrEqual(0.38);
      const living = calls.filter(({ backend }) => backend >= 6);
      expect(successOf(living)).toBeGreaterThanOrEqual(0.99);
    }
  });

  it("turned off, crushes the few that are left: the control", () => {
    for (const bad of [8, 10]) {
      const { calls, refused } = run(marked(bad, { panicRatio: 0, ejection: false }, {}));
      expect(successOf(calls, refused)).toBeLessThanOrEqual(0.15);
    }
  });

  it("is over when enough are well again", () => {
    const { source, update } = listSource(names(10).map((address) => ({ address, health: "down" as const })));
    const events: BalanceEvent[] = [];
    const made = balancer({
      from: source,
      open: ({ id }) => id,
      clock: virtualClock(),
      onEvent: (event) => void events.push(event),
    });
    expect(made.pick(0)).toBeDefined();
    update(names(10).map((address, i) => ({ address, health: i < 5 ? ("up" as const) : ("down" as const) })));
    for (let i = 0; i < 200; i++) expect(made.pick(0)!.isUsable).toBe(true);
    expect(made.find("h7:1")!.isUsable).toBe(false);
    expect(events.flatMap((event) => (event.kind === "panic" ? [event.isOn] : []))).toEqual([true, false]);
  });
});

describe("spread", () => {
  const R = 100_000;
  function deviation(strategy: BalancerOptions<string>["strategy"], seed: number, isKnown: boolean): number {
    const made = balancer<string>({
      from: names(100),
      open: ({ id }) => id,
      strategy,
      clock: virtualClock(),
      random: seededRandom(seed),
    });
    for (const member of isKnown ? made.members : []) {
      member.begin(0);
      member.end(0, 10, "success");
    }
    for (let i = 0; i < R; i++) made.pick(0)!.begin(0);
    return Math.max(...made.members.map(({ pending }) => Math.abs(pending - R / 100)));
  }

  it("of calls that stay is even: least request within 0.0001 R, P2C by cost within 0.0005 R", () => {
    for (const seed of seeds) {
      expect(deviation(leastRequest(), seed, false)).toBeLessThanOrEqual(0.0001 * R);
      expect(deviation(p2c(), seed, false)).toBeLessThanOrEqual(0.0005 * R);
      expect(deviation(p2c(), seed, true)).toBeLessThanOrEqual(0.0005 * R);
    }
  });

  it("of random choice is not: the control", () => {
    for (const seed of seeds) expect(deviation(random(), seed, false)).toBeGreaterThan(0.0005 * R);
  });
});

describe("a newcomer that never answers", () => {
  function asked(slowStartMs: number, strategy: BalancerOptions<string>["strategy"], seed: number): number {
    const { source, update } = listSource(names(9));
    const made = balancer<string>({
      from: source,
      open: ({ id }) => id,
      clock: virtualClock(),
      random: seededRandom(seed),
      strategy,
      slowStartMs,
    });
    let nowMs = 0;
    function call(): void {
      const member = made.pick(nowMs)!;
      member.begin(nowMs);
      nowMs += 1;
      if (member.value !== "new:1") member.end(nowMs - 1, nowMs, "success");
    }
    for (let i = 0; i < 1000; i++) call();
    update([...names(9), "new:1"]);
    for (let i = 0; i < 20_000; i++) call();
    return made.find("new:1")!.pending;
  }

  it("gets exactly one request", () => {
    for (const seed of seeds) for (const slowStartMs of [0, 10_000]) expect(asked(slowStartMs, p2c(), seed)).toBe(1);
  });

  it("gets many from round robin: the control", () => {
    expect(asked(0, roundRobin(), 1)).toBeGreaterThan(1000);
  });
});

describe("connections", () => {
  it("flapping at 1 Hz opens one for each time it is really added, and calls in flight finish", async () => {
    const { source, update } = listSource(names(5));
    const [opened, closed]: [string[], string[]] = [[], []];
    const clock = virtualClock();
    const made = balancer<string>({
      from: source,
      open: ({ id }) => (opened.push(id), id),
      close: (id) => void closed.push(id),
      clock,
      random: seededRandom(1),
    });
    let added = 5;
    for (let second = 0; second < 60; second++) {
      await clock.advance(500);
      const member = made.find("h0:1")!;
      // Every third time, a call is still going on when it goes.
      if (second % 3 === 0) member.begin(clock.now());
      update(names(5).slice(1));
      expect(made.find("h0:1")).toBeUndefined();
      if (second % 3 === 0) {
        expect(closed.length).toBe(opened.length - 5);
        member.end(clock.now(), clock.now(), "success");
      }
      await clock.advance(500);
      expect(closed.length).toBe(opened.length - 4);
      update(names(5));
      added++;
      expect(opened.length).toBeLessThanOrEqual(added);
      expect(made.find("h0:1")!.share).toBeCloseTo(0.1);
    }
    await made.close();
    expect(closed.toSorted()).toEqual(opened.toSorted());
  });
});
