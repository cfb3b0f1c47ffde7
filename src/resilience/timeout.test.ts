import { describe, expect, expectTypeOf, it } from "vitest";
import { ActiveCall, backgroundContext, type Context } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import { settled, virtualClock } from "../testing/virtual-clock.ts";
import { sleep, type Clock } from "../time/index.ts";
import { timeout } from "./index.ts";

const never = (): Promise<never> => new Promise(() => undefined);

/** Tells what has become of a promise so far. */
function watch(promise: Promise<unknown>): () => unknown {
  let found: unknown = "pending";
  promise.then(
    (value) => (found = { value }),
    (error: unknown) => (found = error),
  );
  return () => found;
}

describe("timeout", () => {
  it("settles with what the function answers, plain or later, and leaves no timer", async () => {
    const clock = virtualClock();
    expect(await timeout(1000, () => 1, { clock })).toBe(1);
    expect(await timeout(1000, async () => 2, { clock })).toBe(2);
    const later = timeout(1000, (signal) => sleep(999, { signal, clock }), { clock });
    await clock.advance(999);
    await expect(later).resolves.toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("rejects with what the function throws, now or later, and leaves no timer", async () => {
    const clock = virtualClock();
    const fails = (): never => {
      throw new Error("boom");
    };
    await expect(timeout(1000, fails, { clock })).rejects.toThrow("boom");
    await expect(timeout(1000, async () => fails(), { clock })).rejects.toThrow("boom");
    expect(clock.pending).toBe(0);
  });

  it("fails when the time is over, and aborts the signal with the same error", async () => {
    const clock = virtualClock();
    let signal: AbortSignal | undefined;
    const running = watch(timeout(1000, (given) => ((signal = given), never()), { clock }));
    await clock.advance(999);
    expect(running()).toBe("pending");
    expect(signal!.aborted).toBe(false);
    await clock.advance(1);
    const error = running();
    expect(error).toMatchObject({ code: "deadline_exceeded", reason: "deadline_exceeded", origin: "policy" });
    expect(signal!.reason).toBe(error);
    expect(clock.pending).toBe(0);
  });

  it("drops what a function answers or throws that goes on regardless", async () => {
    const clock = virtualClock();
    const answers: ((value: string) => void)[] = [];
    const ignoring = watch(timeout(10, () => new Promise<string>((resolve) => answers.push(resolve)), { clock }));
    const throwing = watch(timeout(10, (signal) => sleep(60_000, { signal, clock }), { clock }));
    await clock.advance(10);
    answers[0]!("late");
    await settled();
    expect(ignoring()).toMatchObject({ code: "deadline_exceeded" });
    expect(throwing()).toMatchObject({ code: "deadline_exceeded" });
    expect(clock.pending).toBe(0);
  });

  it("never aborts the signal of a function that has answered", async () => {
    const clock = virtualClock();
    let signal: AbortSignal | undefined;
    const outer = new AbortController();
    const call = new ActiveCall(backgroundContext().method, { startMs: 0, timeoutMs: 500 });
    const options = { clock, signal: outer.signal, context: call.context };
    await timeout(1000, async (given) => (signal = given), options);
    outer.abort();
    call.cancel(policyError("canceled"));
    await clock.advance(5000);
    expect(signal!.aborted).toBe(false);
  });

  it.each([0, -5, -Infinity])("with %d ms left fails without calling the function", async (ms) => {
    let calls = 0;
    await expect(timeout(ms, () => calls++)).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect(calls).toBe(0);
  });

  it("sets no timer for a time without end", async () => {
    const clock = virtualClock();
    const running = watch(timeout(Infinity, never, { clock }));
    expect(clock.pending).toBe(0);
    await clock.advance(1e12);
    expect(running()).toBe("pending");
  });

  it("ends with the signal it is given, for the signal's reason", async () => {
    const clock = virtualClock();
    const outer = new AbortController();
    let inner: AbortSignal | undefined;
    const running = timeout(1000, (given) => ((inner = given), never()), { clock, signal: outer.signal });
    outer.abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    expect(inner!.reason).toBe(outer.signal.reason);
    expect(clock.pending).toBe(0);
    let calls = 0;
    await expect(timeout(1000, () => calls++, { signal: outer.signal })).rejects.toThrow("left");
    expect(calls).toBe(0);
  });

  it("ends with the call it is done for, by cancellation or the call's own deadline", async () => {
    const clock = virtualClock();
    const start = (): ActiveCall =>
      new ActiveCall(backgroundContext().method, { startMs: clock.now(), timeoutMs: 300 });
    const gone = start();
    const left = timeout(1000, never, { clock, context: gone.context });
    const reason = policyError("canceled");
    gone.cancel(reason);
    await expect(left).rejects.toBe(reason);
    await expect(timeout(1000, never, { clock, context: gone.context })).rejects.toBe(reason);
    const late = watch(timeout(1000, never, { clock, context: start().context }));
    await clock.advance(299);
    expect(late()).toBe("pending");
    await clock.advance(1);
    expect(late()).toMatchObject({ code: "deadline_exceeded" });
    expect(clock.pending).toBe(0);
  });

  it("takes its listener off the context it was given", async () => {
    const listeners = new Set<unknown>();
    const onCancel = (run: unknown): { cancel(): void } => {
      listeners.add(run);
      return { cancel: () => void listeners.delete(run) };
    };
    const context = Object.assign(Object.create(backgroundContext()) as Context, { onCancel });
    let during = 0;
    await timeout(10, () => (during = listeners.size), { context });
    expect([during, listeners.size]).toEqual([1, 0]);
  });

  it("takes its listener off the signal it was given", async () => {
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
    const clock = virtualClock();
    const running = watch(timeout(10, never, { clock, signal }));
    expect(listeners.size).toBe(1);
    await clock.advance(10);
    expect(running()).toMatchObject({ code: "deadline_exceeded" });
    expect(listeners.size).toBe(0);
  });

  it("says so when its timer fired late because this process was blocked", async () => {
    const inner = virtualClock();
    let stallMs = 0;
    const clock: Clock = { ...inner, now: () => inner.now() + stallMs };
    const running = watch(timeout(1000, never, { clock }));
    stallMs = 400;
    await inner.advance(1000);
    expect((running() as ServiceError).cause).toMatchObject({
      reason: "stalled",
      message: "this process was blocked for 400 ms",
    });
  });

  it("checks what it is given, at once", () => {
    expect(() => timeout(NaN, never)).toThrow("timeout: ms should be a number, got NaN");
    expect(() => timeout(5, 5 as never)).toThrow("timeout: fn should be a function, got 5");
    expect(() => timeout(5, never, { ms: 5 } as never)).toThrow('timeout has no option "ms"');
    expectTypeOf(timeout(5, async () => "x")).toEqualTypeOf<Promise<string>>();
    expectTypeOf(timeout(5, () => 1)).toEqualTypeOf<Promise<number>>();
  });
});
