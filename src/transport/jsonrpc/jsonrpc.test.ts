import { describe } from "vitest";
import { asEveryTransport, carriedBy } from "../../../test/as-every-transport.ts";
import { jsonrpcClient, jsonrpcServer, type JsonrpcClientOptions } from "./index.ts";

const skip = [{ reason: "JSON-RPC has no streams", properties: ["streams"] }] as const;

function suite(options: JsonrpcClientOptions): void {
  const harness = carriedBy("jsonrpc", {
    server: (around) => jsonrpcServer({ port: 0, host: "127.0.0.1", ...around }),
    client: ({ codec }) => jsonrpcClient({ connectTimeoutMs: 60_000, codec, ...options }),
  });
  asEveryTransport(harness, { skip });
}

describe("one call in each message", () => {
  suite({});
});
describe("calls in batches", () => {
  suite({ batch: {} });
});
