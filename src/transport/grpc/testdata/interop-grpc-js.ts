/**
 * The service of the interop tests over @grpc/grpc-js.
 *
 * @module
 */
import { once } from "node:events";
import { create, fromBinary, toBinary, type DescMessage, type Message } from "@bufbuild/protobuf";
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status as Status,
  type ClientReadableStream,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { systemClock } from "../../../time/index.ts";
import {
  Add,
  type ConcatReply,
  type ConcatRequest,
  type SumReply,
  type SumRequest,
} from "../../protobuf/testdata/gen/add_pb.ts";
import { MESSAGE, type Failure, type Peer, type Said } from "./interop.ts";

type Definition = MethodDefinition<object, Message>;

const codec = (desc: DescMessage) => ({
  write: (value: object) => Buffer.from(toBinary(desc, create(desc, value as never))),
  read: (bytes: Buffer) => fromBinary(desc, bytes) as Message,
});

/** The service as grpc-js describes one. */
const definition = Object.fromEntries(
  Add.methods.map((method): [string, Definition] => {
    const [input, output] = [codec(method.input), codec(method.output)];
    return [
      method.name,
      {
        path: `/${Add.typeName}/${method.name}`,
        requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
        responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
        requestSerialize: input.write,
        requestDeserialize: input.read,
        responseSerialize: output.write,
        responseDeserialize: output.read,
      },
    ];
  }),
);

interface AnyCall {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  getDeadline(): Date | number;
  on(event: "cancelled", run: () => void): unknown;
}

/** Serves it. */
export async function grpcJsServer(): Promise<Peer> {
  const server = new Server({
    // As much as ours takes.
    "grpc.max_receive_message_length": 1 << 20,
    "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
  });
  let canceled = 0;
  /** What metadata ask for; rejects with what the call fails with. */
  async function around(call: AnyCall): Promise<Metadata> {
    const [wait] = call.metadata.get("x-wait-ms");
    if (wait !== undefined) {
      await new Promise<void>((resolve) => {
        const timer = systemClock.after(Number(wait), resolve);
        call.on("cancelled", () => {
          canceled++;
          timer.cancel();
          resolve();
        });
      });
    }
    const initial = new Metadata();
    for (const name of ["x-echo", "x-echo-bin"]) for (const value of call.metadata.get(name)) initial.add(name, value);
    call.sendMetadata(initial);
    const trailing = new Metadata();
    trailing.set("x-trailing", "t");
    trailing.set("x-trailing-bin", Buffer.of(0, 255));
    const [fail] = call.metadata.get("x-fail");
    if (fail === undefined) return trailing;
    for (const value of call.metadata.get("x-details-bin")) trailing.add("grpc-status-details-bin", value);
    throw Object.assign(new Error(MESSAGE), { code: Number(fail), details: MESSAGE, metadata: trailing });
  }
  type Reply = (error: Error | null, value?: object, trailer?: Metadata) => void;
  const unary =
    <T>(run: (request: T, call: AnyCall) => object | Promise<object>) =>
    (call: ServerUnaryCall<T, object>, reply: Reply) => {
      around(call)
        .then(async (trailing) => reply(null, await run(call.request, call), trailing))
        .catch((error: Error) => reply(error));
    };
  server.addService(definition as unknown as ServiceDefinition, {
    Sum: unary(({ a, b }: SumRequest) => ({ v: a + b })),
    Concat: unary(({ a, b }: ConcatRequest, call) => {
      if (a === "canceled?") return { v: String(canceled) };
      if (a === "remaining?") return { v: String((Number(call.getDeadline()) - systemClock.date()) / 1000) };
      return { v: a + b };
    }),
    Count(call: ServerWritableStream<SumRequest, object>) {
      const gone = new Promise((resolve) => call.once("close", resolve));
      around(call).then(
        async (trailing) => {
          for (let v = 1n; v <= call.request.a && !call.cancelled; v++)
            if (!call.write({ v })) await Promise.race([once(call, "drain"), gone]);
          call.end(trailing);
        },
        (error: Error) => void call.emit("error", error),
      );
    },
    Total(call: ServerReadableStream<SumRequest, object>, reply: Reply) {
      around(call)
        .then(async (trailing) => {
          let v = 0n;
          for await (const { a } of call as AsyncIterable<SumRequest>) v += a;
          reply(null, { v }, trailing);
        })
        .catch((error: Error) => reply(error));
    },
    Running(call: ServerDuplexStream<SumRequest, object>) {
      around(call).then(
        (trailing) => {
          let v = 0n;
          // Iterating would destroy it at the end, before the trailers.
          call.on("data", ({ a }: SumRequest) => call.write({ v: (v += a) }));
          call.on("end", () => call.end(trailing));
        },
        (error: Error) => void call.emit("error", error),
      );
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]() {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** A call by grpc-js, and all that came back. */
interface Answered<T> {
  readonly value: T;
  readonly initial: Readonly<Record<string, string>>;
  readonly trailing: Readonly<Record<string, string>>;
}

const plain = (metadata: Metadata | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(metadata?.getMap() ?? {}).map(([name, value]) => [
      name,
      Buffer.isBuffer(value) ? value.toString("base64") : value,
    ]),
  );

const nameOf = (code: number): string => Status[code] ?? String(code);

async function failure(call: Promise<unknown>): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    const { code, details, metadata } = error as ServiceError;
    return { code: nameOf(code), message: details, trailing: plain(metadata) };
  }
  throw new Error("it should have failed");
}

/** Calls what is served at a port of this machine. */
export async function grpcJsCalls(port: number): Promise<Said> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const packing = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
    // Channels of the same options are shared.
    "grpc.primary_user_agent": "packing",
  });
  const metadataOf = (fields: Readonly<Record<string, string | Buffer>>): Metadata => {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
    return metadata;
  };
  interface How {
    readonly metadata?: Readonly<Record<string, string | Buffer>>;
    readonly timeoutMs?: number;
    readonly cancelAfterMs?: number;
    readonly by?: Client;
    readonly path?: string;
  }
  function unary<T>(name: string, request: object, how: How = {}): Promise<Answered<T>> {
    const { path, requestSerialize, responseDeserialize } = definition[name]!;
    return new Promise((resolve, reject) => {
      let [initial, trailing, value]: [Metadata?, Metadata?, T?] = [];
      const call = (how.by ?? client).makeUnaryRequest(
        how.path ?? path,
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(how.metadata ?? {}),
        { deadline: systemClock.date() + (how.timeoutMs ?? 60_000) },
        (error, got) => (error === null ? (value = got as T) : reject(error)),
      );
      call.on("metadata", (got: Metadata) => (initial = got));
      call.on("status", ({ code, metadata }: { code: number; metadata: Metadata }) => {
        trailing = metadata;
        if (code === 0) resolve({ value: value!, initial: plain(initial), trailing: plain(trailing) });
      });
      if (how.cancelAfterMs !== undefined) systemClock.after(how.cancelAfterMs, () => call.cancel());
    });
  }
  function serverStream(a: bigint, fields: How["metadata"] = {}): ClientReadableStream<SumReply> {
    const { path, requestSerialize, responseDeserialize } = definition["Count"]!;
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { a },
      metadataOf(fields),
    );
    return stream as unknown as ClientReadableStream<SumReply>;
  }
  async function drained(stream: AsyncIterable<SumReply>): Promise<number[]> {
    const got: number[] = [];
    for await (const { v } of stream) got.push(Number(v));
    return got;
  }
  function bothWays(...numbers: readonly bigint[]): AsyncIterable<SumReply> {
    const { path, requestSerialize, responseDeserialize } = definition["Running"]!;
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    for (const a of numbers) stream.write({ a });
    stream.end();
    return stream as unknown as AsyncIterable<SumReply>;
  }
  const sums = (a: bigint, how?: How) => unary<SumReply>("Sum", { a }, how);
  const concat = async (a: string, b = "", how?: How) => (await unary<ConcatReply>("Concat", { a, b }, how)).value.v;
  try {
    const echoed = await unary<SumReply>(
      "Sum",
      { a: 1n, b: 2n },
      { metadata: { "x-echo": "hello", "x-echo-bin": Buffer.of(0, 1, 254) } },
    );
    const sum = (await unary<SumReply>("Sum", { a: 2n ** 62n, b: -1n })).value.v.toString();
    const begin = systemClock.now();
    const deadline = await failure(sums(1n, { metadata: { "x-wait-ms": "30000" }, timeoutMs: 1000 }));
    const deadlineMs = systemClock.now() - begin;
    const cancel = await failure(sums(1n, { metadata: { "x-wait-ms": "30000" }, cancelAfterMs: 1000 }));
    const text = "x".repeat(300_000);
    const million = serverStream(1_000_000n);
    const first = await new Promise<number>((resolve, reject) =>
      million.once("error", reject).once("data", ({ v }: SumReply) => resolve(Number(v))),
    );
    million.on("error", () => undefined);
    million.cancel();
    const total = await new Promise<number>((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = definition["Total"]!;
      const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error, value) =>
        error === null ? resolve(Number((value as unknown as SumReply).v)) : reject(error),
      );
      for (let a = 1n; a <= 100n; a++) call.write({ a });
      call.end();
    });
    return {
      sum,
      metadata: { v: Number(echoed.value.v), initial: echoed.initial, trailing: echoed.trailing },
      error: await failure(sums(1n, { metadata: { "x-fail": "9" } })),
      unknown: await failure(sums(1n, { path: "/pb.Add/Nothing" })),
      deadline,
      deadlineMs,
      cancel: cancel.code,
      remaining: Number(await concat("remaining?")),
      gzip: (await concat(text, text, { by: packing })).length,
      tooLarge: (await failure(concat("y".repeat(2 << 20)))).code,
      count: await drained(serverStream(5n)),
      many: (await drained(serverStream(2000n))).length,
      first,
      total,
      running: await drained(bothWays(1n, 2n, 3n)),
      streamError: await failure(drained(serverStream(3n, { "x-fail": "5" }))),
      canceled: Number(await concat("canceled?")),
    };
  } finally {
    client.close();
    packing.close();
  }
}
