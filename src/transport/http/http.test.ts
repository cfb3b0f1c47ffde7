import { asEveryTransport, carriedBy } from "../../../test/as-every-transport.ts";
import { httpClient, httpServer } from "./index.ts";

asEveryTransport(
  carriedBy("http", {
    server: ({ codec, ...around }) => httpServer({ port: 0, host: "127.0.0.1", codecs: codec && [codec], ...around }),
    client: ({ codec }) => httpClient({ connectTimeoutMs: 60_000, codec }),
  }),
);
