import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { circuitBreaker, type BreakerTicket, type Trip } from "./index.ts";

// Thousands of runs each, so it takes what it takes: far more than any machine needs.
vi.setConfig({ testTimeout: 60_000 });

// The breaker once more, as plainly as can be: it keeps every end it was told and adds them up anew each time, knows no
// tickets but counts the states there have been, and looks at the time before everything it does.
interface End {
  readonly atMs: number;
  readonly isFailure: boolean;
}

type Numbers = "openMs" | "growth" | "maxOpenMs" | "permitted" | "successes" | "probeMs";
type ModelOptions = { readonly [N in Numbers]: number } & { readonly trip: Trip };

class Model {
  state: "closed" | "open" | "half_open" | "isolated" = "closed";
  era = 0;
  ends: End[] = [];
  untilMs = 0;
  openings = 0;
  successes = 0;
  probes: { readonly id: number; readonly atMs: number }[] = [];
  readonly options: ModelOptions;

  constructor(options: ModelOptions) {
    this.options = options;
  }

  enter(id: number, nowMs: number): boolean {
    const { permitted, probeMs } = this.options;
    const late = this.probes.filter((probe) => probe.atMs + probeMs <= nowMs).map((probe) => probe.atMs + probeMs);
    if (this.state === "half_open" && late.length > 0) this.open(Math.min(...late));
    if (this.state === "open" && nowMs >= this.untilMs) this.become("half_open");
    if (this.state === "closed") return true;
    if (this.state !== "half_open" || this.probes.length >= permitted) return false;
    this.probes.push({ id, atMs: nowMs });
    return true;
  }

  end(call: { id: number; era: number }, kind: "success" | "failure" | "neither", nowMs: number): void {
    if (call.era !== this.era) return;
    if (this.state === "closed" && kind !== "neither") {
      this.ends.push({ atMs: nowMs, isFailure: kind === "failure" });
      if (this.isTooMuch(nowMs)) this.open(nowMs);
    } else if (this.state === "half_open") {
      this.probes = this.probes.filter((probe) => probe.id !== call.id);
      if (kind === "failure") this.open(nowMs);
      else if (kind === "success" && ++this.successes === this.options.successes) {
        this.openings = 0;
        this.become("closed");
      }
    }
  }

  isTooMuch(nowMs: number): boolean {
    const { trip } = this.options;
    if ("consecutive" in trip) {
      const last = this.ends.slice(-trip.consecutive);
      return last.length === trip.consecutive && last.every((end) => end.isFailure);
    }
    const window =
      trip.of === "last"
        ? this.ends.slice(-trip.calls!)
        : this.ends.filter(({ atMs }) => {
            const stepMs = trip.windowMs! / trip.buckets!;
            return Math.floor(nowMs / stepMs) - Math.floor(atMs / stepMs) < trip.buckets!;
          });
    const failures = window.filter((end) => end.isFailure).length;
    return window.length >= trip.minCalls! && failures / window.length >= trip.ratio;
  }

  open(atMs: number): void {
    const { openMs, growth, maxOpenMs } = this.options;
    this.untilMs = atMs + Math.min(maxOpenMs, openMs * growth ** this.openings++);
    this.become("open");
  }

  become(state: Model["state"]): void {
    this.state = state;
    this.era++;
    this.ends = [];
    this.probes = [];
    this.successes = 0;
  }
}

const act = fc.oneof(
  { weight: 9, arbitrary: fc.constant({ kind: "enter" as const }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      which: fc.nat(30),
      how: fc.constantFrom(...(["success", "success", "failure", "failure", "failure", "neither"] as const)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 40, 99, 100, 350, 1200) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("isolate" as const, "reset" as const) }) },
);

const trips: [string, Trip][] = [
  ["failures in a row", { consecutive: 3 }],
  ["the last calls", { ratio: 0.5, of: "last", calls: 6, minCalls: 3 }],
  ["a stretch of time", { ratio: 0.4, of: "time", windowMs: 500, buckets: 5, minCalls: 3 }],
];

describe("the breaker's machine", () => {
  it.each(trips)("does what a plain model does, over %s", async (_, trip) => {
    const config = fc.record({
      permitted: fc.integer({ min: 1, max: 3 }),
      successes: fc.integer({ min: 1, max: 3 }),
      growth: fc.constantFrom(1, 2),
      probeMs: fc.constantFrom(100, 400),
    });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(config, fc.array(act, { minLength: 10, maxLength: 120 }), async (some, acts) => {
        const clock = virtualClock();
        const options = { trip, openMs: 100, maxOpenMs: 350, ...some };
        let transitions = 0;
        const guard = circuitBreaker({ ...options, clock, onEvent: () => transitions++ });
        const model = new Model(options);
        const calls: { readonly id: number; readonly era: number; readonly ticket: BreakerTicket }[] = [];
        const entered: boolean[] = [];
        const expected: boolean[] = [];
        let id = 0;
        for (const one of acts) {
          const nowMs = clock.now();
          if (one.kind === "enter") {
            const ticket = guard.tryEnter();
            entered.push(ticket !== undefined);
            expected.push(model.enter(++id, nowMs));
            if (ticket !== undefined) calls.push({ id, era: model.era, ticket });
          } else if (one.kind === "end") {
            // Any call still out, also from states long gone: most of those ends come late.
            const call = calls.splice(one.which % Math.max(1, calls.length), 1)[0];
            if (call === undefined) continue;
            if (one.how === "success") guard.succeed(call.ticket);
            else if (one.how === "failure") guard.fail(call.ticket);
            else guard.release(call.ticket);
            model.end(call, one.how, nowMs);
          } else if (one.kind === "pass") {
            await clock.advance(one.ms);
          } else if (one.kind === "isolate") {
            guard.isolate();
            if (model.state !== "isolated") model.become("isolated");
          } else {
            guard.reset();
            model.openings = 0;
            model.become("closed");
          }
          seen.add(model.state);
          expect(entered).toEqual(expected);
          expect(guard.state).toBe(model.state);
          expect(transitions).toBe(model.era);
          expect(guard.snapshot()).toMatchObject({ openings: model.openings, probes: model.probes.length });
          expect(model.probes.length).toBeLessThanOrEqual(some.permitted);
        }
      }),
      // Fewer have been seen to miss a state.
      { numRuns: 500 },
    );
    expect([...seen].toSorted()).toEqual(["closed", "half_open", "isolated", "open"]);
  });

  it("keeps a window by time right over any pauses, also on a clock that began below zero", async () => {
    const pauses = fc.array(fc.record({ ms: fc.constantFrom(0, 5, 50, 95, 100, 500, 5000), isFailure: fc.boolean() }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(0, -250, -7777), pauses, async (originMs, steps) => {
        const inner = virtualClock();
        const clock = { ...inner, now: () => originMs + inner.now() };
        const trip = { ratio: 1, of: "time", windowMs: 300, buckets: 3, minCalls: 1000 } as const;
        const guard = circuitBreaker({ trip, clock });
        const ends: End[] = [];
        for (const { ms, isFailure } of steps) {
          await inner.advance(ms);
          const ticket = guard.tryEnter()!;
          if (isFailure) guard.fail(ticket);
          else guard.succeed(ticket);
          ends.push({ atMs: clock.now(), isFailure });
          const step = (atMs: number): number => Math.floor(atMs / 100);
          const window = ends.filter(({ atMs }) => step(clock.now()) - step(atMs) < 3);
          const failures = window.filter((end) => end.isFailure).length;
          expect(guard.snapshot()).toMatchObject({ calls: window.length, failures });
        }
        await inner.advance(300);
        expect(guard.snapshot()).toMatchObject({ calls: 0, failures: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it("does not bring old calls back when the clock steps back", () => {
    let nowMs = 1000;
    const clock = { ...virtualClock(), now: () => nowMs };
    const guard = circuitBreaker({ trip: { ratio: 1, of: "time", windowMs: 300, buckets: 3, minCalls: 100 }, clock });
    guard.succeed(guard.tryEnter()!);
    nowMs = 500;
    guard.succeed(guard.tryEnter()!);
    expect(guard.snapshot().calls).toBe(2);
    nowMs = 1000;
    expect(guard.snapshot().calls).toBe(2);
    nowMs = 1300;
    expect(guard.snapshot().calls).toBe(0);
  });
});
