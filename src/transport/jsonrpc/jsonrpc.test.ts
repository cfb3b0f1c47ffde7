import { describe, expect, it } from "vitest";
import { client } from "../../client/index.ts";
import type { Methods } from "../../contract/index.ts";
import { serve } from "../../server/index.ts";
import { unary } from "../../testing/sample.ts";
import { transportSuite } from "../../testing/index.ts";
import { jsonrpcClient, jsonrpcServer, notifications, type JsonrpcClientOptions } from "./index.ts";

function suite(name: string, options: JsonrpcClientOptions) {
  return transportSuite(
    {
      name,
      async connect(implementation, { observers, gates, report, limits, ...hooks }) {
        const server = jsonrpcServer({ port: 0, host: "127.0.0.1", limits, ...hooks });
        const running = await serve(implementation, {
          on: [server],
          observers,
          gates,
          report,
          log: false,
          signals: false,
        });
        return {
          transport: jsonrpcClient(options),
          from: running.addresses[0],
          drain: async () => void (await running.stop()),
          [Symbol.asyncDispose]: async () => void (await running.stop()),
        };
      },
      async notify({ transport, from }, method, request) {
        await using tell = client<Methods>(notifications(unary), transport, { from: from! });
        await (tell[method] as (request: unknown) => Promise<void>)(request);
      },
    },
    [{ reason: "JSON-RPC has no streams", properties: ["streams"] }],
  );
}

describe.each([
  ["jsonrpc", {}],
  ["jsonrpc in batches", { batch: {} }],
] as const)("%s, as every transport", (name, options) => {
  const cases = suite(name, options);
  for (const one of cases) {
    it(`${one.property}: ${one.name}`, (test) => ("skip" in one ? test.skip(one.skip) : one.run()));
  }

  it("runs cases of every property", () => {
    expect(new Set(cases.map(({ property }) => property)).size).toBe(11);
    expect(new Set(cases.flatMap((one) => ("skip" in one ? [one.property] : [])))).toEqual(new Set(["streams"]));
  });
});
