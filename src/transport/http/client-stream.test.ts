import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { method, service, ServiceError } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { seen } from "../../testing/sample.ts";
import { seededRandom } from "../../time/index.ts";
import { httpClient, httpServer, routes, type HttpClientOptions } from "./index.ts";

const n = z.object({ n: z.int() });
const event = z.object({ seq: z.int(), text: z.string().optional() });
const feed = service("feed", {
  count: method({ request: n, response: n, stream: "server", timeoutMs: 60_000 }),
  follow: method({
    request: z.object({ after: z.int().optional() }),
    response: event,
    stream: "server",
    idempotent: true,
    timeoutMs: 60_000,
  }),
  total: method({ request: n, response: n, stream: "client", timeoutMs: 60_000 }),
  chat: method({ request: n, response: n, stream: "bidi", timeoutMs: 60_000 }),
});
const rest = routes(feed, { follow: { path: "GET /feed", events: { id: "seq", resume: "after" } } });

/** A server by hand, since what it says must be wrong now and then. */
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serving(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const NDJSON = { "content-type": "application/x-ndjson" };

const remoteTo = (from: string, options: HttpClientOptions = {}) =>
  client(feed, httpClient({ routes: [rest], random: seededRandom(1), connectTimeoutMs: 60_000, ...options }), {
    from,
    breaker: false,
    retry: false,
  });

async function taken<T>(messages: AsyncIterable<T>): Promise<{ got: T[]; error: ServiceError | undefined }> {
  const got: T[] = [];
  try {
    for await (const one of messages) got.push(one);
  } catch (thrown) {
    return { got, error: thrown as ServiceError };
  }
  return { got, error: undefined };
}

async function* upTo(last: number): AsyncGenerator<{ n: number }> {
  for (let i = 1; i <= last; i++) yield { n: await Promise.resolve(i) };
}

describe("the answer to a streaming call", () => {
  it.each([
    ["that is cut", (r: ServerResponse) => r.write('{"n":1}\n', () => r.socket!.resetAndDestroy()), "connection_lost"],
    [
      "that is cut without its last chunk",
      (r: ServerResponse) => r.write('{"n":1}\n', () => r.socket!.end()),
      "connection_lost",
    ],
    ["whose line is no JSON", (r: ServerResponse) => r.end('{"n":1}\n{n}\n'), "invalid_response"],
    ["whose message does not fit", (r: ServerResponse) => r.end('{"n":1}\n{"n":"x"}\n'), "invalid_response"],
    ["whose line is too long", (r: ServerResponse) => r.end(`{"n":1}\n${"x".repeat(3000)}`), "too_large"],
    [
      "that ends in a failure",
      (r: ServerResponse) => r.end('{"n":1}\n{"$error":{"code":"aborted","reason":"lost_it","detail":"no"}}\n'),
      "lost_it",
    ],
    ["that ends in a failure of no shape", (r: ServerResponse) => r.end('{"n":1}\n{"$error":7}\n'), "unknown"],
  ])("%s fails after the messages before it", async (_what, answer, reason) => {
    const from = await serving((request, response) => {
      request.resume();
      response.writeHead(200, NDJSON);
      answer(response);
    });
    const { got, error } = await taken(remoteTo(from, { limits: { maxBodyBytes: 2000 } }).count({ n: 1 }));
    expect(got).toEqual([{ n: 1 }]);
    expect(ServiceError.is(error) && error.reason).toBe(reason === "unknown" ? error!.reason : reason);
  });

  it("that is no stream, or coded, is refused", async () => {
    for (const headers of [{ "content-type": "application/json" }, { ...NDJSON, "content-encoding": "gzip" }]) {
      const from = await serving((_request, response) => void response.writeHead(200, headers).end("{}"));
      expect((await taken(remoteTo(from).count({ n: 1 }))).error?.reason).toBe("invalid_response");
    }
  });

  it("of any other kind is the peer's refusal", async () => {
    const from = await serving((_request, response) => {
      response.writeHead(503, { "content-type": "application/problem+json", "retry-after": "2" });
      response.end('{"code":"unavailable","reason":"busy","detail":"later"}');
    });
    expect((await taken(remoteTo(from).count({ n: 1 }))).error).toMatchObject({
      reason: "busy",
      retryAfterMs: 2000,
      origin: "peer",
    });
  });

  it("may be Server-Sent Events, as foreign servers have them", async () => {
    const from = await serving((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.end('retry: 1\n\n: hello\n\nid: 1\ndata: {"n":\ndata: 1}\n\nevent: end\ndata: {}\n\n');
    });
    expect(await taken(remoteTo(from).count({ n: 1 }))).toEqual({ got: [{ n: 1 }], error: undefined });
  });

  it("leaves its connection to the next call when it was read to its end, and closes it otherwise", async () => {
    const sockets = new Set<Socket>();
    const from = await serving((request, response) => {
      sockets.add(request.socket);
      request.resume();
      response.writeHead(200, NDJSON);
      response.end('{"n":1}\n{"n":2}\n'.repeat(1000));
    });
    const remote = remoteTo(from);
    for (let i = 0; i < 5; i++) expect((await taken(remote.count({ n: 1 }))).got.length).toBe(2000);
    expect(sockets.size).toBe(1);
    for await (const _one of remote.count({ n: 1 })) break;
    await until(() => [...sockets].every(({ destroyed }) => destroyed));
    expect((await taken(remote.count({ n: 1 }))).got.length).toBe(2000);
    expect(sockets.size).toBe(2);
  });
});

describe("a request of many messages", () => {
  it("is not sent on once it is answered, and its source cleans up", async () => {
    let isClean = false;
    let given = 0;
    await using server = await served(
      feed.implement({
        total: () => ({ n: 0 }),
        count: () => upTo(0),
        follow: async function* () {},
        chat: async function* () {},
      }),
    );
    async function* source(): AsyncGenerator<{ n: number }> {
      try {
        for (;;) yield { n: given++ };
      } finally {
        isClean = true;
      }
    }
    const remote = remoteTo(server.address, { routes: [] });
    expect(await remote.total(source())).toEqual({ n: 0 });
    await until(() => isClean);
    isClean = false;
    expect(await taken(remote.chat(source()))).toEqual({ got: [], error: undefined });
    await until(() => isClean);
  });

  it("ends with what its source failed with, and the peer hears that it is over", async () => {
    let reason = "";
    const begun = seen<void>();
    await using server = await served(
      feed.implement({
        async total(numbers, context) {
          begun.resolve();
          context.onCancel((error) => (reason = error.reason));
          for await (const _one of numbers);
          return { n: 0 };
        },
        count: () => upTo(0),
        follow: async function* () {},
        chat: async function* () {},
      }),
    );
    async function* source(): AsyncGenerator<{ n: number }> {
      yield { n: 1 };
      await begun.promise;
      throw new RangeError("mine");
    }
    await expect(remoteTo(server.address, { routes: [] }).total(source())).rejects.toMatchObject({
      cause: { message: "mine" },
    });
    await until(() => reason !== "");
    expect(reason).toBe("canceled");
  });

  it("waits for a peer that does not read", async () => {
    let given = 0;
    const from = await serving((request) => void request.pause());
    async function* source(): AsyncGenerator<{ n: number }> {
      for (;;) yield { n: given++ };
    }
    const call = remoteTo(from).total(source(), { timeoutMs: 400 });
    await expect(call).rejects.toMatchObject({ code: "deadline_exceeded" });
    const after = given;
    await Promise.resolve();
    expect(given).toBe(after);
  });
});

describe("a stream with events that is cut", () => {
  /** Answers each request in turn. */
  async function scripted(answers: readonly ((response: ServerResponse) => void)[]) {
    const asked: (string | undefined)[] = [];
    const from = await serving((request, response) => {
      asked.push(request.headers["last-event-id"] as string | undefined);
      const answer = answers[asked.length - 1] ?? answers.at(-1)!;
      if (!request.url!.startsWith("/feed")) response.writeHead(404).end();
      else answer(response);
    });
    return { asked, from };
  }
  const cut =
    (...seqs: number[]) =>
    (response: ServerResponse) => {
      response.writeHead(200, NDJSON);
      response.write(seqs.map((seq) => `{"seq":${seq}}\n`).join(""), () => response.socket!.resetAndDestroy());
    };
  const end =
    (...seqs: number[]) =>
    (response: ServerResponse) =>
      void response.writeHead(200, NDJSON).end(seqs.map((seq) => `{"seq":${seq}}\n`).join(""));
  const seqs = (got: readonly { seq: number }[]) => got.map(({ seq }) => seq);

  it("goes on after the last message, and gives each once", async () => {
    const { asked, from } = await scripted([cut(1, 2), cut(3), end(3, 4)]);
    const { got, error } = await taken(remoteTo(from).follow({}));
    expect([seqs(got), error, asked]).toEqual([[1, 2, 3, 4], undefined, [undefined, "2", "3"]]);
  });

  it("goes on elsewhere when the peer sends it away", async () => {
    const away = (response: ServerResponse) =>
      void response
        .writeHead(200, NDJSON)
        .end('{"seq":1}\n{"$error":{"code":"unavailable","reason":"draining","detail":""}}\n');
    const busy = (response: ServerResponse) => void response.writeHead(503).end();
    const { asked, from } = await scripted([away, busy, end(2)]);
    expect(seqs((await taken(remoteTo(from).follow({}))).got)).toEqual([1, 2]);
    expect(asked).toEqual([undefined, "1", "1"]);
  });

  it("is given up when nothing comes of it for so many times", async () => {
    const { asked, from } = await scripted([cut(1), (response) => void response.socket!.resetAndDestroy()]);
    const { got, error } = await taken(remoteTo(from, { maxResumes: 2 }).follow({}));
    expect([seqs(got), error?.reason, asked.length]).toEqual([[1], "connection_lost", 3]);
  });

  it("is not taken up beyond its deadline, nor once nobody wants it", async () => {
    const { asked, from } = await scripted([
      (response) => {
        response.writeHead(200, NDJSON);
        response.end('{"seq":1}\n{"$error":{"code":"unavailable","reason":"busy","detail":"","retryAfterMs":30000}}\n');
      },
    ]);
    const remote = remoteTo(from);
    expect((await taken(remote.follow({}, { timeoutMs: 20_000 }))).error?.reason).toBe("busy");
    expect(asked.length).toBe(1);
    const controller = new AbortController();
    const call = taken(remote.follow({}, { signal: controller.signal }));
    await until(() => asked.length === 2);
    controller.abort();
    expect((await call).error?.code).toBe("canceled");
  });

  it("is not taken up after an id that no header can say", async () => {
    const odd = service("odd", {
      all: method({
        request: z.object({ after: z.string().optional() }),
        response: z.object({ id: z.string().nullable() }).nullable(),
        stream: "server",
        idempotent: true,
      }),
    });
    const table = routes(odd, { all: { path: "GET /feed", events: { id: "id" as never, resume: "after" } } });
    const { asked, from } = await scripted([
      (response) => {
        response.writeHead(200, NDJSON);
        response.write('null\n{"id":null}\n{"id":"\\u0007"}\n', () => response.socket!.resetAndDestroy());
      },
    ]);
    const remote = client(odd, httpClient({ routes: [table] }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const { got, error } = await taken(remote.all({}));
    expect([got, error?.reason, asked.length]).toEqual([[null, { id: null }, { id: "\u0007" }], "connection_lost", 1]);
  });

  it("is over when its method may not be called twice, or has no events", async () => {
    const { asked, from } = await scripted([cut(1)]);
    expect((await taken(remoteTo(`${from}/feed`, { routes: [] }).follow({}))).error?.reason).toBe("connection_lost");
    expect(asked.length).toBe(1);
  });

  it("goes on with a real server that stops and comes back", async () => {
    const implementation = feed.implement({
      async *follow({ after = 0 }, context) {
        for (let seq = after + 1; seq <= 6; seq++) {
          yield { seq };
          if (seq === 3 && after === 0) await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
        }
      },
      count: () => upTo(0),
      total: () => ({ n: 0 }),
      chat: async function* () {},
    });
    const first = await served(implementation, { routes: [rest] });
    const { port } = new URL(first.address);
    const got: number[] = [];
    let second: Awaited<ReturnType<typeof served>> | undefined;
    for await (const { seq } of remoteTo(first.address).follow({})) {
      got.push(seq);
      if (seq === 3) {
        await first[Symbol.asyncDispose]();
        second = await served(implementation, { routes: [rest], port: Number(port) });
      }
    }
    expect(got).toEqual([1, 2, 3, 4, 5, 6]);
    await second![Symbol.asyncDispose]();
  });
});

describe("10,000 streams that were called off", () => {
  it("leave no sockets, no listeners and no memory behind", { timeout: 300_000 }, async () => {
    let open = 0;
    // Not `served`, which keeps the sockets it has seen.
    await using server = await serve(
      feed.implement({
        async *count(_request, context) {
          open++;
          try {
            yield { n: 1 };
            yield { n: 2 };
            await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
          } finally {
            open--;
          }
        },
        follow: async function* () {},
        total: () => ({ n: 0 }),
        chat: async function* () {},
      }),
      { on: [httpServer({ port: 0, host: "127.0.0.1" })], log: false, signals: false, timeoutMs: 60_000 },
    );
    const remote = remoteTo(server.addresses[0]!, { routes: [] });
    const one = async (i: number): Promise<void> => {
      const own = new AbortController();
      try {
        for await (const _one of remote.count({ n: 1 }, i % 2 === 0 ? {} : { signal: own.signal })) {
          if (i % 2 === 0) break;
          own.abort();
        }
      } catch (error) {
        if ((error as ServiceError).code !== "canceled") throw error;
      }
    };
    const batch = async (from: number, count: number): Promise<void> => {
      for (let i = from; i < from + count; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => one(i + j)));
    };
    await batch(0, 1000);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    await batch(1000, 9000);
    await until(() => open === 0);
    const handles = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap");
    expect(handles.length).toBeLessThan(30);
    // Less than 500 bytes for each.
    expect(heap() - before).toBeLessThan(4_500_000);
  });
});
