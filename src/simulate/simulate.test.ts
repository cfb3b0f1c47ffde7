import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { Call, Middleware } from "../endpoint/index.ts";
import type { Clock } from "../time/index.ts";
import { settled } from "../testing/index.ts";
import { scenario, simulate, type Backend, type Fault, type Load, type Scenario } from "./index.ts";

const EVERY_10_MS: Load = { perSecond: 100, arrivals: "constant", timeoutMs: 1000 };

/** One instance without a client before it, so that what is seen is the back-end's own. */
const bare = (pet: Omit<Backend, "name">, load: Load = EVERY_10_MS): Scenario => ({
  durationMs: 3000,
  client: false,
  backends: [{ name: "pet", ...pet }],
  load,
});

/** The same with this fault in its second second. */
const faulty = (fault: Fault, pet: Omit<Backend, "name"> = {}): Scenario =>
  bare({ latency: 5, ...pet, faults: [{ atMs: 1000, untilMs: 2000, ...fault }] });

describe("simulate", () => {
  const mixed: Scenario = {
    durationMs: 3000,
    clients: 3,
    backends: [
      {
        name: "well",
        count: 4,
        workers: 5,
        latency: { mostly: { medianMs: 10, sigma: 0.5 }, ratio: 0.1, otherwise: { meanMs: 50 } },
      },
      { name: "ill", count: 2, errors: { ratio: 0.2 }, faults: [{ atMs: 1000, untilMs: 2000, stall: true }] },
    ],
    client: { hedge: {} },
    load: [
      { perSecond: 400, keys: 7 },
      { callers: 5, thinkMs: 10, idempotent: false },
    ],
  };

  it("gives the same report for the same seed, and another for another", async () => {
    const [one, same, other] = [
      await simulate(mixed),
      await simulate(mixed, { seed: 1 }),
      await simulate(mixed, { seed: 2 }),
    ];
    expect(JSON.stringify(same)).toBe(JSON.stringify(one));
    expect(other.total.offered).not.toBe(one.total.offered);
    expect(one.total.offered).toBeGreaterThan(1200);
  });

  it("leaves no promise behind when time moves, however long its chain", async () => {
    const behind: number[] = [];
    const slowly: Middleware = (next) => async (request, context) => {
      const startMs = context.startMs;
      for (let i = 0; i < 200; i++) await Promise.resolve();
      behind.push(clock.now() - startMs);
      return await next(request, context);
    };
    let clock = { now: () => 0 };
    await simulate({
      durationMs: 1000,
      backends: [{ name: "pet", latency: 1 }],
      client: (world) => {
        clock = world.clock;
        return { methods: { read: { use: [slowly] } } };
      },
      load: { perSecond: 1000 },
    });
    expect(behind.length).toBeGreaterThan(900);
    expect(new Set(behind)).toEqual(new Set([0]));
  });

  it("counts every request once, and waits for those that are open at the end", async () => {
    const { total, seconds } = await simulate(bare({ latency: 700 }));
    expect(total.offered).toBe(299);
    expect(total.succeeded).toBe(299);
    expect(seconds.reduce((sum, { offered }) => sum + offered, 0)).toBe(299);
    expect([total.p50Ms, total.p99Ms, total.attempts]).toEqual([700, 700, 299]);
  });

  it("does not count an answer that comes when its caller has left", async () => {
    const { total } = await simulate(bare({ latency: 1001 }));
    expect(total.codes).toEqual({ deadline_exceeded: 299 });
    expect([total.goodputPerSecond, total.p99Ms]).toEqual([0, 1000]);
  });

  it("lets callers who wait for answers ask as often as they are answered", async () => {
    const closed = await simulate(bare({ latency: 9 }, { callers: 10, thinkMs: 1 }));
    // Ten callers, each of which needs 10 ms for a round.
    expect(closed.total.offered).toBeGreaterThan(2980);
    expect(closed.total.offered).toBeLessThanOrEqual(3000);
  });

  it("follows the steps of a load", async () => {
    const steps = [
      { atMs: 1000, perSecond: 100 },
      { atMs: 2000, perSecond: 0 },
      { atMs: 2500, perSecond: 1000 },
    ];
    const report = await simulate(bare({}, { perSecond: steps, arrivals: "constant" }));
    const counts = [
      report.between(0, 1000),
      report.between(1000, 2000),
      report.between(2000, 2500),
      report.between(2500, 3000),
    ];
    expect(counts.map(({ offered }) => offered)).toEqual([0, 99, 0, 499]);
  });

  it("leaves the warm-up out of the totals only", async () => {
    const report = await simulate({ ...bare({}), warmupMs: 1000 });
    expect(report.total.offered).toBe(report.between(1000, 3000).offered);
    expect(report.seconds.length).toBe(3);
  });

  it("says so when time stands still", async () => {
    const circle = (clock: Clock): void => void clock.after(0, () => circle(clock));
    const wrong: Scenario = { ...mixed, client: ({ clock }) => (circle(clock), {}) };
    await expect(simulate(wrong)).rejects.toThrow(
      "time stands still at 0 ms: something waits for 0 ms, again and again",
    );
  });

  it("ends by itself, and keeps nothing going", async () => {
    // Only what the run itself begins: the test runner has timers of its own.
    const own = new AsyncLocalStorage<true>();
    const begun = new Map<number, string>();
    const hook = createHook({
      init: (id, type) => void (own.getStore() && /^(Timeout|Immediate)$/.test(type) && begun.set(id, type)),
    }).enable();
    await own.run(true, () => simulate({ ...mixed, durationMs: 12_000 }));
    hook.disable();
    expect([...begun.values()]).not.toContain("Timeout");
    const before = begun.size;
    expect(before).toBeGreaterThan(0);
    hook.enable();
    await settled();
    hook.disable();
    expect(begun.size).toBe(before);
  });

  it("is what its types say", () => {
    expectTypeOf(simulate).parameter(0).toEqualTypeOf<Scenario>();
    // @ts-expect-error -- a misspelt fault
    const wrong: Fault = { slower: 2 };
    expect(() => scenario(faulty(wrong))).toThrow('backends[0].faults[0] has no option "slower"');
  });
});

describe("a simulated back-end", () => {
  it("works on as many as it has workers for, and lets the others wait in order", async () => {
    const { total } = await simulate(bare({ workers: 1, latency: 20 }, { ...EVERY_10_MS, timeoutMs: 60_000 }));
    // Each waits 10 ms longer than the one before.
    expect(total.quantileMs(0)).toBe(20);
    expect(Math.round(total.quantileMs(1))).toBe(20 + 298 * 10);
  });

  it("takes who came last, when it is told to", async () => {
    const fifo = await simulate(bare({ workers: 1, latency: 20 }, { ...EVERY_10_MS, timeoutMs: 100 }));
    const lifo = await simulate(bare({ workers: 1, latency: 20, queue: "lifo" }, { ...EVERY_10_MS, timeoutMs: 100 }));
    expect(fifo.between(1000, 3000).succeeded).toBe(0);
    expect(lifo.between(1000, 2000).succeeded).toBeGreaterThan(40);
  });

  it("refuses who finds no place to wait", async () => {
    const { total } = await simulate(bare({ workers: 1, latency: 20, maxQueue: 1 }));
    expect(total.reasons["overloaded"]).toBeGreaterThan(100);
    expect(total.quantileMs(1)).toBeLessThanOrEqual(40);
  });

  it("takes out of its queue who has left, only when it is told to", async () => {
    const pet = { workers: 1, latency: 20 };
    // Three seconds of work in one, and then hardly any.
    const steps = [
      { atMs: 0, perSecond: 200 },
      { atMs: 1000, perSecond: 10 },
    ];
    const load: Load = { perSecond: steps, arrivals: "constant", timeoutMs: 100 };
    const drops = await simulate(bare({ ...pet, dropsCanceled: true }, load));
    const works = await simulate(bare(pet, load));
    expect(works.between(1200, 3000).successRatio).toBe(0);
    expect(drops.between(1200, 3000).successRatio).toBe(1);
  });

  it("answers a part of its work with an error", async () => {
    const { total } = await simulate(bare({ errors: { ratio: 0.25, code: "internal" } }, { perSecond: 2000 }));
    expect(total.codes["internal"]! / total.offered).toBeCloseTo(0.25, 1);
    expect(total.p50Ms).toBe(10);
  });

  it.each<[string, Fault, Record<string, number>, number]>([
    ["is slower", { slow: 10 }, { ok: 100 }, 50],
    ["fails at once", { fail: { code: "internal", afterMs: 2 } }, { internal: 100 }, 2],
    ["is not there", { down: true }, { unavailable: 100 }, 0.5],
    ["never answers", { hang: true }, { deadline_exceeded: 100 }, 1000],
  ])("%s while a fault says so, and not after it", async (_, fault, codes, p50) => {
    const report = await simulate(faulty(fault));
    expect(report.between(1000, 2000).codes).toEqual(codes);
    expect(report.between(1000, 2000).p50Ms).toBe(p50);
    expect(report.between(0, 990).codes).toEqual({ ok: 98 });
    expect(report.between(2000, 3000).codes).toEqual({ ok: 100 });
  });

  it("fails a part of the requests only", async () => {
    const report = await simulate({ ...faulty({ fail: { ratio: 0.5 } }), load: { perSecond: 2000 } });
    expect(report.between(1000, 2000).successRatio).toBeCloseTo(0.5, 1);
  });

  it("loses what is at work when it goes down", async () => {
    const report = await simulate(faulty({ down: true }, { latency: 95 }));
    expect(report.between(0, 1000).reasons).toEqual({ ok: 90, connection_lost: 9 });
  });

  it("goes on where it was when it stood still", async () => {
    const report = await simulate(faulty({ stall: true }, { latency: 50 }));
    const before = report.between(955, 1000);
    expect(before.codes).toEqual({ deadline_exceeded: 4 });
    const during = report.between(1000, 2000);
    // Half of them come late enough to be answered within a second of the end.
    expect(during.succeeded).toBeGreaterThan(90);
    expect(during.quantileMs(0)).toBeCloseTo(60);
  });

  it("has fewer workers", async () => {
    const report = await simulate(faulty({ capacity: 0.5 }, { workers: 2, latency: 15 }));
    expect(report.between(0, 1000).p99Ms).toBe(15);
    expect(report.between(1900, 2000).p50Ms).toBeGreaterThan(250);
  });

  it("is not called while the registry does not list it", async () => {
    const report = await simulate({
      durationMs: 3000,
      backends: [{ name: "stays" }, { name: "new", faults: [{ untilMs: 1500, unlisted: true }] }],
      client: { balance: { slowStartMs: 0 } },
      load: EVERY_10_MS,
    });
    expect(report.between(0, 1500).attemptsAt("new")).toBe(0);
    expect(report.between(1500, 3000).shareOf("new")).toBeGreaterThan(0.3);
    expect(report.total.successRatio).toBe(1);
  });
});

describe("simulated servers and services", () => {
  it("have a server's gates, observers and time-out before their work", async () => {
    const ended: string[] = [];
    const observe = () => ({ end: ({ outcome }: Call) => void ended.push(outcome!) });
    const seen: number[] = [];
    const report = await simulate({
      ...bare({
        latency: 30,
        server: ({ index }) => ({
          timeoutMs: 20,
          observers: [observe],
          gates: [(context) => (seen.push(index), context)],
        }),
      }),
    });
    expect(report.total.codes).toEqual({ deadline_exceeded: 299 });
    expect(report.total.p50Ms).toBe(20);
    expect(new Set(ended)).toEqual(new Set(["deadline_exceeded"]));
    expect(seen.length).toBe(299);
  });

  it("call each other, within what is left of the first one's time", async () => {
    const report = await simulate({
      durationMs: 1000,
      client: { retry: false, breaker: false },
      backends: [
        { name: "front", service: "front", latency: 10, calls: ["middle"] },
        { name: "middle", service: "middle", latency: 10, calls: ["last"] },
        { name: "last", service: "last", count: 2, latency: 10 },
      ],
      load: { perSecond: 100, arrivals: "constant" },
    });
    expect(report.total.quantileMs(1)).toBeCloseTo(30);
    // To the end of the calls, not only of the load.
    const all = report.between(0, 2000);
    expect([all.attemptsAt("last"), all.amplification]).toEqual([99, 1]);
    expect(all.attemptsAt("last-1") + all.attemptsAt("last-2")).toBe(99);
  });

  it("are waited for as long as their callers wait", async () => {
    const report = await simulate({
      durationMs: 1000,
      client: { methods: { read: { timeoutMs: 20_000 } } },
      backends: [{ name: "slow", latency: 10_000 }],
      load: { perSecond: 10, arrivals: "constant" },
    });
    expect([report.total.codes, report.total.p50Ms]).toEqual([{ ok: 9 }, 10_000]);
  });

  it("lose what they have begun when they go down, also while it waits for others", async () => {
    const report = await simulate({
      durationMs: 1000,
      client: { retry: false, breaker: false },
      backends: [
        { name: "front", service: "front", latency: 1, calls: ["slow"], faults: [{ atMs: 500, down: true }] },
        { name: "slow", service: "slow", latency: 100 },
      ],
      load: { perSecond: 100, arrivals: "constant" },
    });
    // Ten are under way when it goes, and all after them find nobody.
    expect(report.between(0, 2000).reasons).toEqual({ ok: 39, connection_lost: 10, unreachable: 50 });
  });
});
