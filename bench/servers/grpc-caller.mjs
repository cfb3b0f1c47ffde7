// Calls /pb.Add/Sum with 64 in flight on one connection for some seconds and prints what a call cost.
//
//   node grpc-caller.mjs raw|ours|grpc-js|nice-grpc|connect
import { framed, numbers, pair } from "./grpc-wire.mjs";

const address = `127.0.0.1:${process.env.PORT}`;

const kinds = {
  async raw() {
    const { connect } = await import("node:http2");
    const session = connect(`http://${address}`);
    const head = {
      ":method": "POST",
      ":path": "/pb.Add/Sum",
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "3S",
    };
    return (a, b) =>
      new Promise((resolve, reject) => {
        const stream = session.request(head);
        let value;
        stream.on("data", (chunk) => (value = numbers(chunk, 5)[1]));
        stream.on("trailers", (trailers) =>
          trailers["grpc-status"] === "0" ? resolve(value) : reject(new Error(trailers["grpc-message"])),
        );
        stream.on("error", reject);
        stream.end(framed(pair(a, b)));
      });
  },
  async ours() {
    const { method, service } = await import("servicekit");
    const { client } = await import("servicekit/client");
    const { grpcClient } = await import("servicekit/transport/grpc");
    const { z } = await import("zod");
    const add = service("pb.Add", {
      Sum: method({ request: z.object({ a: z.int(), b: z.int() }), response: z.object({ v: z.int() }) }),
    });
    const remote = client(add, grpcClient(), { from: address });
    return async (a, b) => (await remote.Sum({ a, b })).v;
  },
  async "grpc-js"() {
    const { Client, credentials } = await import("@grpc/grpc-js");
    const { definition } = await import("./grpc-messages.mjs");
    const { path, requestSerialize, responseDeserialize } = definition.sum;
    const client = new Client(address, credentials.createInsecure());
    return (a, b) =>
      new Promise((resolve, reject) => {
        const request = { a: BigInt(a), b: BigInt(b) };
        const options = { deadline: Date.now() + 3000 };
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, (error, reply) =>
          error === null ? resolve(Number(reply.v)) : reject(error),
        );
      });
  },
  async "nice-grpc"() {
    const { createChannel, createClient } = await import("nice-grpc");
    const { definition } = await import("./grpc-messages.mjs");
    const client = createClient(definition, createChannel(address));
    return async (a, b) => Number((await client.sum({ a: BigInt(a), b: BigInt(b) })).v);
  },
  async connect() {
    const { createClient } = await import("@connectrpc/connect");
    const { createGrpcTransport } = await import("@connectrpc/connect-node");
    const { Add } = await import("./grpc-messages.mjs");
    const client = createClient(Add, createGrpcTransport({ baseUrl: `http://${address}` }));
    return async (a, b) => Number((await client.sum({ a: BigInt(a), b: BigInt(b) }, { timeoutMs: 3000 })).v);
  },
};

const sum = await kinds[process.argv[2]]();
let calls = 0;
let until = 0;

async function worker() {
  while (performance.now() < until) {
    const asked = ++calls;
    if ((await sum(asked, 1)) !== asked + 1) throw new Error("a wrong answer");
  }
}

async function phase(ms) {
  until = performance.now() + ms;
  calls = 0;
  const begun = process.cpuUsage();
  await Promise.all(Array.from({ length: 64 }, worker));
  const { user, system } = process.cpuUsage(begun);
  return { cpu: (user + system) / calls, perSecond: (calls / ms) * 1000 };
}

await phase(2000);
process.stdout.write(JSON.stringify(await phase(4000)));
process.exit(0);
