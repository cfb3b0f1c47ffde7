import { describe as group, expect, expectTypeOf, it, vi } from "vitest";
import { z } from "zod";
import { method, service } from "../contract/index.ts";
import type { ActiveCall, Direction, Observe, StreamMiddleware } from "../endpoint/index.ts";
import { bareError, error, policyError, type ServiceError } from "../errors/index.ts";
import { attemptsOf } from "../resilience/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { sleep } from "../time/index.ts";
import type { ClientTransport, StreamSender, UnarySender } from "../transport/index.ts";
import { local } from "../transport/local/index.ts";
import { client, explain } from "./index.ts";

const full = error("full", { code: "resource_exhausted" });
const item = z.object({ v: z.int() });
const feed = service("feed", {
  count: method({ request: z.object({ to: z.int() }), response: item, stream: "server", errors: [full] }),
  total: method({ request: item, response: item, stream: "client", errors: [full] }),
  echo: method({ request: item, response: item, stream: "bidi" }),
});

type Senders = { readonly stream?: StreamSender; readonly unary?: UnarySender };

function scripted({ stream, unary }: Senders): ClientTransport & { readonly calls: ActiveCall[] } {
  const calls: ActiveCall[] = [];
  return {
    name: "scripted",
    "~client": true,
    calls,
    open: () => ({
      unary: () => (request, call) => (calls.push(call), unary!(request, call)),
      stream: () => (request, call) => (calls.push(call), stream!(request, call)),
      close: () => Promise.resolve(),
    }),
  };
}

/** Yields these values, then waits until the call is called off. */
function thenWaiting(...values: unknown[]): StreamSender {
  return async function* answers(_request, call) {
    yield* values;
    yield await new Promise((_resolve, reject) => call.onCancel(reject));
  };
}

async function* from(...values: number[]): AsyncGenerator<{ v: number }, void, undefined> {
  for (const v of values) yield await Promise.resolve({ v });
}

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const answer of answers) list.push(answer);
  return list;
}

function watching(seen: string[]): Observe {
  return () => ({
    start: () => seen.push("start"),
    message: (_call, direction: Direction) => seen.push(direction),
    end: (call) => seen.push(`end ${call.outcome}`),
  });
}

const one = { from: "one" };
const failed = async (promise: Promise<unknown>): Promise<ServiceError> =>
  (await promise.then(
    () => undefined,
    (e: unknown) => e,
  )) as ServiceError;

group("a call answered by a stream", () => {
  it("gives each answer validated, and tells the observers of each", async () => {
    const seen: string[] = [];
    const transport = scripted({
      stream: async function* () {
        yield { v: 1, extra: 1 };
        yield { v: 2 };
      },
    });
    const answers = client(feed, transport, { ...one, observers: [watching(seen)] }).count({ to: 2 });
    expectTypeOf(answers).toEqualTypeOf<AsyncIterable<{ v: number }>>();
    expect(await all(answers)).toEqual([{ v: 1 }, { v: 2 }]);
    expect(seen).toEqual(["start", "received", "received", "end ok"]);
  });

  it("begins when the first answer is asked for, and is over after the last", async () => {
    const clock = virtualClock();
    const transport = scripted({
      stream: async function* () {
        yield { v: 1 };
      },
    });
    const answers = client(feed, transport, { ...one, clock })
      .count({ to: 1 })
      [Symbol.asyncIterator]();
    await settled();
    expect(transport.calls).toEqual([]);
    expect(await answers.next()).toEqual({ done: false, value: { v: 1 } });
    expect(await answers.next()).toEqual({ done: true, value: undefined });
    expect(await answers.next()).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
  });

  it("keeps the order of answers that are asked for at once", async () => {
    const transport = scripted({
      stream: async function* () {
        yield { v: 1 };
        yield { v: 2 };
      },
    });
    const answers = client(feed, transport, one).count({ to: 2 })[Symbol.asyncIterator]();
    const steps = await Promise.all([answers.next(), answers.next(), answers.next()]);
    expect(steps.map(({ done, value }) => done ?? (value as unknown))).toEqual([false, false, true]);
    expect(steps[1]!.value).toEqual({ v: 2 });
  });

  it("ends with invalid_response at an answer that does not fit, and calls the rest off", async () => {
    const ended = vi.fn();
    const transport = scripted({
      stream: async function* () {
        try {
          yield { v: 1 };
          yield { v: "two" };
          yield { v: 3 };
        } finally {
          ended();
        }
      },
    });
    const seen: number[] = [];
    const thrown = await failed(
      (async () => {
        for await (const { v } of client(feed, transport, one).count({ to: 3 })) seen.push(v);
      })(),
    );
    expect(thrown.reason).toBe("invalid_response");
    expect(seen).toEqual([1]);
    expect(ended).toHaveBeenCalledOnce();
  });

  it("rejects once with the declared error, then is done", async () => {
    const transport = scripted({
      stream: async function* () {
        yield { v: 1 };
        throw bareError("full", { code: "resource_exhausted", reason: "full", origin: "peer" });
      },
    });
    const answers = client(feed, transport, one).count({ to: 2 })[Symbol.asyncIterator]();
    await answers.next();
    expect(full.is(await failed(answers.next()))).toBe(true);
    expect(await answers.next()).toEqual({ done: true, value: undefined });
  });

  it("calls the call off when the caller breaks out, without blaming the instance", async () => {
    const seen: string[] = [];
    const clock = virtualClock();
    const transport = scripted({ stream: thenWaiting({ v: 1 }) });
    const remote = client(feed, transport, { ...one, clock, breaker: { consecutive: 1 }, observers: [watching(seen)] });
    for (let i = 0; i < 2; i++)
      for await (const answer of remote.count({ to: 9 })) {
        void answer;
        break;
      }
    await settled();
    expect(transport.calls.map((call) => call.canceledBy?.reason)).toEqual(["canceled", "canceled"]);
    expect(seen).toEqual(["start", "received", "end canceled", "start", "received", "end canceled"]);
    expect(clock.pending).toBe(0);
  });

  it("frees a probe of the breaker that the caller left", async () => {
    const clock = virtualClock();
    let isDown = true;
    const answers: StreamSender = async function* () {
      if (isDown) throw policyError("unreachable");
      yield { v: 1 };
      yield { v: 2 };
    };
    const remote = client(feed, scripted({ stream: answers }), {
      ...one,
      clock,
      breaker: { consecutive: 1, openMs: 10 },
    });
    await failed(all(remote.count({ to: 2 })));
    await clock.advance(10);
    isDown = false;
    for await (const answer of remote.count({ to: 2 })) {
      void answer;
      break;
    }
    await settled();
    expect(await all(remote.count({ to: 2 }))).toHaveLength(2);
  });

  it("closes the breaker when it begins: a probe that goes on for days keeps nobody else away", async () => {
    const clock = virtualClock();
    let isDown = true;
    const answers: StreamSender = async function* (request, call) {
      if (isDown) throw policyError("unreachable");
      yield* thenWaiting({ v: 1 })(request, call);
    };
    const remote = client(feed, scripted({ stream: answers }), {
      ...one,
      clock,
      timeoutMs: 3_600_000,
      breaker: { consecutive: 1, openMs: 10, jitter: 0 },
      retry: false,
    });
    await failed(all(remote.count({ to: 2 })));
    await clock.advance(10);
    isDown = false;
    const streams = [remote.count({ to: 2 }), remote.count({ to: 2 })].map((answers) =>
      answers[Symbol.asyncIterator](),
    );
    for (const stream of streams) expect(await stream.next()).toEqual({ done: false, value: { v: 1 } });
    await clock.advance(600_000);
    const third = remote.count({ to: 2 })[Symbol.asyncIterator]();
    expect(await third.next()).toEqual({ done: false, value: { v: 1 } });
    for (const stream of [...streams, third]) await stream.return!();
    await settled();
    expect(explain(remote)[0]!.pending).toBe(0);
  });

  it("says nothing of how fast its instance is, however long it lasts and however it ends", async () => {
    for (const end of ["done", "left", "broken"]) {
      const clock = virtualClock();
      const answers: StreamSender = async function* () {
        yield { v: 1 };
        await sleep(3_600_000, { clock });
        if (end === "broken") throw bareError("gone", { code: "unavailable", origin: "peer" });
        yield { v: 2 };
      };
      const transport = scripted({ stream: answers, unary: () => Promise.resolve({ v: 1 }) });
      const remote = client(feed, transport, { ...one, clock, timeoutMs: 7_200_000 });
      const stream = remote.count({ to: 2 })[Symbol.asyncIterator]();
      await stream.next();
      const second = stream.next().catch(() => undefined);
      await clock.advance(3_600_000);
      await second;
      if (end === "left") await stream.return!();
      else await stream.next().catch(() => undefined);
      await settled();
      expect(explain(remote)[0]).toMatchObject({ pending: 0 });
      // A failure has its own price of at most a second.
      expect(explain(remote)[0]!.cost).toBeLessThanOrEqual(1001);
    }
  });

  it("keeps all attempts on its error", async () => {
    const clock = virtualClock();
    // oxlint-disable-next-line require-yield -- it never gets that far
    const answers: StreamSender = async function* () {
      throw await Promise.resolve(policyError("unreachable"));
    };
    const remote = client(feed, scripted({ stream: answers }), { ...one, clock, breaker: false });
    const thrown = failed(all(remote.count({ to: 1 })));
    await clock.advance(3000);
    expect(attemptsOf(await thrown).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it("forgives the instance a failure when it comes to its end", async () => {
    let isDown = true;
    const answers: StreamSender = async function* () {
      if (isDown) throw policyError("unreachable");
      yield { v: 1 };
    };
    const remote = client(feed, scripted({ stream: answers }), {
      ...one,
      clock: virtualClock(),
      breaker: { consecutive: 2 },
      retry: false,
    });
    for (const down of [true, false, true]) {
      isDown = down;
      await all(remote.count({ to: 1 })).catch(() => {});
    }
    expect((await failed(all(remote.count({ to: 1 })))).reason).toBe("unreachable");
    expect((await failed(all(remote.count({ to: 1 })))).reason).toBe("breaker_open");
  });

  it("ends when the deadline passes, while an answer is waited for or between two", async () => {
    for (const waits of [true, false]) {
      const clock = virtualClock();
      const transport = scripted({ stream: thenWaiting({ v: 1 }) });
      const answers = client(feed, transport, { ...one, clock })
        .count({ to: 9 }, { timeoutMs: 40 })
        [Symbol.asyncIterator]();
      await answers.next();
      const waiting = waits ? failed(answers.next()) : undefined;
      await clock.advance(40);
      expect((await (waiting ?? failed(answers.next()))).reason).toBe("deadline_exceeded");
      expect(transport.calls[0]!.canceledBy?.reason).toBe("deadline_exceeded");
      expect(await answers.next()).toEqual({ done: true, value: undefined });
      expect(clock.pending).toBe(0);
    }
  });

  it("ends when the caller's signal says so, and leaves the signal alone", async () => {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const answers = client(feed, scripted({ stream: thenWaiting() }), one)
      .count({ to: 9 }, { signal: controller.signal })
      [Symbol.asyncIterator]();
    const thrown = failed(answers.next());
    await settled();
    controller.abort();
    expect((await thrown).code).toBe("canceled");
    expect(removed).toHaveBeenCalledOnce();
  });

  it("does not hang on a transport that minds nothing", async () => {
    const clock = virtualClock();
    const deaf: StreamSender = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => new Promise(() => {}) }),
    });
    const thrown = failed(all(client(feed, scripted({ stream: deaf }), { ...one, clock }).count({ to: 9 })));
    await clock.advance(3000);
    expect((await thrown).reason).toBe("deadline_exceeded");
  });

  it("sends nothing when a gate refuses, when it is over, or when options are wrong", async () => {
    const transport = scripted({ stream: thenWaiting() });
    const refusal = policyError("rate_limited");
    expect(
      await failed(all(client(feed, transport, { ...one, gates: [() => Promise.resolve(refusal)] }).count({ to: 1 }))),
    ).toBe(refusal);
    const remote = client(feed, transport, one);
    expect((await failed(all(remote.count({ to: 1 }, { signal: AbortSignal.abort() })))).code).toBe("canceled");
    const wrong = remote.count({ to: 1 }, { timeoutMs: Number.NaN })[Symbol.asyncIterator]();
    await expect(wrong.next()).rejects.toThrow("timeoutMs should be a number of at least 0, got NaN");
    expect(await wrong.next()).toEqual({ done: true, value: undefined });
    expect(transport.calls).toEqual([]);
  });

  it("passes stream middlewares, outermost first", async () => {
    const twice: StreamMiddleware = (next) => (request, context) => {
      async function* doubled() {
        for await (const answer of next(request, context)) {
          yield answer;
          yield answer;
        }
      }
      return doubled();
    };
    const broken: StreamMiddleware = () => () => {
      throw new Error("broken");
    };
    const transport = scripted({
      stream: async function* () {
        yield { v: 1 };
      },
    });
    expect(
      await all(client(feed, transport, { ...one, methods: { count: { use: [twice, twice] } } }).count({ to: 1 })),
    ).toHaveLength(4);
    expect(
      await failed(all(client(feed, transport, { ...one, methods: { count: { use: [broken] } } }).count({ to: 1 }))),
    ).toMatchObject({ code: "internal" });
  });
});

group("a call that sends a stream", () => {
  const adding: UnarySender = async (request) => {
    let v = 0;
    for await (const one of request as AsyncIterable<{ v: number }>) v += one.v;
    return { v };
  };

  it("is answered once, and tells the observers of each message", async () => {
    const seen: string[] = [];
    const remote = client(feed, scripted({ unary: adding }), { ...one, observers: [watching(seen)] });
    expect(await remote.total(from(1, 2))).toEqual({ v: 3 });
    expect(seen).toEqual(["start", "sent", "sent", "end ok"]);
  });

  it("gives declared errors to try()", async () => {
    const refusing: UnarySender = () =>
      Promise.reject(bareError("full", { code: "resource_exhausted", reason: "full", origin: "peer" }));
    expect(await client(feed, scripted({ unary: refusing }), one).total.try(from(1))).toMatchObject({
      ok: false,
      error: { reason: "full" },
    });
  });

  it("lets the source clean up when it ends early", async () => {
    const ended = vi.fn();
    async function* source() {
      try {
        for (let v = 0; ; v++) yield { v };
      } finally {
        ended();
      }
    }
    const first: UnarySender = async (request) =>
      (await (request as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()).value;
    expect(await client(feed, scripted({ unary: first }), one).total(source())).toEqual({ v: 0 });
    await settled();
    expect(ended).toHaveBeenCalledOnce();
  });

  it("is over as it is when the source throws while it cleans up", async () => {
    const broken = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: { v: 7 } }),
        return: () => {
          throw new Error("the source's own trouble");
        },
      }),
    } as AsyncIterable<{ v: number }>;
    const first: UnarySender = async (request) =>
      (await (request as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()).value;
    expect(await client(feed, scripted({ unary: first }), one).total(broken)).toEqual({ v: 7 });
  });

  it("ends with the source's own failure, called off at the peer and not blamed on it", async () => {
    async function* source() {
      yield { v: 1 };
      throw new Error("disk full");
    }
    const transport = scripted({ unary: adding });
    const remote = client(feed, transport, { ...one, breaker: { consecutive: 1 } });
    for (let i = 0; i < 2; i++) {
      const thrown = await failed(remote.total(source()));
      expect(thrown).toMatchObject({ code: "internal", cause: new Error("disk full") });
      expect(transport.calls[i]!.canceledBy?.reason).toBe("canceled");
    }
  });

  it("asks the source for nothing more once it is called off", async () => {
    const clock = virtualClock();
    const ended = vi.fn();
    async function* source() {
      try {
        for (let v = 0; ; v++) yield { v };
      } finally {
        ended();
      }
    }
    const slow: UnarySender = async (request, call) => {
      const messages = (request as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      await messages.next();
      await new Promise((_resolve, reject) =>
        call.onCancel(() => void messages.next().then(({ done }) => reject(new Error(`done ${done}`)))),
      );
    };
    const thrown = failed(client(feed, scripted({ unary: slow }), { ...one, clock }).total(source()));
    await clock.advance(3000);
    expect((await thrown).reason).toBe("deadline_exceeded");
    expect(ended).toHaveBeenCalledOnce();
  });
});

group("a call of streams both ways, through the local transport", () => {
  const impl = feed.implement({
    async *count({ to }) {
      for (let v = 1; v <= to; v++) yield { v };
    },
    async total(messages) {
      let v = 0;
      for await (const one of messages) v += one.v;
      return v > 100 ? full() : { v };
    },
    async *echo(messages) {
      for await (const { v } of messages) yield { v: v * 10 };
    },
  });

  it("answers while it is asked", async () => {
    const seen: string[] = [];
    const remote = client(feed, local(impl), { observers: [watching(seen)] });
    expect(await all(remote.echo(from(1, 2)))).toEqual([{ v: 10 }, { v: 20 }]);
    expect(seen).toEqual(["start", "sent", "received", "sent", "received", "end ok"]);
  });

  it("carries every kind, and declared errors", async () => {
    const remote = client(feed, local(impl));
    expect(await all(remote.count({ to: 3 }))).toEqual([{ v: 1 }, { v: 2 }, { v: 3 }]);
    expect(await remote.total(from(1, 2))).toEqual({ v: 3 });
    expect(await remote.total.try(from(1000))).toMatchObject({ ok: false, error: { reason: "full" } });
  });

  it("lets the source clean up when the caller breaks out", async () => {
    const ended = vi.fn();
    async function* source() {
      try {
        for (let v = 0; ; v++) yield { v };
      } finally {
        ended();
      }
    }
    for await (const answer of client(feed, local(impl)).echo(source())) {
      void answer;
      break;
    }
    await settled();
    expect(ended).toHaveBeenCalledOnce();
  });
});
