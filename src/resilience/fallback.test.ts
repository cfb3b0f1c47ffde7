import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { client } from "../client/index.ts";
import { error, method, service, ServiceError, type Middleware } from "../index.ts";
import { policyError } from "../errors/index.ts";
import { local } from "../transport/local/index.ts";
import { fallback, markOf, withCache, withFallback } from "./index.ts";

const gone = error("gone", { code: "not_found" });
const down = new Error("down");

describe("a ladder under a function", () => {
  it("answers fresh while that works, and with the first step that has an answer when not", async () => {
    let isDown = false;
    const load = async (id: number): Promise<string> => {
      if (isDown) throw down;
      return `fresh ${id}`;
    };
    const seen = new Map([[1, "old 1"]]);
    const laddered = withFallback(load, { stale: (id) => seen.get(id), default: async () => 0 });
    expect(await laddered(1)).toEqual({ value: "fresh 1", from: "fresh", error: undefined });
    isDown = true;
    expect(await laddered(1)).toEqual({ value: "old 1", from: "stale", error: down });
    expect(await laddered(2)).toEqual({ value: 0, from: "default", error: down });
  });

  it("types where an answer can be from, so that a switch over it is exhaustive", async () => {
    const rate = withFallback((_of: string) => 1, { stale: () => 2, default: () => "none" });
    const answer = await rate("eur");
    expectTypeOf(answer.from).toEqualTypeOf<"fresh" | "stale" | "default">();
    expectTypeOf(answer.value).toEqualTypeOf<string | number>();
    // @ts-expect-error -- a step gets what the function gets
    withFallback((_of: string) => 1, { default: (_of: number) => 2 });
  });

  it("goes with a cache whose old answers it takes, and marks them", async () => {
    let isDown = false;
    const load = withCache(async (id: string) => (isDown ? Promise.reject(down) : { id }), {
      key: (id) => id,
      ttlMs: 1000,
    });
    const old = await load("a");
    isDown = true;
    load.invalidate("b");
    const laddered = withFallback(async (_of: string) => Promise.reject(down), { stale: (id) => load.peek(id) });
    const { value, from } = await laddered("a");
    expect([value, from, markOf(value)]).toEqual([old, "stale", "stale"]);
    await expect(laddered("b")).rejects.toBe(down);
  });

  it("leaves answers and cancellation alone, and tells of the first failure when no step has an answer", async () => {
    const step = { default: () => 1 };
    await expect(withFallback(async () => Promise.reject(gone()), step)()).rejects.toMatchObject({ reason: "gone" });
    await expect(withFallback(async () => Promise.reject(policyError("canceled")), step)()).rejects.toMatchObject({
      code: "canceled",
    });
    for (const code of ["permission_denied", "unauthenticated", "not_found", "invalid_argument"] as const)
      await expect(
        withFallback(async () => Promise.reject(new ServiceError("no", { code })), step)(),
      ).rejects.toMatchObject({ code });
    for (const reason of ["breaker_open", "overloaded", "rate_limited", "deadline_exceeded"] as const)
      expect((await withFallback(async () => Promise.reject(policyError(reason)), step)()).from).toBe("default");
    const broken = withFallback(async () => Promise.reject(down), {
      stale: () => Promise.reject(new Error("no cache either")),
      default: () => undefined,
    });
    await expect(broken()).rejects.toBe(down);
  });

  it("refuses ladders that cannot be meant", () => {
    expect(() => withFallback(() => 1, {})).toThrow("withFallback: steps should have at least one step, got none");
    expect(() => withFallback(() => 1, { default: 5 } as never)).toThrow(
      "withFallback: steps.default should be a function, got 5",
    );
    expect(() => withFallback(() => 1, { 2: () => 1 } as never)).toThrow('other than numbers and "fresh", got "2"');
    expect(() => withFallback(() => 1, { fresh: () => 1 })).toThrow('got "fresh"');
  });
});

describe("a ladder in a stack", () => {
  const of = z.object({ of: z.string() });
  const n = z.object({ n: z.int() });
  const rates = service("rates", {
    get: method({ request: of, response: n, errors: [gone], idempotent: true }),
    watch: method({ request: of, response: n, stream: "server" }),
  });
  const next = fallback<{ of: string }, { n: number }>({
    stale: ({ of }) => (of === "eur" ? { n: 1 } : undefined),
    default: () => ({ n: 0 }),
  });
  const failing = (failure: () => unknown) =>
    rates.implement(
      {
        get: () => {
          const given = failure();
          if (ServiceError.is(given)) return given as never;
          throw given as Error;
        },
        async *watch() {},
      },
      { methods: { get: { use: [next] } } },
    );

  it("answers from a step, and tells the caller so", async () => {
    const marks: (string | undefined)[] = [];
    let failure: unknown = down;
    const remote = client(rates, local(failing(() => failure)), {
      observers: [() => ({ end: (call) => void marks.push(call.incoming.get("answer-mark")) })],
    });
    expect(await remote.get({ of: "eur" })).toEqual({ n: 1 });
    expect(await remote.get({ of: "usd" })).toEqual({ n: 0 });
    failure = new ServiceError("down", { code: "unavailable" });
    expect(await remote.get({ of: "eur" })).toEqual({ n: 1 });
    failure = gone();
    expect((await remote.get.try({ of: "eur" })).ok).toBe(false);
    expect(marks).toEqual(["stale", "default", "stale", undefined]);
  });

  it("stands on a client too, and marks the answer", async () => {
    const plain = rates.implement({ get: () => Promise.reject(down), async *watch() {} });
    const remote = client(rates, local(plain), { methods: { get: { use: [next] } } });
    const answer = await remote.get({ of: "usd" });
    expect([answer, markOf(answer), markOf({ n: 0 })]).toEqual([{ n: 0 }, "default", "fresh"]);
    expectTypeOf(next).toExtend<Middleware<{ of: string }>>();
  });

  it("does not stand before a stream", () => {
    const plain = rates.implement({ get: () => ({ n: 1 }), async *watch() {} });
    const make = () => client(rates, local(plain), { methods: { watch: { use: [next as never] } } });
    expect(make).toThrow("fallback is for methods that answer once, rates.watch answers with a stream");
  });
});
