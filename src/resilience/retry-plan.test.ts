import { describe, expect, it } from "vitest";
import { bareError, codes, policyError, type ServiceError, type Code, type Reason } from "../errors/index.ts";
import { seededRandom } from "../time/index.ts";
import { budget, deadlineError, retryPlan, type RetryEvent, type RetryPlanOptions, type RetryState } from "./index.ts";

const random = { fraction: () => 0.5, hex: () => "" };
const first: RetryState = { attempt: 1, isIdempotent: true, isNested: false, nowMs: 0, deadlineMs: 3000 };
const peer = (code: Code, retryAfterMs?: number): ServiceError =>
  bareError("said so", { code, origin: "peer", retryAfterMs });
const plan = (options: RetryPlanOptions = {}) => retryPlan({ random, ...options });

describe("what is tried again", () => {
  it("is an idempotent call that ended with one of the codes, and no other", () => {
    for (const code of codes) {
      const isWorth = code === "unavailable" || code === "deadline_exceeded";
      expect([code, plan().next(peer(code), first)]).toEqual([code, isWorth ? 12.5 : -1]);
      expect(plan().next(peer(code), { ...first, isIdempotent: false })).toBe(-1);
      expect(plan().next(peer(code), { ...first, isNested: true })).toBe(-1);
    }
  });

  it("are the codes that were named", () => {
    const own = plan({ codes: ["aborted"] });
    expect([own.next(peer("aborted"), first), own.next(peer("unavailable"), first)]).toEqual([12.5, -1]);
  });

  it("is what a judge says, but for answers, cancellation and blocked processes", () => {
    const asked: string[] = [];
    const judged = plan({ retryable: (error) => asked.push(error.code) > 0 });
    expect(judged.next(peer("not_found"), first)).toBe(12.5);
    const declared = bareError("no", { code: "unavailable", reason: "sold_out", origin: "declared" });
    for (const final of [declared, policyError("canceled"), deadlineError(500)])
      expect(judged.next(final, first)).toBe(-1);
    expect(asked).toEqual(["not_found"]);
  });

  it("is whatever was surely not sent: the method and a layer above do not matter, and the first retry is at once", () => {
    const state = { ...first, isIdempotent: false, isNested: true };
    expect(plan().next(policyError("unreachable"), state)).toBe(0);
    expect(plan().next(policyError("unreachable"), { ...state, attempt: 2 })).toBe(25);
    expect(plan().next(policyError("no_instances"), state)).toBe(12.5);
  });

  it("is not what a peer says was not sent: its handler may have heard that from somebody else, after half of its work", () => {
    const state = { ...first, isIdempotent: false };
    const words: Reason[] = ["unreachable", "no_instances", "draining", "not_ready", "breaker_open", "rate_limited"];
    for (const reason of words) {
      const { code, message } = policyError(reason);
      const said = bareError(message, { code, reason, origin: "peer", retryAfterMs: 5 });
      expect([reason, plan().next(said, state)]).toEqual([reason, -1]);
    }
    expect(plan().next(policyError("connection_lost"), state)).toBe(-1);
  });

  it("is what this side refused itself only when it says when to come again", () => {
    for (const reason of ["breaker_open", "rate_limited", "overloaded"] as const) {
      const state = { ...first, isIdempotent: false };
      expect(plan().next(policyError(reason, { retryAfterMs: 100 }), state)).toBe(112.5);
    }
    expect(plan().next(policyError("rate_limited"), first)).toBe(-1);
    expect(plan().next(policyError("overloaded"), first)).toBe(-1);
  });
});

describe("when it is tried again", () => {
  it("is drawn from an interval that doubles up to its longest", () => {
    const delays = [1, 2, 3, 4, 5, 6, 7].map((attempt) =>
      plan({ tries: 10, baseMs: 100, maxMs: 1000 }).next(peer("unavailable"), { ...first, attempt }),
    );
    expect(delays).toEqual([50, 100, 200, 400, 500, 500, 500]);
  });

  it("is anywhere in the interval, so that those who failed together do not come back together", () => {
    const jittered = retryPlan({ baseMs: 100, maxMs: 100, random: seededRandom(7) });
    const delays = Array.from({ length: 1000 }, () => jittered.next(peer("unavailable"), first));
    for (let tenth = 0; tenth < 100; tenth += 10) {
      const inside = delays.filter((ms) => ms >= tenth && ms < tenth + 10).length;
      expect(inside).toBeGreaterThan(60);
    }
  });

  it("is not before the peer said, also where that is a code that is else not tried again", () => {
    expect(plan().next(peer("unavailable", 200), first)).toBe(212.5);
    expect(plan().next(peer("resource_exhausted", 200), first)).toBe(212.5);
    expect(plan().next(peer("unavailable", 0), first)).toBe(12.5);
    expect(plan().next(peer("not_found", 200), first)).toBe(-1);
  });

  it("is never when the peer said no; a moment that has passed is now, and what is no number says nothing", () => {
    expect(plan().next(peer("unavailable", Infinity), first)).toBe(-1);
    for (const odd of [-1, -Infinity, Number.NaN]) expect(plan().next(peer("unavailable", odd), first)).toBe(12.5);
    expect(plan().next(peer("resource_exhausted", -1), first)).toBe(12.5);
    expect(plan().next(peer("resource_exhausted", Number.NaN), first)).toBe(-1);
    expect(plan().next(policyError("rate_limited", { retryAfterMs: Number.NaN }), first)).toBe(-1);
  });

  it("is never when the wait does not fit before the deadline", () => {
    expect(plan().next(peer("unavailable", 2990), first)).toBe(-1);
    expect(plan().next(peer("unavailable", 2980), first)).toBe(2992.5);
    expect(plan().next(peer("unavailable"), { ...first, nowMs: 2987.5 })).toBe(-1);
    expect(plan().next(policyError("unreachable"), { ...first, nowMs: 3000 })).toBe(-1);
  });

  it("is as often as the tries say", () => {
    expect(plan({ tries: 2 }).next(peer("unavailable"), { ...first, attempt: 2 })).toBe(-1);
    expect(plan({ tries: 1 }).next(policyError("unreachable"), first)).toBe(-1);
  });
});

describe("the budget of a plan", () => {
  it("is taken from only when there is another attempt", () => {
    const tries = budget({ ratio: 0, perSecond: 0.2 });
    const bound = plan({ budget: tries, tries: 9 });
    for (const end of [peer("not_found"), peer("unavailable", Infinity), peer("unavailable", 5000)])
      expect(bound.next(end, first)).toBe(-1);
    expect(tries.left(0)).toBe(2);
    expect([bound.next(peer("unavailable"), first), bound.next(peer("unavailable"), first)]).toEqual([12.5, 12.5]);
    expect(bound.next(peer("unavailable"), first)).toBe(-1);
  });

  it("does not pay for the first retry of what was not sent, and for the further ones it does", () => {
    const empty = plan({ budget: budget({ ratio: 0, perSecond: 0 }) });
    expect(empty.next(policyError("unreachable"), first)).toBe(0);
    expect(empty.next(policyError("unreachable"), { ...first, attempt: 2 })).toBe(-1);
  });
});

describe("a plan", () => {
  it("tells of each decision and why, and a listener that throws changes none", () => {
    const told: RetryEvent[] = [];
    const telling = plan({
      budget: budget({ ratio: 0, perSecond: 0.1 }),
      onEvent(event) {
        told.push(event);
        throw new Error("not my day");
      },
    });
    const error = peer("unavailable");
    telling.next(error, first);
    telling.next(error, first);
    telling.next(error, { ...first, attempt: 3 });
    telling.next(error, { ...first, nowMs: 2999 });
    telling.next(error, { ...first, isNested: true });
    telling.next(error, { ...first, isIdempotent: false });
    telling.next(peer("unavailable", Infinity), first);
    telling.next(peer("not_found"), first);
    const whys = ["budget", "tries", "deadline", "nested", "method", "push_back", "error"];
    expect(told[0]).toEqual({ type: "retry", attempt: 1, delayMs: 12.5, error });
    expect(told.slice(1).map((event) => (event.type === "end" ? event.why : event.type))).toEqual(whys);
  });

  it("can be changed while it runs, and changes nothing when a value is wrong", () => {
    const own = plan();
    own.set({ tries: 5, perTryMs: 100, codes: ["aborted"] });
    expect([own.tries, own.perTryMs, own.next(peer("aborted"), { ...first, attempt: 4 })]).toEqual([5, 100, 100]);
    expect(() => own.set({ tries: 2, baseMs: -1 })).toThrow(RangeError);
    expect(own.tries).toBe(5);
    own.set({ maxMs: 10 });
    expect(own.next(peer("aborted"), first)).toBe(5);
    own.set({ baseMs: 5000 });
    expect(own.next(peer("aborted"), { ...first, deadlineMs: 1e6 })).toBe(2500);
  });

  it("describes itself in a line", () => {
    expect(plan().describe()).toBe("retry 3 tries, back-off 25 to 1000 ms, unavailable, deadline_exceeded, no budget");
    expect(plan({ perTryMs: 50, retryable: () => true, budget: budget() }).describe()).toBe(
      "retry 3 tries, 50 ms each, back-off 25 to 1000 ms, as the caller judges, budget 0.1 per request or 3/s, over 10000 ms",
    );
  });

  it.each<[object, string]>([
    [{ tries: 0 }, "retry: tries should be an integer from 1 to 10, got 0"],
    [{ tries: 11 }, "retry: tries should be an integer from 1 to 10, got 11"],
    [{ baseMs: "5" }, 'retry: baseMs should be a number from 0 to 86400000, got "5"'],
    [{ maxMs: -1 }, "retry: maxMs should be a number from 0"],
    [{ baseMs: 100, maxMs: 50 }, "retry: maxMs should be a number of at least 100, got 50"],
    [{ perTryMs: 0 }, "retry: perTryMs should be a number of at least 1, got 0"],
    [{ codes: "unavailable" }, 'retry: codes should be a list of codes, got "unavailable"'],
    [{ codes: ["gone"] }, "retry: codes should be of canceled"],
    [{ budget: {} }, "retry: budget.withdraw should be a function, got undefined"],
    [{ random: {} }, "retry: random.fraction should be a function"],
    [{ retryable: true }, "retry: retryable should be a function, got true"],
    [{ onEvent: 5 }, "retry: onEvent should be a function, got 5"],
    [{ attempts: 3 }, 'retryPlan has no option "attempts"'],
  ])("is checked: %j", (options, message) => {
    expect(() => retryPlan(options)).toThrow(message);
  });
});
