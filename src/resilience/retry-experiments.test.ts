import { describe, expect, it, vi } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall } from "../endpoint/index.ts";
import { bareError } from "../errors/index.ts";
import { VirtualTime } from "../internal/virtual-time.ts";
import { seededRandom, sleep, type Clock, type Random } from "../time/index.ts";
import { budget, hedge, retry, retryPlan, throttle } from "./index.ts";
import type { Attempt, HedgeOptions, RetryOptions, RetryPlanOptions, ThrottleOptions } from "./index.ts";

// Each with a control: a bad configuration that must fail the very bound that is asked of the good one.
const seeds = [1, 2, 3, 4, 5];
// In virtual time, so it takes what it takes: far more than any machine needs.
vi.setConfig({ testTimeout: 60_000 });
const busy = bareError("busy", { code: "unavailable", origin: "peer" });
const off = { budget: undefined } as const;

/** Virtual time whose promises run by turns of the microtask queue: these experiments have a million of them. */
function quickClock(): Clock & { advance(ms: number): Promise<void>; readonly pending: number } {
  const time = new VirtualTime(0);
  const { now, date, after, expire } = time;
  // As many turns as the longest chain of promises here needs.
  const settled = async () => {
    for (let i = 0; i < 40; i++) await Promise.resolve();
  };
  return {
    now,
    date,
    after,
    expire,
    get pending() {
      return time.pending;
    },
    async advance(ms) {
      const untilMs = now() + ms;
      await settled();
      while (time.dueMs <= untilMs) {
        time.fire();
        await settled();
      }
      time.moveTo(untilMs);
    },
  };
}

/** The worst, here the largest, figure over all seeds. */
async function worst(measure: (random: Random) => number | Promise<number>): Promise<number> {
  const figures: number[] = [];
  for (const seed of seeds) figures.push(await measure(seededRandom(seed)));
  return Math.max(...figures);
}

interface Load {
  readonly perSecond: number;
  readonly seconds: number;
  /** The part of attempts that fail, from a moment on. */
  readonly failing: number;
  readonly fromMs?: number;
  readonly options?: RetryPlanOptions;
}

/** What a plan and its budget make of a load: attempts per call, the same in the worst second, calls that failed. */
function amplification({ perSecond, seconds, failing, fromMs = 0, options }: Load, random: Random) {
  const tries = budget();
  const plan = retryPlan({ budget: tries, random, ...options });
  const due: { attempt: number; deadlineMs: number }[][] = [];
  const attempts: number[] = Array.from({ length: seconds + 5 }, () => 0);
  let failed = 0;
  function attemptAt(nowMs: number, attempt: number, deadlineMs: number): void {
    attempts[Math.floor(nowMs / 1000)]!++;
    if (nowMs < fromMs || random.fraction() >= failing) return;
    const state = { attempt, isIdempotent: true, isNested: false, nowMs, deadlineMs };
    const delayMs = plan.next(busy, state);
    if (delayMs < 0) failed++;
    else (due[nowMs + 1 + Math.floor(delayMs)] ??= []).push({ attempt: attempt + 1, deadlineMs });
  }
  for (let nowMs = 0; nowMs < (seconds + 3) * 1000; nowMs++) {
    for (const { attempt, deadlineMs } of due[nowMs] ?? []) attemptAt(nowMs, attempt, deadlineMs);
    if (nowMs >= seconds * 1000 || nowMs % (1000 / perSecond) !== 0) continue;
    tries.deposit(nowMs);
    attemptAt(nowMs, 1, nowMs + 3000);
  }
  const calls = perSecond * seconds;
  return {
    attempts: attempts.slice(0, seconds).reduce((sum, one) => sum + one, 0) / calls,
    peak: Math.max(...attempts) / perSecond,
    failed: failed / calls,
  };
}

describe("retry amplification, everything failing for 60 s", () => {
  it.each([1000, 100, 50])("is at most 1.1 at %i calls a second; without a budget 3", async (perSecond) => {
    const load = { perSecond, seconds: 60, failing: 1 };
    expect(await worst((random) => amplification(load, random).attempts)).toBeLessThanOrEqual(1.1);
    expect(amplification({ ...load, options: off }, seededRandom(1)).attempts).toBeGreaterThan(2.9);
  });

  it("is three retries a second at 20 calls a second, which is the floor", async () => {
    const load = { perSecond: 20, seconds: 60, failing: 1 };
    const most = await worst((random) => amplification(load, random).attempts);
    expect(most).toBeLessThanOrEqual(1.15);
    expect(most).toBeGreaterThan(1.1);
    expect(amplification({ ...load, options: off }, seededRandom(1)).attempts).toBeGreaterThan(2.9);
  });

  it("is at most 1.1 where a fifth fails; without a budget more", async () => {
    const load = { perSecond: 1000, seconds: 60, failing: 0.2 };
    expect(await worst((random) => amplification(load, random).attempts)).toBeLessThanOrEqual(1.1);
    expect(amplification({ ...load, options: off }, seededRandom(1)).attempts).toBeGreaterThan(1.2);
  });

  it("costs no success where one in a hundred fails: 99.97 %; without retries 99 %", async () => {
    const load = { perSecond: 1000, seconds: 60, failing: 0.01 };
    expect(await worst((random) => amplification(load, random).failed)).toBeLessThanOrEqual(0.0003);
    expect(amplification({ ...load, options: { tries: 1 } }, seededRandom(1)).failed).toBeGreaterThan(0.005);
  });

  it("is at most 1.4 in any one second, also when the failing begins after a long healthy time", async () => {
    const load = { perSecond: 500, seconds: 30, failing: 1, fromMs: 15_500 };
    expect(await worst((random) => amplification(load, random).peak)).toBeLessThanOrEqual(1.4);
    expect(amplification({ ...load, options: off }, seededRandom(1)).peak).toBeGreaterThan(2.5);
  });

  it("is the same around functions", async () => {
    const around = async (random: Random, options?: RetryOptions): Promise<number> => {
      const clock = quickClock();
      const again = retry({ clock, random, ...options });
      let attempts = 0;
      for (let nowMs = 0; nowMs < 10_000; nowMs += 50) {
        for (let i = 0; i < 5; i++) again.run(() => (attempts++, Promise.reject(busy))).catch(() => undefined);
        await clock.advance(50);
      }
      await clock.advance(10_000);
      expect(clock.pending).toBe(0);
      return attempts / 1000;
    };
    expect(await worst(around)).toBeLessThanOrEqual(1.1);
    expect(await around(seededRandom(1), { budget: false })).toBe(3);
  });

  it("is at most 1.35 behind a chain of three services; without budget and attempt number 27", async () => {
    const info = methodInfo({ service: "a", name: "b", timeoutMs: 1 });
    class Incoming extends ActiveCall {
      readonly #attempt: number;
      constructor(nowMs: number, attempt: number) {
        super(info, { startMs: nowMs, timeoutMs: 60_000 });
        this.#attempt = attempt;
      }
      override get attempt(): number {
        return this.#attempt;
      }
    }
    const chain = async (random: Random, options?: RetryOptions, travels = true): Promise<number> => {
      const clock = quickClock();
      const layers = [1, 2, 3].map(() => retry({ clock, random, ...options }));
      let reached = 0;
      const call = (depth: number, attempt: number): Promise<void> => {
        if (depth === layers.length) return (reached++, Promise.reject(busy));
        // Attempts of attempts: what travels on counts those of all layers above.
        const { context } = new Incoming(clock.now(), travels ? attempt : 1);
        return layers[depth]!.run(({ number }) => call(depth + 1, attempt - 1 + number), { context });
      };
      for (let nowMs = 0; nowMs < 10_000; nowMs += 50) {
        for (let i = 0; i < 5; i++) call(0, 1).catch(() => undefined);
        await clock.advance(50);
      }
      await clock.advance(10_000);
      return reached / 1000;
    };
    expect(await worst((random) => chain(random))).toBeLessThanOrEqual(1.35);
    // The budget holds by itself, and so do the attempt numbers.
    expect(await worst((random) => chain(random, {}, false))).toBeLessThanOrEqual(1.35);
    expect(await chain(seededRandom(1), { budget: false })).toBeLessThanOrEqual(7);
    expect(await chain(seededRandom(1), { budget: false }, false)).toBe(27);
  });
});

describe("hedging, 10 ms lognormal with 2 % stragglers at 1 s", () => {
  interface Back {
    /** From then on it answers so. */
    readonly failsAfterMs?: number;
    readonly failure?: "quick" | "silent";
    readonly isHedged?: boolean;
    readonly options?: HedgeOptions;
  }
  const normal = (random: Random): number =>
    Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());

  async function measure(random: Random, { failsAfterMs = Infinity, failure, isHedged = true, options }: Back = {}) {
    const clock = quickClock();
    const twice = hedge({ clock, ...options });
    const durations: number[] = [];
    let runs = 0;
    let attempts = 0;
    let lateRuns = 0;
    let lateAttempts = 0;
    let latestCancelMs = 0;
    const work = async ({ signal }: Attempt): Promise<void> => {
      attempts++;
      if (clock.now() >= failsAfterMs) {
        lateAttempts++;
        if (failure === "quick") throw busy;
        await sleep(1000, { clock, signal });
        throw busy;
      }
      const isStraggler = random.fraction() < 0.02;
      await sleep(isStraggler ? 1000 : 10 * Math.exp(0.5 * normal(random)), { clock, signal });
    };
    for (let nowMs = 0; nowMs < 10_000; nowMs += 5) {
      runs++;
      if (nowMs >= failsAfterMs) lateRuns++;
      const startMs = clock.now();
      const aborted: number[] = [];
      const watched = (attempt: Attempt) => {
        attempt.signal.addEventListener("abort", () => aborted.push(clock.now()));
        return work(attempt);
      };
      const run = isHedged ? twice.run(watched) : work({ number: 1, signal: new AbortController().signal });
      run.then(
        () => {
          durations.push(clock.now() - startMs);
          for (const atMs of aborted) latestCancelMs = Math.max(latestCancelMs, clock.now() - atMs);
        },
        () => undefined,
      );
      await clock.advance(5);
    }
    await clock.advance(5000);
    expect(clock.pending).toBe(0);
    durations.sort((a, b) => a - b);
    return {
      p99: durations[Math.floor(durations.length * 0.99)]!,
      extra: attempts / runs - 1,
      lateExtra: lateAttempts / Math.max(1, lateRuns) - 1,
      latestCancelMs,
    };
  }

  it("cuts p99 tenfold and more for 7 % of calls or less, by a delay it finds itself", async () => {
    for (const seed of seeds) {
      const without = await measure(seededRandom(seed), { isHedged: false });
      const hedged = await measure(seededRandom(seed));
      expect(without.p99 / hedged.p99).toBeGreaterThanOrEqual(10);
      expect(hedged.extra).toBeLessThanOrEqual(0.07);
      expect(hedged.latestCancelMs).toBeLessThanOrEqual(10);
    }
    // The control: a hedge that comes after the stragglers cuts nothing.
    const control = await measure(seededRandom(1), { options: { afterMs: 2000 } });
    expect(control.p99).toBeGreaterThan(900);
  });

  it("asks at most 1 % more under full failure, quick or silent; a hedge without a bound nearly twice as much", async () => {
    for (const failure of ["quick", "silent"] as const) {
      const back = { failsAfterMs: 3000, failure };
      expect(await worst(async (random) => (await measure(random, back)).lateExtra)).toBeLessThanOrEqual(0.01);
    }
    // Nothing bounds this one but its own timer.
    const clock = quickClock();
    let attempts = 0;
    for (let i = 0; i < 100; i++) {
      const silent = () => (attempts++, sleep(1000, { clock }).then(() => Promise.reject(busy)));
      hedge({ clock, afterMs: 20 })
        .run(silent)
        .catch(() => undefined);
      await clock.advance(10);
    }
    await clock.advance(2000);
    expect(attempts / 100).toBeGreaterThan(1.9);
  });

  it("asks at most 1 % more when the budget is empty", async () => {
    const options = { budget: { ratio: 0, perSecond: 0 } };
    expect(await worst(async (random) => (await measure(random, { options })).extra)).toBe(0);
    expect((await measure(seededRandom(1))).extra).toBeGreaterThan(0.01);
  });
});

describe("client throttling, 1000 calls a second offered", () => {
  interface Seen {
    sentPerAccepted: number;
    /** The longest pause between two calls that were sent, after the first of the outage. */
    longestPauseMs: number;
    /** From recovery until 98 % of a second's calls were answered. */
    recoveredMs: number;
  }
  function measure(random: Random, options: ThrottleOptions = {}): Seen {
    const slow = throttle({ random, clock: quickClock(), ...options });
    const seen: Seen = { sentPerAccepted: 0, longestPauseMs: 0, recoveredMs: Infinity };
    let nowMs = 0;
    let sent = 0;
    let accepted = 0;
    // The back-end accepts a hundred a second.
    for (; nowMs < 60_000; nowMs++) {
      if (!slow.tryEnter(nowMs)) continue;
      sent++;
      if (accepted < nowMs / 10) (accepted++, slow.accepted(nowMs));
      else slow.rejected(nowMs);
    }
    seen.sentPerAccepted = sent / accepted;
    let lastMs = nowMs;
    for (const endMs = nowMs + 200_000; nowMs < endMs; nowMs++) {
      if (!slow.tryEnter(nowMs)) continue;
      seen.longestPauseMs = Math.max(seen.longestPauseMs, nowMs - lastMs);
      lastMs = nowMs;
      slow.rejected(nowMs);
    }
    const recoveryMs = nowMs;
    while (nowMs < recoveryMs + 200_000) {
      let passed = 0;
      for (const endMs = nowMs + 1000; nowMs < endMs; nowMs++) {
        if (!slow.tryEnter(nowMs)) continue;
        passed++;
        slow.accepted(nowMs);
      }
      if (passed < 980) continue;
      seen.recoveredMs = nowMs - recoveryMs;
      break;
    }
    return seen;
  }

  it("sends 2.2 calls or less per accepted one, at least one a second, and is back within 60 s of recovery", () => {
    for (const seed of seeds) {
      const { sentPerAccepted, longestPauseMs, recoveredMs } = measure(seededRandom(seed));
      expect(sentPerAccepted).toBeLessThanOrEqual(2.2);
      expect(longestPauseMs).toBeLessThanOrEqual(1000);
      expect(recoveredMs).toBeLessThanOrEqual(60_000);
    }
  });

  it("would need two minutes and more without a bound on what it refuses, over a long window", () => {
    const control = measure(seededRandom(1), { maxReject: 1, windowMs: 120_000, probeMs: 1e9 });
    expect(control.recoveredMs).toBeGreaterThan(120_000);
    expect(control.longestPauseMs).toBeGreaterThan(1000);
    expect(measure(seededRandom(1), { maxReject: 0 }).sentPerAccepted).toBeGreaterThan(9);
  });

  it("lets one a second through, also where that is all there is", () => {
    for (const seed of seeds) {
      const slow = throttle({ random: seededRandom(seed), maxReject: 1 });
      let lastMs = 0;
      for (let nowMs = 0; nowMs < 100_000; nowMs += 50) {
        if (!slow.tryEnter(nowMs)) continue;
        expect(nowMs - lastMs).toBeLessThanOrEqual(1000);
        lastMs = nowMs;
        slow.rejected(nowMs);
      }
    }
  });
});
