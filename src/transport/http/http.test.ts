import { describe, expect, it } from "vitest";
import { serve } from "../../server/index.ts";
import { transportSuite } from "../../testing/index.ts";
import { httpClient, httpServer } from "./index.ts";

const cases = transportSuite(
  {
    name: "http",
    async connect(implementation, { observers, gates, report, limits, ...hooks }) {
      const server = httpServer({ port: 0, host: "127.0.0.1", limits, ...hooks });
      const running = await serve(implementation, {
        on: [server],
        observers,
        gates,
        report,
        log: false,
        signals: false,
      });
      return {
        transport: httpClient(),
        from: running.addresses[0],
        drain: async () => void (await running.stop()),
        [Symbol.asyncDispose]: async () => void (await running.stop()),
      };
    },
  },
  [{ reason: "HTTP answers every request", properties: ["one-way"] }],
);

describe("http, as every transport", () => {
  for (const one of cases) {
    it(`${one.property}: ${one.name}`, (test) => ("skip" in one ? test.skip(one.skip) : one.run()));
  }

  it("runs cases of every property", () => {
    expect(new Set(cases.map(({ property }) => property)).size).toBe(11);
  });
});
