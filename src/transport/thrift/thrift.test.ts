import { describe } from "vitest";
import { asEveryTransport, carriedBy } from "../../../test/as-every-transport.ts";
import type { Skipped } from "../../testing/index.ts";
import { thriftClient, thriftServer, type ThriftClientOptions } from "./index.ts";

const SKIPPED: readonly Skipped[] = [
  { reason: "Thrift has no streams", properties: ["streams"] },
  {
    reason: "Thrift cannot call a request back that the server has",
    cases: ["cancellation/handler", "cancellation/context"],
  },
];

function suite(column: string, options: ThriftClientOptions, skip: readonly Skipped[]): void {
  const harness = carriedBy(column, {
    server: (around) => thriftServer({ port: 0, host: "127.0.0.1", ...around }),
    client: ({ codec }) => thriftClient({ connectTimeoutMs: 60_000, codec, ...options }),
  });
  asEveryTransport(harness, { skip });
}

describe("binary", () => {
  suite("thrift header", {}, SKIPPED);
});
describe("compact", () => {
  suite("thrift header", { protocol: "compact" }, SKIPPED);
});

describe.each(["binary", "compact", "json"] as const)("%s", (protocol) => {
  const reason = `${protocol} without headers carries nothing beside a message`;
  const skip: readonly Skipped[] = [...SKIPPED, { reason, needs: ["headers"] }];
  // There is no column for JSON, which carries what binary does.
  const column = protocol === "compact" ? "thrift compact" : "thrift binary";
  describe("framed", () => {
    suite(column, { protocol, headers: false }, skip);
  });
  describe("unframed", () => {
    suite(column, { protocol, framed: false }, skip);
  });
});
