import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { client } from "../client/index.ts";
import { error, method, service, ServiceError } from "../index.ts";
import { seededRandom, sleep } from "../time/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { local } from "../transport/local/index.ts";
import { cache, markOf, withCache, type Cache } from "./index.ts";

/** A function that answers with how often it was called, and fails when told. */
function counted() {
  const calls = { n: 0, error: undefined as Error | undefined };
  const fn = async (id: string): Promise<{ id: string; n: number }> => {
    calls.n++;
    if (calls.error !== undefined) throw calls.error;
    return { id, n: calls.n };
  };
  return { calls, fn };
}

const byId = (id: string): string => id;

describe("a cache around a function", () => {
  it("answers from what it has while that is fresh, and fetches again after", async () => {
    const clock = virtualClock();
    const { fn } = counted();
    const load = withCache(fn, { key: byId, ttlMs: 100, jitter: 0, clock });
    expect(await load("a")).toEqual({ id: "a", n: 1 });
    await clock.advance(99);
    expect(await load("a")).toEqual({ id: "a", n: 1 });
    await clock.advance(1);
    expect(await load("a")).toEqual({ id: "a", n: 2 });
    expect(load.snapshot()).toMatchObject({ hits: 1, misses: 2, loads: 2, entries: 1, failures: 0 });
    expectTypeOf(load).parameters.toEqualTypeOf<[string]>();
    expectTypeOf(load.peek("a")).toEqualTypeOf<{ id: string; n: number } | undefined>();
  });

  it("keeps a plain value plain", () => {
    let n = 0;
    const square = withCache((x: number) => ((n += 1), x * x), { key: String, ttlMs: 1000 });
    expect([square(3), square(3), n]).toEqual([9, 9, 1]);
  });

  it("fetches once for a crowd", async () => {
    const { calls, fn } = counted();
    const load = withCache(fn, { key: byId, ttlMs: 1000 });
    await Promise.all(Array.from({ length: 50 }, () => load("a")));
    expect(calls.n).toBe(1);
    expect(load.snapshot()).toMatchObject({ misses: 50, loads: 1 });
  });

  it("answers with what is old while it fetches anew behind it, once", async () => {
    const clock = virtualClock();
    const { calls, fn } = counted();
    const load = withCache(fn, { key: byId, ttlMs: 100, staleMs: 100, jitter: 0, clock });
    await load("a");
    await clock.advance(150);
    const [one, two] = [await load("a"), await load("a")];
    expect([one.n, markOf(one), two.n]).toEqual([1, "stale", 2]);
    expect(calls.n).toBe(2);
    await settled();
    expect([(await load("a")).n, markOf(await load("a"))]).toEqual([2, "fresh"]);
    expect(clock.pending).toBe(0);
  });

  it("marks nothing that is new, also where that is the very object that was old", async () => {
    const clock = virtualClock();
    const same = { n: 1 };
    const options = { key: () => "k", ttlMs: 100, jitter: 0, clock };
    const load = withCache(() => sleep(10, { clock }).then(() => same), { ...options, staleMs: 1000 });
    void load();
    await clock.advance(150);
    expect(markOf(await load())).toBe("stale");
    await clock.advance(10);
    expect(markOf(await load())).toBe("fresh");
  });

  it("answers with what is old when what is new cannot be had, and fails when that is too old as well", async () => {
    const clock = virtualClock();
    const { calls, fn } = counted();
    const load = withCache(fn, { key: byId, ttlMs: 100, staleIfErrorMs: 1000, jitter: 0, clock });
    await load("a");
    calls.error = new Error("down");
    await clock.advance(500);
    const old = await load("a");
    expect([old.n, markOf(old)]).toEqual([1, "stale"]);
    expect(load.peek("a")).toBe(old);
    await clock.advance(600);
    await expect(load("a")).rejects.toThrow("down");
    expect(load.peek("a")).toBeUndefined();
    calls.error = undefined;
    expect((await load("a")).n).toBe(4);
  });

  it("answers with what is old when the other side has too much to do, and not when it forbids", async () => {
    const clock = virtualClock();
    const { calls, fn } = counted();
    const load = withCache(fn, { key: byId, ttlMs: 100, staleIfErrorMs: 1000, jitter: 0, clock });
    await load("a");
    await clock.advance(500);
    calls.error = new ServiceError("busy", { code: "resource_exhausted" });
    expect((await load("a")).n).toBe(1);
    calls.error = new ServiceError("no", { code: "permission_denied" });
    await expect(load("a")).rejects.toThrow("no");
  });

  it("fails without an old answer when it keeps none (control)", async () => {
    const clock = virtualClock();
    const { calls, fn } = counted();
    const load = withCache(fn, { key: byId, ttlMs: 100, jitter: 0, clock });
    await load("a");
    calls.error = new Error("down");
    await clock.advance(101);
    await expect(load("a")).rejects.toThrow("down");
  });

  it("keeps no failures, and what is not there only when asked", async () => {
    const clock = virtualClock();
    let n = 0;
    const find = (): Promise<null> => Promise.resolve((n++, null));
    const plain = withCache(find, { key: () => "k", ttlMs: 100, clock });
    await plain();
    await plain();
    expect(n).toBe(2);
    const asked = withCache(find, { key: () => "k", ttlMs: 100, negativeTtlMs: 10, jitter: 0, clock });
    await asked();
    await asked();
    expect(n).toBe(3);
    await clock.advance(10);
    await asked();
    expect(n).toBe(4);
  });

  it("stays within its bounds, and drops what was used longest ago", async () => {
    const load = withCache(async (id: string) => id, { key: byId, ttlMs: 1000, maxEntries: 2 });
    for (const id of ["a", "b", "a", "c"]) await load(id);
    expect([load.peek("a"), load.peek("b"), load.peek("c")]).toEqual(["a", undefined, "c"]);
    expect(load.snapshot()).toMatchObject({ entries: 2, evicted: 1 });
    const sized = withCache(async (id: string) => id.repeat(10), { key: byId, ttlMs: 1000, maxBytes: 60 });
    for (const id of ["a", "b", "c"]) await sized(id);
    expect(sized.snapshot()).toMatchObject({ entries: 2, bytes: 48, evicted: 1 });
    await sized("too large for it");
    expect(sized.snapshot()).toMatchObject({ entries: 2, bytes: 48 });
    const unsized = withCache(() => 1, { key: () => "k", ttlMs: 9, maxBytes: 9, sizeOf: () => NaN });
    unsized();
    expect(unsized.snapshot().entries).toBe(0);
  });

  it("forgets what it is told to, also what is on its way", async () => {
    const open: ((value: number) => void)[] = [];
    const load = withCache((_id: string) => new Promise<number>((resolve) => open.push(resolve)), {
      key: byId,
      ttlMs: 1000,
    });
    const before = load("a");
    load.invalidate("a");
    const after = load("a");
    open[0]!(1);
    open[1]!(2);
    expect([await before, await after, load.peek("a")]).toEqual([1, 2, 2]);
    load.clear();
    expect(load.peek("a")).toBeUndefined();
  });

  it("does not let what was fetched together go old together", async () => {
    for (const [jitter, expected] of [
      [0.5, [20, 51]],
      [0, [1, 1]],
    ] as const) {
      const clock = virtualClock();
      const load = withCache(async (id: string) => id, {
        key: byId,
        ttlMs: 100,
        jitter,
        clock,
        random: seededRandom(1),
      });
      const ids = Array.from({ length: 100 }, (_, i) => String(i));
      await Promise.all(ids.map((id) => load(id)));
      const fetchedAt = new Set<number>();
      for (let ms = 0; ms < 100; ms++) {
        await clock.advance(1);
        const { loads } = load.snapshot();
        await Promise.all(ids.map((id) => load(id)));
        if (load.snapshot().loads > loads) fetchedAt.add(ms);
      }
      expect(fetchedAt.size).toBeGreaterThanOrEqual(expected[0]);
      expect(fetchedAt.size).toBeLessThanOrEqual(expected[1]);
    }
  });

  it("freezes what it keeps when asked, and leaves it alone otherwise", () => {
    const answer = { list: [{ n: 1 }], at: new Date(0) };
    const same = withCache(() => answer, { key: () => "k", ttlMs: 10, freeze: true });
    same();
    expect(() => answer.list.push({ n: 2 })).toThrow(TypeError);
    expect(() => answer.at.setTime(5)).not.toThrow();
    const loose = { n: 1 };
    withCache(() => loose, { key: () => "k", ttlMs: 10 })();
    loose.n = 2;
    expect(loose.n).toBe(2);
  });

  it("refuses wrong options by name", () => {
    const make = (options: object) => () => cache({ key: () => "k", ttlMs: 1, ...options });
    expect(make({ ttlMs: 0 })).toThrow("cache: ttlMs should be a number from 1");
    expect(make({ maxEntries: 0.5 })).toThrow("cache: maxEntries should be an integer from 1");
    expect(make({ freeze: "yes" })).toThrow('cache: freeze should be true or false, got "yes"');
    // @ts-expect-error -- ttlMs is needed
    expect(() => cache()).toThrow("cache: ttlMs should be a number from 1");
    // @ts-expect-error -- key is needed
    expect(() => withCache(() => 1)).toThrow("withCache: key should be a function, got undefined");
    expect(() => withCache(() => 1, { key: () => "k", ttlMs: 0 })).toThrow("withCache: ttlMs should be");
    expect(make({ ttl: 5 })).toThrow('cache has no option "ttl"');
  });
});

const gone = error("gone", { code: "not_found" });
const of = z.object({ of: z.string() });
const rates = service("rates", {
  get: method({ request: of, response: z.object({ n: z.int() }), errors: [gone], idempotent: true }),
  set: method({ request: of, response: z.object({}) }),
});
type Asked = { of: string };

function served(kept: Cache<Asked> | undefined, onClient = false) {
  const state = { n: 0, isGone: false, isDown: false };
  const impl = rates.implement(
    {
      get: async () => {
        state.n++;
        if (state.isDown) throw new ServiceError("down", { code: "unavailable" });
        return state.isGone ? gone() : { n: state.n };
      },
      set: () => ({}),
    },
    { methods: { get: { use: kept === undefined || onClient ? [] : [kept] } } },
  );
  return { state, impl };
}

describe("a cache before a method", () => {
  it("answers, says what is old, and keeps declared errors when asked", async () => {
    const clock = virtualClock();
    const kept = cache<Asked>({
      key: (r) => r.of,
      ttlMs: 100,
      staleIfErrorMs: 1000,
      negativeTtlMs: 50,
      jitter: 0,
      clock,
    });
    const { state, impl } = served(kept);
    const marks: (string | undefined)[] = [];
    const remote = client(rates, local(impl, { clock }), {
      clock,
      observers: [() => ({ end: (call) => void marks.push(call.incoming.get("answer-mark")) })],
    });
    expect(await remote.get({ of: "eur" })).toEqual({ n: 1 });
    expect(await remote.get({ of: "eur" })).toEqual({ n: 1 });
    await clock.advance(200);
    state.isDown = true;
    expect(await remote.get({ of: "eur" })).toEqual({ n: 1 });
    expect(marks).toEqual([undefined, undefined, "stale"]);
    state.isDown = false;
    state.isGone = true;
    expect((await remote.get.try({ of: "usd" })).ok).toBe(false);
    const { n } = state;
    expect((await remote.get.try({ of: "usd" })).ok).toBe(false);
    expect(state.n).toBe(n);
    expect(kept.describe()).toBe("cache 100 ms, 1000 entries");
  });

  it("on a client keeps answers, frozen, and refreshes them behind its callers", async () => {
    const clock = virtualClock();
    const kept = cache<Asked>({ key: (r) => r.of, ttlMs: 100, staleMs: 60_000, jitter: 0, clock });
    const { impl } = served(kept, true);
    const remote = client(rates, local(impl, { clock }), { clock, methods: { get: { use: [kept] } } });
    const first = await remote.get({ of: "eur" });
    expect(() => Object.assign(first, { n: 5 })).toThrow(TypeError);
    await clock.advance(100);
    expect((await remote.get({ of: "eur" })).n).toBe(1);
    await settled();
    expect([(await remote.get({ of: "eur" })).n, kept.snapshot().loads]).toEqual([2, 2]);
  });

  it("refuses methods whose answers may not be kept, and to be without a key", () => {
    const { impl } = served(undefined);
    const on = (name: "get" | "set", kept: Cache<Asked>) => () =>
      client(rates, local(impl), { methods: { [name]: { use: [kept] } } });
    expect(on("set", cache<Asked>({ key: (r) => r.of, ttlMs: 5 }))).toThrow(
      "cache is for idempotent methods, rates.set is not",
    );
    expect(on("get", cache<Asked>({ ttlMs: 5 }))).toThrow("cache: key should be a function, got undefined");
  });
});
