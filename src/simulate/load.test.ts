// What becomes of more work than there is room for: retries, overload, and states that keep themselves alive. Bounds and
// controls as in instances.test.ts.
import { describe, expect, it } from "vitest";
import { adaptiveConcurrency, throttle } from "../resilience/index.ts";
import { rateLimit } from "../ratelimit/index.ts";
import type { Backend, ClientData, Report, Scenario, ServerData, World } from "./index.ts";
import { control, least, most, tell, withSeeds } from "./testdata/seeds.ts";

/** Calls again as often as it may, whatever becomes of it. */
const RECKLESS: ClientData = { budget: false, breaker: false, balance: { ejection: false } };

const shedding = ({ clock }: World): ServerData => ({ gates: [adaptiveConcurrency({ clock })] });

describe("everything fails", () => {
  const failing = (perSecond: number, client?: ClientData): Scenario => ({
    durationMs: perSecond < 1000 ? 60_000 : 20_000,
    client,
    backends: [{ name: "bad", count: 5, faults: [{ fail: { afterMs: 5 } }] }],
    load: { perSecond },
  });
  const amplification = ({ total }: Report): number => total.amplification;

  it.each([1000, 100, 20])(
    "at %i requests a second: back-ends get hardly more than was asked for",
    async (perSecond) => {
      const defaults = Math.max(...(await withSeeds(failing(perSecond), amplification)));
      const budget = Math.max(
        ...(await withSeeds(failing(perSecond, { ...RECKLESS, budget: undefined }), amplification)),
      );
      tell(`retry amplification ${perSecond}/s`, { defaults, budget });
      expect(defaults).toBeLessThanOrEqual(1.1);
      // The floor of the budget, three a second, is all there is to it at a low rate.
      expect(budget).toBeLessThanOrEqual(perSecond < 50 ? 1 + 3.5 / perSecond : 1.1);
    },
  );

  it("and without a budget three times as much: the control", async () => {
    const best = Math.min(...(await control(failing(1000, RECKLESS), amplification)));
    tell("retry amplification, no budget", { best });
    expect(best).toBeGreaterThan(2.9);
  });

  const chain = (client?: ClientData): Scenario => ({
    durationMs: 20_000,
    client,
    backends: [
      { name: "a", service: "a", count: 3, latency: 1, calls: ["b"] },
      { name: "b", service: "b", count: 3, latency: 1, calls: ["c"] },
      { name: "c", service: "c", count: 3, latency: 1, faults: [{ fail: { afterMs: 1 } }] },
    ],
    load: { perSecond: 200 },
  });

  it("at the end of a chain of three services", async () => {
    const defaults = Math.max(...(await withSeeds(chain(), amplification)));
    const budget = Math.max(...(await withSeeds(chain({ ...RECKLESS, budget: undefined }), amplification)));
    tell("chain", { defaults, budget });
    expect(defaults).toBeLessThanOrEqual(1.35);
    expect(budget).toBeLessThanOrEqual(1.35);
  });

  it("at the end of a chain without budgets: the control", async () => {
    // 27 if each layer tried again whatever the layer above does; none of them does that for a call that is a retry itself.
    // The bound is 1.35.
    const best = Math.min(...(await control(chain(RECKLESS), amplification)));
    tell("chain, no budget", { best });
    expect(best).toBeGreaterThan(3);
  });

  it.each([
    [0.01, 0.9997],
    [0.2, 0],
  ])("a part of %d only: retries help, within the budget", async (ratio, bound) => {
    const some: Scenario = {
      durationMs: 30_000,
      backends: [{ name: "bad", count: 5, errors: { ratio } }],
      load: { perSecond: 1000 },
    };
    const seen = await withSeeds(some, ({ total }) => ({ success: total.successRatio, sent: total.amplification }));
    const success = least(seen, (one) => one.success);
    const sent = most(seen, (one) => one.sent);
    tell(`failures ${ratio}`, { success, sent });
    expect(success).toBeGreaterThanOrEqual(bound);
    expect(sent).toBeLessThanOrEqual(1.1);
  });
});

describe("more comes than a server can do", () => {
  // 1000 a second is what ten workers can do; callers leave after 200 ms.
  const overload = (times: number, server?: Backend["server"]): Scenario => ({
    durationMs: 30_000,
    client: false,
    backends: [{ name: "pet", workers: 10, latency: 10, server }],
    load: {
      perSecond: [
        { atMs: 0, perSecond: 800 },
        { atMs: 5000, perSecond: 1000 * times },
        { atMs: 20_000, perSecond: 800 },
      ],
      timeoutMs: 200,
    },
  });
  const look = (report: Report) => {
    const during = report.between(6000, 20_000);
    return {
      goodput: during.goodputPerSecond,
      served: during.servedQuantileMs(0.99),
      shed: 1 - during.successRatio,
      recoveryMs: report.recoveryMs({ afterMs: 20_000 }),
    };
  };

  it.each([1.5, 3, 10])(
    "%d times as much: with a limit that finds itself, it does what it can, fast",
    async (times) => {
      const seen = await withSeeds(overload(times, shedding), look);
      const goodput = least(seen, (one) => one.goodput);
      const served = most(seen, (one) => one.served);
      const recoveryMs = most(seen, (one) => one.recoveryMs);
      tell(`overload x${times}`, { goodput, served, recoveryMs });
      expect(goodput).toBeGreaterThanOrEqual(900);
      expect(served).toBeLessThanOrEqual(100);
      expect(recoveryMs).toBeLessThanOrEqual(5000);
    },
  );

  it("0.8 of it: next to nothing is shed", async () => {
    const shed = most(await withSeeds(overload(0.8, shedding), look), (one) => one.shed);
    tell("overload x0.8", { shed });
    expect(shed).toBeLessThanOrEqual(0.01);
  });

  it("half as much again, without a limit: it works for callers who have left: the control", async () => {
    const goodput = most(await control(overload(1.5), look), (one) => one.goodput);
    tell("overload x1.5, no limit", { goodput });
    expect(goodput).toBeLessThanOrEqual(50);
  });
});

describe("two thirds of the capacity are gone for five seconds", () => {
  const trigger = (client: ClientData, server?: Backend["server"]): Scenario => ({
    durationMs: 75_000,
    client,
    backends: [
      { name: "pet", workers: 10, latency: 10, server, faults: [{ atMs: 20_000, untilMs: 25_000, capacity: 1 / 3 }] },
    ],
    // Time for three attempts of 200 ms and what is waited between them.
    load: { perSecond: 700, timeoutMs: 750 },
  });
  const retry = { tries: 3, perTryMs: 200, baseMs: 50 };
  const look = (report: Report) => ({
    recoveryMs: report.recoveryMs({ afterMs: 25_000 }),
    peak: Math.max(...report.seconds.map(({ amplification }) => amplification)),
  });

  it.each<[string, ClientData, Backend["server"]]>([
    ["the defaults", { retry }, undefined],
    ["the defaults, and a server that sheds", { retry }, shedding],
  ])("and %s recover", async (name, client, server) => {
    const seen = await withSeeds(trigger(client, server), look);
    const recoveryMs = most(seen, (one) => one.recoveryMs);
    const peak = most(seen, (one) => one.peak);
    tell(`metastable, ${name}`, { recoveryMs, peak });
    expect(recoveryMs).toBeLessThanOrEqual(10_000);
    expect(peak).toBeLessThanOrEqual(1.4);
  });

  it("and retries without a budget keep it down for ever: the control", async () => {
    const recoveryMs = least(await control(trigger({ ...RECKLESS, retry }), look), (one) => one.recoveryMs);
    expect(recoveryMs).toBe(Infinity);
  });
});

describe("two thirds of the capacity of five instances are gone for five seconds", () => {
  const trigger: Scenario = {
    durationMs: 75_000,
    client: { retry: { tries: 3, perTryMs: 200, baseMs: 50 } },
    backends: [
      { name: "pet", count: 5, workers: 2, latency: 10, faults: [{ atMs: 20_000, untilMs: 25_000, capacity: 1 / 3 }] },
    ],
    load: { perSecond: 700, timeoutMs: 750 },
  };

  // Not yet so: what one breaker refuses goes to the first instance that takes it, whose breaker opens under it.
  it("and the defaults recover", async () => {
    const recoveryMs = Math.max(...(await withSeeds(trigger, (report) => report.recoveryMs({ afterMs: 25_000 }))));
    tell("metastable, five instances", { recoveryMs });
    expect(recoveryMs).toBeLessThanOrEqual(10_000);
  });
});

describe("a client that throttles itself", () => {
  const throttled =
    (options: object) =>
    ({ clock, random }: World): ClientData => {
      const own = throttle({ ...options, clock, random });
      return {
        breaker: false,
        retry: false,
        balance: { ejection: false },
        methods: { read: { use: [(next) => own.wrap(next)] } },
      };
    };

  it("sends little more than twice what is accepted", async () => {
    const scarce: Scenario = {
      durationMs: 60_000,
      warmupMs: 20_000,
      client: throttled({}),
      backends: [{ name: "pet", server: ({ clock }) => ({ gates: [rateLimit({ perSecond: 100, clock })] }) }],
      load: { perSecond: 1000 },
    };
    const sent = Math.max(...(await withSeeds(scarce, ({ total }) => total.attempts / total.succeeded)));
    tell("throttle", { sent });
    expect(sent).toBeLessThanOrEqual(2.2);
  });

  const outage = (options: object, durationMs: number): Scenario => ({
    durationMs,
    client: throttled(options),
    backends: [{ name: "pet", faults: [{ atMs: 10_000, untilMs: 210_000, down: true }] }],
    load: { perSecond: 1000 },
  });
  const look = (report: Report) => ({
    recoveryMs: report.recoveryMs({ afterMs: 210_000, successRatio: 0.98 }),
    probes: Math.min(...report.seconds.slice(10, 210).map(({ attempts }) => attempts)),
  });

  it("asks once a second through an outage, and is back within a minute of it", async () => {
    const seen = await withSeeds(outage({}, 275_000), look);
    const recoveryMs = most(seen, (one) => one.recoveryMs);
    const probes = least(seen, (one) => one.probes);
    tell("throttle, outage", { recoveryMs, probes });
    expect(recoveryMs).toBeLessThanOrEqual(60_000);
    expect(probes).toBeGreaterThanOrEqual(1);
  });

  it("is not, where it looks back two minutes and may refuse everything: the control", async () => {
    const recoveryMs = least(
      await control(outage({ maxReject: 1, windowMs: 120_000 }, 331_000), look),
      (one) => one.recoveryMs,
    );
    tell("throttle, outage, no cap", { recoveryMs });
    expect(recoveryMs).toBeGreaterThan(120_000);
  });
});
