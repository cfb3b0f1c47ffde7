import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServiceError } from "../errors/index.ts";
import { settled, virtualClock, type VirtualClock } from "../testing/virtual-clock.ts";
import { tokenBucket, type TokenBucket } from "./index.ts";

/** A bucket of one token, already empty. */
function empty(perSecond: number, burst = 1): { clock: VirtualClock; bucket: TokenBucket } {
  const clock = virtualClock();
  const bucket = tokenBucket({ perSecond, burst, clock });
  bucket.take(burst);
  return { clock, bucket };
}

function failure(waiting: Promise<void> | undefined): Promise<ServiceError> {
  return waiting!.then(
    () => expect.fail("should have been refused"),
    (error: unknown) => error as ServiceError,
  );
}

describe("TokenBucket.wait", () => {
  it("is undefined when the token is there", () => {
    const bucket = tokenBucket({ perSecond: 1, burst: 2, clock: virtualClock() });
    expect(bucket.wait()).toBeUndefined();
    expect(bucket.available).toBe(1);
  });

  it("serves in the order of arrival, each at its time", async () => {
    const { clock, bucket } = empty(10);
    const served: [string, number][] = [];
    for (const name of ["a", "b", "c"]) void bucket.wait()!.then(() => served.push([name, clock.now()]));
    await clock.advance(1000);
    expect(served).toEqual([
      ["a", 100],
      ["b", 200],
      ["c", 300],
    ]);
    expect(clock.pending).toBe(0);
  });

  it("lets nobody pass who did not wait, and counts those who do in what it says", async () => {
    const { clock, bucket } = empty(10);
    void bucket.wait();
    void bucket.wait();
    await clock.advance(99);
    expect(bucket.take()).toBe(false);
    expect(bucket.waitMs()).toBeCloseTo(201, 9);
    expect(bucket.available).toBe(0);
    await clock.advance(201);
    expect(bucket.take()).toBe(true);
  });

  it("does not let a small wish pass a large one", async () => {
    const { clock, bucket } = empty(10, 5);
    const served: string[] = [];
    void bucket.wait({ count: 5 })!.then(() => served.push("five"));
    void bucket.wait()!.then(() => served.push("one"));
    await clock.advance(499);
    expect(served).toEqual([]);
    await clock.advance(1);
    expect(served).toEqual(["five"]);
    await clock.advance(100);
    expect(served).toEqual(["five", "one"]);
  });

  it("fails at once, with the hint, when the turn would come after the deadline", async () => {
    const { clock, bucket } = empty(1 / 60);
    const error = await failure(bucket.wait({ deadlineMs: clock.now() + 500 }));
    expect(error).toMatchObject({ code: "resource_exhausted", reason: "rate_limited", retryAfterMs: 60_000 });
    expect(clock.pending).toBe(0);
    expect(bucket.waitMs()).toBeCloseTo(60_000, 6);
  });

  it("fails at once when the turn would come after the longest wait, not when it comes with it", async () => {
    const { clock, bucket } = empty(10);
    expect((await failure(bucket.wait({ maxWaitMs: 99 }))).reason).toBe("rate_limited");
    const waiting = bucket.wait({ maxWaitMs: 100 });
    await clock.advance(100);
    await expect(waiting).resolves.toBeUndefined();
  });

  it("fails without a hint when more is wanted than the bucket holds", async () => {
    const { clock, bucket } = empty(10);
    const error = await failure(bucket.wait({ count: 2 }));
    expect(error.retryAfterMs).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("takes nothing for a caller that left before", async () => {
    const bucket = tokenBucket({ perSecond: 1, burst: 1, clock: virtualClock() });
    await expect(bucket.wait({ signal: AbortSignal.abort(new Error("left")) })).rejects.toThrow("left");
    expect(bucket.available).toBe(1);
  });

  it("gives the place back when called off: all behind move up, and nothing is left over", async () => {
    const { clock, bucket } = empty(10);
    const served: [string, number][] = [];
    const first = new AbortController();
    const second = new AbortController();
    const a = bucket.wait({ signal: first.signal });
    const b = bucket.wait({ signal: second.signal });
    void bucket.wait()!.then(() => served.push(["c", clock.now()]));
    await clock.advance(50);
    second.abort(new Error("second left"));
    first.abort(new Error("first left"));
    await expect(a).rejects.toThrow("first left");
    await expect(b).rejects.toThrow("second left");
    expect(clock.pending).toBe(1);
    await clock.advance(50);
    expect(served).toEqual([["c", 100]]);
    await clock.advance(100);
    expect(bucket.available).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer when all have left, and ignores an abort after the turn", async () => {
    const { clock, bucket } = empty(10);
    const control = new AbortController();
    const waiting = bucket.wait({ signal: control.signal });
    await clock.advance(100);
    await waiting;
    control.abort();
    expect(bucket.waitMs()).toBeCloseTo(100, 9);
    const other = new AbortController();
    const called = bucket.wait({ signal: other.signal });
    other.abort(new Error("left"));
    await expect(called).rejects.toThrow("left");
    expect(clock.pending).toBe(0);
  });

  it("takes its listeners off the signal", async () => {
    const { clock, bucket } = empty(10);
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
    const waiting = bucket.wait({ signal });
    const refused = bucket.wait({ signal, maxWaitMs: 1000 });
    expect(listeners.size).toBe(2);
    await clock.advance(100);
    await waiting;
    bucket.set({ perSecond: 0.01, burst: 1 });
    await failure(refused);
    expect(listeners.size).toBe(0);
  });

  it("serves those who wait at the new pace", async () => {
    const { clock, bucket } = empty(1 / 60);
    const served: number[] = [];
    for (let i = 0; i < 3; i++) void bucket.wait()!.then(() => served.push(clock.now()));
    await clock.advance(1000);
    bucket.set({ perSecond: 100, burst: 1 });
    await clock.advance(100);
    expect(served).toHaveLength(3);
    // What had come in by then, a sixtieth of a token, stays.
    expect(served[0]).toBeCloseTo(1000 + 10 * (59 / 60), 6);
    expect(served[2]! - served[0]!).toBeCloseTo(20, 6);
  });

  it("tells those at once who would wait too long at the new pace, and only those", async () => {
    const { clock, bucket } = empty(10);
    const kept = bucket.wait();
    const refused = bucket.wait({ maxWaitMs: 250 });
    const behind = bucket.wait({ maxWaitMs: 5000 });
    bucket.set({ perSecond: 1, burst: 1 });
    expect(await failure(refused)).toMatchObject({ reason: "rate_limited", retryAfterMs: 2000 });
    await clock.advance(1000);
    await kept;
    await clock.advance(1000);
    await behind;
    expect(clock.pending).toBe(0);
  });

  it("waits on when the platform's timer fires early, and for longer than a timer can", async () => {
    const delays: number[] = [];
    const inner = virtualClock();
    const clock = {
      ...inner,
      after: (delayMs: number, run: () => void) => {
        delays.push(delayMs);
        return inner.after(delayMs * 0.75, run);
      },
    };
    const bucket = tokenBucket({ perSecond: 1e-7, burst: 1, clock });
    bucket.take();
    let isServed = false;
    void bucket.wait()!.then(() => (isServed = true));
    await inner.advance(9_999_999_990);
    expect(isServed).toBe(false);
    await inner.advance(20);
    expect(isServed).toBe(true);
    expect(Math.max(...delays)).toBe(2 ** 31 - 1);
    expect(inner.pending).toBe(0);
  });

  it("keeps order and pace whoever joins, leaves or changes the pace", async () => {
    const act = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant("join" as const), count: fc.integer({ min: 1, max: 3 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), which: fc.nat(20) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 400 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("set" as const), perSecond: fc.constantFrom(2, 5, 20) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const clock = virtualClock();
        const bucket = tokenBucket({ perSecond: 5, burst: 3, clock });
        const served: number[] = [];
        const waiters: { readonly id: number; readonly count: number; readonly control: AbortController }[] = [];
        let joined = 0;
        let passed = 0;
        let allowed = 3;
        let taken = 0;
        let perSecond = 5;
        for (const one of acts) {
          if (one.kind === "join") {
            const id = joined++;
            const control = new AbortController();
            const waiting = bucket.wait({ count: one.count, signal: control.signal });
            const done = (): void => {
              served.push(id);
              taken += one.count;
              const place = waiters.findIndex((waiter) => waiter.id === id);
              if (place !== -1) waiters.splice(place, 1);
            };
            if (waiting === undefined) {
              passed += waiters.length;
              done();
            } else {
              waiters.push({ id, count: one.count, control });
              waiting.then(done, () => undefined);
            }
          } else if (one.kind === "leave") {
            waiters.splice(one.which, 1)[0]?.control.abort();
            await settled();
          } else if (one.kind === "set") {
            perSecond = one.perSecond;
            bucket.set({ perSecond, burst: 3 });
          } else {
            await clock.advance(one.ms);
            allowed += (one.ms / 1000) * perSecond;
          }
          // Nobody may be served while others wait.
          expect(passed).toBe(0);
          expect(taken).toBeLessThanOrEqual(allowed + 1e-6);
        }
        expect(served).toEqual(served.toSorted((a, b) => a - b));
        const left = waiters.reduce((sum, waiter) => sum + waiter.count, 0);
        // Whoever is left gets the turn within the time the pace promises, and then no timer stays.
        await clock.advance((left / perSecond) * 1000 + 1e-3);
        expect(waiters).toEqual([]);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
