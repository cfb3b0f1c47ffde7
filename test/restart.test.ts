// A server that is restarted while its client has nothing to do: the first call after it succeeds, over and over.
import { describe, expect, it } from "vitest";
import { client } from "../src/client/index.ts";
import type { Running } from "../src/server/index.ts";
import { serve } from "../src/server/index.ts";
import { grpcClient, grpcServer } from "../src/transport/grpc/index.ts";
import { httpClient, httpServer } from "../src/transport/http/index.ts";
import { proto } from "../src/transport/protobuf/index.ts";
import { Add } from "../src/transport/protobuf/testdata/gen/add_pb.ts";
import { freePort } from "../tools/servers/fetched.ts";

const add = proto(Add);
const implementation = add.implement({
  sum: ({ a, b }) => ({ v: a + b }),
  concat: ({ a, b }) => ({ v: a + b }),
  async *count() {},
  total: () => ({}),
  async *running() {},
});

const kinds = [
  { name: "http", on: (port: number) => httpServer({ port, host: "127.0.0.1" }), by: httpClient() },
  { name: "grpc", on: (port: number) => grpcServer({ port, host: "127.0.0.1" }), by: grpcClient() },
] as const;

describe.each(kinds)("over $name, the first call after a restart", ({ on, by }) => {
  it("succeeds, fifty times in a row, although it may not be made twice", async () => {
    const port = await freePort();
    const begin = (): Promise<Running> => serve(implementation, { on: [on(port)], log: false, signals: false });
    let running = await begin();
    await using remote = client(add, by, { from: `127.0.0.1:${port}` });
    for (let i = 0; i < 50; i++) {
      await running.stop();
      running = await begin();
      expect((await remote.sum({ a: BigInt(i), b: 1n })).v).toBe(BigInt(i + 1));
    }
    await running.stop();
  });
});
