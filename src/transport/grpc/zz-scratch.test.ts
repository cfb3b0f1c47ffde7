import { createServer, type ServerHttp2Stream } from "node:http2";
import { createServer as tcp } from "node:net";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { until, passing } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add, SumReplySchema } from "../protobuf/testdata/gen/add_pb.ts";
import { frame } from "./frame.ts";
import { grpcClient, type GrpcClientOptions } from "./index.ts";
import { httpClient } from "../http/index.ts";

const contract = proto(Add);
const methods = Object.entries((contract as any).methods ?? {}).map(([n, m]: any) => [n, m.kind]);
const remoteTo = (port: number, o: GrpcClientOptions = {}, more = {}) => client(contract, grpcClient(o), { from: `127.0.0.1:${port}`, breaker: false, ...more });

async function peer(onStream: (s: ServerHttp2Stream) => void) {
  const server = createServer();
  server.on("session", (s) => s.on("error", () => undefined));
  server.on("stream", (s) => { s.on("error", () => undefined); onStream(s); });
  await new Promise<void>((r) => server.listen(0, "127.0.0.1", r));
  return { server, port: (server.address() as AddressInfo).port };
}

it("methods", () => console.log(methods));

it("tls garbage", async () => {
  for (const tls of [{ ca: "garbage" }, { cert: "x", key: "y" }] as any[]) {
    let made: any;
    try { made = remoteTo(1, { tls }); } catch (e) { console.log("construction", e); continue; }
    const e: any = await made.sum({ a: 1n, b: 2n }).catch((x: unknown) => x);
    console.log("grpc", e.name, e.code, e.reason, e.message, e.cause?.message);
    try {
    const h: any = client(contract, httpClient({ tls } as any), { from: "https://127.0.0.1:1", breaker: false });
    const e2: any = await h.sum({ a: 1n, b: 2n }).catch((x: unknown) => x);
    console.log("http", e2.name, e2.code, e2.reason, e2.message, e2.cause?.message); } catch (e) { console.log("http construction", (e as Error).message) }
    await made[Symbol.asyncDispose]();
    console.log("closed");
  }
  const made: any = client(contract, grpcClient({ lookup: (() => { throw new Error("boo"); }) as any }), { from: "name.invalid:99", breaker: false });
  const e: any = await made.sum({ a: 1n, b: 2n }).catch((x: unknown) => x);
  console.log("lookup", e.name, e.code, e.reason, e.message, e.cause?.message);
  await made[Symbol.asyncDispose]();
});

it("early answer to a large request, unread", async () => {
  let closed = false;
  const { server, port } = await peer((s) => {
    s.on("close", () => (closed = true));
    s.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "8" }, { endStream: true });
  });
  const remote = remoteTo(port);
  const e: any = await remote.concat({ a: "x".repeat(3_000_000), b: "" } as any).catch((x: unknown) => x);
  console.log("early", e.code, e.reason, e.message);
  await passing(200);
  console.log("stream closed on server:", closed);
  const t = Date.now();
  await Promise.race([remote[Symbol.asyncDispose](), passing(1000)]);
  console.log("client closed after", Date.now() - t);
  await passing(100);
  const n = await new Promise((r) => server.getConnections((_e, c) => r(c)));
  console.log("connections left", n);
  expect(1).toBe(1);
});
