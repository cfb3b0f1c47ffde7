import { asEveryTransport, carriedBy } from "../../../test/as-every-transport.ts";
import { grpcClient, grpcServer } from "./index.ts";

asEveryTransport(
  carriedBy("grpc", {
    server: ({ codec: _codec, ...around }) => grpcServer({ port: 0, host: "127.0.0.1", ...around }),
    client: () => grpcClient({ connectTimeoutMs: 60_000 }),
  }),
  { skip: [{ reason: "messages are protobuf", cases: ["codecs/replaced"] }] },
);
