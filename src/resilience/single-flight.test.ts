import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { client } from "../client/index.ts";
import { key, method, service, type Context, type ServiceError } from "../index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { local } from "../transport/local/index.ts";
import { until } from "../../test/until.ts";
import { flights, singleFlight } from "./index.ts";

const reasonOf = (error: ServiceError): string => error.reason;

describe("shared work around functions", () => {
  it("is done once for all who ask at the same time, and anew for who asks later", async () => {
    const shared = flights();
    let n = 0;
    const load = (id: string) => shared.run(id, async () => `${id}${++n}`);
    const all = [load("a"), load("b"), load("a")];
    expect(shared.size).toBe(2);
    expect(await Promise.all(all)).toEqual(["a1", "b2", "a1"]);
    expect(shared.size).toBe(0);
    expect(await load("a")).toBe("a3");
    expectTypeOf(load("a")).toEqualTypeOf<Promise<string>>();
  });

  it("fails for all of them with one error, thrown or rejected, and is begun anew after it", async () => {
    const shared = flights();
    const failure = new Error("no");
    const fail = () => shared.run("a", () => Promise.reject(failure));
    expect(await Promise.allSettled([fail(), fail()])).toEqual([
      { status: "rejected", reason: failure },
      { status: "rejected", reason: failure },
    ]);
    const thrown = shared.run("a", () => {
      throw failure;
    });
    await expect(thrown).rejects.toBe(failure);
    expect(await shared.run("a", () => 1)).toBe(1);
  });

  it("goes on while anybody waits, and is called off when the last has left", async () => {
    const shared = flights();
    let signal: AbortSignal | undefined;
    const [one, two] = [new AbortController(), new AbortController()];
    const ask = (by: AbortController) =>
      shared.run("a", (given) => ((signal = given), new Promise<never>(() => undefined)), { signal: by.signal });
    const results = [ask(one), ask(two)].map((result) => result.catch((error: Error) => error.message));
    one.abort(new Error("one left"));
    expect(await results[0]).toBe("one left");
    expect(signal?.aborted).toBe(false);
    two.abort(new Error("two left"));
    expect(await results[1]).toBe("two left");
    expect([signal?.aborted, shared.size]).toEqual([true, 0]);
    await expect(ask(two)).rejects.toThrow("two left");
  });
});

const id = z.object({ id: z.string() });
const users = service("users", {
  load: method({ request: id, response: z.object({ n: z.int() }), idempotent: true, timeoutMs: 60_000 }),
  buy: method({ request: id, response: z.object({}) }),
});
const by = { key: (request: { id: string }) => request.id };
const who = key<string>("who");

describe("shared work before a handler", () => {
  it("gives the handler a context that outlives the caller who began it", async () => {
    const clock = virtualClock();
    let context!: Context;
    let answer!: (value: { n: number }) => void;
    let calls = 0;
    const impl = users.implement(
      {
        load: (_, given) => {
          calls++;
          context = given.with(who, "all");
          given.reply.set("x-from", "the handler");
          return new Promise((resolve) => (answer = resolve));
        },
        buy: () => ({}),
      },
      { methods: { load: { use: [singleFlight<{ id: string }>(by)] } } },
    );
    const remote = client(users, local(impl, { clock }), { clock });
    const first = remote.load({ id: "a" }, { timeoutMs: 100 }).catch(reasonOf);
    await settled();
    expect(context.deadlineMs).toBe(100);
    await clock.advance(50);
    const second = remote.load({ id: "a" }, { timeoutMs: 200 });
    await settled();
    expect([calls, context.deadlineMs, context.withDeadline(120).deadlineMs]).toEqual([1, 250, 120]);
    await clock.advance(60);
    expect(await first).toBe("deadline_exceeded");
    expect([context.canceledBy, context.need(who), context.method.name]).toEqual([undefined, "all", "load"]);
    answer({ n: 1 });
    expect(await second).toEqual({ n: 1 });
    expect(clock.pending).toBe(0);
  });

  it("calls the handler off when all callers have left", async () => {
    let reason: string | undefined;
    const shared = singleFlight<{ id: string }>(by);
    const waiting = users.implement(
      {
        load: (_, context) => {
          context.onCancel((error) => (reason = error.reason));
          return new Promise(() => undefined);
        },
        buy: () => ({}),
      },
      { methods: { load: { use: [shared] } } },
    );
    const remote = client(users, local(waiting));
    const controllers = [new AbortController(), new AbortController()];
    const results = controllers.map(({ signal }) => remote.load({ id: "a" }, { signal }).catch(reasonOf));
    await until(() => shared.size === 1);
    controllers[0]!.abort();
    expect([await results[0], reason]).toEqual(["canceled", undefined]);
    controllers[1]!.abort();
    expect([await results[1], reason]).toEqual(["canceled", "canceled"]);
    expect(shared.size).toBe(0);
  });

  it("stands only before methods that may be shared", () => {
    const impl = users.implement({ load: () => ({ n: 1 }), buy: () => ({}) });
    expect(() => client(users, local(impl), { methods: { load: { use: [singleFlight(by as never)] } } })).not.toThrow();
    expect(() =>
      client(users, local(impl), {
        methods: { buy: { use: [singleFlight(by as never)] } },
      }),
    ).toThrow("singleFlight is for idempotent methods, users.buy is not");
    // @ts-expect-error -- key is needed
    expect(() => singleFlight()).toThrow("singleFlight: key should be a function, got undefined");
    expect(() => singleFlight({ ...by, keys: 1 } as never)).toThrow('singleFlight has no option "keys"');
    expect(() => singleFlight({} as never)).toThrow("singleFlight: key should be a function, got undefined");
  });
});

describe("shared work on a client", () => {
  it("sends once for all, and anew for the others when the caller that was sent for leaves", async () => {
    const open: ((value: { n: number }) => void)[] = [];
    const impl = users.implement({
      load: () => new Promise<{ n: number }>((resolve) => open.push(resolve)),
      buy: () => ({}),
    });
    const remote = client(users, local(impl), { methods: { load: { use: [singleFlight<{ id: string }>(by)] } } });
    const controller = new AbortController();
    const first = remote.load({ id: "a" }, { signal: controller.signal }).catch(reasonOf);
    const others = [remote.load({ id: "a" }), remote.load({ id: "a" })];
    await until(() => open.length === 1);
    controller.abort();
    expect(await first).toBe("canceled");
    await until(() => open.length === 2);
    open[1]!({ n: 2 });
    expect(await Promise.all(others)).toEqual([{ n: 2 }, { n: 2 }]);
    expect(open.length).toBe(2);
  });
});
