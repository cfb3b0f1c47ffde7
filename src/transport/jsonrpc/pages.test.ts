import { expect, it } from "vitest";
import { z } from "zod";
import { rpcPages } from "../../documents/index.ts";
import { method, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { jsonrpcServer } from "./index.ts";

const add = service("add", { sum: method({ request: z.array(z.int()), response: z.int() }) });

it("a JSON-RPC server answers GET with its pages, POST with calls, and anything else with 405", async () => {
  const implementation = add.implement({ sum: (list) => list.reduce((a, b) => a + b, 0) });
  await using running = await serve(implementation, {
    on: [jsonrpcServer({ port: 0, host: "127.0.0.1", pages: [rpcPages()] })],
    log: false,
    signals: false,
  });
  const [address] = running.addresses;
  const document = (await (await globalThis.fetch(`${address}/openrpc.json?x=1`)).json()) as {
    methods: { name: string }[];
  };
  expect(document.methods.map(({ name }) => name)).toEqual(["add.sum"]);
  expect(await (await globalThis.fetch(`${address}/openrpc.json`, { method: "HEAD" })).text()).toBe("");
  expect((await globalThis.fetch(`${address}/other`)).status).toBe(405);
  expect((await globalThis.fetch(`${address}/openrpc.json`, { method: "PUT" })).status).toBe(405);
  const body = '{"jsonrpc":"2.0","method":"add.sum","params":[[1,2]],"id":1}';
  const headers = { "content-type": "application/json" };
  const called = await globalThis.fetch(address!, { method: "POST", headers, body });
  expect(((await called.json()) as { id: number }).id).toBe(1);
});

it("refuses pages that are none, and two with one path", async () => {
  expect(() => jsonrpcServer({ port: 0, pages: [{} as never] })).toThrow(/pages should hold pages/);
  const twice = jsonrpcServer({ port: 0, pages: [rpcPages(), rpcPages()] });
  const implementation = add.implement({ sum: () => 0 });
  await expect(serve(implementation, { on: [twice], log: false, signals: false })).rejects.toThrow(
    /openrpc.json is taken/,
  );
});
