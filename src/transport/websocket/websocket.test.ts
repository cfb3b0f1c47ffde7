import { asEveryTransport, carriedBy } from "../../../test/as-every-transport.ts";
import { httpServer } from "../http/index.ts";
import { webSocketClient, webSockets } from "./index.ts";

asEveryTransport(
  carriedBy("websocket", {
    server: ({ limits, codec: _codec, ...hooks }) =>
      httpServer({ port: 0, host: "127.0.0.1", limits, upgrades: [webSockets(hooks as never)] }),
    client: () => webSocketClient({ connectTimeoutMs: 60_000 }),
  }),
  {
    skip: [
      { reason: "its frames are JSON texts", cases: ["codecs/replaced"] },
      {
        reason: "the handshake's headers are all there are, and they are out before the handler runs",
        cases: ["metadata/reply"],
      },
    ],
  },
);
