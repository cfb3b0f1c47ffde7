import { describe, expect, expectTypeOf, it } from "vitest";
import { error, policyError, ServiceError } from "../errors/index.ts";
import { virtualClock } from "../testing/virtual-clock.ts";
import { seededRandom, type Clock } from "../time/index.ts";
import { circuitBreaker, type BreakerEvent, type BreakerOptions, type CircuitBreaker } from "./index.ts";

const boom = new Error("boom");
const fails = (): never => {
  throw boom;
};

function make(options: BreakerOptions = {}): {
  clock: ReturnType<typeof virtualClock>;
  events: BreakerEvent[];
  guard: CircuitBreaker;
} {
  const clock = virtualClock();
  const events: BreakerEvent[] = [];
  return { clock, events, guard: circuitBreaker({ clock, onEvent: (event) => events.push(event), ...options }) };
}

function tripped(options: BreakerOptions = {}): ReturnType<typeof make> {
  const made = make({ consecutive: 1, openMs: 1000, ...options });
  expect(() => made.guard.run(fails)).toThrow(boom);
  made.events.length = 0;
  return made;
}

describe("circuitBreaker, closed", () => {
  it("lets everything through as it is: plain values, promises, errors", async () => {
    const { guard } = make();
    // Some libraries' promises are not Promises.
    class Query {
      // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library is what the test is about
      then<R>(ok: (value: number) => R): Promise<R> {
        return Promise.resolve(3).then(ok);
      }
    }
    expect(guard.run(() => 1)).toBe(1);
    expect(await guard.run(async () => 2)).toBe(2);
    expect(await guard.run(() => new Query())).toBe(3);
    expect(() => guard.run(fails)).toThrow(boom);
    await expect(guard.run(() => Promise.reject(boom))).rejects.toBe(boom);
    expect(guard.state).toBe("closed");
  });

  it("opens at the fifth failure in a row unless told otherwise, once", () => {
    const { guard, events } = make();
    for (let i = 0; i < 4; i++) expect(() => guard.run(fails)).toThrow(boom);
    guard.run(() => "well");
    for (let i = 0; i < 4; i++) expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.state).toBe("closed");
    expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.state).toBe("open");
    expect(events).toEqual([{ type: "open", name: "breaker", from: "closed", openMs: 30_000, error: boom }]);
  });

  it("does not read the clock while it counts failures in a row or the last calls", async () => {
    let readings = 0;
    const inner = virtualClock();
    const clock: Clock = { ...inner, now: () => (readings++, inner.now()) };
    for (const trip of [{ consecutive: 3 }, { ratio: 0.5, of: "last" }] as const) {
      const guard = circuitBreaker({ trip, clock });
      guard.run(() => 1);
      await guard.run(async () => 1);
      expect(() => guard.run(fails)).toThrow(boom);
    }
    expect(readings).toBe(0);
    circuitBreaker({ trip: { ratio: 0.5, of: "time" }, clock }).run(() => 1);
    expect(readings).toBeGreaterThan(0);
  });

  it("opens at the part of failures among the last calls, not before there were enough", () => {
    const { guard } = make({ trip: { ratio: 0.5, of: "last", calls: 10, minCalls: 4 } });
    for (let i = 0; i < 3; i++) expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.state).toBe("closed");
    guard.run(() => 1);
    expect(guard.state).toBe("open");
  });

  it("opens at exactly the part that was asked for, whatever fractions are in binary", () => {
    const { guard } = make({ trip: { ratio: 0.07, of: "last", minCalls: 100 } });
    for (let i = 0; i < 93; i++) guard.succeed(guard.tryEnter()!);
    for (let i = 0; i < 7; i++) guard.fail(guard.tryEnter()!);
    expect(guard.state).toBe("open");
  });

  it("forgets calls that are older than the window by number", () => {
    const { guard } = make({ trip: { ratio: 0.5, of: "last", calls: 4, minCalls: 4 } });
    const ends = "x...x...x...x".split("");
    for (const end of ends) {
      if (end === "x") guard.fail(guard.tryEnter()!);
      else guard.succeed(guard.tryEnter()!);
    }
    expect(guard.snapshot()).toMatchObject({ state: "closed", calls: 4, failures: 1 });
  });

  it("forgets calls that are older than the window by time", async () => {
    const { guard, clock } = make({ trip: { ratio: 0.5, of: "time", windowMs: 1000, buckets: 10, minCalls: 4 } });
    for (let i = 0; i < 3; i++) expect(() => guard.run(fails)).toThrow(boom);
    await clock.advance(1000);
    expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.snapshot()).toMatchObject({ state: "closed", calls: 1, failures: 1 });
    for (let i = 0; i < 3; i++) expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.state).toBe("open");
  });

  it("opens over slow calls although they all succeed; control: without the rule it does not", async () => {
    const trip = { ratio: 0.5, of: "last", calls: 10, minCalls: 4 } as const;
    for (const slow of [{ ms: 200, ratio: 0.75 }, undefined]) {
      const { guard, clock, events } = make({ trip, slow });
      for (const ms of [200, 10, 200, 200]) {
        const answer = guard.run(() => new Promise<void>((resolve) => clock.after(ms, resolve)));
        await clock.advance(ms);
        await answer;
      }
      expect(guard.state).toBe(slow === undefined ? "closed" : "open");
      expect(guard.snapshot().slow).toBe(slow === undefined ? 0 : 3);
      expect(events.length).toBe(slow === undefined ? 0 : 1);
    }
  });

  it("measures slow calls itself or takes a duration that was measured", () => {
    const { guard } = make({
      trip: { ratio: 1, of: "last", calls: 2, minCalls: 2 },
      slow: { ms: 50, ratio: 1 },
    });
    guard.succeed(guard.tryEnter()!, 49);
    guard.succeed(guard.tryEnter()!, 50);
    expect(guard.snapshot()).toMatchObject({ state: "closed", calls: 2, slow: 1 });
    guard.succeed(guard.tryEnter()!, 51);
    expect(guard.state).toBe("open");
  });
});

describe("circuitBreaker, open", () => {
  it("calls nothing, and says when to come again", async () => {
    const { guard, clock } = tripped({ openMs: 1000 });
    let calls = 0;
    await clock.advance(400.5);
    expect(() => guard.run(() => calls++)).toThrow(
      expect.objectContaining({ code: "unavailable", reason: "breaker_open", origin: "policy", retryAfterMs: 600 }),
    );
    expect(calls).toBe(0);
    expect(guard.snapshot()).toMatchObject({ state: "open", refused: 1, openings: 1, retryAfterMs: 600 });
  });

  it("refuses each function in its own manner", async () => {
    const { guard } = tripped();
    await expect(guard.run(async () => 1)).rejects.toMatchObject({ reason: "breaker_open" });
    await expect(guard.wrap(async () => 1)()).rejects.toMatchObject({ reason: "breaker_open" });
    expect(() => guard.run(() => Promise.resolve(1))).toThrow("circuit breaker is open");
    expect(() => guard.wrap(() => 1)()).toThrow("circuit breaker is open");
    guard.reset();
    const load = guard.wrap((isDown: boolean) => (isDown ? Promise.reject(boom) : Promise.resolve(1)));
    await load(false);
    await expect(load(true)).rejects.toBe(boom);
    await expect(load(false)).rejects.toMatchObject({ reason: "breaker_open" });
  });

  it("passes arguments and receiver of a wrapped function on", () => {
    const { guard } = make();
    const subject = { base: 10, add: guard.wrap(addTo as (a: number, b: number) => number) };
    function addTo(this: { base: number }, a: number, b: number): number {
      return this.base + a + b;
    }
    expect(subject.add(1, 2)).toBe(13);
  });

  it("ignores answers that come late from before the opening", () => {
    const { guard, events } = make({ consecutive: 2, openMs: 1000 });
    const [a, b, c, d] = [1, 2, 3, 4].map(() => guard.tryEnter()!);
    guard.fail(a!, 1, boom);
    guard.fail(b!, 1, boom);
    expect(guard.state).toBe("open");
    guard.succeed(c!);
    guard.fail(d!, 1, boom);
    guard.release(d!);
    expect(guard.snapshot()).toMatchObject({ state: "open", failures: 2, openings: 1 });
    expect(events).toHaveLength(1);
  });
});

describe("circuitBreaker, half open", () => {
  it("lets one probe through after openMs and closes when it succeeds", async () => {
    const { guard, clock, events } = tripped({ openMs: 1000 });
    await clock.advance(999);
    expect(guard.tryEnter()).toBeUndefined();
    await clock.advance(1);
    expect(guard.state).toBe("open");
    const probe = guard.tryEnter()!;
    expect(guard.state).toBe("half_open");
    expect(guard.tryEnter()).toBeUndefined();
    expect(guard.refusal().retryAfterMs).toBeUndefined();
    guard.succeed(probe);
    expect(guard.snapshot()).toMatchObject({ state: "closed", calls: 0, failures: 0, openings: 0 });
    expect(events.map((event) => event.type)).toEqual(["half_open", "close"]);
  });

  it("opens again when the probe fails, for openMs from then on", async () => {
    const { guard, clock, events } = tripped({ openMs: 1000 });
    await clock.advance(1500);
    expect(() => guard.run(fails)).toThrow(boom);
    expect(events).toEqual([
      { type: "half_open", name: "breaker", from: "open" },
      { type: "open", name: "breaker", from: "half_open", openMs: 1000, error: boom },
    ]);
    await clock.advance(999);
    expect(guard.tryEnter()).toBeUndefined();
    await clock.advance(1);
    expect(guard.tryEnter()).toBeDefined();
  });

  it("never has more probes running than permitted, and closes after enough successes", async () => {
    const { guard, clock } = tripped({ openMs: 1000, permitted: 2, successes: 3 });
    await clock.advance(1000);
    let running = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    const call = guard.wrap(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => answers.push(resolve));
      running--;
    });
    const round = async (): Promise<void> => {
      const results = Array.from({ length: 10 }, () => call());
      for (const answer of answers.splice(0)) answer();
      await Promise.allSettled(results);
    };
    await round();
    expect(guard.snapshot()).toMatchObject({ state: "half_open", successes: 2, probes: 0, refused: 8 });
    await round();
    expect(guard.state).toBe("closed");
    expect(most).toBe(2);
  });

  it("needs as many successes as it permits probes, unless told otherwise", async () => {
    const { guard, clock } = tripped({ openMs: 1000, permitted: 2 });
    await clock.advance(1000);
    guard.run(() => 1);
    expect(guard.state).toBe("half_open");
    guard.run(() => 1);
    expect(guard.state).toBe("closed");
  });

  it("frees the place of a probe that says nothing", async () => {
    const { guard, clock } = tripped({ openMs: 1000 });
    await clock.advance(1000);
    const probe = guard.tryEnter()!;
    guard.release(probe);
    expect(guard.snapshot()).toMatchObject({ state: "half_open", probes: 0, successes: 0 });
    const next = guard.tryEnter()!;
    guard.release(probe);
    guard.succeed(probe);
    expect(guard.snapshot()).toMatchObject({ state: "half_open", probes: 1 });
    guard.succeed(next);
    expect(guard.state).toBe("closed");
  });

  it("takes a probe that never ends for failed after probeMs, so that it does not block for ever", async () => {
    const { guard, clock, events } = tripped({ openMs: 1000, probeMs: 4000 });
    await clock.advance(1000);
    const stuck = guard.tryEnter()!;
    await clock.advance(3999);
    expect(guard.tryEnter()).toBeUndefined();
    expect(guard.state).toBe("half_open");
    await clock.advance(1);
    expect(guard.tryEnter()).toBeUndefined();
    expect(guard.state).toBe("open");
    expect(events.at(-1)).toMatchObject({ type: "open", from: "half_open", error: undefined });
    await clock.advance(1000);
    const next = guard.tryEnter()!;
    guard.succeed(stuck);
    expect(guard.state).toBe("half_open");
    guard.succeed(next);
    expect(guard.state).toBe("closed");
  });

  it("counts the time since a stuck probe failed, although nobody called meanwhile", async () => {
    const { guard, clock, events } = tripped({ openMs: 1000 });
    await clock.advance(1000);
    guard.tryEnter();
    await clock.advance(60_000);
    expect(guard.tryEnter()).toBeDefined();
    expect(events.map((event) => event.type)).toEqual(["half_open", "open", "half_open"]);
  });

  it("takes a slow probe for failed", async () => {
    const trip = { ratio: 1, of: "last", calls: 1 } as const;
    const { guard, clock } = make({ trip, slow: { ms: 100, ratio: 1 }, openMs: 1000 });
    guard.succeed(guard.tryEnter()!, 100);
    await clock.advance(1000);
    guard.succeed(guard.tryEnter()!, 100);
    expect(guard.snapshot()).toMatchObject({ state: "open", openings: 2 });
    await clock.advance(1000);
    guard.succeed(guard.tryEnter()!, 99);
    expect(guard.state).toBe("closed");
  });

  it("stays open longer with each opening in a row, up to a bound, and begins anew after closing", async () => {
    const { guard, clock, events } = tripped({ openMs: 1000, growth: 3, maxOpenMs: 5000 });
    for (const openMs of [1000, 3000, 5000]) {
      await clock.advance(openMs - 1);
      expect(guard.tryEnter()).toBeUndefined();
      await clock.advance(1);
      guard.fail(guard.tryEnter()!, 0, boom);
    }
    await clock.advance(5000);
    guard.run(() => 1);
    expect(() => guard.run(fails)).toThrow(boom);
    const durations = events.flatMap((event) => (event.type === "open" ? event.openMs : []));
    expect(durations).toEqual([3000, 5000, 5000, 1000]);
  });

  it.each([1, 2, 3, 4, 5])(
    "is longer by chance with jitter, never shorter; the same for the same seed (%d)",
    (seed) => {
      const openings = (jitter: number): number[] => {
        const { guard, events } = make({ consecutive: 1, openMs: 1000, jitter, random: seededRandom(seed) });
        for (let i = 0; i < 20; i++) {
          expect(() => guard.run(fails)).toThrow(boom);
          guard.reset();
        }
        return events.flatMap((event) => (event.type === "open" ? event.openMs : []));
      };
      const durations = openings(0.5);
      expect(Math.min(...durations)).toBeGreaterThanOrEqual(1000);
      expect(Math.max(...durations)).toBeLessThan(1500);
      expect(Math.max(...durations) - Math.min(...durations)).toBeGreaterThan(200);
      expect(openings(0.5)).toEqual(durations);
      expect(new Set(openings(0))).toEqual(new Set([1000]));
    },
  );
});

describe("circuitBreaker, by hand", () => {
  it("lets nothing through while isolated, until it is reset", async () => {
    const { guard, clock, events } = make();
    const before = guard.tryEnter()!;
    guard.isolate();
    guard.isolate();
    guard.fail(before, 0, boom);
    await clock.advance(3_600_000);
    expect(() => guard.run(() => 1)).toThrow(
      expect.objectContaining({ reason: "breaker_open", retryAfterMs: undefined }),
    );
    expect(guard.state).toBe("isolated");
    guard.reset();
    expect(guard.run(() => 1)).toBe(1);
    expect(events).toEqual([
      { type: "isolate", name: "breaker", from: "closed" },
      { type: "reset", name: "breaker", from: "isolated" },
    ]);
  });

  it("forgets what it counted and what still runs when it is reset", () => {
    const { guard } = make({ consecutive: 2 });
    const before = guard.tryEnter()!;
    expect(() => guard.run(fails)).toThrow(boom);
    guard.reset();
    guard.fail(before, 0, boom);
    expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.snapshot()).toMatchObject({ state: "closed", failures: 1 });
  });

  it("can be closed or isolated by its own listener, in the middle of a call", async () => {
    const { guard, clock } = make({
      consecutive: 1,
      openMs: 1000,
      onEvent: (event) => {
        if (event.type === "open" && event.from === "closed") return;
        if (event.type === "half_open") guard.reset();
        if (event.type === "reset") guard.isolate();
      },
    });
    expect(() => guard.run(fails)).toThrow(boom);
    await clock.advance(1000);
    expect(() => guard.run(() => 1)).toThrow("circuit breaker is open");
    expect(guard.state).toBe("isolated");
  });

  it("goes on with the call when its listener closes it instead of probing", async () => {
    const { guard, clock } = make({
      consecutive: 1,
      openMs: 1000,
      onEvent: (event) => event.type === "half_open" && guard.reset(),
    });
    expect(() => guard.run(fails)).toThrow(boom);
    await clock.advance(1000);
    expect(guard.run(() => 1)).toBe(1);
    expect(guard.state).toBe("closed");
  });

  it("does not let a listener that throws touch the call", () => {
    const guard = circuitBreaker({ consecutive: 1, onEvent: fails });
    expect(() => guard.run(fails)).toThrow(boom);
    expect(guard.state).toBe("open");
  });

  it("tells how it stands as plain data, and what it is set to in a line", () => {
    const { guard } = make({ name: "profiles", trip: { ratio: 0.5, of: "last" }, slow: { ms: 200, ratio: 0.8 } });
    guard.run(() => 1);
    expect(JSON.parse(JSON.stringify(guard.snapshot()))).toEqual({
      name: "profiles",
      state: "closed",
      calls: 1,
      failures: 0,
      slow: 0,
      refused: 0,
      openings: 0,
      probes: 0,
      successes: 0,
    });
    expect(guard.describe()).toBe("breaker 50% of the last 100 or 80% slower than 200 ms, open 30000 ms, 1 probe");
    expect(circuitBreaker({ permitted: 3, openMs: 5000 }).describe()).toBe(
      "breaker 5 in a row, open 5000 ms, 3 probes",
    );
    expect(circuitBreaker({ trip: { ratio: 0.1, of: "time", windowMs: 500 } }).describe()).toBe(
      "breaker 10% in 500 ms, open 30000 ms, 1 probe",
    );
  });
});

describe("circuitBreaker and errors", () => {
  const twoZeroes = error("two_zeroes", { code: "unavailable" });

  it("counts declared errors as nothing, thrown or returned, now or later", async () => {
    const { guard } = make({ consecutive: 2 });
    const throws = (): never => {
      throw twoZeroes();
    };
    expect(() => guard.run(fails)).toThrow(boom);
    expect(() => guard.run(throws)).toThrow("two zeroes");
    expect(guard.run(() => twoZeroes()).reason).toBe("two_zeroes");
    await expect(guard.run(async () => throws())).rejects.toThrow("two zeroes");
    expect((await guard.run(async () => twoZeroes())).reason).toBe("two_zeroes");
    expect(guard.snapshot()).toMatchObject({ state: "closed", failures: 1 });
  });

  it("control: the same errors undeclared open it, also when they are returned", async () => {
    const down = (): ServiceError => new ServiceError("down", { code: "unavailable" });
    const { guard } = make({ consecutive: 2 });
    expect(guard.run(down).code).toBe("unavailable");
    expect((await guard.run(async () => down())).code).toBe("unavailable");
    expect(guard.state).toBe("open");
  });

  it("asks isFailure about the rest only, and takes no for an answer of the back-end", () => {
    const asked: unknown[] = [];
    const { guard } = make({ consecutive: 1, isFailure: (one) => (asked.push(one), false) });
    const missing = new ServiceError("no profile 7", { code: "not_found" });
    for (const one of [boom, missing, twoZeroes(), policyError("canceled"), policyError("rate_limited")]) {
      guard.record(guard.tryEnter()!, one);
    }
    expect(asked).toEqual([boom, missing]);
    expect(guard.state).toBe("closed");
  });

  it("settles the probe even when isFailure throws", async () => {
    let isBroken = false;
    const { guard, clock } = tripped({
      isFailure: () => {
        if (isBroken) throw new Error("judge broke");
        return true;
      },
    });
    isBroken = true;
    await clock.advance(1000);
    expect(() => guard.run(fails)).toThrow("judge broke");
    expect(guard.snapshot()).toMatchObject({ state: "open", openings: 2 });
  });
});

describe("circuitBreaker's options", () => {
  it.each([
    [{ trip: { consecutive: 0 } }, "circuitBreaker: consecutive should be an integer from 1 to"],
    [{ consecutive: 2.5 }, "circuitBreaker: consecutive should be an integer from 1 to"],
    [{ consecutive: 2, trip: { consecutive: 2 } }, "trip and consecutive should not be given together"],
    [{ trip: { consecutive: 2, calls: 5 } }, 'circuitBreaker: trip has no option "calls"'],
    [{ trip: { ratio: 0, of: "last" } }, "circuitBreaker: trip.ratio should be a number above 0 and at most 1, got 0"],
    [
      { trip: { ratio: 50, of: "last" } },
      "circuitBreaker: trip.ratio should be a number above 0 and at most 1, got 50",
    ],
    [{ trip: { ratio: 0.5 } }, 'circuitBreaker: trip.of should be one of "last", "time", got undefined'],
    [{ trip: { ratio: 0.5, of: "last", calls: 0 } }, "circuitBreaker: trip.calls should be an integer from 1 to"],
    [
      { trip: { ratio: 0.5, of: "last", calls: 5, minCalls: 6 } },
      "circuitBreaker: trip.minCalls should be an integer from 1 to 5, got 6",
    ],
    [{ trip: { ratio: 0.5, of: "last", windowMs: 5 } }, 'circuitBreaker: trip has no option "windowMs"'],
    [{ trip: { ratio: 0.5, of: "time", windowMs: 0 } }, "circuitBreaker: trip.windowMs should be a number from 1 to"],
    [
      { trip: { ratio: 0.5, of: "time", buckets: 0 } },
      "circuitBreaker: trip.buckets should be an integer from 1 to 1000, got 0",
    ],
    [{ trip: { ratio: 0.5, of: "time", minCalls: 0 } }, "circuitBreaker: trip.minCalls should be an integer from 1 to"],
    [{ slow: { ms: 5, ratio: 0.5 } }, "circuitBreaker: slow should come with a trip over a window"],
    [
      { trip: { ratio: 0.5, of: "last" }, slow: { ms: 0, ratio: 0.5 } },
      "circuitBreaker: slow.ms should be a number from",
    ],
    [
      { trip: { ratio: 0.5, of: "last" }, slow: { ms: 5, ratio: 2 } },
      "circuitBreaker: slow.ratio should be a number above 0",
    ],
    [{ openMs: 0 }, "circuitBreaker: openMs should be a number from 1 to"],
    [{ growth: 0.5 }, "circuitBreaker: growth should be a number from 1 to 1000, got 0.5"],
    [{ openMs: 100, maxOpenMs: 99 }, "circuitBreaker: maxOpenMs should be a number from 100 to"],
    [{ jitter: 1.1 }, "circuitBreaker: jitter should be a number from 0 to 1, got 1.1"],
    [{ permitted: 0 }, "circuitBreaker: permitted should be an integer from 1 to 10000, got 0"],
    [{ successes: 0 }, "circuitBreaker: successes should be an integer from 1 to"],
    [{ probeMs: 0 }, "circuitBreaker: probeMs should be a number from 1 to"],
    [{ isFailure: true }, "circuitBreaker: isFailure should be a function, got true"],
    [{ onEvent: "log" }, 'circuitBreaker: onEvent should be a function, got "log"'],
    [{ name: "" }, "circuitBreaker: name should be a non-empty string"],
    [{ timeout: 5 }, 'circuitBreaker has no option "timeout"'],
  ])("refuses %j", (options, message) => {
    expect(() => circuitBreaker(options as never)).toThrow(message);
  });

  it("keeps the types of what it wraps and narrows its events", () => {
    const guard = circuitBreaker();
    expectTypeOf(guard.wrap((a: number, b?: string) => `${a}${b}`)).toEqualTypeOf<(a: number, b?: string) => string>();
    expectTypeOf(guard.run(async () => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf<Extract<BreakerEvent, { type: "open" }>["from"]>().toEqualTypeOf<"closed" | "half_open">();
    // @ts-expect-error a window by number has no length in time
    expect(() => circuitBreaker({ trip: { ratio: 0.5, of: "last", windowMs: 5 } })).toThrow(RangeError);
    // @ts-expect-error wrap takes a function
    expect(() => guard.wrap(5)).toThrow(TypeError);
  });
});
