import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connect, type Channel, type ChannelModel, type GetMessage } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { asEveryTransport, bytes, carriedBy } from "../../../test/as-every-transport.ts";
import { passing, until } from "../../../test/until.ts";
import { rabbitmqForTests, type TestBroker } from "../../../tools/servers/rabbitmq.ts";
import { client, type ClientOptions } from "../../client/index.ts";
import type { Implementation, Methods, Service } from "../../contract/index.ts";
import type { Call } from "../../endpoint/index.ts";
import { error, method, oneWay, service, ServiceError } from "../../index.ts";
import { serve, type Running } from "../../server/index.ts";
import { systemClock } from "../../time/index.ts";
import { amqpClient, amqpServer, type AmqpClientOptions, type AmqpServerOptions } from "./index.ts";

const { missing, unkillable, start } = rabbitmqForTests();
const PYTHON = "/usr/bin/python3";
const PEER = fileURLToPath(new URL("testdata/peer.py", import.meta.url));
const noPika =
  existsSync(PYTHON) && spawnSync(PYTHON, ["-c", "import pika"]).status === 0 ? undefined : "there is no python3-pika";

let broker: TestBroker;
let raw: ChannelModel;
let channel: Channel;
let count = 0;
/** Queues of one test: what comes again must not come to another. */
let own = "";
const running: Running[] = [];

beforeAll(async () => {
  if (missing !== undefined) return;
  broker = await start();
  raw = await connect(broker.amqp);
});

afterAll(async () => {
  await raw?.close();
  await broker?.[Symbol.asyncDispose]();
});

beforeEach(() => void (own = `test.${process.pid}.${++count}`));

const queueOf = (name: string, prefix = own): string => `${prefix}.${name}`;

asEveryTransport(
  carriedBy("amqp", {
    server(around) {
      const prefix = `test.${process.pid}.${++count}`;
      const queueName = (name: string): string => queueOf(name, prefix);
      return amqpServer({ url: broker.amqp, connectTimeoutMs: 60_000, queueName, ...(around as object) });
    },
    client({ codec }) {
      const prefix = `test.${process.pid}.${count}`;
      return amqpClient({ connectTimeoutMs: 60_000, codec, route: (name) => ({ routingKey: queueOf(name, prefix) }) });
    },
    from: () => broker.amqp,
  }),
  {
    missing,
    skip: [
      { reason: "AMQP request/reply answers once", properties: ["streams"] },
      {
        reason: "a request that is with the other side cannot be called off",
        cases: ["cancellation/handler", "cancellation/context"],
      },
    ],
  },
);

const text = z.object({ text: z.string() });
const full = error("full", { code: "failed_precondition", message: "no room left" });
const box = service("box", {
  say: method({ request: text, response: text, errors: [full], idempotent: true }),
  once: method({ request: text, response: text }),
});
const jobs = service("jobs", { note: oneWay({ request: text }) });

interface Around extends Partial<AmqpServerOptions> {
  readonly calls?: Call[];
  readonly reported?: unknown[];
  readonly timeoutMs?: number;
}

async function serving(
  implementation: Implementation,
  { calls, reported, timeoutMs = 60_000, ...options }: Around = {},
): Promise<Running> {
  const one = await serve(implementation, {
    timeoutMs,
    on: [amqpServer({ url: broker.amqp, connectTimeoutMs: 60_000, queueName: queueOf, ...options })],
    observers: calls === undefined ? [] : [() => ({ end: (call: Call) => void calls.push(call) })],
    report: (thrown) => void reported?.push(thrown),
    log: false,
    trace: false,
    metrics: false,
    signals: false,
  });
  running.push(one);
  return one;
}

function calling<M extends Methods>(
  to: Service<M>,
  options: AmqpClientOptions = {},
  more: Partial<ClientOptions<M>> = {},
) {
  const route = (name: string) => ({ routingKey: queueOf(name) });
  const transport = amqpClient({ connectTimeoutMs: 60_000, route, ...options });
  return client(to, transport, { from: broker.amqp, breaker: false, retry: false, timeoutMs: 60_000, ...more });
}

/** Publishes as a foreign peer would. */
function publish(queue: string, body: string | Buffer, options: object = {}): void {
  channel.sendToQueue(queueOf(queue), Buffer.from(body), options);
}

/** The next message of a queue. */
async function taken(queue: string): Promise<GetMessage> {
  for (;;) {
    const message = await channel.get(queueOf(queue), { noAck: true }).catch(async () => {
      // The queue is not there yet, which closes a channel.
      channel = await opened();
      return false as const;
    });
    if (message !== false) return message;
    await passing(10);
  }
}

async function opened(): Promise<Channel> {
  const one = await raw.createChannel();
  one.on("error", () => undefined);
  return one;
}

/** Asks as a foreign peer would, and gives the reply. */
async function asked(queue: string, body: string | Buffer, options: object = {}): Promise<GetMessage> {
  const { queue: replyTo } = await channel.assertQueue("", { exclusive: true });
  channel.sendToQueue(queueOf(queue), Buffer.from(body), { type: "say", correlationId: "c-1", replyTo, ...options });
  for (;;) {
    const message = await channel.get(replyTo, { noAck: true });
    if (message !== false) return message;
    await until(() => true);
  }
}

const bodyOf = (message: GetMessage): unknown => JSON.parse(message.content.toString());

describe.skipIf(missing !== undefined)(`over AMQP${missing === undefined ? "" : `: ${missing}`}`, () => {
  beforeEach(async () => void (channel = await opened()));
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await channel.close().catch(() => undefined);
  });

  describe("a message nobody waits for an answer to", () => {
    it("comes again with delays when it fails, so often, and then is a dead letter that says why", async () => {
      const at: number[] = [];
      const reported: unknown[] = [];
      await serving(
        jobs.implement({
          note() {
            at.push(systemClock.now());
            throw new Error("hunter2");
          },
        }),
        { reported, redelivery: { maxDeliveries: 3, delayMs: 100 }, random: { fraction: () => 0.99, hex: () => "" } },
      );
      await calling(jobs).note({ text: "x" }, { metadata: { "x-tenant": "blue" } });
      const dead = await taken("jobs.dead");
      expect(at.length).toBe(3);
      expect(at[1]! - at[0]!).toBeGreaterThan(90);
      expect(at[2]! - at[1]!).toBeGreaterThan(180);
      expect(reported.length).toBe(3);
      expect(bodyOf(dead)).toEqual({ text: "x" });
      expect(dead.properties.type).toBe("jobs/note");
      expect(dead.properties.deliveryMode).toBe(2);
      expect(dead.properties.headers).toMatchObject({
        "x-tenant": "blue",
        "x-error-code": "internal",
        "x-error-reason": "internal",
        "x-deliveries": 3,
        "x-failed-in": queueOf("jobs"),
      });
      expect(JSON.stringify(dead.properties.headers)).not.toContain("hunter2");
    });

    it("is a dead letter at once when another delivery cannot mend it", async () => {
      let calls = 0;
      await serving(jobs.implement({ note: () => void calls++ }));
      publish("jobs", '{"text":5}', { type: "note" });
      expect((await taken("jobs.dead")).properties.headers).toMatchObject({ "x-error-reason": "invalid_request" });
      publish("jobs", '{"text":', { type: "note" });
      expect((await taken("jobs.dead")).properties.headers).toMatchObject({ "x-error-reason": "malformed_message" });
      publish("jobs", "{}", { type: "toString" });
      expect((await taken("jobs.dead")).properties.headers).toMatchObject({ "x-error-reason": "unknown_method" });
      expect(calls).toBe(0);
    });

    it("holds up nobody while it waits to come again", async () => {
      const seen: string[] = [];
      await serving(
        jobs.implement({
          note({ text }) {
            seen.push(text);
            if (text === "poison") throw new ServiceError("not now", { code: "unavailable" });
          },
        }),
        { prefetch: 1, redelivery: { maxDeliveries: 2, delayMs: 5000 }, random: { fraction: () => 1, hex: () => "" } },
      );
      const remote = calling(jobs);
      await remote.note({ text: "poison" });
      await Promise.all(Array.from({ length: 50 }, (_, i) => remote.note({ text: `${i}` })));
      await until(() => seen.length === 52);
      expect(seen.filter((one) => one === "poison").length).toBe(2);
      expect(seen.at(-1)).toBe("poison");
    });

    it("whose handler never settles is let go at its deadline, and the next is served", async () => {
      const seen: string[] = [];
      const calls: Call[] = [];
      await serving(
        jobs.implement(
          { note: ({ text }) => (seen.push(text), text === "stuck" ? new Promise<void>(() => undefined) : undefined) },
          { methods: { note: { timeoutMs: 500 } } },
        ),
        { calls, prefetch: 1, redelivery: { maxDeliveries: 2, delayMs: 10 } },
      );
      const remote = calling(jobs);
      await remote.note({ text: "stuck" });
      await remote.note({ text: "next" });
      expect((await taken("jobs.dead")).properties.headers).toMatchObject({ "x-error-code": "deadline_exceeded" });
      expect(seen.toSorted()).toEqual(["next", "stuck", "stuck"]);
      expect(calls.map(({ outcome }) => String(outcome)).toSorted()).toEqual([
        "deadline_exceeded",
        "deadline_exceeded",
        "ok",
      ]);
    });

    it("counts as delivered when the process that had it died", async () => {
      let calls = 0;
      await channel.assertQueue(queueOf("jobs"), { durable: true });
      publish("jobs", '{"text":"x"}', { type: "note" });
      const dying = await opened();
      await until(() => true);
      let got = await dying.get(queueOf("jobs"));
      while (got === false) got = await dying.get(queueOf("jobs"));
      await dying.close();
      await serving(jobs.implement({ note: () => void calls++ }), { redelivery: { maxDeliveries: 1 } });
      expect((await taken("jobs.dead")).properties.headers).toMatchObject({
        "x-error-reason": "connection_lost",
        "x-deliveries": 1,
      });
      expect(calls).toBe(0);
    });

    it("may be for a method that answers: it runs, and is not answered", async () => {
      const seen: string[] = [];
      await serving(
        box.implement({ say: (request) => (seen.push(request.text), request), once: (request) => request }),
      );
      publish("box", '{"text":"x"}', { type: "box/say" });
      await until(() => seen.length === 1);
      expect(await channel.checkQueue(queueOf("box"))).toMatchObject({ messageCount: 0, consumerCount: 1 });
    });

    it("keeps its queue when its server leaves, and is there for the next", async () => {
      const seen: string[] = [];
      const first = await serving(jobs.implement({ note: () => undefined }));
      await first.stop();
      await calling(jobs).note({ text: "later" });
      await serving(jobs.implement({ note: ({ text }) => void seen.push(text) }));
      await until(() => seen.length === 1);
    });

    it("goes to every queue that is bound to an exchange it is published to", async () => {
      const seen: string[] = [];
      const exchange = queueOf("events");
      const bindings = [{ exchange, pattern: "jobs.#" }];
      for (const name of ["a", "b"])
        await serving(jobs.implement({ note: ({ text }) => void seen.push(`${name} ${text}`) }), {
          queues: [{ name: queueOf(name), service: "jobs", bindings }],
        });
      const route = (name: string, of: string) => ({ exchange, routingKey: `${name}.${of}` });
      await calling(jobs, { route }).note({ text: "x" });
      await until(() => seen.length === 2);
      expect(seen.toSorted()).toEqual(["a x", "b x"]);
      await channel.deleteExchange(exchange);
    });

    it("is put into the dead letter queue that is there, and waits while there is none that takes it", async () => {
      const reported: unknown[] = [];
      await channel.assertQueue(queueOf("jobs.dead"), { durable: true, arguments: { "x-max-length": 10 } });
      await serving(jobs.implement({ note: () => undefined }), { reported });
      publish("jobs", "1", { type: "note" });
      expect(bodyOf(await taken("jobs.dead"))).toBe(1);
      // The server has seen it, and does not look again.
      await channel.deleteQueue(queueOf("jobs.dead"));
      publish("jobs", "2", { type: "note" });
      const again = await taken("jobs.dead");
      expect(bodyOf(again)).toBe(2);
      expect(reported.map(String)).toEqual([`Error: the queue ${queueOf("jobs.dead")} is gone`]);
    });

    it("finds its consumer again when somebody deleted the queue", async () => {
      const seen: string[] = [];
      await serving(jobs.implement({ note: ({ text }) => void seen.push(text) }), { reconnect: { maxDelayMs: 50 } });
      await channel.deleteQueue(queueOf("jobs"));
      const remote = calling(jobs);
      await expect
        .poll(() =>
          remote.note({ text: "x" }).then(
            () => "told",
            () => "not yet",
          ),
        )
        .toBe("told");
      await until(() => seen.length > 0);
      expect((await channel.checkQueue(queueOf("jobs"))).consumerCount).toBe(1);
    });

    it("fails at once when no queue takes it", async () => {
      const failure = await calling(jobs)
        .note({ text: "x" })
        .catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({
        code: "unavailable",
        reason: "unreachable",
        message: "no queue takes the message",
      });
    });
  });

  describe("a request", () => {
    const echo = box.implement({
      say: ({ text }) => (text === "full" ? full() : { text: `said ${text}` }),
      once: ({ text }) => ({ text: `once ${text}` }),
    });

    it("fails at once when nobody serves it, also after the last server has left", async () => {
      const remote = calling(box);
      expect(await remote.say({ text: "" }).catch(({ reason }) => reason)).toBe("unreachable");
      const one = await serving(echo);
      expect(await remote.say({ text: "x" })).toEqual({ text: "said x" });
      await one.stop();
      expect(await remote.say({ text: "" }).catch(({ reason }) => reason)).toBe("unreachable");
    });

    it("that comes again runs again only where the method is idempotent", async () => {
      await channel.assertQueue(queueOf("box"), { durable: true });
      const { queue: replyTo } = await channel.assertQueue("", { exclusive: true });
      for (const type of ["say", "once"]) publish("box", '{"text":"x"}', { type, replyTo, correlationId: type });
      const dying = await opened();
      for (let got = 0; got < 2;) if ((await dying.get(queueOf("box"))) !== false) got++;
      await dying.close();
      await serving(echo);
      const replies: Record<string, unknown> = {};
      while (Object.keys(replies).length < 2) {
        const message = await channel.get(replyTo, { noAck: true });
        if (message !== false) replies[message.properties.correlationId as string] = bodyOf(message);
      }
      expect(replies).toMatchObject({
        say: { text: "said x" },
        once: { code: "unavailable", reason: "connection_lost" },
      });
    });

    it("that waited longer than its caller is refused without work, and one that waited is given less time", async () => {
      const left: number[] = [];
      const slow = box.implement({
        say: (request, { deadlineMs }) => (left.push(deadlineMs - systemClock.now()), request),
        once: (request) => request,
      });
      await serving(slow);
      const sent = systemClock.date();
      const old = { headers: { "request-timeout-ms": "2000", "x-sent-ms": sent - 5000 } };
      expect((await asked("box", '{"text":""}', old)).properties.headers).toMatchObject({
        "x-error-code": "deadline_exceeded",
      });
      expect(left.length).toBe(0);
      await asked("box", '{"text":""}', { headers: { "request-timeout-ms": "40000", "x-sent-ms": sent - 20_000 } });
      await asked("box", '{"text":""}', { expiration: "30000" });
      expect(left[0]).toBeLessThan(20_600);
      expect(left[1]).toBeLessThan(30_001);
    });

    it("carries its deadline as its expiration, and does not outlive it in the queue", async () => {
      await channel.assertQueue(queueOf("box"), { durable: true });
      const failure = calling(box)
        .say({ text: "x" }, { timeoutMs: 5000 })
        .catch(({ code }) => code);
      let message = await channel.get(queueOf("box"));
      while (message === false) message = await channel.get(queueOf("box"));
      expect(Number(message.properties.expiration)).toBeLessThanOrEqual(5000);
      expect(message.properties).toMatchObject({
        type: "box/say",
        replyTo: expect.stringMatching(/^amq\.rabbitmq\.reply-to/),
      });
      channel.nack(message);
      expect(await failure).toBe("deadline_exceeded");
      await expect
        .poll(async () => (await channel.checkQueue(queueOf("box"))).messageCount, { timeout: 30_000 })
        .toBe(0);
    });

    it("is never given another's answer, however late answers are", { timeout: 200_000 }, async () => {
      const all = 20_000;
      const held = new Map<string, () => void>();
      const slow = box.implement({
        say: (request) => request,
        once: (request) => new Promise((resolve) => held.set(request.text, () => resolve(request))),
      });
      await serving(slow, { prefetch: 1000, timeoutMs: 3000 });
      // The server is not told of the time, or it would not answer late.
      const remote = calling(box, { before: [(_context, { headers }) => void delete headers["request-timeout-ms"]] });
      let [answers, late, wrong] = [0, 0, 0];
      async function one(i: number): Promise<void> {
        const text = String(i);
        try {
          const got = i % 2 === 0 ? await remote.say({ text }) : await remote.once({ text }, { timeoutMs: 30 });
          if (got.text !== text) wrong++;
          answers++;
        } catch (thrown) {
          if ((thrown as ServiceError).code === "deadline_exceeded") late++;
          // What comes now comes too late.
          held.get(text)?.();
        }
      }
      let next = 0;
      await Promise.all(
        Array.from({ length: 400 }, async () => {
          while (next < all) await one(next++);
        }),
      );
      expect([wrong, answers, late]).toEqual([0, all / 2, all / 2]);
    });

    it("has hooks on the client's side, and replies over a queue of its own where it is told", async () => {
      const steps: string[] = [];
      await serving(echo);
      const remote = calling(box, {
        replies: "exclusive",
        before: [
          (_context, request) => void (request.options["priority"] = 3),
          (_context, { headers }) => void (headers["x-by"] = "hook"),
        ],
        after: [
          (_context, { headers, body }) => void steps.push(`after ${String(headers["x-error-code"])} ${body.length}`),
        ],
        finalizer: [({ error }) => void steps.push(`end ${error?.reason}`)],
      });
      expect(await remote.say({ text: "x" })).toEqual({ text: "said x" });
      await expect(remote.say({ text: "full" })).rejects.toMatchObject({ reason: "full" });
      expect(steps[0]).toBe("after undefined 17");
      expect(steps.slice(1)).toEqual([
        "end undefined",
        expect.stringMatching(/^after failed_precondition /),
        "end full",
      ]);
    });

    it("goes over a connection that all clients of one transport share, until the last is closed", async () => {
      await serving(echo);
      const transport = amqpClient({ route: (name) => ({ routingKey: queueOf(name) }) });
      const [one, other] = [0, 1].map(() =>
        client(box, transport, { from: broker.amqp, breaker: false, retry: false, timeoutMs: 60_000 }),
      );
      expect(await one!.say({ text: "a" })).toEqual({ text: "said a" });
      const last = other!.say({ text: "b" });
      await one![Symbol.asyncDispose]();
      expect(await last).toEqual({ text: "said b" });
      expect(await other!.say({ text: "c" })).toEqual({ text: "said c" });
      await other![Symbol.asyncDispose]();
    });

    it("left in the queue of a server that leaves is told so", async () => {
      const held: (() => void)[] = [];
      const slow = box.implement({
        say: (request) => new Promise((resolve) => held.push(() => resolve(request))),
        once: (request) => request,
      });
      const one = await serving(slow, { prefetch: 1 });
      const remote = calling(box);
      const first = remote.say({ text: "first" });
      await until(() => held.length === 1);
      const second = remote.say({ text: "second" }).catch(({ reason }) => reason);
      await expect
        .poll(async () => (await channel.checkQueue(queueOf("box"))).messageCount, { timeout: 30_000 })
        .toBe(1);
      const stopped = one.stop();
      expect(await second).toBe("draining");
      held[0]!();
      expect(await first).toEqual({ text: "first" });
      await stopped;
    });
  });

  describe("what leaves", () => {
    it("finishes a call that waits for the connection when its client is closed", async () => {
      await serving(box.implement({ say: (request) => request, once: (request) => request }));
      const remote = calling(box);
      const answer = remote.say({ text: "x" });
      await remote[Symbol.asyncDispose]();
      expect(await answer).toEqual({ text: "x" });
    });

    it("has headers of every request, and metadata of one goes before them", async () => {
      await channel.assertQueue(queueOf("jobs"), { durable: true });
      const remote = calling(jobs, { headers: { "X-Tenant": "blue", "x-zone": "eu" } });
      await remote.note({ text: "x" }, { metadata: { "x-zone": "us" } });
      const { headers } = (await taken("jobs")).properties;
      expect(headers).toMatchObject({ "x-tenant": "blue", "x-zone": "us" });
    });

    it("keeps its own form of an error where the encoder throws or writes nonsense", async () => {
      const encoders: AmqpServerOptions["errorEncoder"][] = [
        (_error, reply) => {
          reply.body = "half";
          throw new Error("no");
        },
        (_error, reply) => void (reply.body = 5 as never),
      ];
      for (const errorEncoder of encoders) {
        const server = await serving(box.implement({ say: () => full(), once: () => full() as never }), {
          errorEncoder,
        });
        const { content, properties } = await asked("box", '{"text":""}');
        expect(JSON.parse(content.toString())).toMatchObject({ code: "failed_precondition", reason: "full" });
        expect(properties.headers).toMatchObject({ "x-error-code": "failed_precondition" });
        await server.stop();
      }
    });

    it("is the error that its header says where an encoder writes the body in a form of its own", async () => {
      await serving(box.implement({ say: () => full(), once: () => full() as never }), {
        errorEncoder: (_error, reply) => void (reply.body = '{"err":"no room"}'),
      });
      await expect(calling(box).say({ text: "x" })).rejects.toMatchObject({
        code: "failed_precondition",
        details: { err: "no room" },
      });
    });

    it("is an answer, whatever metadata a handler adds to it", async () => {
      const heard: unknown[] = [];
      await serving(
        box.implement({
          say(request, context) {
            for (const name of ["x-error-code", "constructor", "x-more"]) context.reply.set(name, "canceled");
            return request;
          },
          once: (request) => request,
        }),
      );
      const remote = calling(box, { after: [(_context, { headers }) => void heard.push({ ...headers })] });
      expect(await remote.say({ text: "x" })).toEqual({ text: "x" });
      expect(heard).toEqual([{ constructor: "canceled", "x-more": "canceled" }]);
    });

    it("leaves no word of servers that drain at the same time", async () => {
      const reported: unknown[] = [];
      const echo = box.implement({ say: (request) => request, once: (request) => request });
      for (let round = 0; round < 5; round++) {
        const servers = await Promise.all([1, 2, 3].map(() => serving(echo, { reported })));
        await Promise.all(servers.map((one) => one.stop()));
      }
      expect(reported).toEqual([]);
    });
  });

  describe("input from outside", () => {
    const echo = box.implement({ say: (request) => request, once: (request) => request });

    it.each([
      ["JSON that is none", "{", {}, "malformed_message"],
      ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]), {}, "malformed_message"],
      ["a key twice", '{"text":"a","text":"b"}', {}, "malformed_message"],
      ["a key named __proto__", '{"text":"a","__proto__":{}}', {}, "malformed_message"],
      ["nothing at all", "", {}, "malformed_message"],
      ["another content type", '{"text":""}', { contentType: "text/xml" }, "unsupported_media_type"],
      ["a compressed body", '{"text":""}', { contentEncoding: "gzip" }, "unsupported_media_type"],
      ["more than allowed", `{"text":"${"x".repeat(3000)}"}`, {}, "too_large"],
      [
        "too many headers",
        '{"text":""}',
        { headers: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`h${i}`, i])) },
        "too_many_headers",
      ],
      ["too large a header", '{"text":""}', { headers: { big: "x".repeat(20_000) } }, "too_many_headers"],
      ["tables in tables", '{"text":""}', { headers: nested(100) }, "too_many_headers"],
      ["no such method", '{"text":""}', { type: "constructor" }, "unknown_method"],
      ["no method", '{"text":""}', { type: undefined }, "unknown_method"],
    ])("is refused by name: %s", async (_name, body, options, reason) => {
      const calls: Call[] = [];
      await serving(echo, { calls, limits: { maxBodyBytes: 2000 } });
      const reply = await asked("box", body, options);
      expect(reply.properties.correlationId).toBe("c-1");
      expect(reply.properties.headers!["x-error-code"]).toEqual((bodyOf(reply) as { code: string }).code);
      expect(bodyOf(reply)).toMatchObject({ reason });
      expect(bodyOf(await asked("box", '{"text":"x"}'))).toEqual({ text: "x" });
      expect(calls.map(({ error: one }) => one?.reason)).toEqual([reason, undefined]);
    });

    it("is answered without a correlation id where it had none", async () => {
      await serving(echo);
      const reply = await asked("box", '{"text":"x"}', { correlationId: undefined });
      expect([reply.properties.correlationId, bodyOf(reply)]).toEqual([undefined, { text: "x" }]);
    });

    it("named as a prototype's is only a name", async () => {
      const seen: unknown[] = [];
      await serving(
        box.implement({
          say: (request, context) => (
            seen.push(["__proto__", "constructor", "toString", "x"].map((name) => context.metadata(name))),
            request
          ),
          once: (request) => request,
        }),
      );
      const headers = JSON.parse('{"__proto__":{"x":"polluted"},"constructor":"c","toString":7}') as object;
      await asked("box", '{"text":"x"}', { headers });
      expect(seen).toEqual([[undefined, "c", "7", undefined]]);
      expect(({} as { x?: unknown }).x).toBeUndefined();
    });

    it("in replies is refused as well: nobody's answer, no JSON, too much of it", async () => {
      await channel.assertQueue(queueOf("box"), { durable: true });
      const answers: [string, object][] = [
        ["{", {}],
        [`{"text":"${"x".repeat(3000)}"}`, {}],
        ["{", { headers: { "x-error-code": "not_found" } }],
        ['{"code":7,"reason":{},"details":{"__proto__":1}}', { headers: { "x-error-code": "nonsense" } }],
        ['{"text":5}', {}],
      ];
      await channel.consume(queueOf("box"), (message) => {
        const { replyTo, correlationId } = message!.properties as { replyTo: string; correlationId: string };
        const [body, more] = answers.shift()!;
        for (const id of ["", "-1", "1e3", "999999999", undefined, correlationId])
          channel.sendToQueue(replyTo, Buffer.from(body), {
            ...more,
            ...(id === undefined ? {} : { correlationId: id }),
          });
        channel.ack(message!);
      });
      const remote = calling(box, { limits: { maxBodyBytes: 2000 } });
      const got: unknown[] = [];
      while (answers.length > 0)
        got.push(await remote.once({ text: "x" }).catch(({ code, reason }: ServiceError) => `${code} ${reason}`));
      expect(got).toEqual([
        "internal invalid_response",
        "resource_exhausted too_large",
        "not_found not_found",
        "unknown unknown",
        "internal invalid_response",
      ]);
    });
  });

  it(
    "waits within its deadline, and within bounds, while the broker takes no more",
    { timeout: 200_000 },
    async (test) => {
      if (unkillable !== undefined) test.skip(unkillable);
      const { ctl } = broker.own!;
      await channel.assertQueue(queueOf("jobs"), { durable: true });
      const remote = calling(jobs, { maxWaiting: 3 });
      await remote.note({ text: "x" });
      ctl("set_vm_memory_high_watermark", "absolute", "1");
      try {
        await expect
          .poll(() => remote.note({ text: "x" }, { timeoutMs: 2000 }).catch(({ code }) => code))
          .toBe("deadline_exceeded");
        const waiting = Array.from({ length: 3 }, () => remote.note({ text: "y" }, { timeoutMs: 60_000 }));
        expect(await remote.note({ text: "z" }).catch(({ reason }) => reason)).toBe("overloaded");
        ctl("set_vm_memory_high_watermark", "absolute", "512MB");
        await Promise.all(waiting);
      } finally {
        ctl("set_vm_memory_high_watermark", "absolute", "512MB");
      }
      await remote[Symbol.asyncDispose]();
    },
  );

  describe.skipIf(noPika !== undefined)(`a foreign peer${noPika === undefined ? "" : `: ${noPika}`}`, () => {
    bytes(
      "amqp",
      "asks with a body, a reply queue and a correlation id, over a queue for one method (pika)",
      async () => {
        await serving(
          box.implement({ say: ({ text }) => (text === "full" ? full() : { text: `hi ${text}` }), once: (one) => one }),
          {
            queues: [{ name: queueOf("say"), service: "box", method: "say" }],
          },
        );
        const args = [PEER, broker.amqp, "ask", queueOf("say"), '{"text":"a"}', '{"text":"full"}'];
        const lines = await output(args);
        const [first, [id, headers, body]] = lines as [
          unknown,
          [string, Record<string, string>, Record<string, string>],
        ];
        assert.deepEqual(first, ["pika-0", {}, { text: "hi a" }]);
        assert.deepEqual([id, headers["x-error-code"]], ["pika-1", "failed_precondition"]);
        assert.deepEqual([body["reason"], body["message"]], ["full", "no room left"]);
      },
    );

    it("cannot end the connection by headers that are nested without end", async () => {
      const seen: string[] = [];
      const reported: unknown[] = [];
      await serving(jobs.implement({ note: ({ text }) => void seen.push(text) }), { reported });
      await output([PEER, broker.amqp, "deep", queueOf("jobs"), "15000"]);
      await calling(jobs).note({ text: "next" });
      const dead = await taken("jobs.dead");
      expect(dead.properties.headers).toMatchObject({ "x-error-reason": "too_many_headers" });
      expect(bodyOf(dead)).toEqual({ text: "deep" });
      await until(() => seen.length === 1);
      expect([seen, reported]).toEqual([["next"], []]);
    });

    bytes("amqp", "answers what our client asks (pika)", async () => {
      const peer = spawn(PYTHON, [PEER, broker.amqp, "answer", queueOf("box")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await new Promise((resolve) => peer.stdout.once("data", resolve));
        assert.deepEqual(await calling(box).say({ text: "x" }), { text: "box/say x request-timeout-ms" });
      } finally {
        peer.kill();
      }
    });
  });
});

function nested(depth: number): object {
  let table: object = {};
  for (let i = 0; i < depth; i++) table = { a: table };
  return table;
}

function output(args: readonly string[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const peer = spawn(PYTHON, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    peer.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    peer.once("error", reject);
    peer.once("close", () =>
      resolve(
        text
          .trim()
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line) as unknown),
      ),
    );
  });
}
