import { asEveryTransport, carriedBy } from "../../../test/as-every-transport.ts";
import { http2Proxy } from "../../../test/http2-proxy.ts";
import type { TransportHarness } from "../../testing/index.ts";
import { httpClient, httpServer } from "./index.ts";

// The server alone: the client of this room speaks HTTP/1.1, to a proxy.
const behind = carriedBy("http2", {
  server: ({ codec, ...around }) =>
    httpServer({ port: 0, host: "127.0.0.1", http2: true, codecs: codec && [codec], ...around }),
  client: ({ codec }) => httpClient({ connectTimeoutMs: 60_000, codec }),
});

const harness: TransportHarness = {
  name: "http2",
  async connect(implementation, surrounding) {
    const connected = await behind.connect(implementation, surrounding);
    const proxy = await http2Proxy(connected.from!);
    return {
      ...connected,
      from: proxy.address,
      async [Symbol.asyncDispose]() {
        await proxy[Symbol.asyncDispose]();
        await connected[Symbol.asyncDispose]();
      },
    };
  },
};

asEveryTransport(harness);
