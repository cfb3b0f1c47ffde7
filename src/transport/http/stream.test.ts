import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { passing, still, until } from "../../../test/until.ts";
import { request, Wire } from "../../../test/wire.ts";
import { error, method, service, ServiceError, type Context } from "../../index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { serve } from "../../server/index.ts";
import { httpHandler, routes } from "./index.ts";

const n = z.object({ n: z.int() });
const full = error("full", { code: "failed_precondition", details: z.object({ left: z.int() }) });
const feed = service("feed", {
  count: method({ request: n, response: n, stream: "server", errors: [full], timeoutMs: 60_000 }),
  follow: method({
    request: z.object({ topic: z.string(), after: z.int().optional() }),
    response: z.object({ seq: z.int(), text: z.string() }),
    stream: "server",
    idempotent: true,
    timeoutMs: 60_000,
  }),
  total: method({ request: n, response: n, stream: "client", timeoutMs: 60_000 }),
  chat: method({ request: n, response: n, stream: "bidi", timeoutMs: 60_000 }),
});
const rest = routes(feed, { follow: { path: "GET /feed/{topic}", events: { id: "seq", resume: "after" } } });

async function* upTo(last: number): AsyncGenerator<{ n: number }> {
  for (let i = 1; i <= last; i++) yield { n: await Promise.resolve(i) };
}

const handlers = {
  count: ({ n }: { n: number }) => upTo(n),
  async *follow({ topic, after = 0 }: { topic: string; after?: number | undefined }) {
    for (let seq = after + 1; seq <= 3; seq++) yield { seq, text: await Promise.resolve(topic) };
  },
  async total(numbers: AsyncIterable<{ n: number }>) {
    let n = 0;
    for await (const one of numbers) n += one.n;
    return { n };
  },
  async *chat(numbers: AsyncIterable<{ n: number }>) {
    for await (const { n } of numbers) yield { n: n * 2 };
  },
};

/** Never ends until it is called off; `ended` tells how many it gave. */
function endless(): {
  readonly count: (request: unknown, context: Context) => AsyncGenerator<{ n: number }>;
  made: number;
  ended: boolean;
} {
  const state = {
    made: 0,
    ended: false,
    async *count() {
      try {
        for (;;) yield { n: state.made++ };
      } finally {
        state.ended = true;
      }
    },
  };
  return state;
}

/** Gives one message, then waits to be called off. */
async function* oneAndWait(_request: unknown, context: Context): AsyncGenerator<{ n: number }> {
  yield { n: 1 };
  await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
}

const serveFeed = (
  own: Partial<typeof handlers> | object = {},
  http: Parameters<typeof served>[1] = {},
  options: Parameters<typeof served>[2] = {},
): Promise<Served> => served(feed.implement({ ...handlers, ...own } as never), { routes: [rest], ...http }, options);

const post = (path: string, body: unknown, headers: Record<string, string> = {}): string =>
  request({ path, body: JSON.stringify(body), headers });

const upload = (path: string): string =>
  request({ verb: "POST", path, headers: { "Transfer-Encoding": "chunked", "Content-Type": "application/x-ndjson" } });

const chunk = (data: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(data as string);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
};
const LAST = "0\r\n\r\n";

/** Everything a chunked answer has said so far, without the sizes. */
const said = (wire: Wire): string =>
  wire.rest.slice(wire.rest.indexOf("\r\n\r\n") + 4).replace(/[0-9a-f]+\r\n([^]*?)\r\n/g, "$1");

const problem = (
  line: string,
): { code: string; reason: string; detail: string; details?: unknown; retryAfterMs?: number } =>
  (JSON.parse(line) as { $error: never }).$error;

describe("a server stream", () => {
  it("is one JSON message a line, in an answer that nobody stores", async () => {
    await using server = await serveFeed();
    const answer = await server.ask(post("/feed/count", { n: 3 }));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/x-ndjson");
    expect(answer.headers["transfer-encoding"]).toBe("chunked");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.body).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  it("without a message is an empty body", async () => {
    await using server = await serveFeed();
    expect(await server.ask(post("/feed/count", { n: 0 }))).toMatchObject({ status: 200, body: "" });
  });

  it("is served under its route", async () => {
    await using server = await serveFeed();
    const answer = await server.ask(request({ path: "/feed/tea?after=1" }));
    expect(answer.body).toBe('{"seq":2,"text":"tea"}\n{"seq":3,"text":"tea"}\n');
  });

  it("keeps the connection for the next request", async () => {
    await using server = await serveFeed();
    const wire = server.wire();
    for (let i = 0; i < 3; i++)
      expect((await wire.send(post("/feed/count", { n: 1 })).answer()).body).toBe('{"n":1}\n');
  });

  it("that fails before its first message is an ordinary error answer, and after it a last line", async () => {
    const late = { n: 0 };
    await using server = await serveFeed({
      async *count({ n }: { n: number }) {
        if (n > 0) yield late;
        await Promise.resolve();
        throw n === 2
          ? new ServiceError("later", { code: "unavailable", reason: "busy", retryAfterMs: 1500 })
          : full({ left: 7 });
      },
    });
    const early = await server.ask(post("/feed/count", { n: 0 }));
    expect(early.status).toBe(400);
    expect(early.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(early.body)).toMatchObject({ reason: "full", details: { left: 7 } });
    const [first, last, ...none] = (await server.ask(post("/feed/count", { n: 1 }))).body.trimEnd().split("\n");
    expect([first, none]).toEqual(['{"n":0}', []]);
    expect(problem(last!)).toMatchObject({ code: "failed_precondition", reason: "full", details: { left: 7 } });
    const busy = (await server.ask(post("/feed/count", { n: 2 }))).body.split("\n")[1]!;
    expect(problem(busy)).toMatchObject({ reason: "busy", retryAfterMs: 1500 });
  });

  it("says nothing of an error nobody declared", async () => {
    await using server = await serveFeed(
      {
        async *count() {
          yield { n: 1 };
          await Promise.resolve();
          throw new Error("hunter2");
        },
      },
      {},
      { report: () => undefined },
    );
    const { body } = await server.ask(post("/feed/count", { n: 0 }));
    expect(problem(body.split("\n")[1]!)).toMatchObject({ code: "internal", detail: "internal error" });
    expect(body).not.toContain("hunter2");
  });

  it("writes declared fields only, and a message that does not fit ends it", async () => {
    await using server = await serveFeed({
      async *count() {
        yield { n: 1, secret: 1 };
        yield { n: "two" };
        yield { n: 3 };
      },
    });
    const [first, last, ...none] = (await server.ask(post("/feed/count", { n: 0 }))).body.trimEnd().split("\n");
    expect([first, none]).toEqual(['{"n":1}', []]);
    expect(problem(last!).reason).toBe("invalid_response");
  });

  it("refuses a request that does not fit before the handler", async () => {
    let calls = 0;
    await using server = await serveFeed({ count: () => (calls++, upTo(1)) });
    expect((await server.ask(post("/feed/count", { n: "x" }))).status).toBe(400);
    expect((await server.ask(post("/feed/count", { n: 1 }, { Accept: "text/html" }))).status).toBe(406);
    expect(calls).toBe(0);
  });

  it("answers HEAD without asking the handler", async () => {
    let calls = 0;
    await using server = await serveFeed({ follow: () => (calls++, upTo(1)) });
    const answer = await server.ask(request({ verb: "HEAD", path: "/feed/tea" }));
    expect([answer.status, answer.headers["content-type"], calls]).toEqual([200, "application/x-ndjson", 0]);
  });

  it("runs hooks, observers and metadata as any call does", async () => {
    const seen: string[] = [];
    await using server = await serveFeed(
      {
        async *count(_request: unknown, context: Context) {
          context.reply.set("x-kind", "stream");
          yield { n: 1 };
          yield { n: 2 };
        },
      },
      {
        before: [(context) => (seen.push("before"), context)],
        after: [(_context, reply) => (seen.push("after"), reply.header("x-after", String(reply.status)))],
        finalizer: [({ outcome, responseBytes }) => void seen.push(`${outcome} ${responseBytes}`)],
      },
      { observers: [() => ({ message: (_call, direction, bytes) => void seen.push(`${direction} ${bytes}`) })] },
    );
    const answer = await server.ask(post("/feed/count", { n: 1 }));
    expect(answer.headers).toMatchObject({ "x-kind": "stream", "x-after": "200" });
    expect(seen).toEqual(["before", "after", "sent 8", "sent 8", "ok 16"]);
  });

  it("ends with its deadline, and says so", async () => {
    await using server = await serveFeed({ count: oneAndWait });
    const answer = await server.ask(post("/feed/count", { n: 0 }, { "Request-Timeout-Ms": "40" }));
    expect(problem(answer.body.split("\n")[1]!).reason).toBe("deadline_exceeded");
  });

  it("calls the handler off when the peer goes away", async () => {
    const state = endless();
    const outcomes: unknown[] = [];
    await using server = await serveFeed(
      state,
      {},
      { observers: [() => ({ end: ({ outcome }) => void outcomes.push(outcome) })] },
    );
    const wire = server.wire();
    await wire.send(post("/feed/count", { n: 0 })).until(/"n":1\}/);
    wire.socket.resetAndDestroy();
    await until(() => state.ended && outcomes.length > 0);
    expect(outcomes).toEqual(["canceled"]);
  });

  it("lets others have their turn while a handler always has more to say", async () => {
    const state = endless();
    await using server = await serveFeed(state);
    const wire = server.wire().send(post("/feed/count", { n: 0 }));
    await wire.until(/"n":1\}/);
    expect((await server.ask(post("/feed/count", { n: "x" }))).status).toBe(400);
    expect(state.ended).toBe(false);
  });
});

describe("back-pressure", () => {
  it("stops asking the handler when the peer stops reading, and holds little meanwhile", async () => {
    const state = { made: 0, ended: false };
    const clock = virtualClock();
    const text = z.object({ text: z.string() });
    const big = service("big", { all: method({ request: n, response: text, stream: "server", timeoutMs: 60_000 }) });
    await using server = await served(
      big.implement({
        async *all() {
          try {
            for (;;) {
              state.made++;
              yield { text: "x".repeat(10_000) };
            }
          } finally {
            state.ended = true;
          }
        },
      }),
      { writeTimeoutMs: 200 },
      { clock },
    );
    const wire = server.wire();
    await wire.connected;
    wire.socket.pause();
    wire.send(post("/big/all", { n: 0 }));
    await until(() => state.made > 0);
    await still(() => state.made);
    const before = state.made;
    expect(server.sockets[0]!.writableLength).toBeLessThan(200_000);
    expect(state.made * 10_000).toBeLessThan(32 * 1024 * 1024);
    // It never reads again: that is not waited for long.
    await clock.advance(200);
    await until(() => state.ended);
    expect(state.made).toBe(before);
  });

  it("does not take a peer that waits for an earlier answer for one that does not read", async () => {
    let go: (() => void) | undefined;
    let made = 0;
    const clock = virtualClock();
    await using server = await serveFeed(
      {
        async *count({ n }: { n: number }) {
          if (n === 1) await new Promise<void>((resolve) => (go = resolve));
          for (let i = 0; i < n * 1000; i++) yield ((made++, { n: i }));
        },
      },
      { writeTimeoutMs: 60 },
      { clock },
    );
    const wire = server.wire().send(post("/feed/count", { n: 1 }) + post("/feed/count", { n: 9 }));
    await until(() => go !== undefined && made > 0);
    await still(() => made);
    await clock.advance(200);
    go!();
    expect((await wire.answer()).body).toContain('{"n":999}');
    expect((await wire.answer()).body).toContain('{"n":8999}');
  });

  it("reads messages of a request only as the handler asks for them", async () => {
    let go: (() => void) | undefined;
    let received = 0;
    await using server = await serveFeed(
      {
        async total(numbers: AsyncIterable<{ n: number }>) {
          await new Promise<void>((resolve) => (go = resolve));
          let n = 0;
          for await (const _one of numbers) n++;
          return { n };
        },
      },
      {},
      { observers: [() => ({ message: () => void received++ })] },
    );
    const wire = server.wire();
    wire.send(upload("/feed/total"));
    const lines = chunk('{"n":1}\n'.repeat(1000));
    let isFull = false;
    for (let i = 0; i < 4000 && !isFull; i++) {
      isFull = !wire.socket.write(lines) && wire.socket.writableLength > 4_000_000;
      if (i % 50 === 0) await settled();
    }
    await until(() => go !== undefined);
    await passing(20);
    expect(received).toBe(0);
    // More was sent than the machine's own buffers take, and the server holds no more of it than it reads at once.
    expect(wire.socket.writableLength).toBeGreaterThan(0);
    go!();
    wire.send(LAST);
    const { status, body } = await wire.answer();
    expect(status).toBe(200);
    expect((JSON.parse(body) as { n: number }).n).toBe(received);
  });
});

describe("Server-Sent Events", () => {
  const asEvents = { Accept: "text/event-stream" };

  it("are what whoever prefers them gets, with ids and a mark at the end", async () => {
    await using server = await serveFeed({}, { streams: { retryMs: 500 } });
    const answer = await server.ask(request({ path: "/feed/tea", headers: asEvents }));
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    expect(answer.body).toBe(
      "retry: 500\n\n" +
        [1, 2, 3].map((seq) => `id: ${seq}\ndata: {"seq":${seq},"text":"tea"}\n\n`).join("") +
        "event: end\ndata: {}\n\n",
    );
  });

  it("go on after the last event the reader has seen, and stay away when there is nothing more", async () => {
    await using server = await serveFeed();
    const again = (id: string) =>
      server.ask(request({ path: "/feed/tea?after=0", headers: { ...asEvents, "Last-Event-ID": id } }));
    expect((await again("2")).body).toBe('id: 3\ndata: {"seq":3,"text":"tea"}\n\nevent: end\ndata: {}\n\n');
    expect((await again("3")).status).toBe(204);
    expect((await again("nonsense")).status).toBe(400);
  });

  it("tell of a failure in an event of their own", async () => {
    await using server = await serveFeed({
      async *follow() {
        yield { seq: 1, text: "a" };
        await Promise.resolve();
        throw new ServiceError("no more", { code: "out_of_range" });
      },
    });
    const { body } = await server.ask(request({ path: "/feed/tea", headers: asEvents }));
    const [, data] = /event: error\ndata: (.*)\n\n$/.exec(body)!;
    expect(JSON.parse(data!)).toMatchObject({ code: "out_of_range", detail: "no more" });
  });

  it("take an id of any characters, as browsers send it", async () => {
    const named = service("named", {
      all: method({
        request: z.object({ after: z.string().optional() }),
        response: z.object({ id: z.string() }),
        stream: "server",
      }),
    });
    const table = routes(named, { all: { path: "GET /named", events: { id: "id", resume: "after" } } });
    await using server = await served(
      named.implement({
        async *all({ after }) {
          yield { id: `${after}ö` };
        },
      }),
      { routes: [table] },
    );
    const answer = await server.ask(request({ path: "/named", headers: { ...asEvents, "Last-Event-ID": "Ã¤" } }));
    expect(answer.body).toContain("id: äö\n");
  });

  it("refuse an id that would be more than an id", async () => {
    const texts = service("texts", {
      all: method({ request: n, response: z.object({ id: z.string() }), stream: "server" }),
    });
    const table = routes(texts, { all: { path: "GET /texts", events: { id: "id", resume: "n" } } });
    await using server = await served(
      texts.implement({
        async *all() {
          yield { id: "a\ndata: evil" };
        },
      }),
      { routes: [table] },
    );
    const answer = await server.ask(request({ path: "/texts?n=1", headers: asEvents }));
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain("evil");
  });

  it("send a comment when there is nothing to say, and the head with the first", async () => {
    const clock = virtualClock();
    let isAsked = false;
    await using server = await serveFeed(
      {
        async *follow(_request: unknown, context: Context) {
          isAsked = true;
          yield* [];
          await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
        },
      },
      { streams: { heartbeatMs: 1000 } },
      { clock },
    );
    const wire = server.wire();
    wire.send(request({ path: "/feed/tea", headers: asEvents }));
    await until(() => isAsked);
    expect(wire.rest).toBe("");
    await clock.advance(1000);
    await wire.until(/:\n\n/);
    await clock.advance(1000);
    await wire.until(/:\n\n[^]*:\n\n/);
    wire.close();
  });
});

describe("a client stream", () => {
  it("takes lines however they are cut, and answers once", async () => {
    await using server = await serveFeed();
    const wire = server.wire().send(upload("/feed/total"));
    for (const part of ['{"n"', ":1}\n{", '"n":2}\n\n{"n":3', "}"]) {
      wire.send(chunk(part));
      await settled();
    }
    const answer = await wire.send(LAST).answer();
    expect([answer.status, answer.headers["content-type"], answer.body]).toEqual([200, "application/json", '{"n":6}']);
    // The connection is as good as new.
    expect((await wire.send(post("/feed/count", { n: 1 })).answer()).status).toBe(200);
  });

  it("takes 100,000 messages in order", async () => {
    let expected = 0;
    let isOrdered = true;
    await using server = await serveFeed({
      async total(numbers: AsyncIterable<{ n: number }>) {
        for await (const { n } of numbers) isOrdered &&= n === expected++;
        return { n: expected };
      },
    });
    const wire = server.wire().send(upload("/feed/total"));
    for (let i = 0; i < 100; i++) {
      let text = "";
      for (let j = 0; j < 1000; j++) text += `{"n":${i * 1000 + j}}\n`;
      wire.send(chunk(text));
    }
    expect((await wire.send(LAST).answer()).body).toBe('{"n":100000}');
    expect(isOrdered).toBe(true);
  });

  it.each([
    ["a line that is not JSON", '{"n":1}\n{"n":\n', 400, "malformed_message"],
    ["a message that does not fit", '{"n":1}\n{"n":"x"}\n', 400, "invalid_request"],
    ["what is not UTF-8", Buffer.from([0x7b, 0xff, 0x0a]), 400, "malformed_message"],
    ["a line above the bound", `{"n":1}\n${"x".repeat(2000)}`, 413, "too_large"],
    ["a line that nests too deeply", `${"[".repeat(200)}\n`, 400, "malformed_message"],
  ])("answers %s at once, while the peer still sends, and closes", async (_what, sent, status, reason) => {
    await using server = await serveFeed({}, { limits: { maxBodyBytes: 1000 } });
    const wire = server.wire().send(upload("/feed/total")).send(chunk(sent));
    const answer = await wire.answer();
    expect([answer.status, (JSON.parse(answer.body) as { reason: string }).reason]).toEqual([status, reason]);
    expect(answer.headers["connection"]).toBe("close");
    await wire.closed;
  });

  it("may be longer in all than one message may be", async () => {
    await using server = await serveFeed({}, { limits: { maxBodyBytes: 100 } });
    const wire = server.wire().send(upload("/feed/total"));
    for (let i = 0; i < 100; i++) wire.send(chunk('{"n":1}\n'));
    expect((await wire.send(LAST).answer()).body).toBe('{"n":100}');
  });

  it("is a stream by its content type, and not compressed", async () => {
    await using server = await serveFeed();
    expect((await server.ask(post("/feed/total", { n: 1 }))).status).toBe(415);
    const packed = { "Content-Type": "application/x-ndjson", "Content-Encoding": "gzip" };
    expect((await server.ask(post("/feed/total", { n: 1 }, packed))).status).toBe(415);
    const other = { "Content-Type": "application/x-ndjson" };
    expect((await server.ask(post("/feed/total", { n: 1 }, other))).body).toBe('{"n":1}');
  });

  it("is asked for where the peer waits to be asked", async () => {
    await using server = await serveFeed();
    const headers = { "Transfer-Encoding": "chunked", "Content-Type": "application/x-ndjson", Expect: "100-continue" };
    const wire = server.wire().send(request({ verb: "POST", path: "/feed/total", headers }));
    await wire.until(/100 Continue\r\n\r\n/);
    await wire
      .send(chunk('{"n":1}\n'))
      .send(LAST)
      .until(/\{"n":1\}/);
  });

  it("may be answered early: then nothing more of it is read", async () => {
    await using server = await serveFeed({
      async total(numbers: AsyncIterable<{ n: number }>) {
        for await (const { n } of numbers) return { n };
        return { n: 0 };
      },
    });
    const wire = server.wire().send(upload("/feed/total")).send(chunk('{"n":5}\n{"n":6}\n'));
    expect(await wire.answer()).toMatchObject({ status: 200, body: '{"n":5}', headers: { connection: "close" } });
    await wire.closed;
  });

  it("that is cut calls the handler off", async () => {
    let caught: unknown;
    await using server = await serveFeed({
      async total(numbers: AsyncIterable<{ n: number }>) {
        try {
          for await (const _one of numbers);
        } catch (error) {
          caught = error;
          throw error;
        }
        return { n: 0 };
      },
    });
    const wire = server.wire().send(upload("/feed/total")).send(chunk('{"n":5}\n{"n"'));
    await until(() => server.sockets.length > 0);
    wire.socket.resetAndDestroy();
    await until(() => caught !== undefined);
    expect((caught as ServiceError).code).toMatch(/canceled|unavailable/);
  });

  it("may take longer than a request may, as long as something comes", async () => {
    const clock = virtualClock();
    let received = 0;
    const observers = [() => ({ message: () => void received++ })];
    const http = { requestTimeoutMs: 500, headersTimeoutMs: 500 };
    await using server = await serveFeed({}, http, { clock, observers });
    const wire = server.wire().send(upload("/feed/total"));
    for (let i = 1; i <= 20; i++) {
      wire.send(chunk('{"n":1}\n'));
      await until(() => received === i);
      await clock.advance(450);
    }
    expect((await wire.send(LAST).answer()).body).toBe('{"n":20}');
    // And the bound holds again for what comes after it on the connection.
    wire.send("POST /feed/count HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{");
    expect((await wire.answer()).status).toBe(408);
  });

  it("that says nothing for as long as a request may take is refused", async () => {
    await using server = await serveFeed({}, { requestTimeoutMs: 100, headersTimeoutMs: 100 });
    const wire = server.wire().send(upload("/feed/total")).send(chunk('{"n":1}\n'));
    expect((await wire.answer()).status).toBe(408);
  });
});

describe("a stream both ways", () => {
  it("answers while the request goes on", async () => {
    await using server = await serveFeed();
    const wire = server.wire().send(upload("/feed/chat"));
    wire.send(chunk('{"n":1}\n'));
    await wire.until(/\{"n":2\}\n/);
    wire.send(chunk('{"n":2}\n'));
    await wire.until(/\{"n":4\}\n/);
    expect(said(wire)).toBe('{"n":2}\n{"n":4}\n');
    expect((await wire.send(LAST).answer()).body).toBe('{"n":2}\n{"n":4}\n');
    expect((await wire.send(post("/feed/count", { n: 1 })).answer()).status).toBe(200);
  });

  it("that the handler ends early closes the connection, since the rest would be read as requests", async () => {
    await using server = await serveFeed({
      async *chat(numbers: AsyncIterable<{ n: number }>) {
        for await (const { n } of numbers) {
          yield { n };
          return;
        }
      },
    });
    const wire = server.wire().send(upload("/feed/chat")).send(chunk('{"n":1}\n'));
    expect((await wire.answer()).body).toBe('{"n":1}\n');
    wire.send(chunk("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"));
    await wire.closed;
    expect(wire.rest).toBe("");
  });

  it("tells in a last line what was wrong with a request half-way", async () => {
    await using server = await serveFeed();
    const wire = server.wire().send(upload("/feed/chat")).send(chunk('{"n":1}\n'));
    await wire.until(/\{"n":2\}\n/);
    const { body } = await wire.send(chunk('{"n":"x"}\n')).answer();
    expect(problem(body.split("\n")[1]!).reason).toBe("invalid_request");
    await wire.closed;
  });
});

describe("a server that stops", () => {
  it("sends readers away who can come back, and waits for the others until it must end", async () => {
    const running: Wire[] = [];
    const clock = virtualClock();
    await using server = await serveFeed(
      {
        follow: async function* (_: unknown, context: Context) {
          yield { seq: 1, text: "a" };
          await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
        },
        count: oneAndWait,
      },
      {},
      { drainMs: 200, clock },
    );
    const follower = server.wire().send(request({ path: "/feed/tea" }));
    const counter = server.wire().send(post("/feed/count", { n: 1 }));
    running.push(follower, counter);
    await follower.until(/seq/);
    await counter.until(/"n":1/);
    const stopped = server.running.stop();
    const away = await follower.answer();
    expect(problem(away.body.split("\n")[1]!)).toMatchObject({ code: "unavailable", reason: "draining" });
    expect(said(counter)).not.toContain("draining");
    await clock.advance(200);
    const cut = await counter.answer();
    expect(problem(cut.body.split("\n")[1]!).reason).toBe("draining");
    await stopped;
  });

  it("tells streams under a framework's server too", async () => {
    const web = httpHandler({ routes: [rest] });
    const running = await serve(feed.implement({ ...handlers, count: oneAndWait } as never), {
      on: [web],
      log: false,
      signals: false,
      drainMs: 100,
    });
    const server = createServer(web);
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    using wire = new Wire(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    wire.send(post("/feed/count", { n: 1 }));
    await wire.until(/"n":1/);
    await running.stop();
    expect(problem((await wire.answer()).body.split("\n")[1]!).reason).toBe("draining");
    server.close();
  });

  it("lets a stream finish that does so in time", async () => {
    let go: () => void = () => undefined;
    await using server = await serveFeed({
      async *count() {
        yield { n: 1 };
        await new Promise<void>((resolve) => (go = resolve));
        yield { n: 2 };
      },
    });
    const wire = server.wire().send(post("/feed/count", { n: 1 }));
    await wire.until(/"n":1/);
    const stopped = server.running.stop();
    await settled();
    go();
    expect((await wire.answer()).body).toBe('{"n":1}\n{"n":2}\n');
    await stopped;
  });
});

describe("what is wrong with a stream is said when it is served", () => {
  const serveWith = (response: z.ZodType, stream: "server" | "bidi", table?: (of: never) => never) => {
    const one = service("one", { all: method({ request: n, response, stream }) });
    const given = table === undefined ? [] : [table(one as never)];
    return served(one.implement({ all: () => upTo(1) } as never), { routes: given });
  };

  it("refuses messages that declare the key of a failure", async () => {
    await expect(serveWith(z.object({ $error: z.string() }), "server")).rejects.toThrow('should not declare "$error"');
    await expect(serveWith(z.union([n, z.object({ $error: n })]), "server")).rejects.toThrow('"$error"');
  });

  it("never writes a message that looks like a failure", async () => {
    await using server = await served(
      service("one", {
        all: method({ request: n, response: z.record(z.string(), z.int()), stream: "server" }),
      }).implement({
        async *all() {
          yield { $error: 1 };
        },
      }),
    );
    expect((await server.ask(post("/one/all", { n: 1 }))).status).toBe(500);
  });

  it("refuses a route that binds fields of a stream of requests, and events of fields there are not", async () => {
    const bound = ((one: never) => routes(one, { all: "POST /all/{n}" } as never)) as never;
    await expect(serveWith(n, "bidi", bound)).rejects.toThrow("should have a body and nothing else");
    const events = ((one: never) =>
      routes(one, { all: { path: "GET /all", events: { id: "no", resume: "n" } } } as never)) as never;
    await expect(serveWith(n, "server", events)).rejects.toThrow('"no" is none');
  });

  it("refuses options that are wrong", async () => {
    await expect(serveFeed({}, { streams: { heartbeatMs: 1 } })).rejects.toThrow("streams.heartbeatMs");
    await expect(serveFeed({}, { streams: { beat: 1 } as never })).rejects.toThrow('no option "beat"');
    expect(() =>
      routes(feed, { follow: { path: "GET /f/{topic}", events: { id: "" as never, resume: "after" } } }),
    ).toThrow("events.id");
  });
});
