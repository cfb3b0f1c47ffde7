import { connect, headers as natsHeaders, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { Svcm } from "@nats-io/services";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { bytes } from "../../../test/as-every-transport.ts";
import { until } from "../../../test/until.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { client } from "../../client/index.ts";
import { error, method, oneWay, service, ServiceError } from "../../index.ts";
import { serve, type Running, type ServeOptions } from "../../server/index.ts";
import { systemClock } from "../../time/index.ts";
import { natsClient, natsServer, type NatsServerOptions } from "./index.ts";

const nats = natsTestServer();
let foreign: NatsConnection;
beforeAll(async () => {
  await nats.start();
  if (nats.missing === undefined) foreign = await connect({ servers: nats.url });
});
afterAll(async () => {
  await foreign?.close();
  await nats.stop();
});

const text = z.object({ text: z.string() });
const taken = error("taken", {
  code: "already_exists",
  message: "the name is taken",
  details: z.object({ by: z.string() }),
});
const n = z.object({ n: z.int() });
const shop = service("shop.orders", {
  echo: method({ request: text, response: text, errors: [taken], idempotent: true }),
  wait: method({ request: text, response: text, timeoutMs: 60_000 }),
  count: method({ request: n, response: n, stream: "server", timeoutMs: 60_000 }),
  total: method({ request: n, response: n, stream: "client" }),
  note: oneWay({ request: text }),
});
type Handlers = Parameters<typeof shop.implement>[0];

let space = 0;

/** A server whose subjects nobody else has. */
interface Place extends AsyncDisposable {
  readonly running: Running;
  readonly subjects: (service: string, method: string) => string;
  readonly subject: (method: string) => string;
  ask(method: string, data: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Msg>;
}

const handlers: Handlers = {
  echo: (request) => request,
  wait: (request) => request,
  async *count({ n }) {
    for (let i = 1; i <= n; i++) yield { n: i };
  },
  async total(numbers) {
    let n = 0;
    for await (const one of numbers) n += one.n;
    return { n };
  },
  note: () => undefined,
};

async function placed(
  own: Partial<Handlers> = {},
  options: NatsServerOptions = {},
  more: Partial<ServeOptions> = {},
): Promise<Place> {
  const prefix = `server${process.pid}.${++space}`;
  const subjects = (service: string, name: string): string => `${prefix}.${service}.${name}`;
  const running = await serve(shop.implement({ ...handlers, ...own } as Handlers), {
    on: [natsServer({ servers: nats.url, subjects, ...options })],
    log: false,
    signals: false,
    timeoutMs: 60_000,
    ...more,
  });
  const subject = (name: string): string => (options.subjects ?? subjects)("shop.orders", name);
  return {
    running,
    subjects,
    subject,
    ask: async (name, data, headers = {}) => request(subject(name), data, headers),
    [Symbol.asyncDispose]: async () => void (await running.stop()),
  };
}

async function request(
  subject: string,
  data: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<Msg> {
  const block = natsHeaders();
  for (const [name, value] of Object.entries(headers)) block.set(name, value);
  return foreign.request(subject, data, { timeout: 50_000, headers: block });
}

const errorOf = (msg: Msg): readonly (string | undefined)[] => [
  msg.headers?.get("Nats-Service-Error-Code"),
  msg.headers?.get("Nats-Service-Error"),
];

describe("a NATS server", () => {
  beforeEach((test) => void (nats.missing === undefined || test.skip(nats.missing)));
  bytes("nats", "answers the package's own client with the codec's bytes, and nothing beside them", async () => {
    await using place = await placed();
    const answer = await place.ask("echo", '{"text":"ä"}');
    expect([answer.string(), answer.headers]).toEqual(['{"text":"ä"}', undefined]);
  });

  bytes(
    "nats",
    "tells a foreign client of an error in the two headers of the services protocol, and ours the rest",
    async () => {
      await using place = await placed({
        echo: ({ text }) => {
          if (text === "taken") return taken({ by: "ada" });
          if (text === "lines") throw new ServiceError("one\r\ntwo: 漢", { code: "unavailable", retryAfterMs: 5 });
          throw new Error("hunter2");
        },
      });
      const declared = await place.ask("echo", '{"text":"taken"}');
      expect(errorOf(declared)).toEqual(["409", "the name is taken"]);
      expect(declared.json()).toEqual({
        code: "already_exists",
        reason: "taken",
        message: "the name is taken",
        details: { by: "ada" },
      });
      const lines = await place.ask("echo", '{"text":"lines"}');
      expect(errorOf(lines)).toEqual(["503", "one two: 漢"]);
      expect(lines.json()).toMatchObject({ message: "one\r\ntwo: 漢", retryAfterMs: 5 });
      const secret = await place.ask("echo", '{"text":"x"}');
      expect(errorOf(secret)).toEqual(["500", "internal error"]);
      expect(secret.string()).not.toContain("hunter2");
      expect(secret.headers?.get("x-request-id")).toMatch(/^\w+$/);
    },
  );

  it("shares requests among the instances of a queue group, and gives every one to all without", async () => {
    const counts = [0, 0, 0];
    const one = (i: number): Partial<Handlers> => ({ echo: (request) => (counts[i]!++, request) });
    const subjects = (service: string, name: string): string => `shared${process.pid}.${service}.${name}`;
    {
      await using a = await placed(one(0), { subjects });
      await using _b = await placed(one(1), { subjects });
      await using _c = await placed(one(2), { subjects });
      for (let i = 0; i < 120; i++) await a.ask("echo", '{"text":""}');
    }
    expect(counts.reduce((sum, count) => sum + count)).toBe(120);
    expect(counts.every((count) => count > 10)).toBe(true);
    counts.fill(0);
    {
      await using a = await placed(one(0), { subjects, queue: false });
      await using _b = await placed(one(1), { subjects, queue: false });
      await a.ask("echo", '{"text":""}');
      await until(() => counts[0]! + counts[1]! === 2);
    }
    expect(counts).toEqual([1, 1, 0]);
  });

  it("runs a request without a reply subject and says nothing, and acknowledges a one-way method before it runs", async () => {
    const got: string[] = [];
    let finish!: () => void;
    const blocked = new Promise<void>((resolve) => (finish = resolve));
    await using place = await placed({
      echo: (request) => (got.push(request.text), request),
      async note({ text }) {
        await blocked;
        got.push(text);
      },
    });
    foreign.publish(place.subject("echo"), '{"text":"a"}');
    await until(() => got.length === 1);
    expect((await place.ask("note", '{"text":"b"}')).headers).toBeUndefined();
    expect(errorOf(await place.ask("note", '{"text":1}'))[0]).toBe("400");
    finish();
    await until(() => got.length === 2);
    expect(got).toEqual(["a", "b"]);
  });

  it("refuses what is over its deadline without work, and takes requests back in every instance", async () => {
    const off: string[] = [];
    let begun = 0;
    const subjects = (service: string, name: string): string => `back${process.pid}.${service}.${name}`;
    const own: Partial<Handlers> = {
      wait: (request, context) =>
        new Promise((resolve) => {
          begun++;
          context.onCancel(({ reason }) => {
            off.push(reason);
            resolve(request);
          });
        }),
    };
    await using a = await placed(own, { subjects });
    await using _b = await placed(own, { subjects });
    expect(errorOf(await a.ask("wait", '{"text":""}', { "Request-Timeout-Ms": "0" }))[0]).toBe("504");
    expect(begun).toBe(0);
    for (let i = 0; i < 10; i++)
      foreign.publish(a.subject("wait"), '{"text":""}', { reply: `_INBOX.taken.${process.pid}.${i}` });
    await until(() => begun === 10);
    foreign.publish(a.subject("$cancel"), `_INBOX.taken.${process.pid}.x`);
    for (let i = 0; i < 10; i++) foreign.publish(a.subject("$cancel"), `_INBOX.taken.${process.pid}.${i}`);
    await until(() => off.length === 10);
    expect(new Set(off)).toEqual(new Set(["canceled"]));
  });

  it("answers what is hostile with the right error, and goes on", async () => {
    await using place = await placed({}, { limits: { maxBodyBytes: 500, maxHeaders: 10, maxHeaderBytes: 1024 } });
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`n${i}`, "v"]));
    const answers = await Promise.all([
      place.ask("echo", "{"),
      place.ask("echo", ""),
      place.ask("echo", '{"text":"a","text":"b"}'),
      place.ask("echo", '{"__proto__":{"text":"a"}}'),
      place.ask("echo", new Uint8Array([0x22, 0xff, 0x22])),
      place.ask("echo", `{"text":"${"x".repeat(600)}"}`),
      place.ask("echo", '{"text":""}', { big: "x".repeat(2000) }),
      place.ask("echo", '{"text":""}', many),
      place.ask("echo", '{"text":""}', { __proto__x: "1", "request-timeout-ms": "-5", "x-request-id": 'a"b' }),
      place.ask("total", '{"n":1}'),
      place.ask("echo", `${"[".repeat(200)}`),
    ]);
    expect(answers.map((answer) => errorOf(answer)[0])).toEqual([
      "400",
      "400",
      "400",
      "400",
      "400",
      "429",
      "429",
      "429",
      undefined,
      "400",
      "400",
    ]);
    expect(answers.slice(5, 8).map((answer) => answer.json<{ reason: string }>().reason)).toEqual([
      "too_large",
      "too_many_headers",
      "too_many_headers",
    ]);
    expect(({} as { text?: string }).text).toBeUndefined();
  });

  it("refuses an answer that NATS would not take, and serves the next", async () => {
    await using place = await placed({ echo: ({ text }) => ({ text: text.repeat(2_000_000) }) });
    expect((await place.ask("echo", '{"text":"x"}')).json()).toMatchObject({ reason: "too_large" });
    expect((await place.ask("echo", '{"text":""}')).json()).toEqual({ text: "" });
    await using loud = await placed({ echo: ({ text }) => taken({ by: text.repeat(2_000_000) }) });
    const refused = await loud.ask("echo", '{"text":"x"}');
    expect([errorOf(refused)[0], refused.json()]).toEqual([
      "409",
      { code: "already_exists", reason: "taken", message: "the name is taken" },
    ]);
  });

  it("counts headers to what NATS takes, so that nothing is sent that would end the connection", async () => {
    const limits = { maxBodyBytes: 2_000_000 };
    const max = foreign.info!.max_payload;
    const fitting = (bytes: number): string => "x".repeat(bytes - '{"text":""}'.length);
    await using place = await placed(
      {
        echo: ({ text }, context) => {
          if (text !== "") return { text };
          context.reply.set("x-more", "1");
          return { text: fitting(max) };
        },
      },
      { limits },
    );
    expect((await place.ask("echo", '{"text":""}')).json()).toMatchObject({ reason: "too_large" });
    await using remote = client(shop, natsClient({ limits, subjects: place.subjects }), {
      from: nats.url,
      timeoutMs: 60_000,
    });
    await expect(remote.echo({ text: fitting(max) })).rejects.toMatchObject({
      code: "resource_exhausted",
      reason: "too_large",
    });
    expect(await remote.echo({ text: "x" })).toEqual({ text: "x" });
  });

  it("answers, whatever metadata a handler adds", async () => {
    await using place = await placed(
      {
        echo(request, context) {
          for (const name of ["nats-service-error", "stream", "x-more", "x-hook"]) context.reply.set(name, "no");
          return request;
        },
      },
      { after: [(_context, reply) => reply.header("X-Hook", "yes")] },
    );
    const answer = await place.ask("echo", '{"text":"x"}');
    expect(answer.headers?.keys().toSorted()).toEqual(["X-Hook", "x-more"]);
    await using remote = client(shop, natsClient({ subjects: place.subjects }), { from: nats.url, timeoutMs: 60_000 });
    expect(await remote.echo({ text: "x" })).toEqual({ text: "x" });
  });

  it("refuses what is more than it works on at once, so that memory is bounded, and observes it", async () => {
    let release!: () => void;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    let begun = 0;
    let ends = 0;
    await using place = await placed(
      { wait: async (request) => (begun++, await blocked, request) },
      { maxInFlight: 5 },
      { observers: [() => ({ end: () => void ends++ })] },
    );
    const answers = Promise.all(Array.from({ length: 8 }, () => place.ask("wait", '{"text":""}')));
    await until(() => ends === 3);
    expect(begun).toBe(5);
    release();
    const codes = (await answers).map((answer) => errorOf(answer)[0]);
    expect(codes.filter((code) => code === "429").length).toBe(3);
    expect((await place.ask("echo", '{"text":"on"}')).string()).toBe('{"text":"on"}');
  });

  it("serves what was delivered before a drain, waits for it, and takes no more", async () => {
    let release!: () => void;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    let begun = 0;
    const place = await placed({ wait: async (request) => (begun++, await blocked, request) });
    const answers = Array.from({ length: 20 }, () => place.ask("wait", '{"text":"x"}'));
    await until(() => begun === 20);
    let isOver = false;
    const stopped = place.running.stop().then(() => (isOver = true));
    await expect(
      (async () => {
        for (;;) await place.ask("echo", '{"text":""}');
      })(),
    ).rejects.toThrow(/no responders/);
    expect(isOver).toBe(false);
    release();
    for (const answer of await Promise.all(answers)) expect(answer.string()).toBe('{"text":"x"}');
    await stopped;
  });

  it("lets hooks see the message, change the answer, and write Go kit's form of an error", async () => {
    const seen: (string | undefined)[] = [];
    await using place = await placed(
      { echo: ({ text }) => (text === "no" ? taken({ by: "x" }) : { text }) },
      {
        before: [
          (context, { subject, reply, data, header }) => {
            seen.push(subject.split(".").at(-1), String(reply !== ""), String(data.length));
            void header;
            return context;
          },
          (context, message) => (seen.push(message.header("X-Tenant")), context),
        ],
        after: [(_context, reply) => void (reply.header("X-Served", "1"), (reply.data = `${String(reply.data)}\n`))],
        errorEncoder(error, reply) {
          reply.data = JSON.stringify({ err: error.message });
          for (const name of ["Nats-Service-Error", "nats-service-error-code", "x-request-id"])
            reply.header(name, undefined);
        },
      },
    );
    const answer = await place.ask("echo", '{"text":"yes"}', { "x-tenant": "blue" });
    expect([answer.string(), answer.headers?.get("X-Served")]).toEqual(['{"text":"yes"}\n', "1"]);
    expect(seen).toEqual(["echo", "true", "14", "blue"]);
    const refused = await place.ask("echo", '{"text":"no"}');
    expect([refused.string(), errorOf(refused)[0]]).toEqual(['{"err":"the name is taken"}', ""]);
  });

  it("keeps its own form of an error where the encoder throws or writes nonsense", async () => {
    for (const nonsense of [
      () => {
        throw new Error("no");
      },
      (_error: unknown, reply: { data: unknown }) => void (reply.data = 5),
    ]) {
      await using place = await placed({ echo: () => taken({ by: "x" }) }, { errorEncoder: nonsense as never });
      expect(errorOf(await place.ask("echo", '{"text":""}'))[0]).toBe("409");
    }
  });

  bytes(
    "nats",
    "streams to a client that knows nothing of streams: messages, and an empty one at the end",
    async () => {
      await using place = await placed();
      const got: string[] = [];
      const marks: (string | undefined)[] = [];
      const inbox = `_INBOX.foreign.${process.pid}`;
      const subscription = foreign.subscribe(inbox, {
        callback: (_error, msg) => {
          got.push(msg.string());
          marks.push(msg.headers?.get("stream"));
        },
      });
      foreign.publish(place.subject("count"), '{"n":100}', { reply: inbox });
      await until(() => got.length === 101);
      subscription.unsubscribe();
      expect(got.slice(0, 2)).toEqual(['{"n":1}', '{"n":2}']);
      expect([got.at(-1), marks[0], marks.at(-1)]).toEqual(["", "message 1", "end 101"]);
    },
  );

  it("ends a stream whose reader has gone without a word", async () => {
    let isEnded = false;
    await using place = await placed({
      async *count() {
        try {
          for (let i = 0; ; i++) yield { n: i };
        } finally {
          isEnded = true;
        }
      },
    });
    const reader = await connect({ servers: nats.url });
    const inbox = `_INBOX.leaver.${process.pid}`;
    let count = 0;
    reader.subscribe(inbox, { callback: () => void count++ });
    reader.publish(place.subject("count"), '{"n":1}', { reply: inbox });
    await until(() => count > 10);
    await reader.close();
    await until(() => isEnded);
  });

  it("says who it is over the services protocol, in all three forms of its subjects", async () => {
    await using place = await placed(
      { echo: ({ text }) => (text === "no" ? Promise.reject(new Error("x")) : { text }) },
      { info: { version: "1.2.3", description: "orders", metadata: { zone: "eu" } }, queue: "workers" },
    );
    await place.ask("echo", '{"text":"yes"}');
    await place.ask("echo", '{"text":"no"}');
    const asks = new Svcm(foreign as never).client({ strategy: "stall", maxWait: 30_000 });
    const all = async <T>(answers: AsyncIterable<T>): Promise<T[]> => {
      const found: T[] = [];
      for await (const one of answers) found.push(one);
      return found;
    };
    const [ping] = (await all(await asks.ping("shop_orders"))) as unknown as [{ id: string }];
    expect(ping).toEqual({
      type: "io.nats.micro.v1.ping_response",
      name: "shop_orders",
      id: ping.id,
      version: "1.2.3",
      metadata: { zone: "eu" },
    });
    expect(await all(await asks.ping())).toContainEqual(ping);
    const [info] = await all(await asks.info("shop_orders", ping.id));
    expect(info).toMatchObject({ type: "io.nats.micro.v1.info_response", description: "orders" });
    expect(info!.endpoints[0]).toEqual({
      name: "echo",
      subject: place.subject("echo"),
      queue_group: "workers",
      metadata: {},
    });
    const [stats] = await all(await asks.stats("shop_orders", ping.id));
    expect(stats!.type).toBe("io.nats.micro.v1.stats_response");
    expect(Math.abs(Date.parse(stats!.started) - systemClock.date())).toBeLessThan(60_000);
    const [echo] = stats!.endpoints!;
    expect(echo).toMatchObject({ num_requests: 2, num_errors: 1, last_error: "internal: internal error" });
    expect(echo!.processing_time).toBeGreaterThan(0);
    expect(echo!.average_processing_time).toBe(Math.round(echo!.processing_time / 2));
  });

  it("is not seen there where that is switched off, nor after its end", async () => {
    const place = await placed({}, { services: false });
    await expect(foreign.request("$SRV.PING.shop_orders", "", { timeout: 1000 })).rejects.toThrow(/no responders/);
    await place.running.stop();
    await (await placed()).running.stop();
    await expect(foreign.request("$SRV.PING.shop_orders", "", { timeout: 1000 })).rejects.toThrow(/no responders/);
  });

  it("serves over a connection that is given, and does not close it", async () => {
    const connection = await connect({ servers: nats.url });
    const place = await placed({}, { connection, servers: undefined });
    const remote = client(shop, natsClient({ connection, subjects: place.subjects }));
    expect(await remote.echo({ text: "a" })).toEqual({ text: "a" });
    await remote[Symbol.asyncDispose]();
    await place.running.stop();
    expect(connection.isClosed()).toBe(false);
    expect(connection.stats()).toBeDefined();
    await connection.close();
  });

  it("does not start where NATS cannot be reached, or two methods have one subject", async () => {
    const on = [natsServer({ servers: "nats://127.0.0.1:1" })];
    const options = { log: false, signals: false } as const;
    await expect(serve(shop.implement(handlers), { on, ...options })).rejects.toThrow(/NATS cannot be reached/);
    await expect(placed({}, { subjects: (_service, name) => (name === "$cancel" ? "c" : "same") })).rejects.toThrow(
      /different subjects/,
    );
    await expect(placed({}, { subjects: () => "a.*" })).rejects.toThrow(/subjects\("shop.orders", "echo"\)/);
  });
});

describe("options that are wrong", () => {
  it("are refused when they are given, without their secrets", () => {
    expect(() => natsServer({ servers: "http://a" })).toThrow("servers should be addresses");
    expect(() => natsServer({ servers: [] })).toThrow("servers should name a server");
    expect(() => natsServer({ servers: "nats://ada:hunter2@a:4222" })).toThrow(
      /^servers should hold no user(?!.*hunter2)/,
    );
    expect(() => natsServer({ queue: "a b" })).toThrow("queue");
    expect(() => natsServer({ maxInFlight: 0 })).toThrow("maxInFlight");
    expect(() => natsServer({ info: { version: "1" } })).toThrow("info.version");
    expect(() => natsServer({ info: { name: "x" } as never })).toThrow('no option "name"');
    expect(() => natsServer({ connect: { servers: "a" } as never })).toThrow("connect should not have");
    expect(() => natsServer({ connection: {} as never })).toThrow("connection should be");
    expect(() => natsServer({ inboxPrefix: "a.>" })).toThrow("inboxPrefix");
    expect(() => natsServer({ other: 1 } as never)).toThrow('no option "other"');
    expect(() => natsClient({ whileDown: "x" as never })).toThrow("whileDown");
    expect(() => natsClient({ headers: { "a b": "c" } })).toThrow("header");
    expect(() => client(shop, natsClient(), { from: "http://a" })).toThrow("from should be addresses");
  });
});
