// Unary sums and a stream of messages over gRPC: by hand on node:http2, by the toolkit, and by its peers.
//
//   node grpc.mjs raw|ours|everything|grpc-js|nice-grpc|connect
import { once } from "node:events";
import { framed, numbers, pair } from "./grpc-wire.mjs";

const port = Number(process.env.PORT);
const host = "127.0.0.1";

async function* upTo(n) {
  for (let v = 1; v <= n; v++) yield { v };
}

/** One message, and then nothing: a stream that stays open. */
async function* waiting() {
  yield { v: 1 };
  await new Promise(() => {});
}

const kinds = {
  async raw() {
    const { createServer } = await import("node:http2");
    const head = { ":status": 200, "content-type": "application/grpc" };
    const server = createServer();
    server.on("stream", (stream, headers) => {
      const chunks = [];
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("end", () => {
        const [, a, b] = numbers(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks), 5);
        stream.respond(head, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        if (headers[":path"] === "/pb.Add/Wait") stream.write(framed(pair(1, 0)));
        else if (headers[":path"] === "/pb.Add/Sum") stream.end(framed(pair(a + b, 0)));
        else void write(stream, a);
      });
    });
    async function write(stream, n) {
      for await (const { v } of upTo(n)) if (!stream.write(framed(pair(v, 0)))) await once(stream, "drain");
      stream.end();
    }
    server.listen(port, host);
  },
  async ours() {
    await serveOurs({ log: false, metrics: false, trace: false });
  },
  async everything() {
    const { everything } = await import("./add.mjs");
    await serveOurs(everything);
  },
  async "grpc-js"() {
    const { Server, ServerCredentials } = await import("@grpc/grpc-js");
    const { definition } = await import("./grpc-messages.mjs");
    const server = new Server();
    server.addService(definition, {
      sum: ({ request }, answer) => answer(null, { v: request.a + request.b }),
      async count(call) {
        for await (const { v } of upTo(Number(call.request.a)))
          if (!call.write({ v: BigInt(v) })) await once(call, "drain");
        call.end();
      },
      wait: (call) => void call.write({ v: 1n }),
    });
    await new Promise((resolve, reject) =>
      server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      ),
    );
  },
  async "nice-grpc"() {
    const { createServer } = await import("nice-grpc");
    const { definition } = await import("./grpc-messages.mjs");
    const server = createServer();
    server.add(definition, {
      sum: async (request) => ({ v: request.a + request.b }),
      async *count(request) {
        for await (const { v } of upTo(Number(request.a))) yield { v: BigInt(v) };
      },
      wait: waiting,
    });
    await server.listen(`${host}:${port}`);
  },
  async connect() {
    const { createServer } = await import("node:http2");
    const { connectNodeAdapter } = await import("@connectrpc/connect-node");
    const { Add } = await import("./grpc-messages.mjs");
    const routes = (router) => router.service(Add, { sum: ({ a, b }) => ({ v: a + b }) });
    createServer(connectNodeAdapter({ routes })).listen(port, host);
  },
};

async function serveOurs(options) {
  const { method, service } = await import("servicekit");
  const { serve } = await import("servicekit/server");
  const { grpcServer } = await import("servicekit/transport/grpc");
  const { z } = await import("zod");
  const request = z.object({ a: z.int(), b: z.int() });
  const response = z.object({ v: z.int() });
  const add = service("pb.Add", {
    Sum: method({ request, response }),
    Count: method({ request, response, stream: "server", timeoutMs: 600_000 }),
    Wait: method({ request, response, stream: "server", timeoutMs: 600_000 }),
  });
  const handlers = { Sum: ({ a, b }) => ({ v: a + b }), Count: ({ a }) => upTo(a), Wait: () => waiting() };
  await serve(add.implement(handlers), { on: [grpcServer({ port, host })], signals: false, ...options });
}

await kinds[process.argv[2]]();
