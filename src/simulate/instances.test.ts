// What a client makes of instances that are slow, fail fast, or are said to be unwell. The first line of each test says where its set-up
// and its bounds come from; the control is a configuration known to be bad, and must fail the same bound.
import { describe, expect, it } from "vitest";
import { p2c, roundRobin } from "../balance/index.ts";
import type { Call } from "../endpoint/index.ts";
import type { ClientData, Fault, Report, Scenario } from "./index.ts";
import { control, least, most, tell, withSeeds } from "./testdata/seeds.ts";

const LATENCY = { medianMs: 10, sigma: 0.5 };

/** Round robin over whatever is listed, and nothing else. */
const PLAIN: ClientData = {
  balance: { strategy: roundRobin(), ejection: false },
  breaker: false,
  retry: false,
};

describe("two of twenty instances become a hundred times slower", () => {
  const slowPair = (perSecond: number, client?: ClientData): Scenario => ({
    durationMs: 80_000,
    client,
    backends: [
      { name: "well", count: 18, workers: 20, latency: LATENCY },
      {
        name: "slow",
        count: 2,
        workers: 20,
        latency: LATENCY,
        faults: [{ atMs: 20_000, untilMs: 60_000, slow: 100 }],
      },
    ],
    load: { perSecond },
  });
  const p99 = (report: Report) => {
    const healthy = report.between(0, 20_000).p99Ms;
    const during = report.between(20_000, 60_000);
    return {
      during: during.p99Ms / healthy,
      after: report.between(70_000, 80_000).p99Ms / healthy,
      share: during.shareOf("slow"),
    };
  };

  it.each([2000, 200])("and the client goes round them, at %i requests a second", async (perSecond) => {
    const seen = await withSeeds(slowPair(perSecond), p99);
    const during = most(seen, (one) => one.during);
    const after = most(seen, (one) => one.after);
    const share = most(seen, (one) => one.share);
    tell(`slow pair ${perSecond}/s`, { during, after, share });
    expect(during).toBeLessThanOrEqual(2);
    expect(share).toBeLessThanOrEqual(0.015);
    expect(after).toBeLessThanOrEqual(1.2);
  });

  it("and round robin does not: the control", async () => {
    const during = least(await control(slowPair(2000, PLAIN), p99), (one) => one.during);
    tell("slow pair, round robin", { during });
    expect(during).toBeGreaterThanOrEqual(50);
  });

  const p999 = (report: Report) => {
    const healthy = report.between(0, 20_000);
    const during = report.between(20_000, 60_000);
    return { tail: during.p999Ms / healthy.p999Ms, extra: during.amplification - 1 };
  };

  it("and a hedge cuts off the rest of the tail", async () => {
    const seen = await withSeeds(slowPair(2000, { hedge: { afterMs: 40 } }), p999);
    const tail = most(seen, (one) => one.tail);
    const extra = most(seen, (one) => one.extra);
    tell("tail, hedged", { tail, extra });
    expect(tail).toBeLessThanOrEqual(2);
    expect(extra).toBeLessThanOrEqual(0.03);
  });

  it("and without one the tail is there: the control", async () => {
    // The model behind the bound had no breaker and no ejection: what is left of the tail is P2C's own.
    const seen = await control(slowPair(2000, { breaker: false, balance: { ejection: false }, retry: false }), p999);
    const tail = least(seen, (one) => one.tail);
    tell("tail, no hedge", { tail });
    expect(tail).toBeGreaterThanOrEqual(30);
  });
});

describe("one of ten instances fails fast", () => {
  const failer = (client?: ClientData): Scenario => ({
    durationMs: 40_000,
    client,
    backends: [
      { name: "well", count: 9, latency: LATENCY },
      { name: "bad", latency: LATENCY, faults: [{ atMs: 10_000, fail: { afterMs: 0.5 } }] },
    ],
    load: { perSecond: 2000 },
  });
  const look = (report: Report) => ({
    success: report.between(10_000, 40_000).successRatio,
    share: report.between(11_000, 40_000).shareOf("bad"),
    ejectedMs: (report.news.find(({ message }) => message === "instance ejected")?.atMs ?? Infinity) - 10_000,
  });

  it("and is out before anybody notices", async () => {
    const seen = await withSeeds(failer(), look);
    const once = await withSeeds(failer({ retry: false }), look);
    const figures = {
      share: most([...seen, ...once], (one) => one.share),
      ejectedMs: most([...seen, ...once], (one) => one.ejectedMs),
      retried: least(seen, (one) => one.success),
      once: least(once, (one) => one.success),
    };
    tell("fast failer", figures);
    expect(figures.share).toBeLessThanOrEqual(0.01);
    expect(figures.ejectedMs).toBeLessThanOrEqual(100);
    expect(figures.once).toBeGreaterThanOrEqual(0.999);
    expect(figures.retried).toBeGreaterThanOrEqual(0.9999);
  });

  it("and gets ever more calls from one who only looks at time: the control", async () => {
    const blind: ClientData = {
      balance: { strategy: p2c({ failureMs: 0 }), ejection: false },
      breaker: false,
      retry: false,
    };
    const success = most(await control(failer(blind), look), (one) => one.success);
    tell("fast failer, blind", { success });
    expect(success).toBeLessThan(0.85);
  });
});

describe("five instances are restarted one after the other", () => {
  // Each is away for 300 ms, and 200 ms later the next one goes: four times round.
  const restarts = (client?: ClientData): Scenario => ({
    durationMs: 12_000,
    client,
    backends: Array.from({ length: 5 }, (_, place) => ({
      name: `pet-${place}`,
      service: "pet",
      workers: 20,
      latency: LATENCY,
      faults: Array.from({ length: 4 }, (_, round) => {
        const atMs = 1000 + (round * 5 + place) * 500;
        return { atMs, untilMs: atMs + 300, down: true };
      }),
    })),
    load: { perSecond: 1000 },
  });
  const failed = ({ total }: Report) => total.offered - total.succeeded;

  it("and no call fails, for no breaker is open much longer than its instance is away", async () => {
    const worst = most(await withSeeds(restarts(), failed), (count) => count);
    tell("restarts", { worst });
    expect(worst).toBe(0);
  });

  it("and some do where a breaker opens for a second: the control", async () => {
    const slow = { breaker: { openMs: 1000, growth: 2, maxOpenMs: 3000, jitter: 0.2 } };
    expect(least(await control(restarts(slow), failed), (count) => count)).toBeGreaterThan(0);
  });
});

describe("some of ten instances are marked as unwell", () => {
  // 80 % of what all ten can do: four cannot bear it.
  const marked = (count: number, { isTrue = false, client }: { isTrue?: boolean; client?: ClientData }): Scenario => {
    const mark: Fault = { atMs: 5000, marked: "down", ...(isTrue ? { down: true } : {}) };
    const bad = { name: "bad", count, workers: 1, latency: 10, faults: [mark] };
    return {
      durationMs: 30_000,
      client,
      backends: count === 10 ? [bad] : [bad, { name: "well", count: 10 - count, workers: 1, latency: 10 }],
      load: { perSecond: 800, timeoutMs: 200 },
    };
  };
  const success = (report: Report): number => report.between(6000, 30_000).successRatio;

  it.each([6, 8, 10])("%i of them falsely: all are used, and all is well", async (count) => {
    const worst = Math.min(...(await withSeeds(marked(count, {}), success)));
    tell(`panic, ${count} false`, { worst });
    expect(worst).toBeGreaterThanOrEqual(0.99);
  });

  it("six truly: the other four get their part and bear it, where nothing sends them the rest", async () => {
    const client: ClientData = { breaker: false, retry: false };
    const worst = Math.min(...(await withSeeds(marked(6, { isTrue: true, client }), success)));
    tell("panic, 6 true, no breaker, no retry", { worst });
    expect(worst).toBeGreaterThanOrEqual(0.38);
  });

  // Not yet so: the calls that the breakers of the dead refuse all go to the living, which is more than they can bear.
  it("six truly: the same with the defaults", async () => {
    const worst = Math.min(...(await withSeeds(marked(6, { isTrue: true }), success)));
    tell("panic, 6 true, defaults", { worst });
    expect(worst).toBeGreaterThanOrEqual(0.38);
  });

  it("six of them, without panic: the rest collapse: the control", async () => {
    const client: ClientData = { ...PLAIN, balance: { ...PLAIN.balance, panicRatio: 0 } };
    const best = Math.max(...(await control(marked(6, { client }), success)));
    tell("panic off", { best });
    expect(best).toBeLessThanOrEqual(0.15);
  });
});

describe("two of a hundred requests take a second", () => {
  const stragglers = (client: ClientData, { idempotent = true, faults = [] as readonly Fault[] } = {}): Scenario => ({
    durationMs: 40_000,
    warmupMs: 10_000,
    client,
    backends: [{ name: "pet", count: 10, latency: { mostly: LATENCY, ratio: 0.02, otherwise: 1000 }, faults }],
    load: { perSecond: 1000, idempotent },
  });
  const look = ({ total }: Report) => ({ p99: total.p99Ms, extra: total.amplification - 1 });

  it("and a hedge that finds its own delay cuts the 99th percentile to a tenth", async () => {
    const hedged = await withSeeds(stragglers({ hedge: {} }), look);
    const off = await withSeeds(stragglers({}), look);
    const figures = {
      p99: most(hedged, ({ p99 }) => p99),
      without: least(off, ({ p99 }) => p99),
      extra: most(hedged, ({ extra }) => extra),
    };
    tell("hedging", figures);
    expect(figures.without / figures.p99).toBeGreaterThanOrEqual(10);
    expect(figures.extra).toBeLessThanOrEqual(0.07);
  });

  it("and a method that may not be called twice is not", async () => {
    const extra = most(await withSeeds(stragglers({ hedge: {} }, { idempotent: false }), look), (one) => one.extra);
    expect(extra).toBe(0);
  });

  it("and when the budget is empty, or everything fails, nothing is added", async () => {
    const empty = await withSeeds(stragglers({ hedge: {}, budget: { ratio: 0, perSecond: 0 } }), look);
    const failing: readonly Fault[] = [{ atMs: 10_000, fail: { code: "internal" } }];
    const client: ClientData = { hedge: {}, breaker: false, retry: false, balance: { ejection: false } };
    const failed = await withSeeds(stragglers(client, { faults: failing }), look);
    const figures = { empty: most(empty, ({ extra }) => extra), failed: most(failed, ({ extra }) => extra) };
    tell("hedging, no budget or all failing", figures);
    expect(figures.empty).toBeLessThanOrEqual(0.01);
    expect(figures.failed).toBeLessThanOrEqual(0.01);
  });

  it("and those that lost hear of it at once", async () => {
    const ended = new Set<number>();
    const canceledMs: number[] = [];
    const observe = (seen: (atMs: number, outcome: string) => void) => () => ({
      end: ({ startMs, durationMs, outcome }: Call) => seen(startMs + durationMs, outcome!),
    });
    const scenario: Scenario = {
      durationMs: 10_000,
      client: { hedge: { afterMs: 40 }, observers: [observe((atMs) => ended.add(atMs))] },
      backends: [
        {
          name: "pet",
          count: 10,
          latency: { mostly: LATENCY, ratio: 0.02, otherwise: 1000 },
          server: { observers: [observe((atMs, outcome) => outcome === "canceled" && canceledMs.push(atMs))] },
        },
      ],
      load: { perSecond: 200 },
    };
    await withSeeds(scenario, () => undefined);
    expect(canceledMs.length).toBeGreaterThan(100);
    // To the moment: the bound is 10 ms.
    expect(canceledMs.filter((atMs) => !ended.has(atMs))).toEqual([]);
  });

  it("and an answer that no other attempt can better ends all of them", async () => {
    const scenario: Scenario = {
      durationMs: 3000,
      client: { hedge: { afterMs: 15, extra: 1 }, budget: false, retry: false, balance: { strategy: roundRobin() } },
      backends: [
        { name: "slow", latency: 10, faults: [{ atMs: 2000, slow: 100 }] },
        { name: "fatal", latency: 10, faults: [{ atMs: 2000, fail: { code: "invalid_argument", afterMs: 20 } }] },
      ],
      // No more in a second than hedges are saved up.
      load: { perSecond: 9, arrivals: "constant" },
    };
    const seen = await withSeeds(scenario, (report) => report.between(2000, 3000));
    expect(seen.flatMap(({ codes }) => Object.keys(codes))).toEqual(seen.map(() => "invalid_argument"));
    // 15 ms until it is asked, and 20 until it has answered.
    expect(most(seen, (one) => one.quantileMs(1))).toBeLessThan(36);
    expect(least(seen, ({ amplification }) => amplification)).toBeGreaterThan(1.4);
  });
});
