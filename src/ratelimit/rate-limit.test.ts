import { describe, expect, it } from "vitest";
import {
  ActiveCall,
  backgroundContext,
  descriptionOf,
  stateOf,
  type Admission,
  type Context,
  type MethodInfo,
} from "../endpoint/index.ts";
import { policyError, ServiceError } from "../errors/index.ts";
import { virtualClock, type VirtualClock } from "../testing/virtual-clock.ts";
import { rateLimit, tokenBucket } from "./index.ts";

const info = (name: string): MethodInfo => ({ ...backgroundContext().method, name });
const sum = info("sum");
const concat = info("concat");

function call(clock: VirtualClock, { peer = "", timeoutMs = 3000, method = sum } = {}): ActiveCall {
  const made = new ActiveCall(method, { startMs: clock.now(), timeoutMs });
  made.peer = peer;
  return made;
}

const passes = (admission: Admission | Promise<Admission>): boolean => !ServiceError.is(admission);

describe("rateLimit", () => {
  it("lets a call on with its own context, at once", () => {
    const { context } = call(virtualClock());
    expect(rateLimit({ perSecond: 1, clock: virtualClock() })(context, sum)).toBe(context);
  });

  it("refuses the second call of one a minute as Go kit does, with a hint (TestXRateErroring)", () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1 / 60, burst: 1, clock });
    const { context } = call(clock);
    expect(gate(context, sum)).toBe(context);
    expect(gate(context, sum)).toMatchObject({
      message: "rate limit exceeded",
      code: "resource_exhausted",
      reason: "rate_limited",
      origin: "policy",
      retryAfterMs: 60_000,
    });
  });

  it("gives a hint in whole milliseconds that is long enough", async () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 3, burst: 1, clock });
    const { context } = call(clock);
    expect(gate(context, sum)).toBe(context);
    expect(gate(context, sum)).toMatchObject({ retryAfterMs: 334 });
    await clock.advance(334);
    // A later call: refusals are decided by when a call began.
    const later = call(clock).context;
    expect(gate(later, sum)).toBe(later);
  });

  it("control: a limit that is too wide lets the same second call through", () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1 / 60, burst: 2, clock });
    const { context } = call(clock);
    expect([gate(context, sum), gate(context, sum)].map(passes)).toEqual([true, true]);
  });

  it("counts the methods it stands before one by one, in any order of calls", () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1, burst: 2, clock });
    const { context } = call(clock);
    const order = [sum, concat, sum, concat, sum, concat];
    expect(order.map((method) => passes(gate(context, method)))).toEqual([true, true, true, true, false, false]);
  });

  it("counts methods together that share a bucket, which can change while running", () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 1, burst: 2, clock });
    const gate = rateLimit({ bucket });
    const { context } = call(clock);
    expect([sum, concat, sum].map((method) => passes(gate(context, method)))).toEqual([true, true, false]);
    expect(gate(context, sum)).toMatchObject({ retryAfterMs: 1000 });
    bucket.set({ perSecond: 1000, burst: 50 });
    expect(gate(context, sum)).toMatchObject({ retryAfterMs: 1 });
  });

  it("counts peers one by one, per method", () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1, burst: 1, key: "peer", clock });
    const ada = call(clock, { peer: "10.0.0.1" }).context;
    const bob = call(clock, { peer: "10.0.0.2" }).context;
    expect([gate(ada, sum), gate(ada, sum), gate(bob, sum), gate(ada, concat)].map(passes)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(gate(ada, sum)).toMatchObject({ retryAfterMs: 1000 });
  });

  it("counts by any key; calls without one share a bucket", () => {
    const clock = virtualClock();
    const tenant = (context: Context): string | undefined => context.peer || undefined;
    const gate = rateLimit({ perSecond: 1, burst: 1, key: tenant, clock });
    const blue = call(clock, { peer: "blue" }).context;
    const none = call(clock).context;
    expect([blue, none, none, blue].map((context) => passes(gate(context, sum)))).toEqual([true, true, false, false]);
  });

  it("keeps at most maxKeys callers per method", () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1, burst: 1, key: "peer", maxKeys: 1, clock });
    const [ada, bob] = ["ada", "bob"].map((peer) => call(clock, { peer }).context);
    expect([ada!, bob!, ada!].map((context) => passes(gate(context, sum)))).toEqual([true, true, true]);
  });

  it("waits its turn within the deadline", async () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 10, burst: 1, mode: "wait", clock });
    const { context } = call(clock);
    expect(gate(context, sum)).toBe(context);
    let admitted: Admission | undefined;
    void Promise.resolve(gate(context, sum)).then((admission) => (admitted = admission));
    await clock.advance(99);
    expect(admitted).toBeUndefined();
    await clock.advance(1);
    expect(admitted).toBe(context);
    expect(clock.pending).toBe(0);
  });

  it("fails at once when the wait exceeds the deadline: one a minute, 500 ms (TestXRateDelaying)", async () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1 / 60, burst: 1, mode: "wait", clock });
    const { context } = call(clock, { timeoutMs: 500 });
    expect(gate(context, sum)).toBe(context);
    expect(await gate(context, sum)).toMatchObject({ reason: "rate_limited", retryAfterMs: 60_000 });
    expect(clock.pending).toBe(0);
  });

  it("gives the turn back of a caller that leaves, and of one that had left", async () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 10, burst: 1, key: "peer", mode: "wait", clock });
    const gone = call(clock);
    expect(gate(gone.context, sum)).toBe(gone.context);
    const waiting = gate(gone.context, sum);
    const reason = policyError("canceled");
    gone.cancel(reason);
    expect(await waiting).toBe(reason);
    expect(gate(gone.context, sum)).toBe(reason);
    expect(clock.pending).toBe(0);
    await clock.advance(100);
    const { context } = call(clock);
    expect(gate(context, sum)).toBe(context);
  });

  it("waits for a shared bucket too, and passes on what is no refusal", async () => {
    const clock = virtualClock();
    const bucket = tokenBucket({ perSecond: 10, burst: 1, clock });
    const gate = rateLimit({ bucket, mode: "wait" });
    const { context } = call(clock);
    expect(gate(context, sum)).toBe(context);
    const waiting = gate(context, sum);
    await clock.advance(100);
    expect(await waiting).toBe(context);
    const broken = { ...bucket, take: () => false, wait: () => Promise.reject(new Error("lost")) };
    await expect(rateLimit({ bucket: broken, mode: "wait" })(context, sum)).rejects.toThrow("lost");
    const quick = { ...bucket, take: () => false, wait: () => undefined };
    expect(rateLimit({ bucket: quick, mode: "wait" })(context, sum)).toBe(context);
  });

  it("describes itself", () => {
    const tenant = (context: Context): string => context.peer;
    const bucket = tokenBucket({ perSecond: 5, burst: 7 });
    expect(descriptionOf(rateLimit({ perSecond: 100, burst: 20 }))).toBe("rateLimit 100/s burst 20");
    expect(descriptionOf(rateLimit({ perSecond: 0.1, key: "peer" }))).toBe("rateLimit 0.1/s burst 1 per peer");
    expect(descriptionOf(rateLimit({ perSecond: 3, key: tenant, mode: "wait" }))).toBe(
      "rateLimit 3/s burst 3 per tenant waiting",
    );
    expect(descriptionOf(rateLimit({ bucket, mode: "wait" }))).toBe("rateLimit 5/s burst 7 shared waiting");
  });

  it.each([
    [{ perSecond: 0 }, "perSecond should be a finite number above 0, got 0"],
    [{ perSecond: 1, burst: 0 }, "burst should be a number from 1 to"],
    [{ perSecond: 1, key: "peer", maxKeys: 0 }, "maxKeys should be an integer from 1 to"],
    [{ perSecond: 1, key: "host" }, 'key should be a function, got "host"'],
    [{ perSecond: 1, mode: "queue" }, 'mode should be one of "refuse", "wait", got "queue"'],
    [{ perSecond: 1, keys: "peer" }, 'rateLimit has no option "keys"'],
    [{ bucket: tokenBucket({ perSecond: 1 }), perSecond: 1 }, 'rateLimit with a bucket has no option "perSecond"'],
    [{ bucket: {} }, "bucket.take should be a function, got undefined"],
    [{ bucket: { take: () => true }, mode: "wait" }, "bucket.wait should be a function, got undefined"],
  ])("refuses %j at construction", (options, message) => {
    expect(() => rateLimit(options as never)).toThrow(message);
  });

  it("has options that do not mix", () => {
    const bucket = tokenBucket({ perSecond: 1 });
    // @ts-expect-error a limit has a pace or a bucket
    expect(() => rateLimit({ mode: "wait" })).toThrow(RangeError);
    rateLimit({ bucket });
  });
});

describe("the state of a limit in a stack", () => {
  it("is the tokens of the method's bucket; looking takes none and makes none", () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 30, burst: 4, clock });
    const state = stateOf(gate)!;
    expect(state(concat)).toEqual({ type: "limiter", perSecond: 30, burst: 4, tokens: 4 });
    void gate(call(clock).context, sum);
    expect([state(sum), state(concat)]).toMatchObject([{ tokens: 3 }, { tokens: 4 }]);
    expect(state(sum)).toMatchObject({ tokens: 3 });
  });

  it("is the number of keys, and of those with nothing left", async () => {
    const clock = virtualClock();
    const gate = rateLimit({ perSecond: 1, burst: 1, key: "peer", clock });
    expect(stateOf(gate)!(sum)).toMatchObject({ per: "peer", keys: 0, empty: 0 });
    void gate(call(clock, { peer: "a" }).context, sum);
    await clock.advance(600);
    void gate(call(clock, { peer: "b" }).context, sum);
    expect(stateOf(gate)!(sum)).toMatchObject({ keys: 2, empty: 2 });
    await clock.advance(600);
    expect(stateOf(gate)!(sum)).toMatchObject({ keys: 2, empty: 1 });
  });

  it("is that of the one bucket where one is given", () => {
    const bucket = tokenBucket({ perSecond: 1, burst: 3, clock: virtualClock() });
    bucket.take();
    expect(stateOf(rateLimit({ bucket }))!(sum)).toEqual({ type: "limiter", perSecond: 1, burst: 3, tokens: 2 });
  });
});
