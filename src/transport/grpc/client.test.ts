import { Metadata, Server, ServerCredentials, status, type UntypedHandleCall } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { passing, still, until } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { error, ServiceError } from "../../errors/index.ts";
import { systemClock } from "../../time/index.ts";
import { proto } from "../protobuf/index.ts";
import {
  Add,
  ConcatReplySchema,
  ConcatRequestSchema,
  SumReplySchema,
  SumRequestSchema,
} from "../protobuf/testdata/gen/add_pb.ts";
import { trailersOf } from "./details.ts";
import { grpcClient, type GrpcClientOptions } from "./index.ts";

const full = error("full", { code: "failed_precondition" });
const contract = proto(Add, { methods: { concat: { errors: [full] } } });

const types = {
  Sum: [SumRequestSchema, SumReplySchema, false, false],
  Concat: [ConcatRequestSchema, ConcatReplySchema, false, false],
  Count: [SumRequestSchema, SumReplySchema, false, true],
  Total: [SumRequestSchema, SumReplySchema, true, false],
  Running: [SumRequestSchema, SumReplySchema, true, true],
} as const;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Handlers = Partial<Record<keyof typeof types, UntypedHandleCall>>;

/** A server of grpc-js with these handlers; resolves with its port. */
async function peer(handlers: Handlers, options: Record<string, number> = {}): Promise<number> {
  const server = new Server(options);
  const methods = Object.entries(types).map(([name, [input, output, requestStream, responseStream]]) => [
    name,
    {
      path: `/pb.Add/${name}`,
      requestStream,
      responseStream,
      requestSerialize: (message: never) => Buffer.from(toBinary(input as never, message)),
      requestDeserialize: (bytes: Buffer) => fromBinary(input as never, bytes) as unknown,
      responseSerialize: (message: never) => Buffer.from(toBinary(output as never, create(output as never, message))),
      responseDeserialize: (bytes: Buffer) => fromBinary(output as never, bytes) as unknown,
    },
  ]);
  server.addService(Object.fromEntries(methods) as never, handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failed, bound) =>
      failed === null ? resolve(bound) : reject(failed),
    ),
  );
  closing.push(() => server.forceShutdown());
  return port;
}

async function connected(handlers: Handlers, options: GrpcClientOptions = {}, server: Record<string, number> = {}) {
  const port = await peer(handlers, server);
  const given = { from: `127.0.0.1:${port}`, breaker: false, retry: false, timeoutMs: 60_000 } as const;
  const remote = client(contract, grpcClient({ connectTimeoutMs: 60_000, ...options }), given);
  closing.push(() => remote[Symbol.asyncDispose]());
  return remote;
}

const sum = ((call: never, reply: (e: unknown, v?: unknown) => void) => {
  const { a, b } = (call as { request: { a: bigint; b: bigint } }).request;
  reply(null, { v: a + b });
}) as never;

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  );

describe("a call of a grpc-js server", () => {
  it("is answered, all 64 bits of it", async () => {
    const remote = await connected({ Sum: sum });
    expect((await remote.sum({ a: 2n ** 62n, b: 1n })).v).toBe(2n ** 62n + 1n);
  });

  it("may stream answers, requests, and both", async () => {
    const remote = await connected({
      Count: ((call: never) => {
        const { request, write, end } = call as unknown as {
          request: { a: bigint };
          write(v: object): void;
          end(): void;
        };
        for (let v = 1n; v <= request.a; v++) write.call(call, { v });
        end.call(call);
      }) as never,
      Total: ((call: never, reply: (e: unknown, v?: unknown) => void) => {
        let v = 0n;
        const stream = call as unknown as NodeJS.ReadableStream;
        stream.on("data", ({ a }: { a: bigint }) => (v += a));
        stream.on("end", () => reply(null, { v }));
      }) as never,
      Running: ((call: never) => {
        let v = 0n;
        const stream = call as unknown as NodeJS.ReadableStream & { write(v: object): void; end(): void };
        stream.on("data", ({ a }: { a: bigint }) => stream.write({ v: (v += a) }));
        stream.on("end", () => stream.end());
      }) as never,
    });
    async function* numbers() {
      for (const a of [1n, 2n, 3n]) yield { a };
    }
    const counted: bigint[] = [];
    for await (const { v } of remote.count({ a: 500n })) counted.push(v);
    expect([counted.length, counted.at(-1)]).toEqual([500, 500n]);
    expect((await remote.total(numbers())).v).toBe(6n);
    const running: bigint[] = [];
    for await (const { v } of remote.running(numbers())) running.push(v);
    expect(running).toEqual([1n, 3n, 6n]);
  });

  it("speaks in turns over a stream both ways", async () => {
    const remote = await connected({
      Running: ((call: never) => {
        const stream = call as unknown as NodeJS.ReadableStream & { write(v: object): void; end(): void };
        stream.on("data", ({ a }: { a: bigint }) => stream.write({ v: a * 2n }));
        stream.on("end", () => stream.end());
      }) as never,
    });
    let next: (a: bigint | undefined) => void = () => undefined;
    async function* asked() {
      for (;;) {
        const a = await new Promise<bigint | undefined>((resolve) => (next = resolve));
        if (a === undefined) return;
        yield { a };
      }
    }
    const answers = remote.running(asked())[Symbol.asyncIterator]();
    for (const a of [1n, 5n]) {
      const answer = answers.next();
      await until(() => next.name === "");
      next(a);
      expect((await answer).value).toMatchObject({ v: a * 2n });
    }
    const last = answers.next();
    next(undefined);
    expect((await last).done).toBe(true);
  });

  it("fails with what the server said, declared or not", async () => {
    const metadata = new Metadata();
    const trailers = trailersOf(full(), () => undefined);
    metadata.set("grpc-status-details-bin", Buffer.from(trailers["grpc-status-details-bin"]!, "base64"));
    const remote = await connected({
      Concat: (({ request }: never, reply: (e: unknown) => void) =>
        (request as { a: string }).a === "full"
          ? reply({ code: status.FAILED_PRECONDITION, details: "no room ✓", metadata })
          : reply({ code: status.NOT_FOUND, details: "no such thing: 100%" })) as never,
    });
    const outcome = await remote.concat.try({ a: "full", b: "" });
    expect(!outcome.ok && full.is(outcome.error) && outcome.error.message).toBe("no room ✓");
    const other = await rejection(remote.concat({ a: "", b: "" }));
    expect(other).toMatchObject({ code: "not_found", message: "no such thing: 100%", origin: "peer" });
    expect(await rejection(remote.sum({}))).toMatchObject({ code: "unimplemented", origin: "peer" });
  });

  it("carries metadata both ways, several values and bytes", async () => {
    let got: Metadata | undefined;
    const remote = await connected(
      {
        Sum: ((call: never, reply: (e: unknown, v: unknown, trailers: Metadata) => void) => {
          const { metadata, sendMetadata } = call as unknown as {
            metadata: Metadata;
            sendMetadata(m: Metadata): void;
          };
          got = metadata;
          const initial = new Metadata();
          initial.set("x-early", "e");
          initial.set("x-bytes-bin", Buffer.from([1]));
          sendMetadata.call(call, initial);
          const late = new Metadata();
          late.set("x-late", "l");
          reply(null, { v: 0n }, late);
        }) as never,
      },
      {
        metadata: { Authorization: "Bearer t" },
        before: [(_context, request) => request.set("x-hook", request.metadata("authorization")!)],
      },
    );
    const seen: (string | undefined)[] = [];
    const observed = client(
      contract,
      grpcClient({
        after: [
          (_context, { status, headers, trailers }) =>
            seen.push(String(status), headers.get("x-early"), headers.get("x-bytes-bin"), trailers.get("X-Late")),
        ],
      }),
      { from: `127.0.0.1:${await peer({ Sum: sum })}`, timeoutMs: 60_000 },
    );
    closing.push(() => observed[Symbol.asyncDispose]());
    await remote.sum({}, { metadata: { "X-Tenant": "blue", "trace-bin": "AQID" } });
    expect(got!.get("x-tenant")).toEqual(["blue"]);
    expect(got!.get("trace-bin")).toEqual([Buffer.from([1, 2, 3])]);
    expect([got!.get("authorization"), got!.get("x-hook")]).toEqual([["Bearer t"], ["Bearer t"]]);
    expect(got!.get("x-request-id")[0]).toMatch(/^\S{8,}$/);
    await observed.sum({});
    expect(seen).toEqual(["0", undefined, undefined, undefined]);
  });

  it("shows hooks the answer's headers and trailers, and finalizers the outcome", async () => {
    const said: unknown[] = [];
    const remote = await connected(
      {
        Concat: ((call: never, reply: (e: unknown) => void) => {
          const initial = new Metadata();
          initial.set("x-early", "e");
          (call as unknown as { sendMetadata(m: Metadata): void }).sendMetadata(initial);
          const late = new Metadata();
          late.set("x-late-bin", Buffer.from([255]));
          reply({ code: status.ABORTED, details: "no", metadata: late });
        }) as never,
      },
      {
        after: [
          (_context, { status, headers, trailers }) =>
            void said.push(status, headers.get("x-early"), trailers.get("x-late-bin")),
        ],
        finalizer: [({ status, error }) => void said.push(status, error?.code)],
      },
    );
    await rejection(remote.concat({}));
    expect(said).toEqual([10, "e", "/w==", 10, "aborted"]);
  });

  it("refuses metadata that is gRPC's own, or no base64, before anything is sent", async () => {
    const remote = await connected({ Sum: sum });
    for (const metadata of [{ "grpc-timeout": "1S" }, { te: "x" }, { "x-bin": "!" }, { "request-timeout-ms": "1" }])
      expect(await rejection(remote.sum({}, { metadata }))).toMatchObject({ reason: "invalid_request" });
    expect((await remote.sum({ a: 1n })).v).toBe(1n);
  });

  it("tells the server how long it waits, and stops it when it does not wait any more", async () => {
    let left = 0;
    let isCancelled = false;
    const remote = await connected({
      Sum: ((call: never) => {
        const { getDeadline, on } = call as unknown as {
          getDeadline(): Date | number;
          on(name: string, run: () => void): void;
        };
        left = Number(getDeadline.call(call)) - systemClock.date();
        on.call(call, "cancelled", () => (isCancelled = true));
      }) as never,
    });
    const controller = new AbortController();
    const called = rejection(remote.sum({}, { timeoutMs: 50_000, signal: controller.signal }));
    await until(() => left > 0);
    expect(left).toBeLessThanOrEqual(50_001);
    expect(left).toBeGreaterThan(20_000);
    controller.abort();
    expect(await called).toMatchObject({ reason: "canceled", origin: "policy" });
    await until(() => isCancelled);
    expect(await rejection(remote.sum({}, { timeoutMs: 30 }))).toMatchObject({ reason: "deadline_exceeded" });
  });

  it("may be compressed both ways", async () => {
    const remote = await connected(
      {
        Concat: (({ request }: never, reply: (e: unknown, v: unknown) => void) => {
          const { a, b } = request as { a: string; b: string };
          reply(null, { v: a + b });
        }) as never,
      },
      { compress: { minBytes: 10 } },
      { "grpc.default_compression_algorithm": 2 },
    );
    for (const length of [1, 1000, 300_000])
      expect((await remote.concat({ a: "a".repeat(length), b: "b" })).v.length).toBe(length + 1);
  });

  it("is bounded: an answer that is too large, packed or not, is not taken", async () => {
    const handlers: Handlers = {
      Concat: ((_call: never, reply: (e: unknown, v: unknown) => void) =>
        reply(null, { v: "a".repeat(100_000) })) as never,
    };
    for (const server of [{}, { "grpc.default_compression_algorithm": 2 }] as Record<string, number>[]) {
      const remote = await connected(handlers, { limits: { maxBodyBytes: 50_000 } }, server);
      expect(await rejection(remote.concat({}))).toMatchObject({ reason: "too_large", origin: "policy" });
    }
  });

  it("may be answered before all of the request was sent, which then ends", async () => {
    let isEnded = false;
    const remote = await connected({
      Total: ((_call: never, reply: (e: unknown, v: unknown) => void) => reply(null, { v: 7n })) as never,
    });
    async function* forever() {
      try {
        yield { a: 1n };
        await new Promise(() => undefined);
      } finally {
        isEnded = true;
      }
    }
    const source = forever();
    expect((await remote.total(source)).v).toBe(7n);
    expect(isEnded).toBe(false);
    async function* endless() {
      try {
        for (;;) {
          yield { a: 1n };
          await passing(0);
        }
      } finally {
        isEnded = true;
      }
    }
    expect((await remote.total(endless())).v).toBe(7n);
    await until(() => isEnded);
  });

  it("gives the messages before an error, then the error", async () => {
    const remote = await connected({
      Count: ((call: never) => {
        const stream = call as unknown as { write(v: object): void; emit(name: string, e: unknown): void };
        for (const v of [1n, 2n, 3n]) stream.write({ v });
        stream.emit("error", { code: status.DATA_LOSS, details: "the rest is gone" });
      }) as never,
    });
    const got: bigint[] = [];
    const thrown = await rejection(
      (async () => {
        for await (const { v } of remote.count({ a: 3n })) got.push(v);
      })(),
    );
    expect(got).toEqual([1n, 2n, 3n]);
    expect(thrown).toMatchObject({ code: "data_loss", message: "the rest is gone" });
  });

  it("stops the server when the caller has seen enough", async () => {
    let isCancelled = false;
    const remote = await connected({
      Count: ((call: never) => {
        const stream = call as unknown as { write(v: object): void; on(name: string, run: () => void): void };
        stream.on("cancelled", () => (isCancelled = true));
        for (let v = 0n; v < 10n; v++) stream.write({ v });
      }) as never,
    });
    for await (const { v } of remote.count({ a: 1n })) if (v === 3n) break;
    await until(() => isCancelled);
  });

  it("holds a server back that sends faster than the caller asks", async () => {
    let sent = 0;
    let isHeld = false;
    const remote = await connected({
      Count: ((call: never) => {
        const stream = call as unknown as { write(v: object): boolean; once(name: string, run: () => void): void };
        const more = (): void => {
          for (;;) {
            sent++;
            if (!stream.write({ v: BigInt(sent) })) break;
            if (sent > 5_000_000) return;
          }
          isHeld = true;
          stream.once("drain", () => {
            isHeld = false;
            more();
          });
        };
        more();
      }) as never,
    });
    const answers = remote.count({ a: 1n })[Symbol.asyncIterator]();
    await answers.next();
    await until(() => isHeld);
    // Until nothing moves any more: then all of it stands between the two.
    await still(() => sent);
    expect(sent).toBeLessThan(200_000);
    const last = sent;
    for (let i = 0; i < last; i++) expect((await answers.next()).value!.v).toBe(BigInt(i + 2));
    await until(() => sent > last);
    await answers.return!();
  });

  it("asks its own source only as fast as the server reads", async () => {
    let given = 0;
    let resume: () => void = () => undefined;
    const remote = await connected({
      Total: ((call: never, reply: (e: unknown, v: unknown) => void) => {
        const stream = call as unknown as NodeJS.ReadableStream;
        let v = 0n;
        resume = () => {
          stream.on("data", () => v++);
          stream.on("end", () => reply(null, { v }));
        };
      }) as never,
    });
    async function* many() {
      while (given < 200_000) {
        given++;
        yield { a: 2n ** 60n, b: 2n ** 60n };
      }
    }
    const total = remote.total(many());
    await until(() => given > 0);
    await still(() => given);
    expect(given).toBeLessThan(60_000);
    resume();
    expect((await total).v).toBe(200_000n);
  });
});

describe("grpcClient", () => {
  it("refuses options that are wrong, naming them", () => {
    const making = (options: unknown) => () => grpcClient(options as GrpcClientOptions);
    expect(making({ timeout: 1 })).toThrow('grpcClient has no option "timeout"');
    expect(making({ connectTimeoutMs: 0 })).toThrow("connectTimeoutMs should be a number from 1 to 60000, got 0");
    expect(making({ maxConnections: 0 })).toThrow("maxConnections should be an integer from 1 to 100, got 0");
    expect(making({ keepalive: true })).toThrow("keepalive should be options or false, got true");
    expect(making({ keepalive: { afterMs: 1 } })).toThrow("keepalive: afterMs should be a number from 100");
    expect(making({ foreign: [{}] })).toThrow("foreign should be a list of what foreign() returns");
    expect(making({ metadata: { "grpc-x": "1" } })).toThrow('that are not gRPC\'s own, got "grpc-x"');
    expect(making({ metadata: { a: "s3cret\n" } })).toThrow("metadata a should be printable ASCII, got another");
    expect(making({ before: [1] })).toThrow("before should be a function");
    expect(making({ lookup: 1 })).toThrow("lookup should be a function, got 1");
    const plain = { from: "http://127.0.0.1:1" };
    expect(() => client(contract, grpcClient({ tls: {} }), plain)).toThrow(
      'from should be https or host:port where tls is given, got "http://127.0.0.1:1"',
    );
    expect(making({ tls: { cert: "x", key: "s3cret" } })).toThrow(
      /^tls should have certificates and keys that fit, got others$/,
    );
  });

  it("takes host:port and URLs, IPv6 too, and refuses what is none", () => {
    const opening = (from: string) => () => client(contract, grpcClient(), { from });
    for (const from of ["localhost:8082", "[::1]:8082", "http://a:1", "https://a", "https://[::1]:1"])
      expect(opening(from)).not.toThrow();
    for (const from of ["localhost", "http://a/base", "ftp://a:1", "a:b", "http://u:p@a:1", "a:99999"])
      expect(opening(from)).toThrow(RangeError);
  });

  it("is named, and its errors are ServiceErrors", async () => {
    expect(grpcClient().name).toBe("grpc");
    const remote = client(contract, grpcClient({ connectTimeoutMs: 60_000 }), {
      from: "127.0.0.1:1",
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const thrown = await rejection(remote.sum({}));
    expect(ServiceError.is(thrown) && thrown.reason).toBe("unreachable");
  });
});
