// How attempts end: each exactly once, whatever comes first, and nothing of them is left behind.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { roundRobin } from "../balance/index.ts";
import { key, type ActiveCall, type Middleware } from "../endpoint/index.ts";
import { bareError, policyError, type ServiceError } from "../errors/index.ts";
import { method, service } from "../index.ts";
import { attemptsOf } from "../resilience/index.ts";
import { settled, virtualClock, type VirtualClock } from "../testing/index.ts";
import { seededRandom, sleep, type Clock } from "../time/index.ts";
import type { ClientTransport } from "../transport/index.ts";
import { client, close, explain, type ClientOptions } from "./index.ts";

const n = z.object({ n: z.int() });
const jobs = service("jobs", { look: method({ request: n, response: n, idempotent: true }) });
type Options = Partial<ClientOptions<typeof jobs.methods>>;

/** What an instance does with the attempt of this number; a throw is one of the sender itself. */
type Send = (call: ActiveCall, attempt: number, instance: string) => Promise<unknown>;

function calling(send: Send, options: Options = {}) {
  const clock = virtualClock();
  const sent: { readonly instance: string; readonly call: ActiveCall; readonly atMs: number }[] = [];
  const transport: ClientTransport = {
    name: "scripted",
    "~client": true,
    open: (_service, instance) => ({
      unary: () => (_request, call) => send(call, sent.push({ instance, call, atMs: clock.now() }), instance),
      stream: () => {
        throw new Error("no streams here");
      },
      close: () => Promise.resolve(),
    }),
  };
  const remote = client(jobs, transport, {
    from: ["a", "b", "c"],
    clock,
    random: seededRandom(7),
    breaker: false,
    balance: { strategy: roundRobin(), ejection: false },
    ...options,
  });
  return { clock, remote, sent, pending: () => explain(remote).map(({ pending }) => pending) };
}

const unavailable = (): Promise<never> => Promise.reject(bareError("no", { code: "unavailable", origin: "peer" }));
const waiting = (call: ActiveCall): Promise<never> => new Promise((_, reject) => void call.onCancel(reject));
const failed = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => {
      throw new Error("it should have failed");
    },
    (thrown: unknown) => thrown as ServiceError,
  );

describe("an attempt", () => {
  it("is over when the sender throws at once", async () => {
    const broken: Send = () => {
      throw new Error("broken");
    };
    for (const options of [{}, { hedge: { afterMs: 1000 } }]) {
      const { remote, pending } = calling(broken, { retry: false, ...options });
      expect((await failed(remote.look({ n: 1 }))).code).toBe("internal");
      expect(pending()).toEqual([0, 0, 0]);
    }
  });

  it("is given up at the deadline when a middleware has answered without it", async () => {
    const hasty: Middleware = (next) => (request, context) => {
      void Promise.resolve(next(request, context)).catch(() => undefined);
      return { n: 0 } as never;
    };
    for (const options of [{}, { hedge: { afterMs: 1000, extra: 1 } }]) {
      const use = { methods: { look: { use: [hasty] } } };
      const { clock, remote, sent, pending } = calling(waiting, { ...use, ...options });
      expect(await remote.look({ n: 1 })).toEqual({ n: 0 });
      await clock.advance(3000);
      expect(pending()).toEqual([0, 0, 0]);
      expect(sent[0]!.call.canceledBy?.code).toBe("deadline_exceeded");
      expect(clock.pending).toBe(0);
    }
  });

  it("is not made again when a middleware has answered without it", async () => {
    const hasty: Middleware = (next) => (request, context) => {
      void Promise.resolve(next(request, context)).catch(() => undefined);
      return { n: 0 } as never;
    };
    const { clock, remote, sent } = calling(unavailable, {
      hedge: { afterMs: 1000, extra: 1 },
      methods: { look: { use: [hasty] } },
    });
    await remote.look({ n: 1 });
    await clock.advance(3000);
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("sees what gates and middlewares have set, the second like the first", async () => {
    const tenant = key<string>("tenant");
    const seen: (string | undefined)[] = [];
    const { clock, remote } = calling(
      (call, attempt) => {
        seen.push(call.context.get(tenant));
        return attempt === 1 ? unavailable() : Promise.resolve({ n: 1 });
      },
      { gates: [(context) => context.with(tenant, "blue")] },
    );
    const answer = remote.look({ n: 1 });
    await clock.advance(1000);
    await answer;
    expect(seen).toEqual(["blue", "blue"]);
  });

  it("is told, and the caller too, when what listens to the end throws", async () => {
    const called: number[] = [];
    const deaf: Send = (call, attempt) => {
      call.onCancel(() => {
        called.push(attempt);
        throw new Error("a listener of the user's");
      });
      return new Promise(() => undefined);
    };
    const { clock, remote, pending } = calling(deaf, { hedge: { afterMs: 40, extra: 1 } });
    const thrown = failed(remote.look({ n: 1 }));
    await expect(clock.advance(3100)).rejects.toThrow("a listener of the user's");
    expect((await thrown).code).toBe("deadline_exceeded");
    expect(called).toEqual([1, 2]);
    expect(pending()).toEqual([0, 0, 0]);
  });

  it("is not begun after the deadline, however late its timer is", async () => {
    let lateMs = 0;
    const base = virtualClock();
    const late: Clock = { ...base, now: () => base.now() + lateMs };
    const { remote, sent } = calling(unavailable, { retry: { baseMs: 1000, maxMs: 1000 }, clock: late });
    const thrown = failed(remote.look({ n: 1 }));
    await settled();
    lateMs = 3000;
    await base.advance(2999);
    expect((await thrown).code).toBe("deadline_exceeded");
    expect(sent).toHaveLength(1);
  });

  it("gets its time once more when this process was blocked", async () => {
    const base = virtualClock();
    let lateMs = 0;
    const late: Clock = { ...base, now: () => base.now() + lateMs };
    const { remote, sent } = calling(
      (call) => sleep(150, { clock: base, signal: call.signal }).then(() => ({ n: 1 })),
      { clock: late, methods: { look: { retry: { perTryMs: 100, tries: 2 }, timeoutMs: 3000 } } },
    );
    const answer = remote.look({ n: 1 });
    lateMs = 400;
    await base.advance(1000);
    expect(await answer).toEqual({ n: 1 });
    expect(sent).toHaveLength(1);
    expect(base.pending).toBe(0);
  });
});

describe("a key function that throws", () => {
  it("fails the call, and no timer with it", async () => {
    let calls = 0;
    const { clock, remote, pending } = calling(waiting, {
      methods: {
        look: {
          hedge: { afterMs: 40, extra: 1 },
          key: () => {
            if (++calls > 1) throw new Error("no key any more");
            return "k";
          },
        },
      },
    });
    const first = failed(remote.look({ n: 1 }));
    // Asked once for all attempts: the hedge does not ask again, where its throw would be nobody's.
    await clock.advance(100);
    expect(calls).toBe(1);
    expect((await failed(remote.look({ n: 2 }))).code).toBe("internal");
    await clock.advance(3000);
    expect((await first).code).toBe("deadline_exceeded");
    expect(pending()).toEqual([0, 0, 0]);
    expect(clock.pending).toBe(0);
  });
});

describe("a call whose last attempt finds nobody", () => {
  it("tells of the one before", async () => {
    const { clock, remote } = calling(unavailable, {
      from: ["a"],
      breaker: { consecutive: 1, openMs: 10_000, jitter: 0 },
    });
    const thrown = failed(remote.look({ n: 1 }));
    await clock.advance(3000);
    expect((await thrown).reason).toBe("breaker_open");
    expect(attemptsOf(await thrown).map(({ instance, error }) => [instance, error.code])).toEqual([
      ["a", "unavailable"],
    ]);
  });

  it("says so when the client was closed meanwhile", async () => {
    const { clock, remote } = calling(unavailable, { retry: { baseMs: 500 } });
    const thrown = failed(remote.look({ n: 1 }));
    await settled();
    await close(remote);
    await clock.advance(3000);
    expect(await thrown).toMatchObject({ reason: "no_instances", message: "the client is closed" });
    expect(clock.pending).toBe(0);
  });
});

const step = fc.record({
  afterMs: fc.nat(400),
  how: fc.constantFrom("answer", "fail", "refuse", "unreachable", "misfit", "throw", "wait"),
});
type Step = { readonly afterMs: number; readonly how: string };

async function play(clock: VirtualClock, { afterMs, how }: Step, call: ActiveCall): Promise<unknown> {
  if (how === "wait") return waiting(call);
  await Promise.race([sleep(afterMs, { clock, signal: call.signal }), waiting(call)]);
  if (how === "answer") return { n: 1 };
  if (how === "misfit") return { n: "no number" };
  if (how === "unreachable") throw policyError("unreachable");
  throw bareError("no", { code: how === "fail" ? "unavailable" : "not_found", origin: "peer" });
}

describe("attempts of any kind, in any order", () => {
  it("end once each, settle the call by its deadline, and leave neither timer nor count", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          steps: fc.array(step, { minLength: 1, maxLength: 6 }),
          hedgeMs: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
          perTryMs: fc.option(fc.integer({ min: 20, max: 300 }), { nil: undefined }),
          abortMs: fc.option(fc.nat(900), { nil: undefined }),
          seed: fc.nat(1000),
        }),
        async ({ steps, hedgeMs, perTryMs, abortMs, seed }) => {
          const held: { clock?: VirtualClock } = {};
          const { clock, remote, sent, pending } = calling(
            (call, attempt) => {
              const one = steps[(attempt - 1) % steps.length]!;
              if (one.how === "throw") throw new Error("a sender that throws");
              return play(held.clock!, one, call);
            },
            {
              random: seededRandom(seed),
              budget: false,
              breaker: { consecutive: 2, openMs: 50, jitter: 0 },
              methods: {
                look: {
                  timeoutMs: 900,
                  retry: { perTryMs, baseMs: 10 },
                  hedge: hedgeMs === undefined ? false : { afterMs: hedgeMs, extra: 1 },
                },
              },
            },
          );
          held.clock = clock;
          const controller = new AbortController();
          if (abortMs !== undefined) void sleep(abortMs, { clock }).then(() => controller.abort());
          let settledTimes = 0;
          let settledMs = -1;
          const count = (): void => {
            settledTimes++;
            settledMs = clock.now();
          };
          void remote.look({ n: 1 }, { signal: controller.signal }).then(count, count);
          await clock.advance(2000);
          expect(settledTimes).toBe(1);
          expect(settledMs).toBeLessThanOrEqual(900 + 8);
          expect(clock.pending).toBe(0);
          expect(pending()).toEqual([0, 0, 0]);
          for (const { atMs } of sent) expect(atMs).toBeLessThan(900);
          // Three tries, and beside each of them one hedge.
          expect(sent.length).toBeLessThanOrEqual(hedgeMs === undefined ? 3 : 4);
          for (let i = 1; i < sent.length; i++) expect(sent[i]!.instance).not.toBe(sent[i - 1]!.instance);
          // Nothing is out: the next call is served as soon as breakers let it.
          steps.splice(0, steps.length, { afterMs: 0, how: "answer" });
          const next = remote.look({ n: 1 });
          await clock.advance(100);
          expect(await next).toEqual({ n: 1 });
        },
      ),
      { numRuns: 300 },
    );
  });
});
