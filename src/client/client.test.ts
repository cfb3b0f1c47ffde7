import { describe as group, expect, expectTypeOf, it, vi } from "vitest";
import { z } from "zod";
import { method, service, type CallOptions, type Result } from "../contract/index.ts";
import {
  backgroundContext,
  Metadata,
  type ActiveCall,
  type Call,
  type CallContext,
  type Context,
  type Endpoint,
  type Middleware,
} from "../endpoint/index.ts";
import { bareError, error, policyError, type ServiceError } from "../errors/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { logger } from "../log/index.ts";
import { registry } from "../metrics/index.ts";
import { seededRandom } from "../time/index.ts";
import { memoryExporter, tracer } from "../trace/index.ts";
import { random, roundRobin } from "../balance/index.ts";
import { budget, hedgePlan, retryPlan } from "../resilience/index.ts";
import type { ClientTransport } from "../transport/index.ts";
import { local } from "../transport/local/index.ts";
import { client, close, describe } from "./index.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const tooBig = error("too_big", { code: "out_of_range", details: z.object({ max: z.string().transform(Number) }) });
const pair = z.object({ a: z.int(), b: z.int().default(0) });
const add = service("add", {
  sum: method({ request: pair, response: z.object({ v: z.int() }), errors: [twoZeroes, tooBig], idempotent: true }),
  born: method({
    request: z.object({}),
    response: z.iso.datetime().transform((text) => new Date(text)),
    timeoutMs: 500,
  }),
});

interface Sent {
  readonly instance: string;
  readonly method: string;
  readonly request: unknown;
  readonly call: ActiveCall;
}

type Script = (sent: Sent) => unknown;

/** A transport that answers as a script says and keeps what was sent. Each call stays open until it is called off. */
function scripted(
  script: Script = () => new Promise(() => {}),
): ClientTransport & { readonly sent: Sent[]; readonly closed: string[] } {
  const sent: Sent[] = [];
  const closed: string[] = [];
  return {
    name: "scripted",
    "~client": true,
    sent,
    closed,
    open: (_service, instance) => ({
      unary: (name) => (request, call) => {
        const one = { instance, method: name, request, call };
        sent.push(one);
        return new Promise((resolve, reject) => {
          call.onCancel(reject);
          Promise.resolve()
            .then(() => script(one))
            .then(resolve, reject);
        });
      },
      stream: () => () => {
        throw new Error("no streams here");
      },
      close: () => {
        closed.push(instance);
        return Promise.resolve();
      },
    }),
  };
}

function fails(code: "unavailable" | "not_found"): Script {
  return () => Promise.reject(bareError("no", { code, origin: "peer" }));
}

function peerError(
  reason: string,
  code: "invalid_argument" | "out_of_range" | "aborted",
  details?: unknown,
): ServiceError {
  return bareError("from the peer", { code, reason, details, origin: "peer", retryAfterMs: 7 });
}

const one = { from: "one", random: seededRandom(1) };
const RETRY = `  retry       ${retryPlan({ budget: budget() }).describe()}`;
const HEDGE = `  hedge       ${hedgePlan({ budget: budget() }).describe()}`;
const failed = async (promise: Promise<unknown>): Promise<ServiceError> =>
  (await promise.then(
    () => undefined,
    (e: unknown) => e,
  )) as ServiceError;

group("a call", () => {
  it("resolves with the response as its schema gives it", async () => {
    const remote = client(
      add,
      scripted(() => "2020-01-02T03:04:05Z"),
      one,
    );
    expect(await remote.born({})).toEqual(new Date("2020-01-02T03:04:05Z"));
  });

  it("sends the request as it was given, neither validated nor transformed", async () => {
    const transport = scripted(() => ({ v: 1 }));
    await client(add, transport, one).sum({ a: 1 });
    expect(transport.sent[0]!.request).toEqual({ a: 1 });
  });

  it("rejects with invalid_response when the answer does not fit, and keeps the findings off the wire", async () => {
    const thrown = await failed(
      client(
        add,
        scripted(() => ({ v: "three" })),
        one,
      ).sum({ a: 1 }),
    );
    expect(thrown).toMatchObject({
      code: "internal",
      reason: "invalid_response",
      origin: "policy",
      details: undefined,
    });
    expect(String(thrown.cause)).toMatch(/^TypeError: v: /);
  });

  it("validates with a schema that is asynchronous", async () => {
    const later = service("later", {
      get: method({ request: z.object({}), response: z.object({ v: z.int().refine((v) => Promise.resolve(v < 9)) }) }),
    });
    let v = 1;
    const remote = client(
      later,
      scripted(() => ({ v })),
      one,
    );
    expect(await remote.get({})).toEqual({ v: 1 });
    v = 10;
    expect(await failed(remote.get({}))).toMatchObject({ reason: "invalid_response" });
  });

  it("rejects with a ServiceError whatever the transport threw", async () => {
    const thrown = await failed(
      client(
        add,
        scripted(() => Promise.reject(new Error("secret"))),
        one,
      ).sum({ a: 1 }),
    );
    expect(thrown).toMatchObject({ code: "internal", message: "internal error" });
    expect((thrown.cause as Error).message).toBe("secret");
  });

  it("settles once when the answer comes after the deadline", async () => {
    const clock = virtualClock();
    let answer: (wire: unknown) => void = () => {};
    const ends: unknown[] = [];
    const transport = scripted(() => new Promise((resolve) => (answer = resolve)));
    const remote = client(add, transport, {
      ...one,
      clock,
      observers: [() => ({ end: (call) => ends.push(call.outcome) })],
    });
    const thrown = failed(remote.sum({ a: 1 }));
    await clock.advance(3000);
    answer({ v: 1 });
    expect((await thrown).reason).toBe("deadline_exceeded");
    await settled();
    expect(ends).toEqual(["deadline_exceeded"]);
  });

  it("ends by itself when the transport does not mind being called off", async () => {
    const clock = virtualClock();
    const ends: unknown[] = [];
    let answer: (wire: unknown) => void = () => {};
    const deaf: ClientTransport = {
      name: "deaf",
      "~client": true,
      open: () => ({
        unary: () => () => new Promise((resolve) => (answer = resolve)),
        stream: () => () => {
          throw new Error();
        },
        close: () => Promise.resolve(),
      }),
    };
    const observers = [() => ({ end: (call: Call) => ends.push(call.outcome) })];
    const thrown = failed(client(add, deaf, { ...one, clock, observers }).sum({ a: 1 }));
    await clock.advance(3000);
    expect((await thrown).code).toBe("deadline_exceeded");
    answer({ v: 1 });
    await settled();
    expect(ends).toEqual(["deadline_exceeded"]);
  });
});

group("declared errors", () => {
  const answering = (thrown: ServiceError) =>
    client(
      add,
      scripted(() => Promise.reject(thrown)),
      { ...one, retry: false },
    );

  it("are recognised by reason and code, and narrow by is()", async () => {
    const thrown = await failed(answering(peerError("two_zeroes", "invalid_argument", { stray: 1 })).sum({ a: 0 }));
    expect(twoZeroes.is(thrown)).toBe(true);
    expect(thrown).toMatchObject({ origin: "declared", message: "from the peer", details: undefined, retryAfterMs: 7 });
  });

  it("come back from try() as values, their details validated and transformed", async () => {
    const outcome = await answering(peerError("too_big", "out_of_range", { max: "9" })).sum.try({ a: 0 });
    expect(outcome).toMatchObject({ ok: false, error: { reason: "too_big", details: { max: 9 } } });
    if (!outcome.ok && outcome.error.reason === "too_big")
      expectTypeOf(outcome.error.details.max).toEqualTypeOf<number>();
  });

  it("are not those with another code or details that do not fit: those stay the peer's", async () => {
    for (const thrown of [
      peerError("two_zeroes", "aborted"),
      peerError("too_big", "out_of_range", { max: 9 }),
      peerError("other", "aborted"),
    ]) {
      expect(await failed(answering(thrown).sum.try({ a: 0 }))).toBe(thrown);
      expect(thrown.origin).toBe("peer");
    }
  });

  it("are not made of what a policy on this side says", async () => {
    const thrown = await failed(answering(policyError("unreachable")).sum.try({ a: 0 }));
    expect(thrown).toMatchObject({ reason: "unreachable", origin: "policy" });
  });

  it("are validated by a schema that is asynchronous or throws", async () => {
    const slow = error("slow", {
      code: "aborted",
      details: z.object({ n: z.int().refine((n) => Promise.resolve(n > 0)) }),
    });
    const broken = error("broken", {
      code: "aborted",
      details: z.unknown().transform(() => {
        throw new Error("schema");
      }),
    });
    const odd = service("odd", {
      get: method({ request: z.object({}), response: z.unknown(), errors: [slow, broken] }),
    });
    let thrown = peerError("slow", "aborted", { n: 1 });
    const remote = client(
      odd,
      scripted(() => Promise.reject(thrown)),
      one,
    );
    expect(await remote.get.try({})).toMatchObject({ ok: false, error: { origin: "declared", details: { n: 1 } } });
    thrown = peerError("slow", "aborted", { n: 0 });
    expect(await failed(remote.get.try({}))).toBe(thrown);
    thrown = peerError("broken", "aborted");
    expect(await failed(remote.get.try({}))).toBe(thrown);
  });

  it("stay the peer's when their schema throws at once", async () => {
    const throwing = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => {
          throw new Error("schema");
        },
      },
    } as const;
    const odd = service("odd", {
      get: method({
        request: z.object({}),
        response: z.unknown(),
        errors: [error("odd", { code: "aborted", details: throwing })],
      }),
    });
    const thrown = peerError("odd", "aborted");
    expect(
      await failed(
        client(
          odd,
          scripted(() => Promise.reject(thrown)),
          one,
        ).get.try({}),
      ),
    ).toBe(thrown);
  });

  it("give { ok: true } when there is none", async () => {
    const outcome = await client(
      add,
      scripted(() => ({ v: 3 })),
      one,
    ).sum.try({ a: 1 });
    expect(outcome).toEqual({ ok: true, value: { v: 3 } });
    expectTypeOf(outcome).toExtend<Result<{ v: number }, ServiceError>>();
  });
});

group("the deadline of a call", () => {
  const dueOf = async (
    options: { timeoutMs?: number; methods?: { born?: { timeoutMs: number } } },
    from?: Context | CallOptions,
  ): Promise<number> => {
    const transport = scripted(() => "2020-01-02T03:04:05Z");
    await client(add, transport, { ...one, clock: virtualClock(), ...options }).born({}, from);
    return transport.sent[0]!.call.context.deadlineMs;
  };

  it("is what the most exact word says: the call's, the client's for the method, the contract's, the client's", async () => {
    expect(await dueOf({ timeoutMs: 900, methods: { born: { timeoutMs: 700 } } }, { timeoutMs: 600 })).toBe(600);
    expect(await dueOf({ timeoutMs: 900, methods: { born: { timeoutMs: 700 } } })).toBe(700);
    expect(await dueOf({ timeoutMs: 900 })).toBe(500);
    const transport = scripted(() => ({ v: 1 }));
    await client(add, transport, { ...one, timeoutMs: 900, clock: virtualClock() }).sum({ a: 1 });
    await client(add, transport, { ...one, clock: virtualClock() }).sum({ a: 1 });
    expect(transport.sent.map(({ call }) => call.context.deadlineMs)).toEqual([900, 3000]);
  });

  it("is never later than that of the call it is made for", async () => {
    const clock = virtualClock();
    expect(await dueOf({}, backgroundContext({ timeoutMs: 200, clock }))).toBe(200);
    expect(await dueOf({}, { context: backgroundContext({ timeoutMs: 200, clock }), timeoutMs: 300 })).toBe(200);
    expect(await dueOf({}, { context: backgroundContext({ timeoutMs: 200, clock }), timeoutMs: 100 })).toBe(100);
    expect(await dueOf({}, backgroundContext({ clock }))).toBe(500);
  });

  it("calls the call off when it has passed, and leaves no timer", async () => {
    const clock = virtualClock();
    const transport = scripted();
    const thrown = failed(client(add, transport, { ...one, clock }).sum({ a: 1 }, { timeoutMs: 50 }));
    await clock.advance(49);
    expect(transport.sent[0]!.call.canceledBy).toBeUndefined();
    await clock.advance(1);
    expect(await thrown).toMatchObject({ reason: "deadline_exceeded", origin: "policy" });
    expect(transport.sent[0]!.call.canceledBy).toBe(await thrown);
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer behind an answer", async () => {
    const clock = virtualClock();
    await client(
      add,
      scripted(() => ({ v: 1 })),
      { ...one, clock },
    ).sum({ a: 1 });
    expect(clock.pending).toBe(0);
  });

  it("that is over lets nothing be sent", async () => {
    const clock = virtualClock();
    const transport = scripted();
    const remote = client(add, transport, { ...one, clock });
    const parent = backgroundContext({ timeoutMs: 10, clock });
    await clock.advance(10);
    expect((await failed(remote.sum({ a: 1 }, parent))).reason).toBe("deadline_exceeded");
    expect((await failed(remote.sum({ a: 1 }, { timeoutMs: 0 }))).reason).toBe("deadline_exceeded");
    expect(transport.sent).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("says so when this process was blocked rather than the peer slow", async () => {
    const clock = virtualClock();
    let lateMs = 0;
    const late = { ...clock, now: () => clock.now() + lateMs };
    const thrown = failed(client(add, scripted(), { ...one, clock: late }).sum({ a: 1 }));
    lateMs = 400;
    await clock.advance(3000);
    expect((await thrown).cause).toMatchObject({ reason: "stalled" });
  });

  it("has to be a number of at least 0", async () => {
    const remote = client(add, scripted(), one);
    await expect(remote.sum({ a: 1 }, { timeoutMs: Number.NaN })).rejects.toThrow(
      RangeError("timeoutMs should be a number of at least 0, got NaN"),
    );
    await expect(remote.sum({ a: 1 }, { timeoutMs: -1 })).rejects.toThrow("got -1");
  });
});

group("a call that is made for another", () => {
  it("is called off with it, for the same reason", async () => {
    const parent = backgroundContext();
    const transport = scripted();
    const thrown = failed(client(add, transport, one).sum({ a: 1 }, parent));
    const reason = policyError("canceled");
    ((parent as CallContext).call as ActiveCall).cancel(reason);
    expect(await thrown).toBe(reason);
    expect(transport.sent[0]!.call.canceledBy).toBe(reason);
  });

  it("is not sent when that was called off already", async () => {
    const parent = backgroundContext({ signal: AbortSignal.abort() });
    const transport = scripted();
    expect((await failed(client(add, transport, one).sum({ a: 1 }, parent))).reason).toBe("canceled");
    expect(transport.sent).toEqual([]);
  });

  it("hears nothing of it once it is over", async () => {
    const parent = backgroundContext();
    const transport = scripted(() => ({ v: 1 }));
    await client(add, transport, one).sum({ a: 1 }, parent);
    ((parent as CallContext).call as ActiveCall).cancel(policyError("canceled"));
    expect(transport.sent[0]!.call.canceledBy).toBeUndefined();
  });

  it("tells a context from options without reading its signal", async () => {
    const parent = backgroundContext();
    Object.defineProperty(parent, "signal", {
      get: () => {
        throw new Error("read");
      },
    });
    expect(
      await client(
        add,
        scripted(() => ({ v: 1 })),
        one,
      ).sum({ a: 1 }, parent),
    ).toEqual({ v: 1 });
  });

  it("goes on with its request id, correlation id and criticality, unless the caller says otherwise", async () => {
    const incoming = new Metadata();
    incoming.set("x-correlation-id", "order-7");
    incoming.set("request-criticality", "high");
    const parent = backgroundContext();
    ((parent as CallContext).call as ActiveCall).incoming = incoming;
    const transport = scripted(() => ({ v: 1 }));
    const remote = client(add, transport, one);
    await remote.sum({ a: 1 }, parent);
    await remote.sum({ a: 1 }, { context: parent, metadata: { "X-Correlation-Id": "mine" } });
    await remote.sum({ a: 1 }, backgroundContext());
    const sent = transport.sent.map(({ call }) => call.outgoingIfAny && Object.fromEntries(call.outgoingIfAny));
    expect(sent[0]).toEqual({ "x-correlation-id": "order-7", "request-criticality": "high" });
    expect(sent[1]).toEqual({ "x-correlation-id": "mine", "request-criticality": "high" });
    expect(sent[2]).toBeUndefined();
    expect(transport.sent[0]!.call.requestId).toBe(parent.requestId);
    expect(transport.sent[0]!.call.parent).toBe(parent);
  });

  it("leaves out what a caller sent that other protocols cannot carry", async () => {
    const parent = backgroundContext();
    ((parent as CallContext).call as ActiveCall).incoming = { get: () => "\u00e9\n" };
    const transport = scripted(() => ({ v: 1 }));
    await client(add, transport, one).sum({ a: 1 }, parent);
    expect(transport.sent[0]!.call.outgoingIfAny).toBeUndefined();
  });
});

group("a caller's signal", () => {
  it("calls the call off, with the reason as the cause", async () => {
    const controller = new AbortController();
    const transport = scripted();
    const thrown = failed(client(add, transport, one).sum({ a: 1 }, { signal: controller.signal }));
    controller.abort("changed my mind");
    expect(await thrown).toMatchObject({ code: "canceled", reason: "canceled", cause: "changed my mind" });
    expect(transport.sent[0]!.call.canceledBy).toBe(await thrown);
  });

  it("that is aborted already lets nothing be sent", async () => {
    const transport = scripted();
    const thrown = await failed(client(add, transport, one).sum({ a: 1 }, { signal: AbortSignal.abort() }));
    expect(thrown.code).toBe("canceled");
    expect(transport.sent).toEqual([]);
  });

  it("is listened to once and left alone after the call", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    await client(
      add,
      scripted(() => ({ v: 1 })),
      one,
    ).sum({ a: 1 }, { signal });
    expect(added).toHaveBeenCalledOnce();
    expect(removed.mock.calls).toEqual([["abort", added.mock.calls[0]![1]]]);
  });

  it("that comes from a context or a time-out says why", async () => {
    const remote = client(add, scripted(), one);
    const reason = policyError("draining");
    expect(await failed(remote.sum({ a: 1 }, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const timeout = AbortSignal.abort(new DOMException("late", "TimeoutError"));
    expect((await failed(remote.sum({ a: 1 }, { signal: timeout }))).code).toBe("deadline_exceeded");
  });

  it("is not made unless somebody reads it", async () => {
    const made = vi.spyOn(globalThis, "AbortController");
    await client(
      add,
      scripted(() => ({ v: 1 })),
      one,
    ).sum({ a: 1 }, backgroundContext());
    expect(made).not.toHaveBeenCalled();
    made.mockRestore();
  });

  it("is left alone when the metadata is wrong", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const wrong = client(add, scripted(), one).sum({ a: 1 }, { signal, metadata: { "no spaces": "x" } });
    await expect(wrong).rejects.toThrow(RangeError);
    expect(added).not.toHaveBeenCalled();
  });
});

group("what stands around a call", () => {
  it("is passed in order, and told of the end once", async () => {
    const seen: string[] = [];
    const note =
      (name: string): Middleware =>
      (next) =>
      (request, context) => (seen.push(name), next(request, context));
    const remote = client(
      add,
      scripted(() => ({ v: 3 })),
      {
        ...one,
        observers: [
          () => ({
            start: () => seen.push("start"),
            end: (call) => seen.push(`end ${call.outcome} ${call.transport}`),
          }),
        ],
        gates: [(context) => (seen.push("gate"), context)],
        methods: { sum: { use: [note("outer"), note("inner")] } },
      },
    );
    await remote.sum({ a: 1 });
    expect(seen).toEqual(["start", "gate", "outer", "inner", "end ok scripted"]);
  });

  it("tells observers of the client's side, the error and the time it took", async () => {
    const clock = virtualClock();
    const ended = vi.fn();
    const remote = client(add, scripted(), {
      ...one,
      clock,
      observers: [(info) => ({ end: (call) => ended(info.side, call.error?.reason, call.durationMs) })],
    });
    const thrown = failed(remote.sum({ a: 1 }));
    await clock.advance(3000);
    await thrown;
    expect(ended.mock.calls).toEqual([["client", "deadline_exceeded", 3000]]);
  });

  it("may refuse at a gate, now or later, before anything is sent", async () => {
    const transport = scripted();
    const refusal = policyError("rate_limited");
    for (const gate of [
      () => refusal,
      () => Promise.resolve(refusal),
      () => {
        throw refusal;
      },
      () => Promise.reject(refusal),
    ]) {
      expect(await failed(client(add, transport, { ...one, gates: [gate] }).sum({ a: 1 }))).toBe(refusal);
    }
    expect(transport.sent).toEqual([]);
  });

  it("may add metadata at a gate and go on later", async () => {
    const transport = scripted(() => ({ v: 1 }));
    const gates = [
      async (context: Context) => (await settled(), context.reply.set("authorization", "Bearer x"), context),
      (context: Context) => context.withDeadline(40),
    ];
    await client(add, transport, { ...one, clock: virtualClock(), gates }).sum({ a: 1 });
    expect(transport.sent[0]!.call.outgoing.get("authorization")).toBe("Bearer x");
    expect(transport.sent[0]!.call.context.deadlineMs).toBe(40);
  });

  it("may bring the deadline nearer, in a gate or a middleware", async () => {
    const nearer: Middleware = (next) => (request, context) => next(request, context.withDeadline(30));
    for (const options of [
      { gates: [(context: Context) => context.withDeadline(30)] },
      { methods: { sum: { use: [nearer] } } },
    ]) {
      const clock = virtualClock();
      const thrown = failed(client(add, scripted(), { ...one, clock, ...options }).sum({ a: 1 }));
      await clock.advance(30);
      expect((await thrown).reason).toBe("deadline_exceeded");
      expect(clock.pending).toBe(0);
    }
  });

  it("sends nothing when a gate or middleware lets go after the deadline", async () => {
    for (const where of ["gate", "middleware"]) {
      const clock = virtualClock();
      const transport = scripted();
      const wait = (): Promise<void> => new Promise((resolve) => void clock.after(5000, resolve));
      const slow: Middleware = (next) => async (request, context) => (await wait(), next(request, context));
      const remote = client(add, transport, {
        ...one,
        clock,
        gates: where === "gate" ? [async (context) => (await wait(), context)] : [],
        methods: { sum: { use: where === "gate" ? [] : [slow] } },
      });
      const thrown = failed(remote.sum({ a: 1 }));
      await clock.advance(6000);
      expect((await thrown).reason).toBe("deadline_exceeded");
      expect(transport.sent).toEqual([]);
    }
  });

  it("may answer in a middleware, with a plain value", async () => {
    const cached = ((): (() => { v: number }) => () => ({ v: 42 })) as unknown as Middleware;
    const transport = scripted();
    expect(await client(add, transport, { ...one, methods: { sum: { use: [cached] } } }).sum({ a: 1 })).toEqual({
      v: 42,
    });
    expect(transport.sent).toEqual([]);
  });

  it("sends nothing for a middleware that goes on after it has answered", async () => {
    const transport = scripted(() => ({ v: 1 }));
    let later: Promise<unknown> = Promise.resolve();
    const hasty = ((next: Endpoint<unknown, unknown>) => (request: never, context: Context) => {
      later = settled().then(() => next(request, context));
      return { v: 42 };
    }) as unknown as Middleware;
    expect(await client(add, transport, { ...one, methods: { sum: { use: [hasty] } } }).sum({ a: 1 })).toEqual({
      v: 42,
    });
    expect((await failed(later)).reason).toBe("canceled");
    expect(transport.sent).toEqual([]);
  });

  it("has to hand on the context it was given", async () => {
    const foreign: Middleware = (next) => (request) => next(request, backgroundContext());
    const thrown = await failed(
      client(add, scripted(), { ...one, methods: { sum: { use: [foreign] } } }).sum({ a: 1 }),
    );
    expect((thrown.cause as Error).message).toBe(
      "a middleware of a client should hand on the context it was given, or one derived from it",
    );
  });

  it("limits the calls of a method when asked to", async () => {
    const remote = client(
      add,
      scripted(() => ({ v: 1 })),
      { ...one, clock: virtualClock(), methods: { sum: { limit: { perSecond: 1, burst: 1 } } } },
    );
    await remote.sum({ a: 1 });
    expect(await failed(remote.sum({ a: 1 }))).toMatchObject({ reason: "rate_limited", retryAfterMs: 1000 });
  });

  it("warns of what an observer threw, in the log where there is one", async () => {
    const observers = [
      () => ({
        start: () => {
          throw new Error("observer");
        },
      }),
    ];
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue();
    await client(
      add,
      scripted(() => ({ v: 1 })),
      { ...one, observers },
    ).sum({ a: 1 });
    expect(warned).toHaveBeenCalledExactlyOnceWith(new Error("observer"));
    const lines: string[] = [];
    const log = logger({ batchBytes: 0, write: (text) => lines.push(text) });
    await client(
      add,
      scripted(() => ({ v: 1 })),
      { ...one, observers, log },
    ).sum({ a: 1 });
    expect(lines.join("")).toContain('"observer"');
    expect(lines.join("")).toContain('"call"');
    expect(warned).toHaveBeenCalledOnce();
    warned.mockRestore();
  });

  it("counts and traces calls where it is told where", async () => {
    const metrics = registry();
    const exporter = memoryExporter();
    const trace = tracer({ service: "test", ratio: 1, exporter });
    await client(
      add,
      scripted(() => ({ v: 1 })),
      { ...one, metrics, trace },
    ).sum({ a: 1 });
    await trace.close();
    expect(metrics.text()).toContain('rpc_client_requests_total{code="ok",method="sum",service="add"} 1');
    expect(exporter.spans).toHaveLength(1);
  });

  it("reports what an observer threw and lets the call go on", async () => {
    const report = vi.fn();
    const observers = [
      () => ({
        start: () => {
          throw new Error("observer");
        },
      }),
    ];
    expect(
      await client(
        add,
        scripted(() => ({ v: 1 })),
        { ...one, observers, report },
      ).sum({ a: 1 }),
    ).toEqual({ v: 1 });
    expect(report.mock.calls[0]![0]).toEqual(new Error("observer"));
  });
});

group("the instances of a client", () => {
  const three = {
    from: ["a", "b", "c"],
    random: { fraction: () => 0.4, hex: () => "" },
    balance: { strategy: roundRobin(), ejection: false },
    retry: false,
  } as const;

  it("are called one after the other, beginning somewhere, where the strategy says so", async () => {
    const begun = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const transport = scripted(() => ({ v: 1 }));
      const remote = client(add, transport, { ...three, random: seededRandom(seed) });
      for (let i = 0; i < 6; i++) await remote.sum({ a: i });
      const order = transport.sent.map(({ instance }) => instance).join("");
      expect(["abcabc", "bcabca", "cabcab"]).toContain(order);
      begun.add(order);
    }
    expect(begun.size).toBe(3);
  });

  it("are left out while their breaker is open, and tried again after", async () => {
    const clock = virtualClock();
    let isDown = true;
    const transport = scripted(({ instance }) =>
      instance === "a" && isDown ? Promise.reject(policyError("unreachable")) : { v: 1 },
    );
    const remote = client(add, transport, { ...three, clock, breaker: { consecutive: 2, openMs: 1000 } });
    for (let i = 0; i < 12; i++) await remote.sum({ a: i }).catch(() => {});
    expect(transport.sent.filter(({ instance }) => instance === "a")).toHaveLength(2);
    isDown = false;
    await clock.advance(1000);
    for (let i = 0; i < 6; i++) await remote.sum({ a: i });
    expect(transport.sent.filter(({ instance }) => instance === "a")).toHaveLength(4);
  });

  it("are refused with the soonest chance when all breakers are open", async () => {
    const clock = virtualClock();
    const transport = scripted(fails("unavailable"));
    const remote = client(add, transport, { ...three, clock, breaker: { consecutive: 1, openMs: 1000 } });
    for (let i = 0; i < 3; i++) {
      await failed(remote.sum({ a: i }));
      await clock.advance(100);
    }
    expect(await failed(remote.sum({ a: 9 }))).toMatchObject({
      reason: "breaker_open",
      code: "unavailable",
      retryAfterMs: 700,
    });
    expect(transport.sent).toHaveLength(3);
  });

  it("share what one whose breaker is open would have had, and leave out what is draining", async () => {
    const counts = new Map<string, number>();
    const transport: ClientTransport = {
      name: "counting",
      "~client": true,
      open: (_service, instance) => ({
        unary: () => () => {
          counts.set(instance, (counts.get(instance) ?? 0) + 1);
          return instance === "a" ? Promise.reject(policyError("unreachable")) : Promise.resolve({ v: 1 });
        },
        stream: () => () => {
          throw new Error("no streams here");
        },
        close: () => Promise.resolve(),
      }),
    };
    const remote = client(add, transport, {
      from: [{ address: "drained", health: "draining" }, ..."abcde"],
      clock: virtualClock(),
      random: seededRandom(2),
      balance: { strategy: random(), ejection: false },
      breaker: { consecutive: 1, openMs: 60_000 },
      retry: false,
    });
    for (let i = 0; i < 1000; i++) await remote.sum({ a: 1 }).catch(() => undefined);
    expect(counts.get("a")).toBe(1);
    expect(counts.has("drained")).toBe(false);
    for (const instance of "bcde") {
      expect(counts.get(instance)).toBeGreaterThan(200);
      expect(counts.get(instance)).toBeLessThan(300);
    }
  });

  it("are refused rather than sent to what is draining when all breakers are open", async () => {
    const transport = scripted(() => {
      throw policyError("unreachable");
    });
    const remote = client(add, transport, {
      from: ["a", { address: "drained", health: "draining" }],
      clock: virtualClock(),
      breaker: { consecutive: 1 },
      retry: false,
    });
    await failed(remote.sum({ a: 1 }));
    expect((await failed(remote.sum({ a: 1 }))).reason).toBe("breaker_open");
  });

  it("have no breaker where a broker stands for all of them, unless it is asked for", async () => {
    const transport = { ...scripted(fails("unavailable")), isBroker: true as const };
    const still = { ...one, clock: virtualClock(), retry: false } as const;
    const remote = client(add, transport, still);
    for (let i = 0; i < 20; i++) expect((await failed(remote.sum({ a: i }))).reason).toBe("unavailable");
    const asked = client(add, transport, { ...still, breaker: { consecutive: 1 } });
    await failed(asked.sum({ a: 1 }));
    expect((await failed(asked.sum({ a: 1 }))).reason).toBe("breaker_open");
  });

  it("have one breaker each, for all methods, however often they stand in the list", async () => {
    const transport = scripted(fails("unavailable"));
    const remote = client(add, transport, {
      ...three,
      from: ["a", "a"],
      breaker: { consecutive: 2 },
      clock: virtualClock(),
    });
    await failed(remote.sum({ a: 1 }));
    await failed(remote.born({}));
    expect((await failed(remote.sum({ a: 1 }))).reason).toBe("breaker_open");
    expect(transport.sent).toHaveLength(2);
  });

  it("are not blamed for declared errors, answers, or callers who leave", async () => {
    for (const script of [() => Promise.reject(peerError("two_zeroes", "invalid_argument")), fails("not_found")]) {
      const remote = client(add, scripted(script), { ...one, breaker: { consecutive: 1 } });
      for (let i = 0; i < 3; i++) expect((await failed(remote.sum({ a: 0 }))).reason).not.toBe("breaker_open");
    }
    const remote = client(add, scripted(), { ...one, breaker: { consecutive: 1 } });
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController();
      const thrown = failed(remote.sum({ a: 0 }, { signal: controller.signal }));
      controller.abort();
      expect((await thrown).reason).toBe("canceled");
    }
  });

  it("are blamed for what takes too long and for answers that do not fit", async () => {
    const clock = virtualClock();
    const slow = client(add, scripted(), { ...one, clock, breaker: { consecutive: 1 } });
    const thrown = failed(slow.sum({ a: 0 }));
    await clock.advance(3000);
    await thrown;
    expect((await failed(slow.sum({ a: 0 }))).reason).toBe("breaker_open");
    const odd = client(
      add,
      scripted(() => "odd"),
      { ...one, clock, breaker: { consecutive: 1 } },
    );
    await failed(odd.sum({ a: 0 }));
    expect((await failed(odd.sum({ a: 0 }))).reason).toBe("breaker_open");
  });

  it("are forgiven a failure by the next answer, also one that is validated later", async () => {
    const later = service("later", {
      get: method({ request: z.object({}), response: z.object({ v: z.int().refine((v) => Promise.resolve(v > 0)) }) }),
    });
    let isDown = true;
    const remote = client(
      later,
      scripted(() => (isDown ? Promise.reject(policyError("unreachable")) : { v: 1 })),
      { ...one, clock: virtualClock(), breaker: { consecutive: 2 }, retry: false },
    );
    for (const down of [true, false, true]) {
      isDown = down;
      await remote.get({}).catch(() => {});
    }
    expect((await failed(remote.get({}))).reason).toBe("unreachable");
    expect((await failed(remote.get({}))).reason).toBe("breaker_open");
  });

  it("have no breaker where it is turned off, for all or for one method", async () => {
    const still = { ...one, clock: virtualClock(), retry: false } as const;
    const off = client(add, scripted(fails("unavailable")), { ...still, breaker: false });
    for (let i = 0; i < 9; i++) expect((await failed(off.sum({ a: 1 }))).reason).toBe("unavailable");
    const half = client(add, scripted(fails("unavailable")), { ...still, methods: { sum: { breaker: false } } });
    for (let i = 0; i < 9; i++) await failed(half.sum({ a: 1 }));
    for (let i = 0; i < 5; i++) expect((await failed(half.born({}))).reason).toBe("unavailable");
    expect((await failed(half.born({}))).reason).toBe("breaker_open");
    expect((await failed(half.sum({ a: 1 }))).reason).toBe("unavailable");
  });

  it("are told of to whoever listens", async () => {
    const events: string[] = [];
    const remote = client(
      add,
      scripted(() => Promise.reject(policyError("unreachable"))),
      {
        ...one,
        clock: virtualClock(),
        retry: false,
        onEvent: (event) => {
          events.push(event.kind === "breaker" ? `breaker ${event.change.type}` : event.kind);
          throw new Error("the listener's own trouble");
        },
      },
    );
    for (let i = 0; i < 6; i++) await failed(remote.sum({ a: i }));
    expect(events).toEqual(["added", "breaker open", "ejected", "panic"]);
  });

  it("are told of in the log when a breaker opens and closes", async () => {
    const warn = vi.fn();
    const info = vi.fn();
    const clock = virtualClock();
    let isDown = true;
    const log = {
      debug() {},
      info,
      warn,
      error() {},
      with: () => log,
      level: "info" as const,
      enabled: () => true,
      flush() {},
    };
    const transport = scripted(() => (isDown ? Promise.reject(policyError("unreachable")) : { v: 1 }));
    const remote = client(add, transport, { ...one, clock, log, breaker: { consecutive: 1, openMs: 1000 } });
    await failed(remote.sum({ a: 1 }));
    isDown = false;
    await clock.advance(1000);
    await remote.sum({ a: 1 });
    expect(info.mock.calls.map(([message]) => message as string)).toEqual([
      "breaker half_open",
      "breaker close",
      "call",
    ]);
    expect(warn).toHaveBeenCalledWith("breaker open", { service: "add", instance: "one", open_ms: 1000 });
  });
});

group("a client", () => {
  it("holds its methods and nothing else, and is no promise", async () => {
    const remote = client(
      add,
      scripted(() => ({ v: 1 })),
      one,
    );
    expect(Object.keys(remote)).toEqual(["sum", "born"]);
    expect(await Promise.resolve(remote)).toBe(remote);
  });

  it("stands where handlers are wanted: a gateway", async () => {
    const behind = add.implement({
      sum: ({ a, b }) => (a + b === 0 ? twoZeroes() : { v: a + b }),
      born: () => "2020-01-02T03:04:05Z",
    });
    const only = service("add", { sum: add.methods.sum });
    const gateway = only.implement(client(only, local({ ...behind, service: only })));
    const remote = client(only, local(gateway));
    expect(await remote.sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    const outcome = await remote.sum.try({ a: 0, b: 0 });
    expect(outcome.ok ? undefined : twoZeroes.is(outcome.error)).toBe(true);
  });

  it("prints its stack in the order in which a call passes", () => {
    const trim: Middleware = (next) => next;
    const remote = client(add, scripted(), {
      from: ["http://a", "http://b"],
      observers: [
        function watch() {
          return undefined;
        },
      ],
      gates: [
        function auth(context) {
          return context;
        },
      ],
      methods: { sum: { use: [trim], limit: { perSecond: 5 }, breaker: false, timeoutMs: 100, hedge: {} } },
    });
    expect(describe(remote)).toBe(
      [
        "add.sum",
        "  observer    watch",
        "  gate        auth",
        "  gate        rateLimit 5/s burst 5",
        "  middleware  trim",
        "  decode      validate the response",
        HEDGE,
        RETRY,
        "  balancer    p2c over 2 instances",
        "  transport   scripted http://a http://b, at most 100 ms",
        "add.born",
        "  observer    watch",
        "  gate        auth",
        "  decode      validate the response",
        RETRY,
        "  balancer    p2c over 2 instances, each with a breaker 5 in a row, open 250 ms, 1 probe",
        "  transport   scripted http://a http://b, at most 500 ms",
        "",
      ].join("\n"),
    );
  });

  it("closes each instance once and then refuses calls", async () => {
    const transport = scripted(() => ({ v: 1 }));
    const remote = client(add, transport, { from: ["a", "b", "a"] });
    await Promise.all([close(remote), close(remote)]);
    expect(transport.closed.toSorted()).toEqual(["a", "b"]);
    expect(await failed(remote.sum({ a: 1 }))).toMatchObject({
      reason: "no_instances",
      message: "the client is closed",
    });
  });

  it("closes at the end of an await using", async () => {
    const transport = scripted();
    await client(add, transport, one)[Symbol.asyncDispose]();
    expect(transport.closed).toEqual(["one"]);
  });

  it("refuses wrong options, naming option, rule and value", () => {
    const make =
      (options: object): (() => unknown) =>
      () =>
        client(add, scripted(), { ...one, ...options } as typeof one);
    expect(make({ retries: 3 })).toThrow('client has no option "retries"');
    expect(make({ from: [] })).toThrow("from should hold at least one instance, got an array of 0");
    expect(make({ from: undefined })).toThrow("from should be an address, a list of them or a source, got undefined");
    expect(make({ from: ["a", 7] })).toThrow("from should be an address, a list of them or a source, got 7");
    expect(make({ timeoutMs: 0 })).toThrow("timeoutMs should be a number from 1 to 86400000, got 0");
    expect(make({ methods: { sum: { timeoutMs: -1 } } })).toThrow(
      "methods.sum.timeoutMs should be a number from 1 to 86400000, got -1",
    );
    expect(make({ methods: { sum: { retries: 1 } } })).toThrow('methods.sum has no option "retries"');
    expect(make({ methods: { nope: {} } })).toThrow('methods should name methods of add (sum, born), got "nope"');
    expect(make({ methods: { sum: { use: [7] } } })).toThrow("methods.sum.use should hold middlewares, got 7");
    expect(make({ methods: { sum: { use: 7 } } })).toThrow("methods.sum.use should be a list of middlewares, got 7");
    expect(make({ gates: 7 })).toThrow("gates should be a list of functions, got 7");
    expect(make({ observers: [7] })).toThrow("observers should be a function, got 7");
    expect(make({ breaker: true })).toThrow("breaker should be an object or false, got true");
    expect(make({ breaker: { consecutive: 0 } })).toThrow("consecutive should be an integer");
    expect(make({ limit: { perSecond: 1, per: "peer" } })).toThrow(
      'limit.per should be "method" on a client, got "peer"',
    );
    expect(() => client(add, {} as ClientTransport, one)).toThrow(
      "transport should be a client transport, e.g. httpClient(), got an object",
    );
    const here = local(add.implement({ sum: () => ({ v: 1 }), born: () => "" }));
    // @ts-expect-error a local transport has no address
    expect(() => client(add, here, { from: 7 })).toThrow(
      "from should be left out, since local needs no address, got 7",
    );
    expect(() => describe({})).toThrow("client should be what client() returned, got an object");
  });

  it("checks what it is given at compile time", () => {
    const remote = client(add, scripted(), one);
    expectTypeOf(remote.sum).parameter(0).toEqualTypeOf<{ a: number; b?: number | undefined }>();
    expectTypeOf(remote.born).returns.toEqualTypeOf<Promise<Date>>();
    const tenant: Middleware<{ tenant: string }> = (next) => next;
    // @ts-expect-error the request has no tenant
    client(add, scripted(), { ...one, methods: { sum: { use: [tenant] } } });
    // @ts-expect-error such a transport needs an address
    expect(() => client(add, scripted())).toThrow("from should be an address");
    // @ts-expect-error a is a number
    void remote.sum({ a: "1" }).catch(() => {});
  });
});
