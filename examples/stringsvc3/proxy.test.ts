import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ServiceError } from "servicekit";
import { explain, type From } from "servicekit/client";
import { logger } from "servicekit/log";
import { registry } from "servicekit/metrics";
import { serve, type Running } from "servicekit/server";
import { afterEach, beforeAll, afterAll, describe, expect, it, vi } from "vitest";
import { consulTestServer } from "../../tools/servers/consul.ts";
import { announced, instances } from "../consul.ts";
import { instrumenting, logging } from "../stringsvc2/middleware.ts";
import { basic, emptyString, strings } from "../stringsvc2/service.ts";
import { goHttp } from "../stringsvc2/transport.ts";
import { proxy } from "./proxy.ts";

const PATIENT = { timeout: 30_000, interval: 10 };

const closing: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

function kept<D extends AsyncDisposable>(one: D): D {
  closing.push(one);
  return one;
}

const anywhere = { port: 0, host: "127.0.0.1" };
const quiet = { log: false, signals: false, timeoutMs: 20_000 } as const;

async function worker(agent = "", tags: readonly string[] = ["works"]): Promise<Running> {
  const tasks = announced({ service: "stringsvc", agent, tags });
  return kept(await serve(strings.implement(basic), { on: [goHttp(anywhere)], tasks, ...quiet }));
}

// Not the program's 250 ms: this machine may be busy.
const remoteTo = (from: From) => kept(proxy(from, 20_000));

/** Asks as curl does. */
async function ask(running: Running, path: string, body: string): Promise<string> {
  const response = await fetch(running.addresses[0] + path, { method: "POST", body });
  return `${response.status} ${await response.text()}`;
}

describe("the string service that proxies", () => {
  it("asks the others for upper case in turn, and counts by itself", async () => {
    const workers = [await worker(), await worker()];
    const remote = remoteTo(
      instances("stringsvc", { list: workers.map(({ addresses }) => addresses[0]).join(", "), agent: "" }),
    );
    const handlers = { ...basic, uppercase: remote.uppercase };
    const front = kept(await serve(strings.implement(handlers), { on: [goHttp(anywhere)], ...quiet }));
    for (let i = 0; i < 4; i++) expect(await ask(front, "/uppercase", '{"s":"hello"}')).toBe('200 {"v":"HELLO"}\n');
    expect(explain(remote).map(({ calls }) => calls)).toEqual([2, 2]);
    expect(await ask(front, "/uppercase", '{"s":""}')).toBe('200 {"v":"","err":"empty string"}\n');
    expect(await ask(front, "/count", '{"s":"héllo"}')).toBe('200 {"v":6}\n');
  });

  it("writes a line and counts for a business error of another instance", async () => {
    const other = await worker();
    const metrics = registry();
    const lines: string[] = [];
    const log = logger({ format: "logfmt", batchBytes: 0, write: (text) => lines.push(text) });
    const use = [logging, instrumenting(metrics)];
    const handlers = { ...basic, uppercase: remoteTo(other.addresses).uppercase };
    const implementation = strings.implement(handlers, { methods: { uppercase: { use }, count: { use } } });
    const front = kept(await serve(implementation, { ...quiet, on: [goHttp(anywhere)], log }));
    await ask(front, "/uppercase", '{"s":""}');
    expect(lines.join("")).toContain('method=uppercase input= output= err="empty string"');
    expect(metrics.expose().body).toContain('request_count{error="true",method="uppercase"} 1');
  });

  it("asks another one where one does not answer", async () => {
    const { addresses } = await worker();
    const remote = remoteTo(["http://127.0.0.1:1", ...addresses]);
    for (let i = 0; i < 4; i++) expect(await remote.uppercase({ s: "a" })).toEqual({ v: "A" });
    expect(explain(remote).some(({ failures = 0 }) => failures > 0)).toBe(true);
  });

  it("answers 503 when nobody is there", async () => {
    const use = [logging];
    const handlers = { ...basic, uppercase: remoteTo("http://127.0.0.1:1").uppercase };
    const implementation = strings.implement(handlers, { methods: { uppercase: { use } } });
    const front = kept(await serve(implementation, { on: [goHttp(anywhere)], ...quiet }));
    expect(await ask(front, "/uppercase", '{"s":"a"}')).toBe("503 the peer cannot be reached");
  });
});

describe("Go kit's wire from the caller's side", () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function answering(status: number, body: string): Promise<From> {
    const server = createServer(
      (_request, response) =>
        void response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(body),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it("has the error that the contract declares as a text", async () => {
    const result = await remoteTo(await answering(200, '{"v":"","err":"empty string"}\n')).uppercase.try({ s: "" });
    expect(!result.ok && emptyString.is(result.error)).toBe(true);
  });

  it("has no answer in an error that the contract does not know", async () => {
    const thrown: unknown = await remoteTo(await answering(200, '{"v":"","err":"on fire"}'))
      .uppercase({ s: "a" })
      .catch((error: unknown) => error);
    expect(ServiceError.is(thrown) && [thrown.code, thrown.message]).toEqual(["unknown", "on fire"]);
  });

  it("fails with what Go kit fails with", async () => {
    const thrown: unknown = await remoteTo(await answering(500, "rate limit exceeded"))
      .uppercase({ s: "a" })
      .catch((error: unknown) => error);
    expect(ServiceError.is(thrown) && thrown.code).toBe("internal");
  });
});

describe("instances in Consul", () => {
  const consul = consulTestServer();
  beforeAll(() => consul.start(), 180_000);
  afterAll(() => consul.stop());

  it("are those that work themselves, and not those that proxy", async ({ skip }) => {
    if (consul.missing !== undefined) skip(consul.missing);
    const agent = consul.url.replace("http://", "");
    const [first, second] = [await worker(agent), await worker(agent)];
    await worker(agent, []);
    const remote = remoteTo(instances("stringsvc", { list: "consul", agent, tags: ["works"] }));
    await vi.waitUntil(() => explain(remote).length === 2, PATIENT);
    expect(await remote.uppercase({ s: "a" })).toEqual({ v: "A" });
    const places = explain(remote).map(({ instance }) => `http://${instance.address}`);
    expect(places.toSorted()).toEqual([...first.addresses, ...second.addresses].toSorted());
    await first.stop();
    await vi.waitUntil(() => explain(remote).length === 1, PATIENT);
    expect(await remote.uppercase({ s: "b" })).toEqual({ v: "B" });
  });
});
