import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { client, close } from "../../client/index.ts";
import { error, method, service, type ServiceError } from "../../index.ts";
import { local } from "../local/index.ts";
import { jsonrpcClient, jsonrpcServer, notifications, type JsonrpcClientOptions } from "./index.ts";

const full = error("full", { code: "resource_exhausted" });
const text = z.object({ text: z.string().default("?") });
const audit = service("audit", {
  note: method({ request: text, response: z.object({ id: z.int() }), errors: [full], idempotent: true }),
  purge: method({ request: z.object({}), response: z.object({}), timeoutMs: 60_000 }),
  tail: method({ request: z.object({}), response: text, stream: "server" }),
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function peer(status: number, body = ""): Promise<{ readonly from: string; readonly got: Got[] }> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      got.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status, body === "" ? {} : { "content-type": "application/json" }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => (server.closeAllConnections(), server.close()));
  return { from: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got };
}

function telling(from: string, options: JsonrpcClientOptions = {}) {
  const tell = client(notifications(audit), jsonrpcClient({ connectTimeoutMs: 60_000, ...options }), {
    from,
    breaker: false,
    retry: false,
    timeoutMs: 60_000,
  });
  cleanups.push(() => close(tell));
  return tell;
}

const failed = async (call: Promise<unknown>): Promise<ServiceError> =>
  (await call.then(
    () => expect.fail("resolved"),
    (e: unknown) => e,
  )) as ServiceError;

describe("notifications", () => {
  it("have the requests of their methods, no answer, no declared errors, and none for streams", () => {
    const told = notifications(audit);
    expect(Object.keys(told.methods)).toEqual(["note", "purge"]);
    expect(told.methods.note).toMatchObject({ idempotent: true, errors: [] });
    expect(audit.methods.note.errors).toEqual([full]);
    const tell = client(told, jsonrpcClient({ connectTimeoutMs: 60_000 }), { from: "http://127.0.0.1:1" });
    expectTypeOf(tell.note).parameter(0).toEqualTypeOf<{ text?: string | undefined }>();
    expectTypeOf(tell.note).returns.resolves.toEqualTypeOf<void>();
    expectTypeOf(tell).not.toHaveProperty("tail");
    // @ts-expect-error the request of another method
    const wrong = () => tell.note({ text: 5 });
    expect(wrong).toBeTypeOf("function");
  });

  it("are sent without an id and without the caller's time, and resolve when they are taken", async () => {
    const { from, got } = await peer(204);
    expect(await telling(from).note({ text: "a" })).toBeUndefined();
    expect(got[0]!.body).toBe('{"jsonrpc":"2.0","method":"audit.note","params":{"text":"a"}}\n');
    expect(got[0]!.headers["request-timeout-ms"]).toBeUndefined();
    expect(got[0]!.headers["x-request-id"]).toMatch(/^[0-9a-f]+$/);
  });

  it("use up no ids", async () => {
    const { from, got } = await peer(204);
    const transport = jsonrpcClient({ connectTimeoutMs: 60_000 });
    const tell = client(notifications(audit), transport, { from });
    cleanups.push(() => close(tell));
    await tell.note({});
    await tell.note({});
    expect(got.some(({ body }) => body.includes('"id"'))).toBe(false);
  });

  it("go together in batches", async () => {
    const { from, got } = await peer(204);
    const tell = telling(from, { batch: {} });
    await Promise.all([tell.note({ text: "a" }), tell.purge({})]);
    expect(got.map(({ body }) => body)).toEqual([
      '[{"jsonrpc":"2.0","method":"audit.note","params":{"text":"a"}},{"jsonrpc":"2.0","method":"audit.purge","params":{}}]\n',
    ]);
  });

  it.each<[string, number, string]>([
    ["204", 204, ""],
    ["200 without a body", 200, ""],
    ["202", 202, ""],
    // Go kit answers notifications.
    ["a result", 200, '{"jsonrpc":"2.0","result":{"v":3},"id":null}'],
    ["what is no JSON", 200, "ok"],
  ])("are taken by a server that answers %s", async (_name, status, body) => {
    const { from } = await peer(status, body);
    expect(await telling(from).note({})).toBeUndefined();
  });

  it.each<[string, number, string, object]>([
    [
      "an error",
      200,
      '{"jsonrpc":"2.0","error":{"code":-32601,"message":"no such method"},"id":null}',
      { code: "unimplemented", message: "no such method", origin: "peer" },
    ],
    ["413", 413, "", { code: "resource_exhausted" }],
    ["503", 503, "", { code: "unavailable" }],
    ["a redirect", 302, "", { reason: "invalid_response" }],
  ])("are not taken by a server that answers %s", async (_name, status, body, expected) => {
    const { from } = await peer(status, body);
    expect(await failed(telling(from).note({}))).toMatchObject(expected);
    expect(await failed(telling(from, { batch: {} }).note({}))).toMatchObject(expected);
  });

  it("reject when nobody is there, or the caller has left", async () => {
    expect((await failed(telling("http://127.0.0.1:1").note({}))).reason).toBe("unreachable");
    expect((await failed(telling("http://127.0.0.1:1").note({}, { signal: AbortSignal.abort() }))).reason).toBe(
      "canceled",
    );
  });

  it("run on our server, whose errors are not answered, and whose work outlives the caller's time", async () => {
    let finish: () => void = () => undefined;
    const work = new Promise<void>((resolve) => (finish = resolve));
    const done: string[] = [];
    const implementation = audit.implement({
      note: ({ text }) => (done.push(text), full()),
      async purge(_request, { canceledBy }) {
        await work;
        done.push(`purged ${canceledBy?.reason}`);
        return {};
      },
      async *tail() {},
    });
    const server = await served(
      implementation,
      {},
      { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })], report: () => undefined },
    );
    const tell = telling(server.address);
    await tell.note({});
    await tell.purge({}, { timeoutMs: 50_000 });
    expect(done).toEqual(["?"]);
    await close(tell);
    const stopped = server.running.stop();
    finish();
    await stopped;
    expect(done).toEqual(["?", "purged undefined"]);
  });

  it("are a service like any other: what implements them acknowledges those who ask", async () => {
    const implementation = notifications(audit).implement({ note: () => undefined, purge: () => undefined });
    await using server = await served(implementation, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] });
    expect((await server.ask({ path: "/", body: '{"jsonrpc":"2.0","method":"audit.note","id":1}' })).body).toBe(
      '{"jsonrpc":"2.0","result":{},"id":1}\n',
    );
  });

  it("wait for the answer, and drop it, over a transport that has no notifications", async () => {
    const done: string[] = [];
    const implementation = audit.implement({
      note: ({ text }) => (done.push(text), { id: 7 }),
      purge: () => ({}),
      async *tail() {},
    });
    const tell = client(notifications(audit), local(implementation));
    expect(await tell.note({ text: "a" })).toBeUndefined();
    expect(done).toEqual(["a"]);
  });
});
