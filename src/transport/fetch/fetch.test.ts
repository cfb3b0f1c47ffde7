import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { web } from "../../../test/web.ts";
import { error, method, oneWay, service } from "../../index.ts";
import { client } from "../../client/index.ts";
import { serve, type ServeOptions } from "../../server/index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { byteStreamSchema } from "../index.ts";
import { bytes, httpClient, routes } from "../http/index.ts";
import { fetchHandler, type FetchHandlerOptions } from "./index.ts";

const gone = error("gone", { code: "not_found" });
const echo = service("echo", {
  say: method({ request: z.object({ text: z.string() }), response: z.object({ text: z.string() }), errors: [gone] }),
  get: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }) }),
  wait: method({ request: z.object({}), response: z.object({}) }),
});
const table = routes(echo, { get: "GET /things/{id}" });

async function served(options: FetchHandlerOptions = {}, more: Partial<ServeOptions> = {}) {
  const handler = fetchHandler({ routes: [table], ...options });
  const canceled: string[] = [];
  const implementation = echo.implement({
    say: ({ text }) => (text === "gone" ? gone() : { text }),
    get: ({ id }) => ({ id }),
    wait: (_request, context) =>
      new Promise((_, reject) => {
        context.onCancel((reason) => {
          canceled.push(reason.reason);
          reject(reason);
        });
      }),
  });
  const running = await serve(implementation, { on: [handler], log: false, signals: false, ...more });
  return { handler, canceled, running, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

const json = { "content-type": "application/json" };
const say = (
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  headers: Record<string, string> = json,
): Request => new Request("http://any/echo/say", { method: "POST", body, headers, duplex: "half" } as RequestInit);

describe("a fetch handler", () => {
  it("answers 503 before it is served and after it has stopped", async () => {
    const handler = fetchHandler();
    expect((await handler(say('{"text":"a"}'))).status).toBe(503);
    const running = await serve(echo.implement({ say: (r) => r, get: (r) => r, wait: () => ({}) }), {
      on: [handler],
      log: false,
      signals: false,
    });
    expect((await handler(say('{"text":"a"}'))).status).toBe(200);
    await running.stop();
    const late = await handler(say('{"text":"a"}'));
    expect(late.status).toBe(503);
    expect(late.headers.get("content-type")).toBe("application/problem+json");
  });

  it("serves routes with path values, and HEAD with the length and no body", async () => {
    await using app = await served();
    const got = await app.handler(new Request("http://any/things/a%20b?x=1"));
    expect(await got.json()).toEqual({ id: "a b" });
    const head = await app.handler(new Request("http://any/things/a", { method: "HEAD" }));
    expect(head.headers.get("content-length")).toBe(String('{"id":"a"}'.length));
    expect(await head.text()).toBe("");
  });

  it("answers declared errors, wrong verbs, unknown paths and probes as httpServer does", async () => {
    await using app = await served();
    expect(await (await app.handler(say('{"text":"gone"}'))).json()).toMatchObject({ status: 404, reason: "gone" });
    const wrong = await app.handler(new Request("http://any/echo/say"));
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
    expect((await app.handler(new Request("http://any/nowhere"))).status).toBe(404);
    expect(await (await app.handler(new Request("http://any/readyz"))).json()).toEqual({ ok: true });
  });

  it("counts the bytes of an answer as UTF-8", async () => {
    const bytes: number[] = [];
    const observe = () => ({ end: (call: { responseBytes: number }) => void bytes.push(call.responseBytes) });
    await using app = await served({}, { observers: [observe] });
    const text = "añ€😀\ud800";
    const answer = await app.handler(say(JSON.stringify({ text })));
    expect(bytes).toEqual([(await answer.arrayBuffer()).byteLength]);
  });

  it("refuses a body above the limit, whether its length was declared or not", async () => {
    await using app = await served({ limits: { maxBodyBytes: 20 } });
    const long = JSON.stringify({ text: "x".repeat(50) });
    expect((await app.handler(say(long, { ...json, "content-length": "61" }))).status).toBe(413);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(10));
      },
    });
    expect((await app.handler(say(endless))).status).toBe(413);
    expect(pulled).toBeLessThan(10);
  });

  it("answers 400 to a body that breaks off and to one that is not UTF-8", async () => {
    await using app = await served();
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
    expect((await app.handler(say(broken))).status).toBe(400);
    expect((await app.handler(say(new Uint8Array([0x22, 0xff, 0x22])))).status).toBe(400);
  });

  it("calls the handler off when the request's signal aborts, and lets its answer go", async () => {
    await using app = await served();
    const gone = new AbortController();
    const { signal } = gone;
    const answer = app.handler(
      new Request("http://any/echo/wait", { method: "POST", body: "{}", headers: json, signal }),
    );
    await settled();
    gone.abort();
    expect((await answer).status).toBe(499);
    expect(app.canceled).toEqual(["canceled"]);
  });

  it("waits for what is in flight when it drains", async () => {
    await using app = await served({}, { timeoutMs: 30 });
    const answer = app.handler(new Request("http://any/echo/wait", { method: "POST", body: "{}", headers: json }));
    const stopped = app.running.stop();
    expect((await answer).status).toBe(504);
    expect(await stopped).toBe(0);
  });

  it("takes the peer from what Bun and Deno give, or from the user's function", async () => {
    const peers: string[] = [];
    const observe = () => ({ end: (call: { peer: string }) => void peers.push(call.peer) });
    await using app = await served({}, { observers: [observe] });
    await app.handler(say('{"text":"a"}'), { requestIP: () => ({ address: "10.0.0.1" }) });
    await app.handler(say('{"text":"a"}'), { remoteAddr: { hostname: "10.0.0.2" } });
    await app.handler(say('{"text":"a"}'), { requestIP: () => null });
    await app.handler(say('{"text":"a"}'));
    expect(peers).toEqual(["10.0.0.1", "10.0.0.2", "", ""]);
    await using named = await served({ peer: (request) => new URL(request.url).hostname }, { observers: [observe] });
    await named.handler(say('{"text":"a"}'));
    expect(peers.at(-1)).toBe("any");
  });

  it("gives unknown paths and verbs to `otherwise`, and what it serves never", async () => {
    await using app = await served({ otherwise: () => new Response("mine", { status: 418 }) });
    expect((await app.handler(new Request("http://any/nowhere"))).status).toBe(418);
    expect((await app.handler(new Request("http://any/echo/say"))).status).toBe(418);
    expect((await app.handler(say('{"text":"a"}'))).status).toBe(200);
  });

  it("is mounted in Hono beside Hono's own routes, and our client calls it", async () => {
    await using app = await served();
    const hono = new Hono();
    hono.get("/own", (c) => c.text("own"));
    hono.all("*", (c) => app.handler(c.req.raw));
    await using port = await web(async (request) => hono.fetch(request));
    expect(await (await globalThis.fetch(`${port.address}/own`)).text()).toBe("own");
    const remote = client(echo, httpClient({ routes: [table] }), { from: port.address, timeoutMs: 60_000 });
    expect(await remote.get({ id: "7" })).toEqual({ id: "7" });
    const told = await remote.say.try({ text: "gone" });
    expect(told.ok ? undefined : told.error.reason).toBe("gone");
  });

  it("answers with Server-Sent Events, and a reader who leaves ends the handler", async () => {
    const n = z.object({ n: z.int() });
    const feed = service("feed", { upTo: method({ request: n, response: n, stream: "server" }) });
    let ended = 0;
    const implementation = feed.implement({
      async *upTo({ n }) {
        try {
          for (let i = 1; i <= n; i++) yield { n: i };
        } finally {
          ended++;
        }
      },
    });
    const handler = fetchHandler({ routes: [routes(feed, { upTo: "GET /feed/{n}" })] });
    await using running = await serve(implementation, { on: [handler], log: false, signals: false });
    const ask = (n: number): Promise<Response> =>
      handler(new Request(`http://any/feed/${n}`, { headers: { accept: "text/event-stream" } }));
    const whole = await ask(2);
    expect(whole.headers.get("content-type")).toBe("text/event-stream");
    expect(await whole.text()).toBe('data: {"n":1}\n\ndata: {"n":2}\n\nevent: end\ndata: {}\n\n');
    const endless = (await ask(1e9)).body!.getReader();
    expect(new TextDecoder().decode((await endless.read()).value)).toContain('data: {"n":1}');
    await endless.cancel();
    expect(ended).toBe(2);
    const left = await ask(1e9);
    const stopped = running.stop();
    expect(await stopped).toBe(0);
    void left;
  });

  it("reads gzip, refuses a bomb, and packs an answer where it was told to", async () => {
    await using app = await served({ limits: { maxBodyBytes: 10_000 }, compress: true });
    const packed = async (text: string): Promise<Uint8Array<ArrayBuffer>> =>
      new Uint8Array(
        await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
      );
    const gzip = { ...json, "content-encoding": "gzip", "accept-encoding": "gzip" };
    const long = JSON.stringify({ text: "x".repeat(5000) });
    const answer = await app.handler(say(await packed(long), gzip));
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    const plain = answer.body!.pipeThrough(new DecompressionStream("gzip"));
    expect(await new Response(plain).text()).toBe(long);
    const bomb = await packed(JSON.stringify({ text: "x".repeat(1_000_000) }));
    expect(bomb.length).toBeLessThan(10_000);
    expect((await app.handler(say(bomb, gzip))).status).toBe(413);
    expect((await app.handler(say((await packed(long)).subarray(0, 30), gzip))).status).toBe(400);
  });

  it("answers 500 to a stream of requests that somebody reads already, and drains", async () => {
    const n = z.object({ n: z.int() });
    const numbers = service("numbers", { sum: method({ request: n, response: n, stream: "client" }) });
    const handler = fetchHandler();
    const sum = (): { n: number } => ({ n: 0 });
    const running = await serve(numbers.implement({ sum }), { on: [handler], log: false, signals: false });
    const headers = { "content-type": "application/x-ndjson" };
    const asked = new Request("http://any/numbers/sum", { method: "POST", body: '{"n":1}\n', headers });
    asked.body!.getReader();
    expect((await handler(asked)).status).toBe(500);
    await running.stop();
  });

  it("breaks an answer off at the deadline, although its source is stuck", async () => {
    const files = service("files", {
      get: method({ request: z.object({}), response: byteStreamSchema, timeoutMs: 1000 }),
    });
    const clock = virtualClock();
    const handler = fetchHandler({ routes: [routes(files, { get: { path: "GET /file", codec: bytes } })] });
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array([1]);
      await new Promise(() => undefined);
    }
    const get = () => ({ [Symbol.asyncIterator]: stuck });
    const running = await serve(files.implement({ get }), { on: [handler], log: false, signals: false, clock });
    const reader = (await handler(new Request("http://any/file"))).body!.getReader();
    expect((await reader.read()).value).toEqual(new Uint8Array([1]));
    const rest = reader.read().then(
      () => "more",
      () => "broken off",
    );
    await settled();
    await clock.advance(2000);
    expect(await rest).toBe("broken off");
    await running.stop();
  });

  it("throws at construction for options that are none", () => {
    // @ts-expect-error no such option
    expect(() => fetchHandler({ port: 1 })).toThrow(/fetchHandler/);
    // @ts-expect-error not a function
    expect(() => fetchHandler({ peer: "x" })).toThrow(/peer/);
  });
});

describe("a one-way method of a fetch handler", () => {
  const audit = service("audit", { note: oneWay({ request: z.object({ text: z.string() }) }) });
  const asked = (signal?: AbortSignal): Request =>
    new Request("http://any/audit/note", {
      method: "POST",
      body: '{"text":"a"}',
      headers: json,
      ...(signal && { signal }),
    });

  function held() {
    let finish: () => void = () => undefined;
    const work = new Promise<void>((resolve) => (finish = resolve));
    const seen: string[] = [];
    const implementation = audit.implement({
      async note(_request, context) {
        await work;
        seen.push(context.canceledBy?.reason ?? "done");
      },
    });
    return { seen, finish: () => finish(), implementation };
  }

  it("is answered 202 without a body, goes on when the request is aborted, and holds a stop", async () => {
    const { seen, finish, implementation } = held();
    const handler = fetchHandler();
    const running = await serve(implementation, { on: [handler], log: false, signals: false });
    const gone = new AbortController();
    const response = await handler(asked(gone.signal));
    expect([response.status, await response.text()]).toEqual([202, ""]);
    gone.abort();
    const stopped = running.stop();
    await settled();
    expect(seen).toEqual([]);
    finish();
    await stopped;
    expect(seen).toEqual(["done"]);
  });

  it.each([
    ["the second argument", (waiter: object) => [waiter]],
    ["the third", (waiter: object) => [{}, waiter]],
  ] as const)("is held by a waitUntil of the platform, in %s, until its handler is done", async (_name, given) => {
    const { finish, implementation } = held();
    const handler = fetchHandler();
    await using _running = await serve(implementation, { on: [handler], log: false, signals: false });
    const promises: Promise<void>[] = [];
    const waiter = { waitUntil: (over: Promise<void>) => void promises.push(over) };
    await handler(asked(), ...given(waiter));
    expect(promises).toHaveLength(1);
    let isOver = false;
    const over = promises[0]!.then(() => (isOver = true));
    await settled();
    expect(isOver).toBe(false);
    finish();
    await over;
    // Whoever waits for an answer needs no holding.
    await handler(new Request("http://any/livez"), ...given(waiter));
    expect(promises).toHaveLength(1);
  });

  it("is called off when a stop takes too long", async () => {
    const { seen, finish, implementation } = held();
    const handler = fetchHandler();
    const running = await serve(implementation, { on: [handler], log: false, signals: false, drainMs: 20 });
    await handler(asked());
    await running.stop();
    finish();
    await settled();
    expect(seen).toEqual(["draining"]);
  });
});
