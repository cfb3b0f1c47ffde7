import { describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall } from "../endpoint/index.ts";
import { bareError, policyError, type ServiceError } from "../errors/index.ts";
import { virtualClock, type VirtualClock } from "../testing/virtual-clock.ts";
import { attemptsOf, budget, retry, type Attempt, type RetryOptions } from "./index.ts";

const half = { fraction: () => 0.5, hex: () => "" };
const busy = (): ServiceError => bareError("busy", { code: "unavailable", origin: "peer" });
const info = methodInfo({ service: "a", name: "b", timeoutMs: 1 });

function settled<T>(promise: Promise<T>): Promise<{ value?: T; error?: unknown }> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

const on = (clock: VirtualClock, options: RetryOptions = {}) => retry({ clock, random: half, ...options });

/** Fails so often, then answers with the number of the attempt. */
function failing(times: number, error: () => unknown = busy): (attempt: Attempt) => Promise<number> {
  return ({ number }) => (number <= times ? Promise.reject(error() as Error) : Promise.resolve(number));
}

describe("retry around a function", () => {
  it("answers with what an attempt answered, after the waits between them", async () => {
    const clock = virtualClock();
    const run = on(clock).run(failing(2));
    await clock.advance(12.4);
    expect(clock.pending).toBe(1);
    await clock.advance(0.1 + 25);
    expect(await run).toBe(3);
    expect(clock.pending).toBe(0);
  });

  it("rejects with what the last attempt threw, as it is, and keeps all of them", async () => {
    const clock = virtualClock();
    const errors = [new Error("one"), new Error("two"), new Error("three")];
    let calls = 0;
    const run = settled(on(clock).run(() => Promise.reject(errors[calls++]!)));
    await clock.advance(100);
    const { error } = await run;
    expect(error).toBe(errors[2]);
    const attempts = attemptsOf(error);
    expect(attempts.map((one) => [one.attempt, one.error.cause, one.instance])).toEqual(
      errors.map((cause, i) => [i + 1, cause, ""]),
    );
  });

  it("keeps nothing on an error of a single attempt", async () => {
    const { error } = await settled(on(virtualClock()).run(failing(1, () => bareError("no", { code: "not_found" }))));
    expect(attemptsOf(error)).toEqual([]);
  });

  it("treats a plain value, a throw and a value that is no error object like the rest", async () => {
    const clock = virtualClock();
    expect(await on(clock).run(() => 5)).toBe(5);
    const thrown = settled(
      on(clock, { tries: 2 }).run(() => {
        // eslint-disable-next-line typescript/only-throw-error -- functions do
        throw "text";
      }),
    );
    await clock.advance(100);
    expect(await thrown).toEqual({ error: "text" });
  });

  it("does not try again what the platform aborted, nor where the judge says no", async () => {
    const clock = virtualClock();
    const seen: unknown[] = [];
    const aborted = new DOMException("gone", "AbortError");
    const own = new TypeError("no");
    expect((await settled(on(clock).run(failing(1, () => aborted)))).error).toBe(aborted);
    const judged = on(clock, { retryable: (error) => (seen.push(error), false) });
    expect((await settled(judged.run(failing(1, () => own)))).error).toBe(own);
    expect(seen).toEqual([own]);
  });

  it("ends with what the judge throws, and waits for nothing", async () => {
    const clock = virtualClock();
    const broken = new TypeError("judge");
    const retryable = (): never => {
      throw broken;
    };
    expect((await settled(on(clock, { retryable }).run(failing(1)))).error).toBe(broken);
    const late = settled(on(clock, { retryable, perTryMs: 10 }).run(() => new Promise<never>(() => undefined)));
    await clock.advance(10);
    expect([(await late).error, clock.pending]).toEqual([broken, 0]);
  });

  it("gives the judge the very error, whatever its words", async () => {
    const seen: unknown[] = [];
    const lookalike = bareError("the function failed", { code: "unavailable", cause: "inner" });
    const judged = on(virtualClock(), { retryable: (error) => (seen.push(error), false) });
    await settled(judged.run(failing(1, () => lookalike)));
    expect(seen).toEqual([lookalike]);
  });

  it("tries again what must not run twice only when it never began", async () => {
    const clock = virtualClock();
    const once = on(clock, { idempotent: false });
    expect((await settled(once.run(failing(1)))).error).toMatchObject({ message: "busy" });
    expect(await once.run(failing(1, () => policyError("unreachable")))).toBe(2);
  });

  it("spends its budget: a tenth of the runs, or the floor", async () => {
    const clock = virtualClock();
    const bound = on(clock, { budget: { ratio: 0.1, perSecond: 0 } });
    const runs = Array.from({ length: 100 }, () => settled(bound.run(() => Promise.reject(busy()))));
    await clock.advance(1000);
    await Promise.all(runs);
    expect(bound.snapshot()).toMatchObject({
      runs: 100,
      retries: 10,
      failed: 100,
      budget: { requests: 100, spent: 10 },
    });
  });

  it("shares a budget, and can do without", async () => {
    const clock = virtualClock();
    const shared = budget({ ratio: 0, perSecond: 0 });
    expect((await settled(on(clock, { budget: shared }).run(failing(1)))).error).toBeDefined();
    expect(shared.snapshot(0)).toMatchObject({ requests: 1, refused: 1 });
    const free = on(clock, { budget: false });
    expect(free.snapshot().budget).toBeUndefined();
  });

  it("wraps a function with its arguments and its this", async () => {
    const clock = virtualClock();
    let calls = 0;
    const store = {
      factor: 2,
      times: on(clock).wrap(async function times(this: { factor: number }, n: number): Promise<number> {
        if (++calls === 1) throw busy();
        return this.factor * n;
      } as (n: number) => Promise<number>),
    };
    const product = store.times(21);
    await clock.advance(50);
    expect(await product).toBe(42);
    expectTypeOf(store.times).toEqualTypeOf<(n: number) => Promise<number>>();
    // @ts-expect-error a number is asked for
    void on(clock).wrap(async (n: number) => n)("x");
  });
});

describe("the time of an attempt", () => {
  it("ends it by its signal, and the next begins; its late answer is dropped", async () => {
    const clock = virtualClock();
    const signals: AbortSignal[] = [];
    const late: (() => void)[] = [];
    const run = on(clock, { perTryMs: 100 }).run(({ number, signal }) => {
      signals.push(signal);
      if (number === 2) return Promise.resolve("second");
      return new Promise<string>((resolve) => void late.push(() => resolve("first")));
    });
    await clock.advance(100);
    expect(signals[0]!.reason).toMatchObject({ code: "deadline_exceeded" });
    late[0]!();
    await clock.advance(12.5);
    expect(await run).toBe("second");
    expect([signals[1]!.aborted, clock.pending]).toEqual([false, 0]);
  });

  it("begins anew when this process was blocked, for its answer may be there", async () => {
    const clock = virtualClock();
    let nowMs = 0;
    const blocked = { ...clock, now: () => clock.now() + nowMs };
    let calls = 0;
    const tries = budget({ ratio: 0, perSecond: 1 });
    const run = retry({ clock: blocked, perTryMs: 100, budget: tries }).run(({ signal }) => {
      calls++;
      return new Promise<boolean>((resolve) => clock.after(120, () => resolve(signal.aborted)));
    });
    nowMs = 500;
    await clock.advance(120);
    expect(await run).toBe(false);
    expect([calls, tries.snapshot(0).spent, clock.pending]).toEqual([1, 0, 0]);
  });
});

describe("the end of a run", () => {
  it("comes with its time-out, whichever attempt or wait that meets", async () => {
    const clock = virtualClock();
    const reasons: unknown[] = [];
    const hanging = ({ signal }: Attempt) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => (reasons.push(signal.reason), reject(signal.reason as Error))),
      );
    const run = settled(on(clock, { timeoutMs: 250, perTryMs: 80 }).run(hanging));
    await clock.advance(249);
    await clock.advance(1);
    const { error } = await run;
    expect(error).toMatchObject({ code: "deadline_exceeded", origin: "policy" });
    expect(attemptsOf(error).map(({ durationMs }) => Math.round(durationMs))).toEqual([80, 80, 53]);
    expect([reasons.length, clock.pending]).toEqual([3, 0]);
  });

  it("comes with the context's deadline, and before the first attempt when that has passed", async () => {
    const clock = virtualClock();
    const call = new ActiveCall(info, { startMs: 0, timeoutMs: 30 });
    const run = settled(on(clock, { tries: 10 }).run(() => Promise.reject(busy()), { context: call.context }));
    await clock.advance(40);
    const first = (await run).error;
    expect([(first as ServiceError).code, attemptsOf(first).length]).toEqual(["unavailable", 2]);
    let calls = 0;
    const late = await settled(on(clock).run(() => ++calls, { context: call.context }));
    expect([late.error, calls]).toMatchObject([{ code: "deadline_exceeded" }, 0]);
  });

  it("comes with its caller: by the context or by a signal, at work or waiting", async () => {
    const clock = virtualClock();
    for (const work of [() => Promise.reject(busy()), () => new Promise<never>(() => undefined)]) {
      const call = new ActiveCall(info, { startMs: clock.now(), timeoutMs: 1000 });
      const byContext = settled(on(clock).run(work, { context: call.context }));
      const controller = new AbortController();
      const { signal } = controller;
      const bySignal = settled(on(clock).run(work, { signal }));
      await clock.advance(1);
      call.cancel(policyError("canceled"));
      controller.abort("gone");
      expect([(await byContext).error, (await bySignal).error]).toMatchObject([{ code: "canceled" }, "gone"]);
      expect(clock.pending).toBe(0);
      expect(await settled(on(clock).run(work, { context: call.context }))).toMatchObject({
        error: { code: "canceled" },
      });
      expect(await settled(on(clock).run(work, { signal }))).toEqual({ error: "gone" });
    }
  });

  it("leaves no listener on the signal", async () => {
    const clock = virtualClock();
    const { signal } = new AbortController();
    const count = { added: 0, removed: 0 };
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = ((...args: Parameters<typeof add>) => (count.added++, add(...args))) as typeof add;
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => (
      count.removed++,
      remove(...args)
    )) as typeof remove;
    await on(clock).run(() => 1, { signal });
    expect(count).toEqual({ added: 1, removed: 1 });
  });

  it("is left to the layer above when the call is itself a later attempt", async () => {
    class Second extends ActiveCall {
      override get attempt(): number {
        return 2;
      }
    }
    const clock = virtualClock();
    const { context } = new Second(info, { startMs: 0, timeoutMs: 1000 });
    let calls = 0;
    const fails = () => (calls++, Promise.reject(busy()));
    await settled(on(clock).run(fails, { context }));
    expect(calls).toBe(1);
    expect(
      await on(clock).run(
        failing(1, () => policyError("unreachable")),
        { context },
      ),
    ).toBe(2);
  });
});

describe("the options of a retry", () => {
  it("can be changed while it runs", async () => {
    const clock = virtualClock();
    const again = on(clock, { timeoutMs: 1000 });
    again.set({ tries: 1 });
    expect((await settled(again.run(failing(1)))).error).toBeDefined();
    expect(() => again.set({ tries: 9, perTryMs: 200 })).toThrow("lower perTryMs to 111 or less");
    expect(again.describe()).toMatch(/^retry 1 tries, back-off/);
  });

  it.each<[object, string]>([
    [
      { tries: 3, perTryMs: 500, timeoutMs: 1000 },
      "retry: timeoutMs should be at least tries × perTryMs, which is 3 × 500 ms, got 1000",
    ],
    [{ timeoutMs: 0 }, "retry: timeoutMs should be a number of at least 1, got 0"],
    [{ retryable: 1 }, "retry: retryable should be a function, got 1"],
    [{ retries: 1 }, 'retry has no option "retries"'],
    [{ budget: { ratio: -1 } }, "budget: ratio should be a number from 0 to 10, got -1"],
    [{ budget: 5 }, "retry: budget should be a budget or its numbers, got 5"],
    [{ budget: { withdraw: () => true } }, "retry: budget.deposit should be a function"],
  ])("are checked: %j", (options, message) => {
    expect(() => retry(options)).toThrow(message);
  });

  it("are checked where they are given to a run", () => {
    expect(() => retry().run(undefined as never)).toThrow("run: fn should be a function, got undefined");
    expect(() => retry().run(() => 1, { sginal: 1 } as never)).toThrow('run has no option "sginal"');
  });
});
