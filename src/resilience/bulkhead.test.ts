import { describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { z } from "zod";
import { client } from "../client/index.ts";
import { ActiveCall, observeOf, type Context, type Gate } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import { method, service } from "../index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { local } from "../transport/local/index.ts";
import { served } from "../../test/served.ts";
import { until } from "../../test/until.ts";
import { request } from "../../test/wire.ts";
import { bulkhead } from "./index.ts";

const reasonOf = (error: ServiceError): string => error.reason;

/** A function whose calls end when told. */
function slow() {
  const open: (() => void)[] = [];
  const fn = (n: number): Promise<number> => new Promise((resolve) => open.push(() => resolve(n)));
  return { open, fn };
}

describe("a bulkhead around a function", () => {
  it("keeps a plain value plain, and throws where there is no place", () => {
    const pool = bulkhead({ max: 1 });
    expect(pool.run(() => 7)).toBe(7);
    const inner = pool.wrap((n: number) => n + 1);
    const nested = pool.run(() => {
      expect(() => inner(1)).toThrow("too many calls are at work");
      return "done";
    });
    expect(nested).toBe("done");
    expect(inner(1)).toBe(2);
    expect(pool.snapshot()).toMatchObject({ inFlight: 0, admitted: 3, refused: 1 });
  });

  it("gives its place back whatever the function does", async () => {
    const pool = bulkhead({ max: 1 });
    expect(() => pool.run(() => JSON.parse("{"))).toThrow(SyntaxError);
    await expect(pool.run(async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(pool.run(async () => 1)).resolves.toBe(1);
    expect(pool.snapshot().inFlight).toBe(0);
  });

  it("lets wait as many as it may, first come, first served, and refuses the next at once", async () => {
    const clock = virtualClock();
    const pool = bulkhead({ max: 2, queue: { max: 2, timeoutMs: 50 }, clock });
    const { open, fn } = slow();
    const call = pool.wrap(fn);
    const results = [1, 2, 3, 4].map((n) => call(n));
    expect(pool.snapshot()).toMatchObject({ inFlight: 2, waiting: 2 });
    // Not a throw: this function has answered with a promise before.
    await expect(call(5)).rejects.toMatchObject({ reason: "overloaded", retryAfterMs: 50 });
    open[0]!();
    await settled();
    open[2]!();
    await expect(results[2]).resolves.toBe(3);
    await clock.advance(50);
    open[1]!();
    open[3]!();
    await expect(Promise.all(results)).resolves.toEqual([1, 2, 3, 4]);
    expect(pool.snapshot()).toMatchObject({ inFlight: 0, waiting: 0, admitted: 4, refused: 1 });
    expect(clock.pending).toBe(0);
  });

  it("refuses who has waited too long, and whose signal aborts, and forgets them", async () => {
    const clock = virtualClock();
    const pool = bulkhead({ max: 1, queue: { max: 5, timeoutMs: 50 }, clock });
    const { open, fn } = slow();
    const first = pool.run(() => fn(1));
    const controller = new AbortController();
    const left = pool.run(() => fn(2), { signal: controller.signal });
    const late = Promise.resolve(pool.run(() => fn(3))).catch(reasonOf);
    controller.abort(new Error("I left"));
    await expect(left).rejects.toThrow("I left");
    await expect(pool.run(() => fn(4), { signal: controller.signal })).rejects.toThrow("I left");
    await clock.advance(52);
    await expect(late).resolves.toBe("overloaded");
    expect(pool.snapshot().waiting).toBe(0);
    open[0]!();
    await expect(first).resolves.toBe(1);
    expect([open.length, clock.pending]).toEqual([1, 0]);
  });

  it("changes while it runs, and lets in who waits", async () => {
    const pool = bulkhead({ max: 1, queue: { max: 5 } });
    const { open, fn } = slow();
    const results = [1, 2, 3].map((n) => pool.run(() => fn(n)));
    pool.set({ max: 3 });
    await settled();
    expect(open.length).toBe(3);
    pool.set({ max: 1, queue: false });
    expect(pool.describe()).toBe("bulkhead 1 at once, no queue");
    for (const end of open) end();
    await expect(Promise.all(results)).resolves.toEqual([1, 2, 3]);
    expect(() => pool.set({ max: 0 })).toThrow("bulkhead: max should be an integer from 1 to 1000000, got 0");
    // And nothing has changed by that.
    expect(() => pool.set({ max: 7, queue: { max: 0 } })).toThrow("bulkhead: queue.max should be");
    pool.set({});
    expect(pool.describe()).toBe("bulkhead 1 at once, no queue");
  });

  it("lets those who wait wait no longer than it was told last", async () => {
    const clock = virtualClock();
    const pool = bulkhead({ max: 1, queue: { max: 5, timeoutMs: 10_000 }, clock });
    const { open, fn } = slow();
    const first = pool.run(() => fn(1));
    let ended = "waits";
    void Promise.resolve(pool.run(() => fn(2))).catch((error: ServiceError) => (ended = error.reason));
    await clock.advance(20);
    pool.set({ queue: { max: 5, timeoutMs: 50 } });
    await clock.advance(29);
    expect(ended).toBe("waits");
    await clock.advance(1);
    expect([ended, clock.pending]).toEqual(["overloaded", 0]);
    open[0]!();
    await first;
  });

  it("tells whom it refuses to come again in a moment, and not at once", () => {
    const pool = bulkhead({ max: 1 });
    let refusal: unknown;
    void pool.run(() => {
      try {
        void pool.run(() => 1);
      } catch (error) {
        refusal = error;
      }
    });
    expect(refusal).toMatchObject({ reason: "overloaded", retryAfterMs: 100 });
  });

  it("types what comes back, and refuses wrong options by name", () => {
    const pool = bulkhead({ max: 1 });
    expectTypeOf(pool.run(async () => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(pool.wrap((a: string) => a.length)).parameters.toEqualTypeOf<[string]>();
    expectTypeOf(pool).toExtend<Gate>();
    // @ts-expect-error -- max is needed
    expect(() => bulkhead({})).toThrow("bulkhead: max should be an integer from 1 to 1000000, got undefined");
    expect(() => bulkhead({ max: 1, queue: { max: 0 } })).toThrow("bulkhead: queue.max should be");
    // @ts-expect-error -- max is needed
    expect(() => bulkhead()).toThrow("bulkhead: max should be an integer from 1 to 1000000, got undefined");
    expect(() => bulkhead({ max: 1, queue: null as never })).toThrow(
      "bulkhead: queue should be an object or false, got null",
    );
    expect(() => bulkhead({ max: 1, queue: 5 as never })).toThrow(
      "bulkhead: queue should be an object or false, got 5",
    );
    expect(() => pool.run(() => 1, { criticality: "high" as never })).toThrow("run: criticality should be");
    expect(() => bulkhead({ max: 1, size: 2 } as never)).toThrow('bulkhead has no option "size"');
  });
});

const empty = z.object({});
const parts = service("parts", {
  get: method({ request: z.object({ id: z.string() }), response: empty, timeoutMs: 60_000 }),
  watch: method({ request: empty, response: z.object({ n: z.int() }), stream: "server" }),
});

/** Handlers whose calls end when told, behind a pool and a gate that refuses whom it is told to. */
function handlers(max: number, clock: Clock = systemClock) {
  const pool = bulkhead({ max, queue: { max: 10, timeoutMs: 10_000 }, clock });
  const open: ((error?: Error) => void)[] = [];
  let refuses = false;
  const later: Gate = (context) => (refuses ? policyError("not_ready") : context);
  const impl = parts.implement(
    {
      get: (_, context) =>
        new Promise((resolve, reject) => {
          open.push((error) => (error === undefined ? resolve({}) : reject(error)));
          context.onCancel(reject);
        }),
      async *watch() {
        for (let n = 1; ; n++) yield { n };
      },
    },
    { gates: [pool, later] },
  );
  return { impl, pool, open, refuse: (yes: boolean) => (refuses = yes) };
}

/** The same with a client, in virtual time. */
function remoteHandlers(max: number) {
  const clock = virtualClock();
  const made = handlers(max, clock);
  return { ...made, clock, remote: client(parts, local(made.impl, { clock }), { clock }) };
}

describe("a bulkhead as a gate", () => {
  it("gets every place back, however a call ends", async () => {
    const { remote, clock, pool, open, refuse } = remoteHandlers(1);
    const ended = (result: Promise<unknown>): Promise<unknown> =>
      result.then(
        () => "ok",
        (error: ServiceError) => error.reason,
      );
    const went = ended(remote.get({ id: "a" }));
    await until(() => open.length === 1);
    expect(pool.snapshot().inFlight).toBe(1);
    open[0]!();
    expect(await went).toBe("ok");
    const failed = ended(remote.get({ id: "a" }));
    await until(() => open.length === 2);
    open[1]!(new Error("no"));
    expect(await failed).toBe("internal");
    expect(await ended(remote.get({ id: 5 } as never))).toBe("invalid_request");
    refuse(true);
    expect(await ended(remote.get({ id: "a" }))).toBe("not_ready");
    refuse(false);
    const late = ended(remote.get({ id: "a" }, { timeoutMs: 20 }));
    await until(() => open.length === 3);
    await clock.advance(20);
    expect(await late).toBe("deadline_exceeded");
    const controller = new AbortController();
    const left = ended(remote.get({ id: "a" }, { signal: controller.signal }));
    await until(() => open.length === 4);
    controller.abort();
    expect(await left).toBe("canceled");
    for await (const { n } of remote.watch({})) {
      expect(pool.snapshot().inFlight).toBe(1);
      if (n === 3) break;
    }
    await until(() => pool.snapshot().inFlight === 0);
    expect(pool.snapshot().admitted).toBe(7);
  });

  it("forgets who leaves while waiting, and gives the place to the next", async () => {
    const { remote, clock, pool, open } = remoteHandlers(1);
    const first = remote.get({ id: "a" });
    await until(() => open.length === 1);
    const controller = new AbortController();
    const left = remote.get({ id: "b" }, { signal: controller.signal }).catch(reasonOf);
    const late = remote.get({ id: "c" }, { timeoutMs: 20 }).catch(reasonOf);
    const stays = remote.get({ id: "d" });
    await until(() => pool.snapshot().waiting === 3);
    controller.abort();
    await clock.advance(20);
    expect([await left, await late]).toEqual(["canceled", "deadline_exceeded"]);
    await until(() => pool.snapshot().waiting === 1);
    open[0]!();
    await first;
    await until(() => open.length === 2);
    open[1]!();
    expect(await stays).toEqual({});
    expect(pool.snapshot()).toMatchObject({ inFlight: 0, waiting: 0, admitted: 2 });
  });

  it("takes back the place of one that is called off right as it gets it", async () => {
    const { remote, pool, open } = remoteHandlers(1);
    const first = remote.get({ id: "a" });
    await until(() => open.length === 1);
    const controllers = [1, 2, 3].map(() => new AbortController());
    const waiting = controllers.map(({ signal }) => remote.get({ id: "b" }, { signal }).catch(reasonOf));
    await until(() => pool.snapshot().waiting === 3);
    // In one turn: the place is handed on, and all who might have it leave.
    open[0]!();
    void Promise.resolve().then(() => controllers.forEach((one) => one.abort()));
    await Promise.all([first, ...waiting]);
    await until(() => pool.snapshot().inFlight === 0);
    const last = remote.get({ id: "c" });
    await until(() => pool.snapshot().inFlight === 1);
    open.at(-1)!();
    expect(await last).toEqual({});
  });

  it("takes back the place of one that ends by itself right as it gets it", async () => {
    const method = methodInfo();
    const pool = bulkhead({ max: 1, queue: { max: 1 } });
    const [before, call] = [1, 2].map(() => new ActiveCall(method, { startMs: 0, timeoutMs: 1000 })) as [
      ActiveCall,
      ActiveCall,
    ];
    before.context = pool(before.context, method) as Context;
    const admission = pool(call.context, method);
    // One read of a socket can end one call and spoil the next.
    observeOf(pool)!(method)!.end!(before);
    expect(pool.snapshot()).toMatchObject({ inFlight: 1, waiting: 0 });
    call.outcome = "resource_exhausted";
    await admission;
    await settled();
    expect(pool.snapshot().inFlight).toBe(0);
  });

  it("stands twice before a method and counts once", async () => {
    const pool = bulkhead({ max: 1 });
    const impl = parts.implement({ get: () => ({}), async *watch() {} }, { gates: [pool, pool] });
    const remote = client(parts, local(impl));
    expect(await remote.get({ id: "a" })).toEqual({});
    expect(await remote.get({ id: "a" })).toEqual({});
    expect(pool.snapshot()).toMatchObject({ inFlight: 0, admitted: 2 });
    expect(typeof observeOf(pool)).toBe("function");
  });

  it("gets its places back over HTTP when bodies are bad and peers leave", async () => {
    const { impl, pool, open } = handlers(2);
    await using server = await served(impl, {}, { log: false, signals: false });
    expect((await server.ask({ path: "/parts/get", body: "{" })).status).toBe(400);
    expect((await server.ask({ path: "/parts/get", body: "{}" })).status).toBe(400);
    const gone = server.wire();
    gone.send(request({ path: "/parts/get", body: '{"id":"a"}' }));
    await until(() => open.length === 1);
    const half = server.wire();
    half.send(
      'POST /parts/get HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"id"',
    );
    await until(() => pool.snapshot().inFlight === 2);
    gone.close();
    half.close();
    await until(() => pool.snapshot().inFlight === 0);
    expect(pool.snapshot().admitted).toBe(4);
  });
});
