/**
 * The overload row in virtual time: 10 workers of 10 ms behind a queue of their own, callers that leave after 200 ms, offered
 * from 0.8 to 10 times what the workers can do.
 */
import { describe, expect, it, vi } from "vitest";
import { VirtualTime } from "../internal/virtual-time.ts";
import { seededRandom, type Clock, type Random } from "../time/index.ts";
import { adaptiveConcurrency, bulkhead, CRITICALITIES, type AroundFunctions, type Criticality } from "./index.ts";

// In virtual time, so it takes what it takes: far more than any machine needs.
vi.setConfig({ testTimeout: 60_000 });

const WORKERS = 10;
const CALLER_LEAVES_MS = 200;
const CAPACITY_PER_MS = 1;

/** A server that knows nothing of limits: workers, and a first come, first served queue without end. */
class Server {
  workMs: () => number;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #next = 0;
  #busy = 0;

  constructor(clock: Clock, workMs: () => number) {
    this.#clock = clock;
    this.workMs = workMs;
  }

  serve(): Promise<void> {
    return new Promise((resolve) => {
      const begin = (): void => {
        this.#busy++;
        this.#clock.after(this.workMs(), () => {
          this.#busy--;
          resolve();
          if (this.#next < this.#waiting.length) this.#waiting[this.#next++]!();
        });
      };
      if (this.#busy < WORKERS) begin();
      else this.#waiting.push(begin);
    });
  }
}

interface Phase {
  readonly forMs: number;
  /** Of what the workers can do. */
  readonly load: number;
}

interface Experiment {
  readonly seed: number;
  readonly phases: readonly Phase[];
  readonly limit?: ((clock: Clock) => AroundFunctions) | undefined;
  readonly workMs?: ((random: Random) => number) | undefined;
  readonly criticality?: ((random: Random) => Criticality) | undefined;
}

interface Answer {
  readonly atMs: number;
  readonly tookMs: number;
  readonly isShed: boolean;
  readonly criticality: Criticality;
}

async function run({
  seed,
  phases,
  limit,
  workMs = () => 10,
  criticality = () => "default",
}: Experiment): Promise<readonly Answer[]> {
  const time = new VirtualTime(0);
  const random = seededRandom(seed);
  const server = new Server(time, () => workMs(random));
  const around = limit?.(time);
  const answers: Answer[] = [];
  let endMs = 0;
  const arrive = async (): Promise<void> => {
    const atMs = time.now();
    const level = criticality(random);
    const done = (isShed: boolean): void =>
      void answers.push({ atMs, tookMs: time.now() - atMs, isShed, criticality: level });
    try {
      if (around === undefined) await server.serve();
      else await around.run(() => server.serve(), { criticality: level });
      done(false);
    } catch {
      done(true);
    }
  };
  for (const { forMs, load } of phases) {
    const beginMs = endMs;
    endMs += forMs;
    const next = (): void => {
      void arrive();
      const gapMs = -Math.log(1 - random.fraction()) / (load * CAPACITY_PER_MS);
      if (time.now() + gapMs < endMs) time.after(gapMs, next);
    };
    time.after(beginMs - time.now(), next);
    while (time.dueMs < endMs) {
      time.fire();
      // As many turns as the longest chain of promises here needs.
      for (let i = 0; i < 6; i++) await Promise.resolve();
    }
    time.moveTo(endMs);
  }
  while (time.dueMs < endMs + 5000) {
    time.fire();
    for (let i = 0; i < 6; i++) await Promise.resolve();
  }
  return answers;
}

interface Figures {
  /** Answers in time, of what the workers can do. */
  readonly goodput: number;
  readonly p99Ms: number;
  readonly shed: number;
}

/** Of the calls that came from `fromMs` to `toMs`. */
function figures(answers: readonly Answer[], fromMs: number, toMs: number): Figures {
  const came = answers.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const served = came.filter(({ isShed }) => !isShed).map(({ tookMs }) => tookMs);
  const sorted = served.toSorted((a, b) => a - b);
  return {
    goodput: served.filter((ms) => ms <= CALLER_LEAVES_MS).length / ((toMs - fromMs) * CAPACITY_PER_MS),
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    shed: (came.length - served.length) / came.length,
  };
}

const SEEDS = [1, 2, 3, 4, 5];
const adaptive = (clock: Clock): AroundFunctions => adaptiveConcurrency({ clock });
const fixed = (clock: Clock): AroundFunctions => bulkhead({ max: WORKERS, queue: { max: 20, timeoutMs: 50 }, clock });
/** Lognormal around the same mean. */
const lognormal = (random: Random): number => {
  const normal = Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
  return 10 * Math.exp(0.5 * normal - 0.125);
};

describe("under more load than it can do, a server", () => {
  const loads = [
    ["always 10 ms", undefined, 1.5],
    ["always 10 ms", undefined, 3],
    ["always 10 ms", undefined, 10],
    ["lognormal", lognormal, 1.5],
    ["lognormal", lognormal, 3],
  ] as const;
  for (const [name, workMs, load] of loads) {
    it(`with an adaptive limit does what it can, quickly, and is back at once: ${load} times, work ${name}`, async () => {
      for (const seed of SEEDS) {
        const phases = [
          { forMs: 2000, load: 0.8 },
          { forMs: 8000, load },
          { forMs: 10_000, load: 0.8 },
        ];
        const answers = await run({ seed, phases, limit: adaptive, workMs });
        expect(figures(answers, 0, 2000).shed).toBeLessThanOrEqual(0.01);
        const during = figures(answers, 2000, 10_000);
        expect(during.goodput).toBeGreaterThanOrEqual(0.9);
        expect(during.p99Ms).toBeLessThanOrEqual(100);
        const after = figures(answers, 15_000, 20_000);
        expect(after.shed).toBeLessThanOrEqual(0.01);
        expect(after.p99Ms).toBeLessThanOrEqual(50);
      }
    });
  }

  it("comes down from a limit that is far too high", async () => {
    for (const seed of SEEDS) {
      const limit = (clock: Clock): AroundFunctions => adaptiveConcurrency({ initial: 400, clock });
      const answers = await run({ seed, phases: [{ forMs: 20_000, load: 1.5 }], limit });
      const late = figures(answers, 10_000, 20_000);
      expect(late.goodput).toBeGreaterThanOrEqual(0.9);
      expect(late.p99Ms).toBeLessThanOrEqual(100);
    }
  });

  it("goes up from a limit that is far too low, and finds a new one when the work has grown", async () => {
    for (const seed of SEEDS) {
      let nowMs = (): number => 0;
      const limit = (clock: Clock): AroundFunctions => {
        nowMs = clock.now;
        return adaptiveConcurrency({ initial: 4, clock });
      };
      const workMs = (): number => (nowMs() < 10_000 ? 10 : 30);
      const answers = await run({ seed, phases: [{ forMs: 35_000, load: 1.5 }], limit, workMs });
      expect(figures(answers, 5000, 10_000).goodput).toBeGreaterThanOrEqual(0.9);
      // A third of the work can be done now.
      expect(figures(answers, 25_000, 35_000).goodput).toBeGreaterThanOrEqual(0.9 / 3);
    }
  });

  it("with the right number in a bulkhead does what it can, too", async () => {
    for (const load of [0.8, 1.5, 3]) {
      const answers = await run({ seed: 1, phases: [{ forMs: 5000, load }], limit: fixed });
      const { goodput, p99Ms, shed } = figures(answers, 0, 5000);
      expect(goodput).toBeGreaterThanOrEqual(0.9 * Math.min(load, 1));
      expect(p99Ms).toBeLessThanOrEqual(100);
      if (load < 1) expect(shed).toBeLessThanOrEqual(0.01);
    }
  });

  it("serves what matters most, and sheds the least important first", async () => {
    for (const seed of SEEDS) {
      const criticality = (random: Random): Criticality => CRITICALITIES[Math.floor(random.fraction() * 5)]!;
      const answers = await run({ seed, phases: [{ forMs: 8000, load: 2 }], limit: adaptive, criticality });
      const shed = CRITICALITIES.map((one) => {
        const came = answers.filter(({ atMs, criticality }) => criticality === one && atMs > 2000);
        return came.filter(({ isShed }) => isShed).length / came.length;
      });
      // Twice: two and a half of the five kinds fit. Ten workers in step free their places in clumps, hence not all of the second.
      expect(shed[0]).toBeLessThanOrEqual(0.01);
      expect(shed[1]).toBeLessThanOrEqual(0.1);
      expect(shed[4]).toBeGreaterThanOrEqual(0.9);
      expect(shed).toEqual(shed.toSorted((a, b) => a - b));
    }
  });

  it("without any limit answers nobody in time (control)", async () => {
    for (const seed of SEEDS) {
      const answers = await run({ seed, phases: [{ forMs: 20_000, load: 1.5 }] });
      expect(figures(answers, 1000, 20_000).goodput).toBeLessThanOrEqual(0.05);
    }
  });

  it("with a queue that only drops what has expired answers nearly nobody in time (control)", async () => {
    const expired = (clock: Clock): AroundFunctions =>
      bulkhead({ max: WORKERS, queue: { max: 100_000, timeoutMs: CALLER_LEAVES_MS }, clock });
    const answers = await run({ seed: 1, phases: [{ forMs: 10_000, load: 1.5 }], limit: expired });
    expect(figures(answers, 2000, 10_000).goodput).toBeLessThanOrEqual(0.05);
  });
});
