import { connect, headers as natsHeaders, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { bytes } from "../../../test/as-every-transport.ts";
import { passing, still, until } from "../../../test/until.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { client } from "../../client/index.ts";
import { error, method, service, ServiceError } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { proto, protobufBinary } from "../protobuf/index.ts";
import { Add, SumReplySchema, SumRequestSchema } from "../protobuf/testdata/gen/add_pb.ts";
import type { ClientTransport } from "../index.ts";
import { natsClient, natsServer, type NatsClientOptions } from "./index.ts";

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
const full = error("full", { code: "resource_exhausted", details: z.object({ n: z.int() }) });
const n = z.object({ n: z.int() });
const echoes = service("echoes", {
  echo: method({ request: text, response: text, errors: [full], idempotent: true }),
  number: method({ request: n, response: n }),
  count: method({ request: n, response: n, stream: "server", timeoutMs: 60_000 }),
});

let space = 0;

/** A place that only a test's own server answers at, by what the foreign connection does with requests. */
function answeredBy(run: (msg: Msg) => void): { readonly subjects: (service: string, name: string) => string } {
  const prefix = `client${process.pid}.${++space}`;
  foreign.subscribe(`${prefix}.>`, { callback: (_error, msg) => run(msg) });
  return { subjects: (service, name) => `${prefix}.${service}.${name}` };
}

function calling(options: NatsClientOptions) {
  const transport: ClientTransport = natsClient(options);
  return client(echoes, transport, { from: nats.url, breaker: false, retry: false, timeoutMs: 60_000 });
}

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (thrown) {
    if (ServiceError.is(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("the call should fail");
}

describe("a NATS client", () => {
  beforeEach((test) => void (nats.missing === undefined || test.skip(nats.missing)));
  bytes(
    "nats",
    "asks a foreign service in the contract's JSON, and reads its errors from the two headers",
    async () => {
      const asked: string[] = [];
      const place = answeredBy((msg) => {
        asked.push(msg.string());
        const block = natsHeaders();
        const { text } = msg.json<{ text: string }>();
        if (text === "") return void msg.respond('{"text":"ok"}');
        block.set("Nats-Service-Error", "no such thing");
        block.set("Nats-Service-Error-Code", text);
        msg.respond(text === "404" ? "" : '{"why":"x"}', { headers: block });
      });
      await using remote = calling(place);
      expect(await remote.echo({ text: "" })).toEqual({ text: "ok" });
      expect(asked).toEqual(['{"text":""}']);
      expect(await failure(remote.echo({ text: "404" }))).toMatchObject({
        code: "not_found",
        message: "no such thing",
        origin: "peer",
      });
      expect(await failure(remote.echo({ text: "599" }))).toMatchObject({ code: "internal", details: { why: "x" } });
      expect(await failure(remote.echo({ text: "x" }))).toMatchObject({ code: "unknown" });
    },
  );

  bytes("nats", "carries protobuf in place of JSON, both ways, streams too", async () => {
    const subjects = (service: string, name: string): string => `binary${process.pid}.${service}.${name}`;
    const add = proto(Add);
    const running = await serve(
      add.implement({
        sum: ({ a, b }) => ({ v: a + b }),
        concat: ({ a, b }) => ({ v: a + b }),
        async *count({ a }) {
          for (let i = 0n; i < a; i++) yield { v: i };
        },
        total: () => ({ v: 0n }),
        async *running() {},
      }),
      { on: [natsServer({ servers: nats.url, subjects, codec: protobufBinary })], log: false, signals: false },
    );
    await using remote = client(add, natsClient({ subjects, codec: protobufBinary }), {
      from: nats.url,
      timeoutMs: 60_000,
    });
    expect((await remote.sum({ a: 2n ** 62n, b: -1n })).v).toBe(2n ** 62n - 1n);
    const got: bigint[] = [];
    for await (const { v } of remote.count({ a: 3n, b: 0n })) got.push(v);
    expect(got).toEqual([0n, 1n, 2n]);
    const sum = toBinary(SumRequestSchema, create(SumRequestSchema, { a: 1n, b: 2n }));
    const answer = await foreign.request(subjects(add.name, "sum"), sum);
    expect(fromBinary(SumReplySchema, answer.data).v).toBe(3n);
    await running.stop();
  });

  it("fails at once and safely to repeat where nobody listens, also for a stream", async () => {
    await using remote = calling({ subjects: (service, name) => `nobody.${service}.${name}` });
    expect(await failure(remote.echo({ text: "" }))).toMatchObject({ reason: "unreachable", origin: "policy" });
    const next = remote.count({ n: 1 })[Symbol.asyncIterator]().next();
    expect(await failure(next)).toMatchObject({ reason: "unreachable" });
  });

  it(
    "gives each of 100,000 calls its own answer, half of them too late to be anybody's",
    { timeout: 300_000 },
    async () => {
      const held: Msg[] = [];
      const place = answeredBy((msg) => {
        const { n } = msg.json<{ n: number }>();
        if (n % 2 === 0) return void msg.respond(msg.data);
        held.push(msg);
        // Long after those who asked have gone, while others wait.
        if (held.length === 2000) for (const late of held.splice(0)) late.respond(late.data);
      });
      await using remote = calling(place);
      let right = 0;
      let late = 0;
      let wrong = 0;
      let at = 0;
      async function worker(): Promise<void> {
        while (at < 100_000) {
          const n = at++;
          try {
            const answer = await remote.number({ n }, n % 2 === 0 ? undefined : { timeoutMs: 1 });
            if (answer.n === n) right++;
            else wrong++;
          } catch (thrown) {
            if (ServiceError.is(thrown) && thrown.code === "deadline_exceeded") late++;
            else wrong++;
          }
        }
      }
      await Promise.all(Array.from({ length: 500 }, worker));
      expect([wrong, right + late]).toEqual([0, 100_000]);
      // A few of the late ones were answered within the millisecond.
      expect(late).toBeGreaterThan(40_000);
    },
  );

  it("publishes one message to take a request back, and none when its time is over", async () => {
    const heard: string[] = [];
    let request!: Msg;
    const place = answeredBy((msg) => {
      if (!msg.subject.endsWith("$cancel")) return void (request = msg);
      heard.push(msg.string());
    });
    await using remote = calling(place);
    const controller = new AbortController();
    const call = failure(remote.echo({ text: "" }, { signal: controller.signal }));
    await until(() => request !== undefined);
    controller.abort();
    expect((await call).code).toBe("canceled");
    await until(() => heard.length === 1);
    expect(heard).toEqual([request.reply]);
    // As the platform's own time-outs abort.
    const early = new AbortController();
    const late = failure(remote.echo({ text: "" }, { signal: early.signal }));
    const first = request;
    await until(() => request !== first);
    early.abort(new DOMException("timed out", "TimeoutError"));
    expect((await late).code).toBe("deadline_exceeded");
    await until(() => heard.length === 2);
    expect(heard[1]).toBe(request.reply);
    expect((await failure(remote.echo({ text: "" }, { timeoutMs: 5 }))).code).toBe("deadline_exceeded");
    await foreign.flush();
    await passing(20);
    expect(heard.length).toBe(2);
  });

  it("sends what hooks and options say, and shows hooks the answer", async () => {
    const place = answeredBy((msg) => {
      const block = natsHeaders();
      block.set("X-Answer", `${msg.headers?.get("x-constant")} ${msg.headers?.get("x-hook")}`);
      msg.respond(msg.data, { headers: block });
    });
    const seen: unknown[] = [];
    await using remote = calling({
      ...place,
      headers: { "X-Constant": "1" },
      before: [(_context, draft) => void (draft.header("x-hook", "漢"), (draft.data = '{"text":"hook"}'))],
      after: [(_context, answer) => void seen.push(answer.header("x-answer"))],
      finalizer: [({ status, error }) => void seen.push(status, error)],
    });
    expect(await remote.echo({ text: "" })).toEqual({ text: "hook" });
    expect(seen).toEqual(["1 漢", 0, undefined]);
    await using strict = calling({ ...place, after: [(_context, answer) => fail(answer.subject)] });
    expect((await failure(strict.echo({ text: "" }))).message).toMatch(/^_INBOX\./);
    await using broken = calling({ ...place, before: [(_context, draft) => draft.header("x", "a\r\nb: c")] });
    expect((await failure(broken.echo({ text: "" }))).code).toBe("internal");
  });

  it("reads hostile answers without trust", async () => {
    let kind = "";
    const place = answeredBy((msg) => {
      const block = natsHeaders();
      if (kind === "headers") for (let i = 0; i < 30; i++) block.set(`n${i}`, "v");
      if (kind === "error") block.set("Nats-Service-Error-Code", "9e999");
      const data = kind === "json" ? "{" : kind === "large" ? `"${"x".repeat(2000)}"` : '{"__proto__":{"code":"x"}}';
      msg.respond(data, { headers: block });
    });
    await using remote = calling({ ...place, limits: { maxBodyBytes: 1000, maxHeaders: 20 } });
    for (const [one, reason] of [
      ["json", "invalid_response"],
      ["large", "too_large"],
      ["headers", "too_many_headers"],
      ["error", "unknown"],
      ["proto", "invalid_response"],
    ] as const) {
      kind = one;
      expect([one, (await failure(remote.echo({ text: one }))).reason]).toEqual([one, reason]);
    }
    await expect(async () => {
      for await (const _one of remote.count({ n: 1 })) void _one;
    }).rejects.toMatchObject({ code: expect.stringMatching(/internal|resource_exhausted/) as string });
  });

  it("ends a stream in which a message is missing, or more come than were asked for", async () => {
    let script: readonly (readonly [string, string])[] = [];
    const place = answeredBy((msg) => {
      if (msg.subject.endsWith("$cancel")) return;
      for (const [mark, data] of script) {
        const block = natsHeaders();
        block.set("stream", mark);
        foreign.publish(msg.reply!, data, { headers: block });
      }
    });
    await using remote = calling(place);
    const read = async (): Promise<number[]> => {
      const got: number[] = [];
      for await (const { n } of remote.count({ n: 1 })) got.push(n);
      return got;
    };
    script = [
      ["message 1", '{"n":1}'],
      ["message 2", '{"n":2}'],
      ["end 3", ""],
    ];
    expect(await read()).toEqual([1, 2]);
    script = [
      ["message 1", '{"n":1}'],
      ["message 3", '{"n":3}'],
    ];
    expect(await failure(read())).toMatchObject({ reason: "connection_lost" });
    script = [
      ["message 1", '{"n":1}'],
      ["end 3", ""],
    ];
    expect(await failure(read())).toMatchObject({ reason: "connection_lost" });
    script = Array.from({ length: 100 }, (_, i) => [`message ${i + 1}`, '{"n":1}'] as const);
    expect(await failure(read())).toMatchObject({ reason: "malformed_message" });
    script = [["nonsense", '{"n":1}']];
    expect(await failure(read())).toMatchObject({ reason: "invalid_response" });
  });

  it("notices a server of a stream that has gone without a word, and one that only listens", async () => {
    let inbox = "";
    const place = answeredBy((msg) => {
      if (msg.subject.endsWith("$cancel")) return;
      const block = natsHeaders();
      block.set("stream", "message 1");
      foreign.publish(msg.reply!, '{"n":1}', { headers: block, reply: inbox });
    });
    await using remote = calling({ ...place, heartbeatMs: 10 });
    const read = async (): Promise<void> => {
      for await (const _one of remote.count({ n: 1 })) void _one;
    };
    inbox = `_INBOX.gone.${process.pid}`;
    expect(await failure(read())).toMatchObject({ reason: "connection_lost" });
    inbox = `_INBOX.silent.${process.pid}`;
    const subscription = foreign.subscribe(inbox, { callback: () => undefined });
    expect(await failure(read())).toMatchObject({ reason: "connection_lost" });
    subscription.unsubscribe();
  });

  it("finishes a call that waits for the connection when it is closed", async () => {
    const remote = calling(answeredBy((msg) => msg.respond(msg.data)));
    const answer = remote.echo({ text: "x" });
    await remote[Symbol.asyncDispose]();
    expect(await answer).toEqual({ text: "x" });
  });

  it("shares one connection among clients, and closes it with the last", async () => {
    const place = answeredBy((msg) => void msg.respond(msg.data));
    const transport = natsClient(place);
    const one = client(echoes, transport, { from: nats.url, timeoutMs: 60_000 });
    const two = client(echoes, transport, { from: nats.url, timeoutMs: 60_000 });
    const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    // Those of the tests before may still be closing.
    await still(sockets);
    const before = sockets();
    await Promise.all([one.echo({ text: "a" }), two.echo({ text: "b" })]);
    expect(sockets()).toBe(before + 1);
    await one[Symbol.asyncDispose]();
    expect(await two.echo({ text: "c" })).toEqual({ text: "c" });
    await two[Symbol.asyncDispose]();
    await until(() => sockets() === before);
  });
});

function fail(message: string): never {
  throw new ServiceError(message, { code: "aborted" });
}
