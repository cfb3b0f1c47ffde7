// Another implementation of JSON-RPC 2.0, json-rpc-2.0 on npm, on the other side of the socket.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  JSONRPCClient,
  JSONRPCErrorException,
  JSONRPCServer,
  type JSONRPCRequest,
  type JSONRPCResponse,
} from "json-rpc-2.0";
import { afterEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { client, close } from "../../client/index.ts";
import { error, method, service, type ServiceError } from "../../index.ts";
import { jsonrpcClient, jsonrpcServer, notifications } from "./index.ts";

const odd = error("odd", { code: "failed_precondition", details: z.object({ n: z.int() }) });
const math = service("math", {
  add: method({ request: z.object({ a: z.number(), b: z.number() }), response: z.number() }),
  half: method({ request: z.object({ n: z.int() }), response: z.object({ n: z.number() }), errors: [odd] }),
  note: method({ request: z.object({ text: z.string() }), response: z.null() }),
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

describe("its client against our server", bytesOf("jsonrpc"), () => {
  async function theirs() {
    const notes: string[] = [];
    const implementation = math.implement({
      add: ({ a, b }) => a + b,
      half: ({ n }) => (n % 2 === 1 ? odd({ n }) : { n: n / 2 }),
      note: ({ text }) => (notes.push(text), null),
    });
    const server = await served(implementation, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] });
    cleanups.push(() => server[Symbol.asyncDispose]());
    const bodies: string[] = [];
    const remote: JSONRPCClient = new JSONRPCClient(async (message) => {
      const { status, body } = await server.ask({ path: "/", body: JSON.stringify(message) });
      bodies.push(body);
      if (status === 200) remote.receive(JSON.parse(body) as JSONRPCResponse | JSONRPCResponse[]);
      else if (status !== 204) throw new Error(body);
    });
    return { remote, notes, bodies };
  }

  it("gets results by name and by position", async () => {
    const { remote } = await theirs();
    expect(await remote.request("math.add", { a: 1, b: 2 })).toBe(3);
    expect(await remote.request("math.add", [1.5, 2])).toBe(3.5);
    expect(await remote.request("math.half", { n: 4 })).toEqual({ n: 2 });
  });

  it("gets errors with their numbers and data", async () => {
    const { remote } = await theirs();
    const thrown = async (name: string, params: object): Promise<unknown> => {
      try {
        return await remote.request(name, params);
      } catch (e) {
        return e;
      }
    };
    expect(await thrown("math.half", { n: 3 })).toEqual(
      new JSONRPCErrorException("odd", -32009, { code: "failed_precondition", reason: "odd", details: { n: 3 } }),
    );
    expect(await thrown("math.half", { n: 3 })).toMatchObject({
      code: -32009,
      data: { reason: "odd", details: { n: 3 } },
    });
    expect(await thrown("math.nope", {})).toMatchObject({ code: -32601 });
    expect(await thrown("math.add", { a: "1", b: 2 })).toMatchObject({ code: -32602 });
  });

  it("notifies, and gets nothing", async () => {
    const { remote, notes, bodies } = await theirs();
    remote.notify("math.note", { text: "hello" });
    await expect.poll(() => notes).toEqual(["hello"]);
    await expect.poll(() => bodies).toEqual([""]);
  });

  it("gets batches", async () => {
    const { remote, notes } = await theirs();
    const request = (id: number | undefined, name: string, params: object): JSONRPCRequest =>
      ({ jsonrpc: "2.0", ...(id === undefined ? {} : { id }), method: name, params }) as JSONRPCRequest;
    const answers = await remote.requestAdvanced([
      request(1, "math.add", [1, 2]),
      request(2, "math.half", [3]),
      request(3, "math.nope", []),
      request(undefined, "math.note", ["told"]),
      request(4, "math.half", { n: 8 }),
    ]);
    expect(answers.map(({ id, result, error }) => [id, result ?? error?.code])).toEqual([
      [1, 3],
      [2, -32009],
      [3, -32601],
      [4, { n: 4 }],
    ]);
    expect(notes).toEqual(["told"]);
  });
});

describe("our client against its server", bytesOf("jsonrpc"), () => {
  async function theirs() {
    const notes: string[] = [];
    const rpc = new JSONRPCServer({ errorListener: () => undefined });
    rpc.addMethod("math.add", ({ a, b }: { a: number; b: number }) => a + b);
    rpc.addMethod("math.half", ({ n }: { n: number }) => {
      if (n === 0) throw new Error("broken");
      if (n % 2 === 1)
        throw new JSONRPCErrorException("odd", -32009, { code: "failed_precondition", reason: "odd", details: { n } });
      return { n: n / 2 };
    });
    rpc.addMethod("math.note", ({ text }: { text: string }) => (notes.push(text), null));
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        bodies.push(body);
        void rpc.receiveJSON(body).then((answer) => {
          if (answer === null) response.writeHead(204).end();
          else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => (server.closeAllConnections(), server.close()));
    return { from: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, notes, bodies };
  }

  it.each([
    ["alone", undefined],
    ["in batches", {}],
  ] as const)("gets results and errors, %s", async (_name, batch) => {
    const { from, bodies } = await theirs();
    const remote = client(math, jsonrpcClient({ batch }), { from });
    cleanups.push(() => close(remote));
    const failure = async (call: Promise<unknown>): Promise<ServiceError> =>
      (await call.then(
        () => expect.fail("resolved"),
        (e: unknown) => e,
      )) as ServiceError;
    const [sum, half, tried, broken] = await Promise.all([
      remote.add({ a: 1, b: 2 }),
      remote.half({ n: 4 }),
      remote.half.try({ n: 3 }),
      failure(remote.half({ n: 0 })),
    ]);
    expect([sum, half]).toEqual([3, { n: 2 }]);
    expect(tried).toMatchObject({ ok: false, error: { reason: "odd", details: { n: 3 } } });
    // Number 0 is theirs for what no method declared.
    expect(broken).toMatchObject({ code: "unknown", message: "broken", origin: "peer", cause: { rpcCode: 0 } });
    expect(bodies).toHaveLength(batch === undefined ? 4 : 1);
  });

  it("notifies, alone and in batches", async () => {
    const { from, notes } = await theirs();
    for (const batch of [undefined, {}]) {
      const tell = client(notifications(math), jsonrpcClient({ batch }), { from });
      cleanups.push(() => close(tell));
      await Promise.all([tell.note({ text: "a" }), tell.note({ text: "b" }), tell.half({ n: 0 })]);
    }
    expect(notes.toSorted()).toEqual(["a", "a", "b", "b"]);
  });
});
