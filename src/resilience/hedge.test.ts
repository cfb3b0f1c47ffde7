import { describe, expect, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall } from "../endpoint/index.ts";
import { bareError, policyError, type ServiceError } from "../errors/index.ts";
import { virtualClock } from "../testing/virtual-clock.ts";
import { sleep } from "../time/index.ts";
import { attemptsOf, budget, hedge, hedgePlan, type Attempt } from "./index.ts";

const info = methodInfo({ service: "a", name: "b", timeoutMs: 1 });
const busy = (): ServiceError => bareError("busy", { code: "unavailable", origin: "peer" });

function settled<T>(promise: Promise<T>): Promise<{ value?: T; error?: unknown }> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

describe("a hedge plan", () => {
  it("waits for ever until it knows a hundred durations", () => {
    const plan = hedgePlan();
    for (let i = 0; i < 99; i++) plan.answered(10);
    expect([plan.delayMs(), plan.snapshot().delayMs]).toEqual([Infinity, undefined]);
    plan.answered(10);
    expect(plan.delayMs()).toBeGreaterThanOrEqual(10);
    expect(plan.delayMs()).toBeLessThan(10.5);
  });

  it("finds the duration that only the extra part exceeds, to 5 %, and never a nearer one", () => {
    for (const extra of [0.01, 0.05, 0.2, 0.5]) {
      const plan = hedgePlan({ extra });
      for (let i = 0; i < 4000; i++) plan.answered(((i * 7919) % 4000) + 1);
      const exact = 4000 * (1 - extra);
      expect(plan.delayMs()).toBeGreaterThanOrEqual(exact);
      expect(plan.delayMs()).toBeLessThan(exact * 1.06);
    }
  });

  it("forgets, so that it follows a back-end that has become slower or faster", () => {
    const plan = hedgePlan();
    for (const ms of [10, 200, 5]) {
      for (let i = 0; i < 60_000; i++) plan.answered(ms);
      expect(Math.abs(plan.delayMs() / ms - 1)).toBeLessThan(0.06);
    }
  });

  it("takes any duration", () => {
    const plan = hedgePlan();
    for (let i = 0; i < 200; i++) plan.answered([0, -1, Number.NaN, 1e-9][i % 4]!);
    expect(plan.delayMs()).toBe(1);
    for (let i = 0; i < 200; i++) plan.answered(1e12);
    expect(plan.delayMs()).toBeGreaterThan(1e6);
  });

  it("earns further attempts by answers alone, and saves up ten", () => {
    const plan = hedgePlan({ extra: 0.25, afterMs: 5 });
    const take = (): number => {
      let taken = 0;
      while (plan.take(0)) taken++;
      return taken;
    };
    expect([take(), take()]).toEqual([10, 0]);
    for (let i = 0; i < 12; i++) plan.answered(1);
    expect(take()).toBe(3);
    for (let i = 0; i < 1000; i++) plan.answered(1);
    expect(take()).toBe(10);
    expect(plan.snapshot()).toEqual({ delayMs: 5, samples: 0, begun: 23, refused: 4 });
  });

  it("takes from the budget, and keeps its own when that is empty", () => {
    const tries = budget({ ratio: 0, perSecond: 0.1 });
    const plan = hedgePlan({ afterMs: 5, budget: tries });
    expect([plan.take(0), plan.take(0), tries.left(0)]).toEqual([true, false, 0]);
    tries.set({ perSecond: 10 });
    expect(plan.take(0)).toBe(true);
  });

  it("can be changed while it learns, and describes itself", () => {
    const plan = hedgePlan({ budget: budget() });
    for (let ms = 1; ms <= 100; ms++) plan.answered(ms);
    plan.set({ extra: 0.5, tries: 3 });
    expect([Math.round(plan.delayMs() / 10), plan.tries]).toEqual([5, 3]);
    expect(() => plan.set({ extra: 2, tries: 4 })).toThrow("hedge: extra should be a number from 0.0001 to 1, got 2");
    expect(plan.tries).toBe(3);
    expect(plan.describe()).toBe(
      "hedge when it is late, at most 0.5 of calls, 3 side by side, budget 0.1 per request or 3/s, over 10000 ms",
    );
    plan.set({ afterMs: 20 });
    expect([plan.delayMs(), plan.describe().slice(0, 17)]).toEqual([20, "hedge after 20 ms"]);
  });

  it("goes back to the delay it has learnt from one that it was told", () => {
    const plan = hedgePlan();
    for (let i = 0; i < 100; i++) plan.answered(50);
    const learntMs = plan.delayMs();
    plan.set({ afterMs: 5 });
    plan.set({ tries: 3 });
    expect(plan.delayMs()).toBe(5);
    plan.set({ afterMs: "learned" });
    expect([plan.delayMs(), plan.describe().slice(0, 21)]).toEqual([learntMs, "hedge when it is late"]);
    expect(() => plan.set({ afterMs: "soon" as never })).toThrow(
      "hedge: afterMs should be a number from 0 to 86400000",
    );
  });

  it.each<[object, string]>([
    [{ extra: 0 }, "hedge: extra should be a number from 0.0001 to 1, got 0"],
    [{ tries: 1 }, "hedge: tries should be an integer from 2 to 5, got 1"],
    [{ afterMs: -1 }, "hedge: afterMs should be a number from 0 to 86400000, got -1"],
    [{ delayMs: 1 }, 'hedgePlan has no option "delayMs"'],
    [{ budget: {} }, "hedge: budget.withdraw should be a function"],
  ])("is checked: %j", (options, message) => {
    expect(() => hedgePlan(options)).toThrow(message);
  });
});

describe("hedge around a function", () => {
  const clock = virtualClock();
  /** Takes so long, by attempt, and ends early when it is called off. */
  const taking = (...ms: number[]) => {
    const ends: string[] = [];
    const work = async ({ number, signal }: Attempt): Promise<number> => {
      signal.addEventListener("abort", () =>
        ends.push(`${number} at ${clock.now()}: ${(signal.reason as Error).message}`),
      );
      await sleep(ms[number - 1]!, { clock, signal });
      return number;
    };
    return { work, ends };
  };

  it("asks once where the answer is in time, and answers with it", async () => {
    const { work, ends } = taking(9, 1);
    const run = hedge({ afterMs: 10, clock }).run(work);
    await clock.advance(9);
    expect(await run).toBe(1);
    expect([ends, clock.pending]).toEqual([[], 0]);
  });

  it("ends with what the judge throws, and waits for nobody", async () => {
    const broken = new TypeError("judge");
    const retryable = (): never => {
      throw broken;
    };
    const work = ({ number }: Attempt) => (number === 1 ? new Promise<never>(() => undefined) : Promise.reject(busy()));
    const run = settled(hedge({ afterMs: 10, retryable, clock }).run(work));
    await clock.advance(10);
    expect([(await run).error, clock.pending]).toEqual([broken, 0]);
    expect(() => hedge({ budget: 5 as never })).toThrow("hedge: budget should be a budget or its numbers, got 5");
  });

  it("asks again where it is late, and calls the loser off at the moment of the answer", async () => {
    const { work, ends } = taking(1000, 5);
    const startMs = clock.now();
    const twice = hedge({ afterMs: 10, clock });
    const run = twice.run(work);
    await clock.advance(15);
    expect(await run).toBe(2);
    expect(ends).toEqual([`1 at ${startMs + 15}: another attempt was answered first`]);
    expect([clock.pending, twice.snapshot().begun]).toEqual([0, 1]);
  });

  it("has as many side by side as it was told", async () => {
    const { work, ends } = taking(1000, 1000, 1000, 1000);
    const controller = new AbortController();
    const run = settled(hedge({ afterMs: 10, tries: 3, clock }).run(work, { signal: controller.signal }));
    await clock.advance(500);
    controller.abort(new Error("gone"));
    expect((await run).error).toMatchObject({ message: "gone" });
    expect([ends.length, clock.pending]).toEqual([3, 0]);
  });

  it("does not repeat what failed quickly", async () => {
    let calls = 0;
    const twice = hedge({ afterMs: 10, clock });
    const { error } = await settled(twice.run(() => (calls++, Promise.reject(busy()))));
    await clock.advance(100);
    expect([calls, (error as ServiceError).code, clock.pending]).toEqual([1, "unavailable", 0]);
  });

  it("waits for the other where one failed by itself, and keeps both when both did", async () => {
    const ends = [busy, () => new Error("lost")];
    const failing = async ({ number }: Attempt): Promise<string> => {
      await sleep(30 - number * 5, { clock });
      throw ends[number - 1]!();
    };
    const run = settled(hedge({ afterMs: 10, clock }).run(failing));
    await clock.advance(100);
    const { error } = await run;
    expect(error).toMatchObject({ message: "lost" });
    expect(attemptsOf(error).map((one) => [one.attempt, one.durationMs])).toEqual([
      [1, 25],
      [2, 20],
    ]);
    const one = hedge({ afterMs: 10, clock }).run(async ({ number }) => {
      await sleep(20, { clock });
      if (number === 1) throw busy();
      return "second";
    });
    await clock.advance(100);
    expect(await one).toBe("second");
  });

  it("stops all at an error that another attempt would meet as well", async () => {
    for (const fatal of [
      bareError("no", { code: "not_found", origin: "peer" }),
      bareError("no", { code: "unavailable", reason: "sold_out", origin: "declared" }),
      bareError("no", { code: "unavailable", origin: "peer", retryAfterMs: Infinity }),
    ]) {
      const { work, ends } = taking(1000);
      const run = settled(
        hedge({ afterMs: 10, clock }).run((attempt) =>
          attempt.number === 1 ? work(attempt) : sleep(5, { clock }).then(() => Promise.reject(fatal)),
        ),
      );
      await clock.advance(15);
      expect((await run).error).toBe(fatal);
      expect([ends.length, clock.pending]).toEqual([1, 0]);
    }
    const own = hedge({ afterMs: 10, clock, retryable: () => false });
    expect((await settled(own.run(() => Promise.reject(busy())))).error).toMatchObject({ code: "unavailable" });
  });

  it("ends with the context: by its deadline, by its caller, or before it begins", async () => {
    const { work } = taking(1000, 1000);
    const call = new ActiveCall(info, { startMs: clock.now(), timeoutMs: 50 });
    const run = settled(hedge({ afterMs: 10, clock }).run(work, { context: call.context }));
    await clock.advance(50);
    const { error } = await run;
    expect(error).toMatchObject({ code: "deadline_exceeded", origin: "policy" });
    expect(attemptsOf(error).map((one) => [one.attempt, one.durationMs])).toEqual([
      [1, 50],
      [2, 40],
    ]);
    expect((await settled(hedge({ clock }).run(work, { context: call.context }))).error).toMatchObject({
      code: "deadline_exceeded",
    });
    const left = new ActiveCall(info, { startMs: clock.now(), timeoutMs: 500 });
    const second = settled(hedge({ afterMs: 10, clock }).run(work, { context: left.context }));
    left.cancel(policyError("canceled"));
    expect((await second).error).toMatchObject({ code: "canceled" });
    expect((await settled(hedge({ clock }).run(work, { context: left.context }))).error).toMatchObject({
      code: "canceled",
    });
    expect((await settled(hedge({ clock }).run(work, { signal: AbortSignal.abort("x") }))).error).toBe("x");
    expect(clock.pending).toBe(0);
  });

  it("does not ask twice within a later attempt of a layer above", async () => {
    class Second extends ActiveCall {
      override get attempt(): number {
        return 2;
      }
    }
    const { work } = taking(100, 1);
    const { context } = new Second(info, { startMs: clock.now(), timeoutMs: 1000 });
    const twice = hedge({ afterMs: 10, clock });
    const run = twice.run(work, { context });
    await clock.advance(100);
    expect([await run, twice.snapshot().begun]).toEqual([1, 0]);
  });

  it("does not ask twice because this process was blocked", async () => {
    let blockedMs = 0;
    const late = { ...clock, now: () => clock.now() + blockedMs };
    const { work } = taking(20, 1);
    const twice = hedge({ afterMs: 15, clock: late });
    const run = twice.run(work);
    blockedMs = 400;
    await clock.advance(20);
    expect([await run, twice.snapshot().begun, clock.pending]).toEqual([1, 0, 0]);
  });

  it("has a budget of its own, which its runs fill, or takes from one that is shared", async () => {
    const { work } = taking(100, 1);
    const own = hedge({ afterMs: 1, budget: { ratio: 0.5, perSecond: 0 }, clock });
    const runs = [own.run(work), own.run(work)];
    await clock.advance(100);
    expect(await Promise.all(runs)).toEqual([2, 1]);
    const shared = budget({ ratio: 1, perSecond: 0 });
    const bound = hedge({ afterMs: 1, budget: shared, clock }).run(work);
    await clock.advance(100);
    expect([await bound, shared.snapshot(clock.now()).requests]).toEqual([1, 0]);
  });

  it("wraps a function, answers with plain values, and throws on as a rejection", async () => {
    const twice = hedge({ clock });
    expect(await twice.wrap((n: number) => n + 1)(1)).toBe(2);
    const boom = new Error("boom");
    expect((await settled(twice.wrap(() => { throw boom; })())).error).toBe(boom); // prettier-ignore
    expect(twice.describe()).toBe("hedge when it is late, at most 0.05 of calls, 2 side by side, no budget");
    twice.set({ tries: 3 });
    expect(twice.describe()).toContain("3 side by side");
    expect(() => hedge({ after: 1 } as never)).toThrow('hedge has no option "after"');
  });
});
