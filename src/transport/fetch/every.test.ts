import { expect } from "vitest";
import { asEveryTransport, bytes } from "../../../test/as-every-transport.ts";
import { web } from "../../../test/web.ts";
import { method, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { plainSchema, type TransportHarness } from "../../testing/index.ts";
import { httpClient } from "../http/index.ts";
import { fetchHandler } from "./index.ts";

const harness: TransportHarness = {
  name: "fetch",
  async connect(implementation, { observers, gates, report, codec, ...around }) {
    const handler = fetchHandler({ codecs: codec && [codec], ...around });
    const running = await serve(implementation, {
      on: [handler],
      observers,
      gates,
      report,
      log: false,
      trace: false,
      signals: false,
    });
    const port = await web(handler);
    return {
      transport: httpClient({ connectTimeoutMs: 60_000, codec }),
      from: port.address,
      drain: async () => void (await running.stop()),
      async [Symbol.asyncDispose]() {
        await running.stop();
        await port[Symbol.asyncDispose]();
      },
    };
  },
};

asEveryTransport(harness, {
  skip: [{ reason: "the platform reads the headers, and bounds their size", cases: ["limits/large-headers"] }],
});

bytes("fetch", "the platform's own fetch() is answered as by any server of HTTP", async () => {
  const text = plainSchema({ text: "string" });
  const echo = service("echo", { say: method({ request: text, response: text }) });
  const handler = fetchHandler();
  await using _running = await serve(echo.implement({ say: (request) => request }), {
    on: [handler],
    log: false,
    signals: false,
  });
  await using port = await web(handler);
  const say = (body: string): Promise<Response> =>
    // oxlint-disable-next-line no-restricted-globals -- it is the foreign peer here
    fetch(`${port.address}/echo/say`, { method: "POST", headers: { "content-type": "application/json" }, body });
  const answer = await say('{"text":"ä漢"}');
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(await answer.json()).toEqual({ text: "ä漢" });
  expect(((await (await say("{")).json()) as { readonly reason: string }).reason).toBe("malformed_message");
});
