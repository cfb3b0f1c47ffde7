import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { http2Proxy } from "../../../test/http2-proxy.ts";
import { served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { virtualClock } from "../../testing/index.ts";
import { request } from "../../../test/wire.ts";
import { client } from "../../client/index.ts";
import { oneWay, service, type Context } from "../../index.ts";
import type { Call } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { json, type Codec } from "../index.ts";
import { httpClient, httpHandler, httpServer, routes } from "./index.ts";

const audit = service("audit", { note: oneWay({ request: z.object({ text: z.string() }), timeoutMs: 60_000 }) });

type Note = (request: { readonly text: string }, context: Context) => void | Promise<void>;

const post = (body: string, headers: Readonly<Record<string, string>> = {}, path = "/audit/note"): string =>
  request({ path, body, headers });

const hello = post('{"text":"hello"}');

/** A handler that ends when it is told to. */
function held() {
  let finish: () => void = () => undefined;
  const work = new Promise<void>((resolve) => (finish = resolve));
  const seen: string[] = [];
  const note: Note = async ({ text }, context) => {
    seen.push(text);
    await work;
    seen.push(context.canceledBy?.reason ?? "done");
  };
  return { note, seen, finish, implementation: audit.implement({ note }) };
}

describe("a one-way method over HTTP", () => {
  it("is answered 202 with nothing else, before its handler ends", async () => {
    const { implementation, seen, finish } = held();
    await using server = await served(implementation);
    const { status, headers, body } = await server.ask(hello);
    expect({ status, body, length: headers["content-length"], type: headers["content-type"] }).toEqual({
      status: 202,
      body: "",
      length: "0",
      type: undefined,
    });
    expect(seen).toEqual(["hello"]);
    finish();
    await until(() => seen.length === 2);
    expect(seen[1]).toBe("done");
  });

  it("goes on when its peer goes away, and its connection serves the next request meanwhile", async () => {
    const { implementation, seen, finish } = held();
    await using server = await served(implementation);
    const wire = server.wire();
    await wire.connected;
    wire.send(hello);
    expect((await wire.answer()).status).toBe(202);
    wire.send(hello);
    expect((await wire.answer()).status).toBe(202);
    wire.close();
    await wire.closed;
    await until(() => server.sockets[0]!.destroyed);
    finish();
    await until(() => seen.length === 4);
    expect(seen).toEqual(["hello", "hello", "done", "done"]);
  });

  it.each<[string, number, string]>([
    ["does not fit", 400, post('{"text":1}')],
    ["is no JSON", 400, post("{")],
    ["is of another type", 415, request({ path: "/audit/note", body: "x", headers: { "Content-Type": "text/x" } })],
    ["has no time left", 504, post('{"text":"a"}', { "request-timeout-ms": "0" })],
  ])("refuses what %s, as any method", async (_name, status, asked) => {
    const { implementation, seen } = held();
    await using server = await served(implementation);
    expect((await server.ask(asked)).status).toBe(status);
    expect(seen).toEqual([]);
  });

  it("asks the gates first", async () => {
    const { implementation, seen } = held();
    await using server = await served(implementation, {}, { gates: [() => policyError("rate_limited")] });
    expect((await server.ask(hello)).status).toBe(429);
    expect(seen).toEqual([]);
  });

  it("keeps the status it was answered with, and has the outcome of its handler", async () => {
    const ends: unknown[] = [];
    const observe = () => ({ end: ({ outcome, status }: Call) => void ends.push([outcome, status]) });
    const note: Note = async ({ text }) => {
      await Promise.resolve();
      if (text === "hello") throw new Error("hunter2");
    };
    await using server = await served(audit.implement({ note }), {}, { observers: [observe], report: () => undefined });
    const answer = await server.ask(hello);
    expect([answer.status, answer.body]).toEqual([202, ""]);
    expect((await server.ask(post('{"text":"ok"}'))).status).toBe(202);
    await until(() => ends.length === 2);
    expect(ends).toEqual([
      ["internal", 202],
      ["ok", 202],
    ]);
  });

  it("is called off by its own time, which is not the caller's", async () => {
    const short = service("audit", { note: oneWay({ request: z.object({ text: z.string() }), timeoutMs: 30 }) });
    const off: string[] = [];
    let begun = false;
    const note: Note = (_request, context) => {
      begun = true;
      return new Promise((resolve) => void context.onCancel(({ reason }) => (off.push(reason), resolve())));
    };
    const clock = virtualClock();
    await using server = await served(short.implement({ note }), {}, { clock });
    expect((await server.ask(hello)).status).toBe(202);
    await until(() => begun);
    await clock.advance(30);
    await until(() => off.length === 1);
    expect(off).toEqual(["deadline_exceeded"]);
  });

  it("lets an after hook add to its answer, and fails where one throws, before the handler runs", async () => {
    const { implementation, seen, finish } = held();
    const after = [
      (context: Context) => {
        if (context.metadata("x-fail") !== undefined) throw new Error("hunter2");
        context.reply.set("x-seen", "yes");
      },
    ];
    await using server = await served(implementation, { after }, { report: () => undefined });
    const { status, headers } = await server.ask(hello);
    expect([status, headers["x-seen"]]).toEqual([202, "yes"]);
    const failed = await server.ask(post('{"text":"b"}', { "x-fail": "1" }));
    expect(failed.status).toBe(500);
    expect(failed.body).not.toContain("hunter2");
    expect(seen).toEqual(["hello"]);
    finish();
  });

  it("is answered what its route says, where it says so", async () => {
    const implementation = audit.implement({ note: () => undefined });
    const with204 = routes(audit, { note: { path: "POST /notes", status: 204 } });
    await using server = await served(implementation, { routes: [with204] });
    expect((await server.ask(post('{"text":"a"}', {}, "/notes"))).status).toBe(204);
    const plain = routes(audit, { note: "POST /notes" });
    await using other = await served(implementation, { routes: [plain], compress: true });
    expect((await other.ask(post('{"text":"a"}', { "accept-encoding": "gzip" }, "/notes"))).status).toBe(202);
  });

  it("needs no codec that could write its answer", async () => {
    const readsOnly: Codec = {
      ...json,
      writer: () => {
        throw new TypeError("it writes nothing");
      },
    };
    const implementation = audit.implement({ note: () => undefined });
    await using server = await served(implementation, { codecs: [readsOnly] });
    expect((await server.ask(hello)).status).toBe(202);
  });

  it("holds a stop, and is called off when that takes too long", async () => {
    const off: string[] = [];
    const note: Note = (_request, context) =>
      new Promise((resolve) => void context.onCancel(({ reason }) => (off.push(reason), resolve())));
    const server = await served(audit.implement({ note }), {}, { drainMs: 50 });
    expect((await server.ask(hello)).status).toBe(202);
    await server.running.stop();
    expect(off).toEqual(["draining"]);
  });
});

describe("a stop waits for one-way calls", () => {
  it("that came over HTTP/2, whose streams are closed by then", async () => {
    const { implementation, seen, finish } = held();
    const server = await served(implementation, { http2: true });
    await using proxy = await http2Proxy(server.address);
    const remote = client(audit, httpClient({ connectTimeoutMs: 60_000 }), { from: proxy.address, timeoutMs: 60_000 });
    await remote.note({ text: "a" });
    await remote[Symbol.asyncDispose]();
    const stopped = server.running.stop();
    finish();
    await stopped;
    expect(seen).toEqual(["a", "done"]);
  });

  it("that came to a mounted handler", async () => {
    const { implementation, seen, finish } = held();
    const web = httpHandler();
    const running = await serve(implementation, { on: [web], log: false, signals: false });
    const server = createServer(web);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const remote = client(audit, httpClient({ connectTimeoutMs: 60_000 }), { from });
    await remote.note({ text: "a" });
    await remote[Symbol.asyncDispose]();
    const stopped = running.stop();
    finish();
    await stopped;
    expect(seen).toEqual(["a", "done"]);
    server.close();
  });
});

describe("a client of a one-way method over HTTP", () => {
  async function peer(status: number, body: string) {
    const got: IncomingHttpHeaders[] = [];
    const server = createServer((asked, response) => {
      got.push(asked.headers);
      asked.resume();
      response.writeHead(status, { "content-type": "text/plain" }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const remote = client(audit, httpClient({ connectTimeoutMs: 60_000 }), {
      from: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    return {
      got,
      remote,
      async [Symbol.asyncDispose]() {
        await remote[Symbol.asyncDispose]();
        server.close();
      },
    };
  }

  it.each([200, 201, 202, 204])("takes a %s for an answer, whatever its body", async (status) => {
    await using there = await peer(status, status === 204 ? "" : "<html>");
    expect(await there.remote.note({ text: "a" })).toBeUndefined();
    expect(await there.remote.note.try({ text: "a" })).toEqual({ ok: true, value: undefined });
  });

  it("does not say how long it waits, for nobody waits for the work", async () => {
    await using there = await peer(202, "");
    await there.remote.note({ text: "a" }, { timeoutMs: 50_000 });
    expect(there.got[0]).not.toHaveProperty("request-timeout-ms");
  });

  it("hears of a refusal", async () => {
    await using there = await peer(503, "");
    await expect(there.remote.note({ text: "a" })).rejects.toMatchObject({ code: "unavailable" });
  });

  it("counts an acknowledgement as the answer: a breaker does not hear of the work", async () => {
    const note: Note = () => Promise.reject(new Error("hunter2"));
    await using server = await served(audit.implement({ note }), {}, { report: () => undefined });
    await using remote = client(audit, httpClient({ connectTimeoutMs: 60_000 }), {
      from: server.address,
      breaker: { consecutive: 2 },
    });
    for (let i = 0; i < 20; i++) await remote.note({ text: "a" });
  });
});

describe("one-way over the port of an HTTP server", () => {
  it("is one option of the contract, and nothing of the server", async () => {
    const { implementation, seen, finish } = held();
    const running = await serve(implementation, { on: [httpServer({ port: 0 })], log: false, signals: false });
    await using remote = client(audit, httpClient({ connectTimeoutMs: 60_000 }), {
      from: running.addresses,
      timeoutMs: 60_000,
    });
    await remote.note({ text: "a" });
    finish();
    await running.stop();
    expect(seen).toEqual(["a", "done"]);
  });
});
