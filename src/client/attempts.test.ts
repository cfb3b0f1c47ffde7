// What a client does when one attempt is not enough: at which instance, when, how often, and what it tells of it.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { roundRobin } from "../balance/index.ts";
import type { ActiveCall } from "../endpoint/index.ts";
import { backgroundContext } from "../endpoint/index.ts";
import { bareError, policyError, type ServiceError } from "../errors/index.ts";
import { error, method, service } from "../index.ts";
import { logger } from "../log/index.ts";
import { attemptsOf, budget } from "../resilience/index.ts";
import { settled, virtualClock, type VirtualClock } from "../testing/index.ts";
import { seededRandom, sleep } from "../time/index.ts";
import { memoryExporter, tracer } from "../trace/index.ts";
import type { ClientTransport } from "../transport/index.ts";
import { client, type ClientOptions } from "./index.ts";

const refused = error("refused", { code: "failed_precondition" });
const n = z.object({ n: z.int() });
const jobs = service("jobs", {
  look: method({ request: n, response: n, errors: [refused], idempotent: true }),
  book: method({ request: n, response: n }),
  watch: method({ request: n, response: n, stream: "server" }),
});

interface Sent {
  readonly instance: string;
  readonly call: ActiveCall;
  readonly atMs: number;
  readonly attempt: number;
}

/** What an instance does with an attempt: it answers, or throws. */
type Behaviour = (sent: Sent, attempt: number) => unknown;

function network(clock: VirtualClock, behave: Behaviour): ClientTransport & { readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const arrive = (instance: string, call: ActiveCall): unknown => {
    const one = { instance, call, atMs: clock.now(), attempt: call.attempt };
    return behave(one, sent.push(one));
  };
  return {
    name: "network",
    "~client": true,
    sent,
    open: (_service, instance) => ({
      unary: () => (_request, call) =>
        new Promise((resolve, reject) => {
          call.onCancel(reject);
          Promise.resolve()
            .then(() => arrive(instance, call))
            .then(resolve, reject);
        }),
      stream: () =>
        async function* (_request, call) {
          yield await arrive(instance, call);
        },
      close: () => Promise.resolve(),
    }),
  };
}

const unavailable = (): never => {
  throw bareError("no", { code: "unavailable", origin: "peer" });
};
const unreachable = (): never => {
  throw policyError("unreachable");
};

type Options = Partial<ClientOptions<typeof jobs.methods>>;

function calling(behave: Behaviour, options: Options = {}) {
  const clock = virtualClock();
  const transport = network(clock, behave);
  const remote = client(jobs, transport, {
    from: ["a", "b", "c"],
    clock,
    random: seededRandom(7),
    breaker: false,
    balance: { strategy: roundRobin(), ejection: false },
    ...options,
  });
  return { clock, transport, remote, instances: () => transport.sent.map(({ instance }) => instance) };
}

/** What a call fails with, once the clock has moved so far. */
async function failure(clock: VirtualClock, call: Promise<unknown>, ms: number = 5000): Promise<ServiceError> {
  const seen = call.then(
    () => undefined,
    (thrown: unknown) => thrown as ServiceError,
  );
  await clock.advance(ms);
  return (await seen)!;
}

describe("a call that fails", () => {
  it("is made again at another instance, and says which attempt it is", async () => {
    const { clock, transport, remote, instances } = calling((_sent, i) => (i === 1 ? unavailable() : { n: i }));
    const answer = remote.look({ n: 1 });
    await clock.advance(100);
    expect(await answer).toEqual({ n: 2 });
    expect(new Set(instances()).size).toBe(2);
    expect(transport.sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it("says in its log line and span how many attempts it took, where it took more than one", async () => {
    const lines: string[] = [];
    const exporter = memoryExporter();
    const trace = tracer({ service: "test", ratio: 1, exporter });
    const { clock, remote } = calling((_sent, i) => (i === 1 ? unavailable() : { n: i }), {
      log: logger({ batchBytes: 0, write: (text) => lines.push(text) }),
      trace,
    });
    for (const n of [1, 2]) {
      const answer = remote.look({ n });
      await clock.advance(100);
      await answer;
    }
    await trace.close();
    const logged = lines.map((line) => JSON.parse(line) as { msg: string; attempts?: number });
    expect(logged.filter(({ msg }) => msg === "call").map(({ attempts }) => attempts)).toEqual([2, undefined]);
    expect(exporter.spans.map(({ attributes }) => attributes["rpc.attempts"])).toEqual([2, undefined]);
  });

  it("fails with the last error, and all attempts are kept on it", async () => {
    const { clock, remote, instances } = calling(unavailable);
    const error = await failure(clock, remote.look({ n: 1 }));
    expect(error.code).toBe("unavailable");
    expect(instances()).toHaveLength(3);
    const attempts = attemptsOf(error);
    expect(attempts.map(({ attempt, instance }) => [attempt, instance])).toEqual(
      instances().map((instance, i) => [i + 1, instance]),
    );
    expect(attempts.at(-1)!.error).toBe(error);
    // Never the same instance twice in a row.
    for (let i = 1; i < attempts.length; i++) expect(attempts[i]!.instance).not.toBe(attempts[i - 1]!.instance);
  });

  it("is not made again where that could do the work twice, unless nobody got it", async () => {
    const first = calling(unavailable);
    expect((await failure(first.clock, first.remote.book({ n: 1 }))).code).toBe("unavailable");
    expect(first.instances()).toHaveLength(1);
    const second = calling((_sent, i) => (i === 1 ? unreachable() : { n: i }));
    const booked = second.remote.book({ n: 1 });
    await second.clock.advance(100);
    expect(await booked).toEqual({ n: 2 });
  });

  it("is not made again for a declared error, an answer, or where retries are off", async () => {
    const declared = calling(() => {
      throw bareError("no", { code: "failed_precondition", reason: "refused", origin: "peer" });
    });
    expect((await failure(declared.clock, declared.remote.look({ n: 1 }))).origin).toBe("declared");
    expect(declared.instances()).toHaveLength(1);
    for (const options of [{ retry: false }, { methods: { look: { retry: false } } }] as const) {
      const off = calling(unavailable, options);
      await failure(off.clock, off.remote.look({ n: 1 }));
      expect(off.instances()).toHaveLength(1);
    }
  });

  it("waits as long as the server says, and gives up where that does not fit", async () => {
    const busy = (retryAfterMs: number) => () => {
      throw bareError("later", { code: "unavailable", origin: "peer", retryAfterMs });
    };
    const patient = calling(busy(700));
    await failure(patient.clock, patient.remote.look({ n: 1 }));
    expect(patient.transport.sent[1]!.atMs).toBeGreaterThanOrEqual(700);
    const hasty = calling(busy(5000));
    await failure(hasty.clock, hasty.remote.look({ n: 1 }));
    expect(hasty.instances()).toHaveLength(1);
  });

  it("is not tried again where a layer above does that already", async () => {
    const { clock, remote, instances } = calling(unavailable);
    const context = Object.assign(Object.create(backgroundContext()) as ReturnType<typeof backgroundContext>, {});
    Object.defineProperty(context, "attempt", { value: 2 });
    await failure(clock, remote.look({ n: 1 }, context));
    expect(instances()).toHaveLength(1);
  });

  it("is over at its deadline, whatever it waits for", async () => {
    const { clock, remote, transport } = calling(unavailable, { retry: { baseMs: 10_000, maxMs: 10_000 } });
    const error = await failure(clock, remote.look({ n: 1 }, { timeoutMs: 50 }), 60);
    expect(error.code).toMatch(/^(unavailable|deadline_exceeded)$/);
    await clock.advance(60_000);
    expect(transport.sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer when its caller goes away between two attempts", async () => {
    const { clock, remote, transport } = calling(unavailable, { retry: { baseMs: 1000 } });
    const controller = new AbortController();
    const call = remote.look({ n: 1 }, { signal: controller.signal });
    await settled();
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: "canceled" });
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    expect(transport.sent).toHaveLength(1);
  });

  it("is made again no more often than the budget allows, however many methods and calls there are", async () => {
    const count = async (options: Options): Promise<number> => {
      const { clock, remote, instances } = calling(unavailable, options);
      const calls = Array.from({ length: 200 }, (_, i) => remote.look({ n: i }).catch(() => undefined));
      await clock.advance(3000);
      await Promise.all(calls);
      return instances().length;
    };
    expect(await count({ budget: { ratio: 0.1, perSecond: 0 } })).toBeLessThanOrEqual(220);
    // The control: three attempts each.
    expect(await count({ budget: false })).toBe(600);
  });

  it("shares a budget that is given", async () => {
    const shared = budget({ ratio: 0, perSecond: 0.2 });
    const first = calling(unavailable, { budget: shared });
    await failure(first.clock, first.remote.look({ n: 1 }));
    const made = first.instances().length;
    const second = calling(unavailable, { budget: shared });
    await failure(second.clock, second.remote.look({ n: 1 }));
    expect(made + second.instances().length).toBeLessThanOrEqual(4);
  });
});

describe("a stream that fails", () => {
  it("is begun at another instance when nobody got the request, and not when one did", async () => {
    const { clock, remote, instances } = calling((_sent, i) => (i === 1 ? unreachable() : { n: i }));
    const seen: number[] = [];
    const read = (async () => {
      for await (const { n } of remote.watch({ n: 1 })) seen.push(n);
    })();
    await clock.advance(100);
    await read;
    expect(seen).toEqual([2]);
    expect(instances()).toHaveLength(2);
    const got = calling(unavailable);
    await failure(
      got.clock,
      (async () => {
        for await (const _ of got.remote.watch({ n: 1 })) void _;
      })(),
    );
    expect(got.instances()).toHaveLength(1);
  });
});

describe("attempts with a time of their own", () => {
  it("end after it, and the next one goes elsewhere", async () => {
    const { clock, transport, remote } = calling(
      ({ call }, i) => (i < 3 ? new Promise((_, reject) => void call.onCancel(reject)) : { n: i }),
      { methods: { look: { retry: { perTryMs: 100, baseMs: 1 }, timeoutMs: 1000 } } },
    );
    const answer = remote.look({ n: 1 });
    await clock.advance(1000);
    expect(await answer).toEqual({ n: 3 });
    expect(transport.sent.map(({ call }) => call.canceledBy?.code)).toEqual([
      "deadline_exceeded",
      "deadline_exceeded",
      undefined,
    ]);
    expect(transport.sent[0]!.call.context.deadlineMs).toBe(100);
    expect(clock.pending).toBe(0);
  });

  it("have to fit into the call's", () => {
    expect(() => calling(unavailable, { methods: { look: { retry: { perTryMs: 500 }, timeoutMs: 1000 } } })).toThrow(
      "retry of look should fit into its time: 3 attempts of 500 ms are more than timeoutMs 1000; let perTryMs be at most 333, or timeoutMs at least 1500",
    );
  });
});

describe("a hedge", () => {
  const slowFirst: Behaviour = ({ call }, i) =>
    i === 1 ? new Promise((_, reject) => void call.onCancel(reject)) : { n: i };

  it("asks another instance after its delay, takes the first answer and calls the other off at once", async () => {
    const { clock, transport, remote, instances } = calling(slowFirst, {
      methods: { look: { hedge: { afterMs: 40, extra: 1 } } },
    });
    const answer = remote.look({ n: 1 });
    await clock.advance(39);
    expect(transport.sent).toHaveLength(1);
    await clock.advance(9);
    expect(await answer).toEqual({ n: 2 });
    expect(new Set(instances()).size).toBe(2);
    expect(transport.sent[0]!.call.canceledBy?.code).toBe("canceled");
    expect(transport.sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(clock.pending).toBe(0);
  });

  it("is counted also where the first attempt wins", async () => {
    const attempts: number[] = [];
    const { clock, remote } = calling(
      (_sent, i) => new Promise((resolve) => void clock.after(i === 1 ? 50 : 1000, () => resolve({ n: i }))),
      { hedge: { afterMs: 40, extra: 1 }, observers: [() => ({ end: (call) => attempts.push(call.attempts) })] },
    );
    const answer = remote.look({ n: 1 });
    await clock.advance(100);
    expect(await answer).toEqual({ n: 1 });
    expect(attempts).toEqual([2]);
  });

  it("is not begun when the first has answered, or failed", async () => {
    const quick = calling(() => ({ n: 1 }), { hedge: { afterMs: 40, extra: 1 } });
    await quick.remote.look({ n: 1 });
    await quick.clock.advance(1000);
    expect(quick.transport.sent).toHaveLength(1);
    const failing = calling(unavailable, { hedge: { afterMs: 40, extra: 1 }, retry: false });
    await failure(failing.clock, failing.remote.look({ n: 1 }));
    expect(failing.transport.sent).toHaveLength(1);
  });

  it("ends with the first error that another attempt would not change", async () => {
    const { clock, remote, transport } = calling(
      (sent, i) => {
        if (i === 1) return slowFirst(sent, i);
        throw bareError("no", { code: "not_found", origin: "peer" });
      },
      { hedge: { afterMs: 40, extra: 1 } },
    );
    expect((await failure(clock, remote.look({ n: 1 }), 60)).code).toBe("not_found");
    expect(transport.sent[0]!.call.canceledBy?.code).toBe("canceled");
  });

  it("leaves the call to the attempt that still works when one of them fails", async () => {
    const { clock, remote } = calling(
      (_sent, i) => (i === 1 ? sleep(200, { clock: virtual() }).then(() => ({ n: 1 })) : unavailable()),
      { hedge: { afterMs: 40, extra: 1 }, retry: false },
    );
    function virtual(): VirtualClock {
      return clock;
    }
    const answer = remote.look({ n: 1 });
    await clock.advance(300);
    expect(await answer).toEqual({ n: 1 });
  });

  it("is for idempotent methods: asked for by name it is refused for others, for all it means those that can", async () => {
    expect(() => calling(unavailable, { methods: { book: { hedge: {} } } })).toThrow(
      "methods.book.hedge should be left out, or the method declared idempotent: true",
    );
    const { clock, remote, transport } = calling(slowFirst, { hedge: { afterMs: 40, extra: 1 } });
    await failure(clock, remote.book({ n: 1 }), 3000);
    expect(transport.sent).toHaveLength(1);
  });

  it("is refused where it would come too late", () => {
    expect(() => calling(unavailable, { methods: { look: { hedge: { afterMs: 500 }, timeoutMs: 500 } } })).toThrow(
      "hedge of look should begin before its time is over",
    );
  });
});
