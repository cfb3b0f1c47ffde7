/**
 * The service of the interop tests over @connectrpc/connect-node, by the gRPC protocol.
 *
 * @module
 */
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { createGrpcTransport, compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { Code, ConnectError, createClient, type CallOptions, type HandlerContext } from "@connectrpc/connect";
import { fromBinary } from "@bufbuild/protobuf";
import { systemClock } from "../../../time/index.ts";
import { Add, type SumRequest } from "../../protobuf/testdata/gen/add_pb.ts";
import { StatusSchema } from "./gen/status_pb.ts";
import { MESSAGE, type Failure, type Peer, type Said } from "./interop.ts";

/** Serves it. */
export async function connectServer(): Promise<Peer> {
  let canceled = 0;
  async function around(context: HandlerContext): Promise<void> {
    const { requestHeader, responseHeader, responseTrailer, signal } = context;
    const wait = requestHeader.get("x-wait-ms");
    if (wait !== null) {
      await new Promise<void>((resolve) => {
        const timer = systemClock.after(Number(wait), resolve);
        signal.addEventListener("abort", () => {
          canceled++;
          timer.cancel();
          resolve();
        });
      });
      // Else what is returned now might be quicker than the caller's own deadline.
      signal.throwIfAborted();
    }
    for (const name of ["x-echo", "x-echo-bin"]) {
      const value = requestHeader.get(name);
      if (value !== null) responseHeader.set(name, value);
    }
    responseTrailer.set("x-trailing", "t");
    responseTrailer.set("x-trailing-bin", "AP8");
    const fail = requestHeader.get("x-fail");
    if (fail === null) return;
    const error = new ConnectError(MESSAGE, Number(fail) as Code);
    const bytes = requestHeader.get("x-details-bin");
    if (bytes !== null)
      for (const { typeUrl, value } of fromBinary(StatusSchema, Buffer.from(bytes, "base64")).details)
        error.details.push({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value });
    throw error;
  }
  const handle = connectNodeAdapter({
    acceptCompression: [compressionGzip],
    readMaxBytes: 1 << 20,
    routes: (router) =>
      router.service(Add, {
        async sum({ a, b }, context) {
          await around(context);
          return { v: a + b };
        },
        async concat({ a, b }, context) {
          await around(context);
          if (a === "canceled?") return { v: String(canceled) };
          if (a === "remaining?") return { v: String((context.timeoutMs() ?? 0) / 1000) };
          return { v: a + b };
        },
        async *count({ a }, context) {
          await around(context);
          for (let v = 1n; v <= a; v++) yield { v };
        },
        async total(requests, context) {
          await around(context);
          let v = 0n;
          for await (const { a } of requests) v += a;
          return { v };
        },
        async *running(requests, context) {
          await around(context);
          let v = 0n;
          for await (const { a } of requests) yield { v: (v += a) };
        },
      }),
  });
  const server = createServer(handle);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `InvalidArgument` as gRPC writes it. */
const nameOf = (code: Code): string =>
  code === Code.Canceled ? "CANCELLED" : Code[code]!.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();

const plain = (headers: Headers): Record<string, string> => Object.fromEntries(headers);

async function failure(call: Promise<unknown>): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    const { code, rawMessage, metadata } = ConnectError.from(error);
    return { code: nameOf(code), message: rawMessage, trailing: plain(metadata) };
  }
  throw new Error("it should have failed");
}

async function drained(stream: AsyncIterable<{ readonly v: bigint }>): Promise<number[]> {
  const got: number[] = [];
  for await (const { v } of stream) got.push(Number(v));
  return got;
}

async function* numbers(...values: readonly bigint[]): AsyncGenerator<Pick<SumRequest, "a">> {
  for (const a of values) yield { a };
}

/** Calls what is served at a port of this machine. */
export async function connectCalls(port: number): Promise<Said> {
  const baseUrl = `http://127.0.0.1:${port}`;
  const transportOptions = { baseUrl, httpVersion: "2" as const, acceptCompression: [compressionGzip] };
  const remote = createClient(Add, createGrpcTransport(transportOptions));
  const packing = createClient(Add, createGrpcTransport({ ...transportOptions, sendCompression: compressionGzip }));
  const within: CallOptions = { timeoutMs: 60_000 };
  let [initial, trailing]: [Headers, Headers] = [new Headers(), new Headers()];
  const { v } = await remote.sum(
    { a: 1n, b: 2n },
    {
      ...within,
      headers: { "x-echo": "hello", "x-echo-bin": "AAH+" },
      onHeader: (headers) => (initial = headers),
      onTrailer: (trailers) => (trailing = trailers),
    },
  );
  const begin = systemClock.now();
  const deadline = await failure(remote.sum({ a: 1n }, { timeoutMs: 1000, headers: { "x-wait-ms": "30000" } }));
  const deadlineMs = systemClock.now() - begin;
  const control = new AbortController();
  systemClock.after(1000, () => control.abort());
  const cancel = await failure(
    remote.sum({ a: 1n }, { ...within, signal: control.signal, headers: { "x-wait-ms": "30000" } }),
  );
  const text = "x".repeat(300_000);
  let first = 0;
  // Leaving the loop is not enough for this client.
  const leaving = new AbortController();
  try {
    for await (const one of remote.count({ a: 1_000_000n }, { ...within, signal: leaving.signal })) {
      first ||= Number(one.v);
      leaving.abort();
    }
  } catch {
    // It was called off.
  }
  const nothing = { ...Add, method: { ...Add.method, sum: { ...Add.method.sum, name: "Nothing" } } } as typeof Add;
  const stranger = createClient(
    { ...nothing, methods: [nothing.method.sum] } as unknown as typeof Add,
    createGrpcTransport(transportOptions),
  );
  return {
    sum: (await remote.sum({ a: 2n ** 62n, b: -1n }, within)).v.toString(),
    metadata: { v: Number(v), initial: plain(initial), trailing: plain(trailing) },
    error: await failure(remote.sum({ a: 1n }, { ...within, headers: { "x-fail": "9" } })),
    unknown: await failure(stranger.sum({ a: 1n }, within)),
    deadline,
    deadlineMs,
    cancel: cancel.code,
    remaining: Number((await remote.concat({ a: "remaining?" }, within)).v),
    gzip: (await packing.concat({ a: text, b: text }, within)).v.length,
    tooLarge: (await failure(remote.concat({ a: "y".repeat(2 << 20) }, within))).code,
    count: await drained(remote.count({ a: 5n }, within)),
    many: (await drained(remote.count({ a: 2000n }, within))).length,
    first,
    total: Number((await remote.total(numbers(...Array.from({ length: 100 }, (_, i) => BigInt(i + 1))), within)).v),
    running: await drained(remote.running(numbers(1n, 2n, 3n), within)),
    streamError: await failure(drained(remote.count({ a: 3n }, { ...within, headers: { "x-fail": "5" } }))),
    canceled: Number((await remote.concat({ a: "canceled?" }, within)).v),
  };
}
