import { describe, expect, it } from "vitest";
import { serve } from "../../server/index.ts";
import { transportSuite } from "../../testing/index.ts";
import { httpServer } from "../http/index.ts";
import { webSocketClient, webSockets } from "./index.ts";

const cases = transportSuite(
  {
    name: "websocket",
    async connect(implementation, { observers, gates, report, limits, ...hooks }) {
      const server = httpServer({ port: 0, host: "127.0.0.1", limits, upgrades: [webSockets(hooks as never)] });
      const running = await serve(implementation, {
        on: [server],
        observers,
        gates,
        report,
        log: false,
        signals: false,
      });
      return {
        transport: webSocketClient(),
        from: running.addresses[0],
        drain: async () => void (await running.stop()),
        [Symbol.asyncDispose]: async () => void (await running.stop()),
      };
    },
  },
  [{ reason: "a socket is there to be answered on", properties: ["one-way"] }],
);

describe("websocket, as every transport", () => {
  for (const one of cases) {
    it(`${one.property}: ${one.name}`, (test) => ("skip" in one ? test.skip(one.skip) : one.run()));
  }

  it("runs cases of every property", () => {
    expect(new Set(cases.map(({ property }) => property)).size).toBe(11);
  });
});
