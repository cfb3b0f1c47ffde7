import { connect, headers as natsHeaders, type NatsConnection } from "@nats-io/transport-node";
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { passing, until } from "../../../test/until.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { client } from "../../client/index.ts";
import { error, method, oneWay, service, ServiceError } from "../../index.ts";
import type { Middleware } from "../../endpoint/index.ts";
import { serve, type Running, type ServeOptions } from "../../server/index.ts";
import { systemClock, systemRandom } from "../../time/index.ts";
import { jetstreamClient, jetstreamServer, type JetStreamServerOptions } from "./index.ts";

const nats = natsTestServer(["-m", "-1"]);
let foreign: NatsConnection;
let js: JetStreamClient;
let jsm: JetStreamManager;
const used = new Set<string>();
beforeAll(async () => {
  await nats.start();
  if (nats.missing !== undefined) return;
  foreign = await connect({ servers: nats.url });
  js = jetstream(foreign);
  jsm = await jetstreamManager(foreign);
});
afterAll(async () => {
  // The server may be somebody's.
  for (const name of used) await jsm?.streams.delete(name).catch(() => undefined);
  await foreign?.close();
  await nats.stop();
});

const text = z.object({ text: z.string() });
const spoiled = error("spoiled", { code: "failed_precondition", message: "it is spoiled" });
const jobs = service("jobs", {
  work: oneWay({ request: text, idempotent: true, timeoutMs: 30_000 }),
  other: oneWay({ request: text }),
  ask: method({ request: text, response: text }),
});
type Work = (
  request: { text: string },
  context: Parameters<Parameters<typeof jobs.implement>[0]["work"]>[1],
) => unknown;

interface Place extends AsyncDisposable {
  readonly name: string;
  readonly dead: string;
  readonly subject: (method: string) => string;
  readonly subjects: (service: string, method: string) => string;
  serve(work: Work, options?: JetStreamServerOptions, around?: Partial<ServeOptions>): Promise<Running>;
  /** Stores a message as anybody would. */
  tell(body: string | Uint8Array, method?: string, headers?: Readonly<Record<string, string>>): Promise<void>;
  deadLetters(): Promise<readonly Dead[]>;
  stored(stream?: string): Promise<number>;
}

interface Dead {
  readonly body: string;
  header(name: string): string;
}

/** A stream that nobody else has. */
function place(): Place {
  const name = `sk-${systemRandom.hex(6)}`;
  const dead = `${name}-dead`;
  used.add(name).add(dead);
  const subject = (method: string): string => `${name}.jobs.${method}`;
  const subjects = (_service: string, method: string): string => subject(method);
  const running: Running[] = [];
  return {
    name,
    dead,
    subject,
    subjects,
    async serve(work, options = {}, around = {}) {
      const handlers = jobs.implement({
        work: work as () => void,
        other: work as () => void,
        ask: (request) => request,
      });
      const on = [
        jetstreamServer({
          servers: nats.url,
          stream: { name, maxBytes: 10_000_000 },
          subjects,
          redelivery: { delayMs: 10 },
          ...options,
        }),
      ];
      const one = await serve(handlers, { log: false, signals: false, metrics: false, trace: false, ...around, on });
      running.push(one);
      return one;
    },
    async tell(body, method = "work", given = {}) {
      const headers = natsHeaders();
      for (const [key, value] of Object.entries(given)) headers.append(key, value);
      await js.publish(subject(method), body, { headers });
    },
    async deadLetters() {
      const { state } = await jsm.streams.info(dead);
      const found: Dead[] = [];
      for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
        const message = await jsm.streams.getMessage(dead, { seq });
        if (message !== null) found.push({ body: message.string(), header: (key) => message.header.get(key) });
      }
      return found;
    },
    async stored(stream = name) {
      return (await jsm.streams.info(stream)).state.messages;
    },
    async [Symbol.asyncDispose]() {
      for (const one of running) await one.stop();
      for (const stream of [name, dead]) {
        await jsm.streams.delete(stream).catch(() => undefined);
        used.delete(stream);
      }
    },
  };
}

/** Tries a call once more that failed. */
const twice: Middleware = (next) => async (request, context) => {
  try {
    return await next(request, context);
  } catch {
    return next(request, context);
  }
};

const say = (one: string): string => JSON.stringify({ text: one });

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (thrown) {
    if (ServiceError.is(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("the call should fail");
}

describe.skipIf(nats.missing !== undefined)(`JetStream${nats.missing === undefined ? "" : `: ${nats.missing}`}`, () => {
  it("stores a call before it is over, keeps it while nobody serves, and has it done once, with its metadata", async () => {
    await using here = place();
    const first = await here.serve(() => undefined);
    await first.stop();
    await using remote = client(jobs, jetstreamClient({ subjects: here.subjects, stream: here.name }), {
      from: nats.url,
    });
    await remote.work({ text: "a" }, { metadata: { tenant: "t1" } });
    expect(await here.stored()).toBe(1);
    const seen: unknown[] = [];
    await here.serve(({ text }, context) => {
      seen.push([text, context.metadata("tenant"), context.metadata("x-deliveries"), context.requestId.length > 0]);
    });
    await until(() => seen.length > 0);
    await expect.poll(() => here.stored()).toBe(0);
    expect(seen).toEqual([["a", "t1", undefined, true]]);
  });

  it("stores once what one call sends twice, and each of several calls that are made for one request", async () => {
    await using here = place();
    await (await here.serve(() => undefined)).stop();
    const said: string[] = [];
    const after = (_context: unknown, { data }: { readonly data: Uint8Array }): void => {
      said.push(Buffer.from(data).toString());
      if (said.length === 1) throw new ServiceError("lost", { code: "unavailable" });
    };
    const transport = jetstreamClient({ subjects: here.subjects, after: [after] });
    await using remote = client(jobs, transport, { from: nats.url, methods: { work: { use: [twice] } } });
    await remote.work({ text: "a" });
    expect(said).toHaveLength(2);
    expect(JSON.parse(said[1]!)).toMatchObject({ stream: here.name, seq: 1, duplicate: true });
    expect(await here.stored()).toBe(1);
    let count = 0;
    await using two = client(jobs, jetstreamClient({ subjects: (_service, method) => here.subject(method) }), {
      from: nats.url,
    });
    const ids: string[] = [];
    await here.serve(async ({ text }, context) => {
      ids.push(context.requestId);
      count++;
      if (text !== "a") return;
      await two.other({ text: "b" }, context);
      await two.other({ text: "b" }, context);
    });
    await until(() => count === 3);
    expect(new Set(ids).size).toBe(1);
  });

  it("says that no stream has the subject, that another one has it, and that a stream is full", async () => {
    await using here = place();
    const subjects = here.subjects;
    await using remote = client(jobs, jetstreamClient({ subjects }), {
      from: nats.url,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const nowhere = await failure(remote.work({ text: "a" }));
    expect([nowhere.reason, nowhere.message]).toEqual([
      "unreachable",
      `no stream has the subject ${here.subject("work")}`,
    ]);
    await (await here.serve(() => undefined, { stream: { name: here.name, maxBytes: 1024 } })).stop();
    await using wrong = client(jobs, jetstreamClient({ subjects, stream: "elsewhere" }), {
      from: nats.url,
      timeoutMs: 60_000,
    });
    expect((await failure(wrong.work({ text: "a" }))).code).toBe("failed_precondition");
    const full = await failure(
      (async () => {
        for (;;) await remote.work({ text: "a".repeat(300) });
      })(),
    );
    expect(full.code).toBe("resource_exhausted");
    const answered = await failure(remote.ask({ text: "a" }));
    expect(answered.message).toContain("jobs.ask is answered");
  });

  it("has a failed message again later, and tells handlers, gates and hooks how often it came", async () => {
    await using here = place();
    const seen: unknown[] = [];
    const outcomes: unknown[] = [];
    await here.serve(
      (_request, context) => {
        seen.push(context.metadata("x-deliveries"));
        if (seen.length < 6) throw new ServiceError("not yet", { code: "unavailable" });
      },
      {
        before: [
          (context, { stream, sequence, deliveries, storedMs, reply, subject, header }) => {
            expect([stream, sequence, reply, subject]).toEqual([here.name, 1, "", here.subject("work")]);
            expect(Math.abs(systemClock.date() - storedMs)).toBeLessThan(60_000);
            expect(header).toBeTypeOf("function");
            seen.push(deliveries);
            return context;
          },
        ],
        finalizer: [({ outcome, target, transport }) => outcomes.push([outcome, target, transport])],
      },
    );
    // As the publisher has no say in it.
    await here.tell(say("a"), "work", { "X-Deliveries": "77" });
    await until(() => outcomes.length === 3);
    expect(seen).toEqual([1, undefined, 2, "1", 3, "2"]);
    const at = [here.subject("work"), "jetstream"];
    expect(outcomes).toEqual([
      ["unavailable", ...at],
      ["unavailable", ...at],
      ["ok", ...at],
    ]);
    await expect.poll(() => here.stored()).toBe(0);
    expect(await here.deadLetters()).toEqual([]);
  });

  it("puts a message aside with all that is known of it, after its share of deliveries", async () => {
    await using here = place();
    let runs = 0;
    await here.serve(
      () => {
        runs++;
        throw new Error("secret");
      },
      { redelivery: { maxDeliveries: 3, delayMs: 1 } },
      { report: () => undefined },
    );
    await here.tell(say("a"), "work", { tenant: "t1", "Nats-Expected-Stream": here.name, "Nats-Msg-Id": "mine" });
    await expect.poll(async () => (await here.deadLetters()).length).toBe(1);
    const [{ body, header }] = (await here.deadLetters()) as [Dead];
    expect(runs).toBe(3);
    expect(body).toBe(say("a"));
    const names = ["tenant", "x-error-code", "x-error-reason", "x-error-message", "x-deliveries"];
    expect(names.map(header)).toEqual(["t1", "internal", "internal", "internal error", "3"]);
    const places = ["x-failed-in", "x-failed-subject", "x-failed-sequence", "Nats-Expected-Stream"];
    expect(places.map(header)).toEqual([here.name, here.subject("work"), "1", ""]);
    expect(Math.abs(Date.parse(header("x-failed-at")) - systemClock.date())).toBeLessThan(60_000);
    await expect.poll(() => here.stored()).toBe(0);
  });

  it.each([
    ["bad JSON", "{", {}, "malformed_message"],
    ["what is not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), {}, "malformed_message"],
    ["what does not fit", '{"text":1}', {}, "invalid_request"],
    ["what is too large", say("a".repeat(2000)), {}, "too_large"],
    [
      "too many headers",
      say("a"),
      Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`h${i}`, "1"])),
      "too_many_headers",
    ],
  ])("puts %s aside at once, and goes on", async (_what, body, given, reason) => {
    await using here = place();
    const seen: string[] = [];
    await here.serve(({ text }) => seen.push(text), { limits: { maxBodyBytes: 1000, maxHeaders: 20 } });
    await here.tell(body, "work", given);
    await here.tell(say("b"));
    await until(() => seen.length > 0);
    await expect
      .poll(async () => (await here.deadLetters()).map(({ header }) => header("x-error-reason")))
      .toEqual([reason]);
    const [letter] = await here.deadLetters();
    expect([letter!.header("x-deliveries"), letter!.header("h1")]).toEqual(["1", ""]);
    expect(seen).toEqual(["b"]);
    await expect.poll(() => here.stored()).toBe(0);
  });

  it("puts what has a declared error aside at once, with the error's reason", async () => {
    await using here = place();
    const spoiling = service("jobs", {
      work: oneWay({ request: text }),
    });
    await using running = await serve(
      spoiling.implement({
        work: () => {
          throw spoiled();
        },
      }),
      {
        on: [jetstreamServer({ servers: nats.url, stream: here.name, subjects: here.subjects })],
        log: false,
        signals: false,
      },
    );
    expect(running.addresses).toHaveLength(1);
    await here.tell(say("a"));
    await expect
      .poll(async () => (await here.deadLetters()).map(({ header }) => header("x-error-code")))
      .toEqual(["failed_precondition"]);
  });

  it("takes hostile headers for what they are", async () => {
    await using here = place();
    const seen: unknown[] = [];
    await here.serve((_request, context) => {
      seen.push([context.metadata("__proto__"), context.metadata("constructor"), context.metadata("toString")]);
      throw new ServiceError("no", { code: "invalid_argument" });
    });
    await here.tell(say("a"), "work", { __proto__x: "1", ["__proto__"]: "2", constructor: "3" });
    await here.tell('{"text":"a","__proto__":{"x":1}}');
    await expect.poll(async () => (await here.deadLetters()).length).toBe(2);
    expect(seen[0]).toEqual(["2", "3", undefined]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    const [first] = await here.deadLetters();
    expect([first!.header("__proto__"), first!.header("constructor")]).toEqual(["2", "3"]);
  });

  it("puts messages of unknown subjects aside, in a stream that has more than its methods", async () => {
    await using here = place();
    await jsm.streams.add({ name: here.name, subjects: [`${here.name}.>`], max_bytes: 1_000_000 });
    const seen: string[] = [];
    await here.serve(({ text }) => seen.push(text));
    await here.tell(say("a"), "nothing");
    await here.tell(say("b"));
    await until(() => seen.length === 1);
    await expect
      .poll(async () => (await here.deadLetters()).map(({ header }) => header("x-failed-subject")))
      .toEqual([here.subject("nothing")]);
    // It was there already: what its owner wants of it stays.
    const { config } = await jsm.streams.info(here.name);
    expect([config.retention, config.subjects]).toEqual(["limits", [`${here.name}.>`]]);
  });

  it("ends a handler that never settles by its deadline, and has the message again", async () => {
    await using here = place();
    const reasons: string[] = [];
    const never = service("jobs", { work: oneWay({ request: text, timeoutMs: 50 }) });
    await using _running = await serve(
      never.implement({
        work: (_request, context) =>
          new Promise(() => {
            context.onCancel(({ reason }) => reasons.push(reason));
          }),
      }),
      {
        on: [
          jetstreamServer({
            servers: nats.url,
            stream: here.name,
            subjects: here.subjects,
            redelivery: { maxDeliveries: 2, delayMs: 1 },
          }),
        ],
        log: false,
        signals: false,
      },
    );
    await here.tell(say("a"));
    await expect
      .poll(async () => (await here.deadLetters()).map(({ header }) => header("x-error-code")))
      .toEqual(["deadline_exceeded"]);
    expect(reasons).toEqual(["deadline_exceeded", "deadline_exceeded"]);
  });

  it("keeps a message to itself while its handler works for longer than an acknowledgement may take", async () => {
    await using here = place();
    let runs = 0;
    let finish: (() => void) | undefined;
    const work = (): Promise<void> => {
      runs++;
      return new Promise((resolve) => (finish = resolve));
    };
    await here.serve(work, { ackWaitMs: 3000 });
    await here.serve(work, { ackWaitMs: 3000 });
    await here.tell(say("a"));
    await until(() => finish !== undefined);
    const start = systemClock.now();
    await until(() => systemClock.now() - start > 6500);
    expect(runs).toBe(1);
    finish!();
    await expect.poll(() => here.stored()).toBe(0);
    expect(runs).toBe(1);
  });

  it("shares messages between instances, each at most so many at once, and in order where only one may be out", async () => {
    await using here = place();
    let atOnce = 0;
    let most = 0;
    const by: number[] = [0, 0];
    const work = (who: number) => async (): Promise<void> => {
      most = Math.max(most, ++atOnce);
      by[who]!++;
      await passing(1);
      atOnce--;
    };
    await here.serve(work(0), { maxInFlight: 3 });
    await here.serve(work(1), { maxInFlight: 3 });
    for (let i = 0; i < 300; i++) await here.tell(say("a"));
    await until(() => by[0]! + by[1]! === 300);
    expect(most).toBeLessThanOrEqual(6);
    expect(Math.min(...by)).toBeGreaterThan(0);
    await using ordered = place();
    const order: string[] = [];
    let isFirst = true;
    await ordered.serve(
      async ({ text }) => {
        await Promise.resolve();
        if (text === "2" && isFirst) {
          isFirst = false;
          throw new ServiceError("again", { code: "unavailable" });
        }
        order.push(text);
      },
      { maxAckPending: 1 },
    );
    for (let i = 0; i < 5; i++) await ordered.tell(say(String(i)));
    await until(() => order.length === 5);
    expect(order).toEqual(["0", "1", "2", "3", "4"]);
  });

  it("lets others go on while some messages fail again and again", async () => {
    await using here = place();
    const poisoned = { count: 0 };
    let done = 0;
    await here.serve(
      async ({ text }) => {
        await Promise.resolve();
        if (text === "poison") {
          poisoned.count++;
          throw new ServiceError("no", { code: "unavailable" });
        }
        done++;
      },
      { maxInFlight: 10, redelivery: { maxDeliveries: 3, delayMs: 20 } },
    );
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 2000; i++) all.push(here.tell(say(i % 100 === 0 ? "poison" : "fine")));
    await Promise.all(all);
    await until(() => done === 1980);
    await expect.poll(async () => (await here.deadLetters()).length).toBe(20);
    expect([done, poisoned.count]).toEqual([1980, 60]);
  });

  it("on a drain asks for no more, and has what is at work finished and acknowledged", async () => {
    await using here = place();
    const finish: (() => void)[] = [];
    const first = await here.serve(() => new Promise<void>((resolve) => void finish.push(resolve)), { maxInFlight: 5 });
    for (let i = 0; i < 20; i++) await here.tell(say(String(i)));
    await until(() => finish.length === 5);
    const stopped = first.stop();
    await here.tell(say("late"));
    for (const one of finish) one();
    await stopped;
    expect(finish).toHaveLength(5);
    expect(await here.stored()).toBe(16);
    const { num_ack_pending } = await jsm.consumers.info(here.name, "jobs");
    expect(num_ack_pending).toBe(0);
  });

  it("gives back at once what is still at work when its time to drain is over", async () => {
    await using here = place();
    const reasons: string[] = [];
    const first = await here.serve(
      (_request, context) => new Promise(() => context.onCancel(({ reason }) => reasons.push(reason))),
      {},
      { drainMs: 10 } as Partial<ServeOptions>,
    );
    await here.tell(say("a"));
    await expect.poll(async () => (await jsm.consumers.info(here.name, "jobs")).num_ack_pending).toBe(1);
    await first.stop();
    const seen: string[] = [];
    await here.serve(({ text }) => seen.push(text));
    await until(() => seen.length === 1);
    expect(reasons).toEqual(["draining"]);
  });

  it("keeps a message in its stream while it cannot be put aside, and says so", async () => {
    await using here = place();
    const reports: string[] = [];
    await here.serve(
      () => {
        throw new ServiceError("no", { code: "invalid_argument" });
      },
      { redelivery: { maxDelayMs: 100 } },
      { report: (error) => reports.push((error as Error).message) },
    );
    const config = (await jsm.streams.info(here.dead)).config;
    await jsm.streams.delete(here.dead);
    await here.tell(say("a"));
    await until(() => reports.length > 0);
    expect(reports[0]).toContain(`the message ${here.name} 1 cannot be put aside`);
    expect(await here.stored()).toBe(1);
    await jsm.streams.add(config);
    await expect.poll(async () => (await here.deadLetters()).length).toBe(1);
    await expect.poll(() => here.stored()).toBe(0);
  });

  it("makes its consumer anew when somebody has deleted it", async () => {
    await using here = place();
    const seen: string[] = [];
    await here.serve(({ text }) => seen.push(text), {}, { report: () => undefined });
    await here.tell(say("a"));
    // Until it is acknowledged: a consumer deleted before that gives it out once more.
    await expect.poll(() => here.stored()).toBe(0);
    await jsm.consumers.delete(here.name, "jobs");
    await here.tell(say("b"));
    await until(() => seen.length > 1);
    expect(seen).toEqual(["a", "b"]);
  });

  it("adds to a stream what it lacks, and changes nothing with create: false", async () => {
    await using here = place();
    await jsm.streams.add({ name: here.name, subjects: [`${here.name}.audit`], max_bytes: 1_000_000 });
    await expect(here.serve(() => undefined, { create: false })).rejects.toThrow(
      `the stream ${here.name} has no consumer jobs: make it, or let create be true`,
    );
    await (await here.serve(() => undefined)).stop();
    const { config } = await jsm.streams.info(here.name);
    expect(config.subjects).toEqual([`${here.name}.audit`, here.subject("work"), here.subject("other")]);
    const seen: string[] = [];
    await here.serve(({ text }) => seen.push(text), { create: false });
    await here.tell(say("a"));
    await until(() => seen.length === 1);
    await here.serve(() => undefined, { ackWaitMs: 1234 });
    expect((await jsm.consumers.info(here.name, "jobs")).config.ack_wait).toBe(1_234_000_000);
  });

  it("says what to do when there is nothing to serve, no JetStream, or a subject loops", async () => {
    await using here = place();
    const add = service("add", { sum: method({ request: text, response: text }) });
    await expect(
      serve(add.implement({ sum: (request) => request }), {
        on: [jetstreamServer({ servers: nats.url })],
        log: false,
        signals: false,
      }),
    ).rejects.toThrow(
      "jetstreamServer serves one-way methods, and add has none: declare them with oneWay({ request })",
    );
    expect(() => client(add, jetstreamClient(), { from: nats.url, timeoutMs: 60_000 }).sum).toThrow(
      "add has no such method",
    );
    await expect(here.serve(() => undefined, { deadLetter: `${here.name}.jobs.dead` })).rejects.toThrow(
      "deadLetter should not be among the subjects of jobs",
    );
    await expect(here.serve(() => undefined, { servers: "nats://127.0.0.1:1" })).rejects.toThrow(
      "NATS cannot be reached",
    );
  });

  it("serves over a connection that is there, and leaves it open", async () => {
    await using here = place();
    const connection = await connect({ servers: nats.url });
    const seen: string[] = [];
    const running = await here.serve(({ text }) => seen.push(text), { servers: undefined, connection });
    {
      await using remote = client(jobs, jetstreamClient({ connection, subjects: here.subjects }));
      await remote.work({ text: "a" });
    }
    await until(() => seen.length === 1);
    await running.stop();
    expect(connection.isClosed()).toBe(false);
    await connection.close();
  });
});
