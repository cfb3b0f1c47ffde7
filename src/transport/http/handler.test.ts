import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import connect from "connect";
import express from "express";
import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../../test/until.ts";
import { exchange, request, Wire, type RequestParts, type WireAnswer } from "../../../test/wire.ts";
import { method, service } from "../../index.ts";
import { serve, type Running, type ServeOptions } from "../../server/index.ts";
import { settled } from "../../testing/index.ts";
import { httpHandler, routes, type HttpHandler, type ServingOptions } from "./index.ts";

const text = z.object({ text: z.string() });
const echo = service("echo", {
  say: method({ request: text, response: text }),
  slow: method({ request: text, response: text, timeoutMs: 60_000 }),
  get: method({
    request: z.object({ id: z.string(), q: z.int().optional() }),
    response: z.object({ got: z.unknown() }),
  }),
  put: method({ request: z.object({ id: z.string(), n: z.int() }), response: z.object({ got: z.unknown() }) }),
});
const rest = routes(echo, { get: "GET /things/{id}", put: "PUT /things/{id}" });

const open: { close(): unknown }[] = [];
const waiting: (() => void)[] = [];
afterEach(async () => {
  waiting.splice(0).forEach((go) => go());
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** A handler that is served, and what it is served by. */
async function mounted(
  options: ServingOptions = {},
  more: Partial<ServeOptions> = {},
): Promise<{ readonly web: HttpHandler; readonly running: Running }> {
  const web = httpHandler({ routes: [rest], ...options });
  const running = await serve(
    echo.implement({
      say: (message) => message,
      slow: (message) => new Promise((resolve) => waiting.push(() => resolve(message))),
      get: (got) => ({ got }),
      put: (got) => ({ got }),
    }),
    { on: [web], log: false, signals: false, ...more },
  );
  open.push({ close: () => running.stop() });
  return { web, running };
}

/** Listens with somebody's request listener; resolves with the address. */
async function listening(listener: RequestListener | Server): Promise<string> {
  const server = typeof listener === "function" ? createServer(listener) : listener;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ask = (address: string, parts: RequestParts): Promise<WireAnswer> => exchange(address, request(parts));

/** What every framework must let through. */
async function works(address: string, prefix = "", allow?: string): Promise<void> {
  const said = await ask(address, { path: `${prefix}/echo/say`, body: '{"text":"ä"}' });
  expect([said.status, said.headers["content-type"], said.body]).toEqual([200, "application/json", '{"text":"ä"}']);
  const got = await ask(address, { path: `${prefix}/things/a%2Fb?q=3`, headers: { "X-Request-Id": "r-1" } });
  expect([got.status, got.body, got.headers["x-request-id"]]).toEqual([200, '{"got":{"id":"a/b","q":3}}', "r-1"]);
  const put = await ask(address, { verb: "PUT", path: `${prefix}/things/7`, body: '{"n":1,"id":"8"}' });
  expect([put.status, put.body]).toEqual([200, '{"got":{"id":"7","n":1}}']);
  const wrong = await ask(address, { path: `${prefix}/echo/say`, body: '{"text":5}' });
  expect([wrong.status, wrong.headers["content-type"]]).toEqual([400, "application/problem+json"]);
  const verb = await ask(address, { path: `${prefix}/echo/say` });
  // A verb that nothing here serves goes on, where there is a way on.
  expect(verb.headers["allow"]).toBe(allow);
  const probe = await ask(address, { path: `${prefix}/readyz` });
  expect([probe.status, probe.body]).toEqual([200, '{"ok":true}\n']);
  const large = await ask(address, { path: `${prefix}/echo/say`, body: JSON.stringify({ text: "x".repeat(90_000) }) });
  expect([large.status, large.body.length]).toEqual([200, 90_011]);
}

describe("mounted in node:http", () => {
  it("serves, and answers 404 for what is not there", async () => {
    const { web } = await mounted();
    const address = await listening(web);
    await works(address, "", "POST, OPTIONS");
    expect((await ask(address, { path: "/nowhere" })).status).toBe(404);
  });

  it("answers 503 before it is served and after, with problem details", async () => {
    const web = httpHandler();
    const address = await listening(web);
    const before = await ask(address, { path: "/echo/say", body: "{}" });
    expect([before.status, before.headers["content-type"], before.headers["retry-after"]]).toEqual([
      503,
      "application/problem+json",
      "1",
    ]);
    expect(JSON.parse(before.body)).toMatchObject({ code: "unavailable", reason: "not_ready" });
    const running = await serve(
      echo.implement({
        say: (message) => message,
        slow: (message) => message,
        get: (got) => ({ got }),
        put: (got) => ({ got }),
      }),
      {
        on: [web],
        log: false,
        signals: false,
      },
    );
    expect((await ask(address, { path: "/echo/say", body: '{"text":""}' })).status).toBe(200);
    await running.stop();
    expect((await ask(address, { path: "/echo/say", body: '{"text":""}' })).status).toBe(503);
  });

  it("is served by one server at a time, and may be served again after it", async () => {
    const web = httpHandler();
    const implementation = echo.implement({
      say: (message) => message,
      slow: (message) => message,
      get: (got) => ({ got }),
      put: (got) => ({ got }),
    });
    const options = { on: [web], log: false, signals: false } as const;
    const first = await serve(implementation, options);
    await expect(serve(implementation, options)).rejects.toThrow(
      "httpHandler should be served by one server at a time",
    );
    const address = await listening(web);
    expect((await ask(address, { path: "/echo/say", body: '{"text":""}' })).status).toBe(200);
    await first.stop();
    const second = await serve(implementation, options);
    const again = await ask(address, { path: "/echo/say", body: '{"text":""}' });
    expect([again.status, again.headers["connection"]]).toEqual([200, "keep-alive"]);
    await second.stop();
  });

  it("says 100 Continue once, whoever says it", async () => {
    const { web } = await mounted();
    for (const server of [createServer(web), createServer().on("checkContinue", web)]) {
      const wire = new Wire(await listening(server));
      wire.send("POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n");
      expect((await wire.answer()).status).toBe(100);
      await settled();
      wire.send('{"text":"hi"}');
      expect((await wire.answer()).status).toBe(200);
      wire.close();
    }
  });

  it("holds to its own limits", async () => {
    const { web } = await mounted({ limits: { maxBodyBytes: 20, maxHeaders: 4 } });
    const address = await listening(web);
    expect((await ask(address, { path: "/echo/say", body: '{"text":"0123456789"}' })).status).toBe(413);
    expect((await ask(address, { path: "/echo/say", headers: { a: "1", b: "2" }, body: "{}" })).status).toBe(431);
    expect((await ask(address, { path: "/echo/say", body: '{"text":""}' })).status).toBe(200);
  });

  it("refuses wrong options when it is made", () => {
    for (const [options, says] of [
      [{ port: 1 }, 'httpHandler has no option "port"'],
      [{ limits: { maxDepth: 0 } }, "maxDepth should be an integer from 1 to 1000, got 0"],
      [{ codecs: [] }, "codecs should be a list of at least one codec"],
      [{ after: [5] }, "after[0] should be a function, got 5"],
      [{ health: { live: "x" } }, "health.live should be a path"],
    ] as const) {
      expect(() => httpHandler(options as never)).toThrow(says);
    }
  });
});

describe("mounted in Express 5", () => {
  it("serves at the root, and hands on what it does not know, also to handlers of errors", async () => {
    const { web } = await mounted();
    const app = express();
    app.use(web);
    app.get("/other", (_, response) => void response.send("express"));
    const address = await listening(app);
    await works(address);
    expect((await ask(address, { path: "/other" })).body).toBe("express");
    const unknown = await ask(address, { path: "/nowhere" });
    expect([unknown.status, unknown.body.includes("Cannot GET /nowhere")]).toEqual([404, true]);
  });

  it("leaves the other verbs of a path that has moved, and after the stop all that never was its own", async () => {
    const { web, running } = await mounted();
    const app = express();
    app.use(web);
    app.delete("/things/:id", (_, response) => void response.send("deleted"));
    const address = await listening(app);
    const remove = { verb: "DELETE", path: "/things/7" };
    expect((await ask(address, remove)).body).toBe("deleted");
    await running.stop();
    expect((await ask(address, remove)).body).toBe("deleted");
    expect((await ask(address, { path: "/things/7" })).status).toBe(503);
  });

  it("serves under a path", async () => {
    const { web } = await mounted();
    const app = express();
    app.use("/api/v1", web);
    await works(await listening(app), "/api/v1");
  });

  it("serves behind express.json(), which has read the body", async () => {
    const { web } = await mounted();
    const app = express();
    app.use(express.json(), web);
    await works(await listening(app));
  });

  it("serves behind express.text() and express.raw()", async () => {
    const { web } = await mounted();
    for (const parser of [express.text({ type: "*/*" }), express.raw({ type: "*/*" })]) {
      const app = express();
      app.use(parser, web);
      await works(await listening(app));
    }
  });

  it("learns nothing from a __proto__ that express.json() lets through", async () => {
    const { web } = await mounted();
    const app = express();
    app.use(express.json(), web);
    const { status, body } = await ask(await listening(app), {
      verb: "PUT",
      path: "/things/7",
      body: '{"__proto__":{"polluted":1},"n":1}',
    });
    expect([status, body]).toEqual([200, '{"got":{"id":"7","n":1}}']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("says what is wrong when somebody has read the body and kept it", async () => {
    const reported: unknown[] = [];
    const { web } = await mounted({}, { report: (error) => reported.push((error as Error).cause) });
    const app = express();
    app.use((incoming, _response, next) => void incoming.resume().once("end", next), web);
    const address = await listening(app);
    const { status, body } = await ask(address, { path: "/echo/say", body: '{"text":"x"}' });
    expect([status, body.includes("request.body")]).toEqual([500, false]);
    expect(String(reported[0])).toContain("mount the handler first, or leave it in `request.body`");
  });
});

describe("mounted in Connect 3", () => {
  it("serves, and hands on what it does not know", async () => {
    const { web } = await mounted();
    const app = connect();
    app.use("/rpc", web);
    app.use(web);
    app.use((_: IncomingMessage, response: ServerResponse) => response.end("connect"));
    const address = await listening(app);
    await works(address);
    await works(address, "/rpc");
    expect((await ask(address, { path: "/nowhere" })).body).toBe("connect");
  });
});

describe("mounted in Fastify 5", () => {
  it("serves through a route that gives up the reply, where Fastify leaves bodies alone", async () => {
    const { web } = await mounted();
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.get("/own", () => "fastify");
    app.all("/*", (incoming, reply) => {
      reply.hijack();
      web(incoming.raw, reply.raw);
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    open.push({ close: () => app.close() });
    const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    await works(address, "", "POST, OPTIONS");
    expect((await ask(address, { path: "/own" })).body).toBe("fastify");
    expect((await ask(address, { path: "/nowhere" })).status).toBe(404);
  });

  it("does not wait for ever where Fastify has read the body", async () => {
    const reported: unknown[] = [];
    const { web } = await mounted({}, { report: (error) => reported.push((error as Error).cause) });
    const app = fastify();
    app.all("/*", (incoming, reply) => {
      reply.hijack();
      web(incoming.raw, reply.raw);
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    open.push({ close: () => app.close() });
    const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    expect((await ask(address, { path: "/echo/say", body: '{"text":"x"}' })).status).toBe(500);
    expect(String(reported[0])).toContain("the body was read before it came here");
    expect((await ask(address, { path: "/things/7" })).status).toBe(200);
  });
});

describe("the drain of a mounted handler", () => {
  it("waits for what is in flight, and asks its peers to close", async () => {
    const { web, running } = await mounted();
    const address = await listening(web);
    const wire = new Wire(address).send(request({ path: "/echo/slow", body: '{"text":"x"}' }));
    await until(() => waiting.length === 1);
    let isOver = false;
    const stopped = running.stop().then((code) => ((isOver = true), code));
    await settled();
    expect(isOver).toBe(false);
    const probe = await ask(address, { path: "/readyz" });
    expect([probe.status, probe.headers["connection"]]).toEqual([503, "close"]);
    waiting.splice(0).forEach((go) => go());
    const answer = await wire.answer();
    expect([answer.status, answer.headers["connection"]]).toEqual([200, "close"]);
    expect(await stopped).toBe(0);
    wire.close();
  });

  it("does not wait for what the framework serves itself, nor for a peer that is gone", async () => {
    const { web, running } = await mounted();
    const app = express();
    const streams: ServerResponse[] = [];
    app.use(web);
    app.get("/events", (_, response) => void streams.push(response.writeHead(200)));
    const address = await listening(app);
    const events = new Wire(address).send(request({ path: "/events" }));
    await until(() => streams.length === 1);
    const gone = new Wire(address).send(request({ path: "/echo/slow", body: '{"text":"x"}' }));
    await until(() => waiting.length === 1);
    gone.close();
    expect(await running.stop()).toBe(0);
    expect(streams[0]!.closed).toBe(false);
    events.close();
  });

  it("counts right when what comes after it throws", async () => {
    const { web, running } = await mounted();
    const address = await listening((incoming, response) => {
      try {
        web(incoming, response, () => {
          throw new Error("further down");
        });
      } catch {
        response.end("caught");
      }
    });
    expect((await ask(address, { path: "/nowhere" })).body).toBe("caught");
    expect(await running.stop()).toBe(0);
  });
});
