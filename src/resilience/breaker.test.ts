import { describe, expect, it } from "vitest";
import {
  ActiveCall,
  backgroundContext,
  descriptionOf,
  settle,
  stateOf,
  type Endpoint,
  type MethodInfo,
  type Middleware,
  type StreamMiddleware,
} from "../endpoint/index.ts";
import { error, policyError } from "../errors/index.ts";
import { virtualClock } from "../testing/virtual-clock.ts";
import { breaker, circuitBreaker, type BreakerOptions } from "./index.ts";

const info = (name: string, kind: MethodInfo["kind"] = "unary"): MethodInfo => ({
  ...backgroundContext().method,
  name,
  kind,
});
const sum = info("sum");
const context = backgroundContext();
const boom = new Error("boom");
const pass: Middleware = (next) => next;

/** Go kit's harness: 100 successes, then failures until the breaker opens, then ten calls that must not arrive. */
function goKitExperiment(middleware: Middleware): { passed: number; blockedReached: number } {
  let isDown = false;
  let reached = 0;
  const endpoint: Endpoint<object, string> = () => {
    reached++;
    if (isDown) throw boom;
    return "well";
  };
  const guarded = middleware(endpoint, sum);
  for (let i = 0; i < 100; i++) expect(guarded({}, context)).toBe("well");
  isDown = true;
  reached = 0;
  let passed = 0;
  for (; passed < 50; passed++) {
    const before = reached;
    expect(() => guarded({}, context)).toThrow(/boom|open/);
    if (reached === before) break;
  }
  const before = reached;
  for (let i = 0; i < 10; i++) expect(() => guarded({}, context)).toThrow(/boom|open/);
  return { passed, blockedReached: reached - before };
}

describe("breaker", () => {
  it.each([
    [{}, 5],
    [{ consecutive: 6 }, 6],
    [{ trip: { ratio: 0.05, of: "last", calls: 100 } }, 5],
    [{ trip: { ratio: 0.05, of: "time", windowMs: 5000 } }, 6],
  ] as [BreakerOptions, number][])(
    "after 100 successes lets exactly so many failures pass, and then nothing reaches the endpoint (TestGobreaker): %j",
    (options, passed) => {
      const found = goKitExperiment(breaker({ ...options, clock: virtualClock() }));
      expect(found).toEqual({ passed, blockedReached: 0 });
    },
  );

  it.each([
    ["no breaker", pass],
    ["a breaker that asks for too much", breaker({ consecutive: 1000 })],
    ["a breaker that takes failures for answers", breaker({ isFailure: () => false })],
  ] as const)("control: with %s every call reaches the dead back-end", (_, middleware) => {
    expect(goKitExperiment(middleware)).toEqual({ passed: 50, blockedReached: 10 });
  });

  it("gives each method a breaker of its own, named after it", () => {
    const names: string[] = [];
    const guard = breaker({ consecutive: 1, onEvent: (event) => names.push(event.name) });
    const down: Endpoint<object, string> = () => {
      throw boom;
    };
    const one = guard(down, sum);
    const other = guard((): string => "well", info("concat"));
    expect(() => one({}, context)).toThrow(boom);
    expect(() => one({}, context)).toThrow("circuit breaker is open");
    expect(other({}, context)).toBe("well");
    expect(names).toEqual(["other.sum"]);
  });

  it("shares the breaker that is given", () => {
    const shared = circuitBreaker({ consecutive: 1 });
    const guard = breaker(shared);
    const down: Endpoint<object, string> = () => {
      throw boom;
    };
    expect(() => guard(down, sum)({}, context)).toThrow(boom);
    expect(() => guard((): string => "well", info("concat"))({}, context)).toThrow("circuit breaker is open");
    shared.reset();
    expect(guard((): string => "well", sum)({}, context)).toBe("well");
  });

  it("keeps a plain value plain and follows a promise", async () => {
    const guard = breaker({ consecutive: 1 });
    expect(guard((): number => 1, sum)({}, context)).toBe(1);
    const later = guard(async (isDown: boolean): Promise<number> => {
      if (isDown) throw boom;
      return 2;
    }, sum);
    expect(await later(false, context)).toBe(2);
    await expect(later(true, context)).rejects.toBe(boom);
    expect(() => later(false, context)).toThrow("circuit breaker is open");
  });

  it("counts declared errors as nothing, returned or thrown", async () => {
    const twoZeroes = error("two_zeroes", { code: "unavailable" });
    const own = circuitBreaker({ consecutive: 1 });
    const guard = breaker(own);
    const throwing: Endpoint<object, string> = () => {
      throw twoZeroes();
    };
    expect(() => guard(throwing, sum)({}, context)).toThrow("two zeroes");
    expect(guard((): unknown => twoZeroes(), sum)({}, context)).toMatchObject({ reason: "two_zeroes" });
    await expect(guard(async (): Promise<never> => Promise.reject(twoZeroes()), sum)({}, context)).rejects.toThrow(
      "two zeroes",
    );
    expect(own.state).toBe("closed");
  });

  it.each([
    ["canceled", "closed"],
    ["deadline_exceeded", "open"],
  ] as const)("judges a call that was called off by why: %s leaves it %s", async (reason, state) => {
    const ends: ((call: ActiveCall) => unknown)[] = [
      (call) => {
        call.cancel(policyError(reason));
        throw boom;
      },
      (call) => (call.cancel(policyError(reason)), "well"),
      async (call) => (call.cancel(policyError(reason)), "well"),
      async (call) => {
        call.cancel(policyError(reason));
        throw boom;
      },
    ];
    for (const end of ends) {
      const own = circuitBreaker({ consecutive: 1 });
      const call = new ActiveCall(sum, { startMs: 0, timeoutMs: 3000 });
      const guarded = breaker(own)((): unknown => end(call), sum);
      await settle(() => guarded({}, call.context), Boolean, Boolean);
      expect(own.state).toBe(state);
    }
  });

  it("does not let a canceled call close it", async () => {
    const clock = virtualClock();
    const own = circuitBreaker({ consecutive: 1, openMs: 1000, clock });
    own.fail(own.tryEnter()!);
    await clock.advance(1000);
    const call = new ActiveCall(sum, { startMs: 0, timeoutMs: 3000 });
    void breaker(own)(() => call.cancel(policyError("canceled")), sum)({}, call.context);
    expect(own.snapshot()).toMatchObject({ state: "half_open", successes: 0, probes: 0 });
  });

  it("judges a stream by how it begins", async () => {
    const own = circuitBreaker({ consecutive: 2, openMs: 1000 });
    const guard: StreamMiddleware = breaker(own);
    const watch = info("watch", "server");
    async function* count(until: number): AsyncIterable<number> {
      for (let n = 1; n <= 3; n++) {
        if (n > until) throw boom;
        yield n;
      }
    }
    const guarded = guard(count, watch);
    const read = async (until: number): Promise<number[]> => {
      const got: number[] = [];
      for await (const n of guarded(until, context)) got.push(n);
      return got;
    };
    own.fail(own.tryEnter()!);
    await expect(read(1)).rejects.toBe(boom);
    expect(own.snapshot()).toMatchObject({ state: "closed", failures: 0 });
    expect(await read(3)).toEqual([1, 2, 3]);
    await expect(read(0)).rejects.toBe(boom);
    await expect(read(0)).rejects.toBe(boom);
    await expect(read(3)).rejects.toThrow("circuit breaker is open");
    expect(own.snapshot().refused).toBe(1);
  });

  it("takes a stream for working that ends without a message or is left early", async () => {
    const own = circuitBreaker({ consecutive: 2 });
    const guard: StreamMiddleware = breaker(own);
    let isClosed = false;
    async function* endless(isEmpty: boolean): AsyncIterable<number> {
      try {
        for (let n = 1; !isEmpty; n++) yield n;
      } finally {
        isClosed = true;
      }
    }
    const guarded = guard(endless, info("watch", "bidi"));
    own.fail(own.tryEnter()!);
    for await (const n of guarded(true, context)) expect.fail(`should be empty, got ${n}`);
    expect(own.snapshot().failures).toBe(0);
    own.fail(own.tryEnter()!);
    isClosed = false;
    for await (const n of guarded(false, context)) if (n === 2) break;
    expect(isClosed).toBe(true);
    expect(own.snapshot()).toMatchObject({ state: "closed", failures: 0 });
  });

  it("describes itself", () => {
    expect(descriptionOf(breaker() as never)).toBe("breaker 5 in a row, open 30000 ms, 1 probe");
    expect(descriptionOf(breaker(circuitBreaker({ consecutive: 2, openMs: 5 })) as never)).toBe(
      "breaker 2 in a row, open 5 ms, 1 probe",
    );
  });

  it("refuses wrong options at construction, not when a method comes", () => {
    expect(() => breaker({ openMs: -1 })).toThrow("circuitBreaker: openMs should be a number from 1 to");
    expect(() => breaker({ tryEnter: 5 } as never)).toThrow("breaker.tryEnter should be a function, got 5");
  });
});

describe("the state of a breaker in a stack", () => {
  it("is read by method, and changes nothing", () => {
    const middleware = breaker({ consecutive: 1, openMs: 1000, clock: virtualClock() }) as Middleware;
    const state = stateOf(middleware)!;
    expect(state(sum)).toBeUndefined();
    const guarded = middleware(() => {
      throw boom;
    }, sum);
    middleware(() => "well", info("concat"));
    expect(state(sum)).toMatchObject({ type: "breaker", state: "closed", name: `${sum.service}.sum` });
    expect(() => guarded({}, context)).toThrow("boom");
    expect(state(sum)).toMatchObject({ state: "open", retryAfterMs: 1000 });
    expect(state(info("sum"))).toBeUndefined();
    expect(JSON.parse(JSON.stringify(state(sum)))).toMatchObject({ state: "open", openings: 1 });
  });

  it("is that of the one breaker where one is given", () => {
    const own = circuitBreaker({ name: "upstream" });
    const middleware = breaker(own) as Middleware;
    middleware(() => "well", sum);
    own.isolate();
    expect(stateOf(middleware)!(sum)).toMatchObject({ name: "upstream", state: "isolated" });
  });
});
