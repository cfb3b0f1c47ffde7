// Answers that no good server gives: what a client makes of them.
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "vitest";
import { passing, until } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add, SumReplySchema } from "../protobuf/testdata/gen/add_pb.ts";
import { frame } from "./frame.ts";
import { grpcClient, type GrpcClientOptions } from "./index.ts";

const contract = proto(Add);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

async function connected(answer: Answer, options: GrpcClientOptions = {}) {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    answer(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const given = { from: `127.0.0.1:${port}`, breaker: false, retry: false, timeoutMs: 60_000 } as const;
  const remote = client(contract, grpcClient({ connectTimeoutMs: 60_000, ...options }), given);
  closing.push(() => remote[Symbol.asyncDispose]());
  return remote;
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  );

const reply = (v: bigint): Buffer => frame(toBinary(SumReplySchema, create(SumReplySchema, { v })));
const GRPC = { ":status": 200, "content-type": "application/grpc" };

/** Answers with these pieces and trailers. */
function answering(pieces: readonly Buffer[], trailers: Record<string, string> | undefined, head = GRPC): Answer {
  return (stream) => {
    stream.respond(head, { waitForTrailers: trailers !== undefined });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers!));
    for (const piece of pieces) stream.write(piece);
    stream.end();
  };
}

const OK = { "grpc-status": "0" };

async function all(answers: AsyncIterable<{ v: bigint }>): Promise<unknown[]> {
  const got: unknown[] = [];
  try {
    for await (const { v } of answers) got.push(v);
  } catch (error) {
    got.push(error);
  }
  return got;
}

describe("an answer in pieces", () => {
  it("is put together again, wherever it was cut", async () => {
    const whole = reply(2n ** 40n);
    for (let cut = 1; cut < whole.length; cut++) {
      const remote = await connected((stream) => {
        stream.respond(GRPC, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers(OK));
        stream.write(whole.subarray(0, cut), () => stream.end(whole.subarray(cut)));
      });
      expect((await remote.sum({})).v).toBe(2n ** 40n);
    }
  });

  it("may have many messages in one piece, or one in many", async () => {
    const whole = Buffer.concat([1n, 2n, 3n].map(reply));
    const remote = await connected(answering([whole.subarray(0, 9), whole.subarray(9)], OK));
    expect(await all(remote.count({}))).toEqual([1n, 2n, 3n]);
  });
});

describe("an answer that is no gRPC", () => {
  it.each([
    ["another content type", { ":status": 200, "content-type": "text/html" }, "invalid_response"],
    ["no content type", { ":status": 200 }, "invalid_response"],
    ["gRPC-Web", { ":status": 200, "content-type": "application/grpc-web+proto" }, "invalid_response"],
    ["messages in JSON", { ":status": 200, "content-type": "application/grpc+json" }, "invalid_response"],
    ["a redirect", { ":status": 302, location: "http://127.0.0.1:1" }, "invalid_response"],
  ])("is refused: %s", async (_what, head, reason) => {
    const remote = await connected(answering([Buffer.from("<html>")], undefined, head as never));
    expect(await rejection(remote.sum({}))).toMatchObject({ reason, origin: "policy" });
    expect(await all(remote.count({}))).toMatchObject([{ reason }]);
  });

  it.each([
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [404, "unimplemented"],
    [429, "unavailable"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "unavailable"],
    [400, "internal"],
    [500, "unknown"],
  ])("has a code by its HTTP status %i: %s", async (status, code) => {
    const remote = await connected(answering([Buffer.from("no")], undefined, { ":status": status } as never));
    expect(await rejection(remote.sum({}))).toMatchObject({
      code,
      origin: "peer",
      message: `the peer answered HTTP ${status} instead of gRPC`,
    });
    const empty = await connected((stream) => stream.respond({ ":status": status }, { endStream: true }));
    expect(await rejection(empty.sum({}))).toMatchObject({ code, origin: "peer" });
  });

  it("is gRPC all the same when it has a status of gRPC", async () => {
    const head = { ":status": 503, "grpc-status": "8", "grpc-message": "come%20back" };
    for (const pieces of [[], [Buffer.from("ignored")]]) {
      const remote = await connected(answering(pieces, undefined, head as never));
      expect(await rejection(remote.sum({}))).toMatchObject({ code: "resource_exhausted", message: "come back" });
      expect(await all(remote.count({}))).toMatchObject([{ code: "resource_exhausted" }]);
    }
  });
});

describe("an answer without what it should have", () => {
  it("has a status in its head and nothing more, for errors", async () => {
    const remote = await connected((stream) =>
      stream.respond({ ...GRPC, "grpc-status": "5", "grpc-message": "gone" }, { endStream: true }),
    );
    expect(await rejection(remote.sum({}))).toMatchObject({ code: "not_found", message: "gone" });
    expect(await all(remote.count({}))).toMatchObject([{ code: "not_found" }]);
  });

  it("may be a stream without messages", async () => {
    const remote = await connected((stream) => stream.respond({ ...GRPC, "grpc-status": "0" }, { endStream: true }));
    expect(await all(remote.count({}))).toEqual([]);
    expect(await rejection(remote.sum({}))).toMatchObject({ reason: "invalid_response" });
  });

  it("has no trailers: it is no answer, though the message is there", async () => {
    const remote = await connected(answering([reply(1n)], undefined));
    const error = { reason: "invalid_response", message: "the answer ended without a grpc-status" };
    expect(await rejection(remote.sum({}))).toMatchObject(error);
    expect(await all(remote.count({}))).toMatchObject([1n, error]);
  });

  it("has trailers without a status", async () => {
    const remote = await connected(answering([reply(1n)], { "x-other": "1" }));
    expect(await rejection(remote.sum({}))).toMatchObject({ reason: "invalid_response" });
    expect((await all(remote.count({}))).at(-1)).toMatchObject({ reason: "invalid_response" });
  });

  it("has no message, two messages, or half of one", async () => {
    const pieces = { none: [], two: [reply(1n), reply(2n)], both: [Buffer.concat([reply(1n), reply(2n)])] };
    for (const given of Object.values(pieces)) {
      const remote = await connected(answering(given, OK));
      expect(await rejection(remote.sum({}))).toMatchObject({ reason: "invalid_response", origin: "policy" });
    }
    const half = await connected(answering([reply(1n), reply(2n).subarray(0, 6)], OK));
    expect(await rejection(half.sum({}))).toMatchObject({ reason: "invalid_response" });
    expect(await all(half.count({}))).toMatchObject([1n, { reason: "invalid_response" }]);
  });

  it("has an error and a message: the error it is", async () => {
    const remote = await connected(answering([reply(1n)], { "grpc-status": "9" }));
    expect(await rejection(remote.sum({}))).toMatchObject({ code: "failed_precondition", origin: "peer" });
  });

  it("has bytes that are no message, or a flag or coding nobody knows", async () => {
    const noMessage = frame(Buffer.from([8]));
    const flag = Buffer.from([2, 0, 0, 0, 0]);
    const packed = frame(Buffer.from("no gzip"), true);
    for (const bytes of [noMessage, flag, packed]) {
      for (const head of [GRPC, { ...GRPC, "grpc-encoding": "gzip" }, { ...GRPC, "grpc-encoding": "snappy" }]) {
        const remote = await connected(answering([bytes], OK, head));
        expect(await rejection(remote.sum({}))).toMatchObject({ reason: "invalid_response", origin: "policy" });
        expect(await all(remote.count({}))).toMatchObject([{ reason: "invalid_response" }]);
      }
    }
  });

  it("claims two gigabytes: refused at the prefix", async () => {
    const remote = await connected((stream) => {
      stream.respond(GRPC);
      stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]));
    });
    expect(await rejection(remote.sum({}))).toMatchObject({ reason: "too_large" });
    expect(await all(remote.count({}))).toMatchObject([{ reason: "too_large" }]);
  });

  it.each([
    [0x2, "internal", "INTERNAL_ERROR"],
    [0x8, "canceled", "CANCEL"],
    [0xb, "resource_exhausted", "ENHANCE_YOUR_CALM"],
    [0xc, "permission_denied", "INADEQUATE_SECURITY"],
    [0x1, "internal", "PROTOCOL_ERROR"],
  ])("was reset with %i: %s", async (rstCode, code, name) => {
    const before = await connected((stream) => stream.close(rstCode));
    const error = { code, origin: "peer", message: `the peer reset the call (${name})` };
    expect(await rejection(before.sum({}))).toMatchObject(error);
  });

  it("was reset in the middle", async () => {
    const remote = await connected((stream) => {
      stream.respond(GRPC);
      stream.write(reply(1n), () => void passing(1).then(() => stream.destroy(new Error("gone"))));
    });
    const error = { code: "internal", origin: "peer", message: "the peer reset the call (INTERNAL_ERROR)" };
    expect(await all(remote.count({}))).toMatchObject([1n, error]);
    expect(await rejection(remote.sum({}))).toMatchObject(error);
  });

  it("has more in its head or trailers than is read", async () => {
    const large = await connected((stream) => {
      stream.respond({ ...GRPC, "x-large": "x".repeat(20_000) }, { endStream: true });
    });
    expect(await rejection(large.sum({}))).toMatchObject({ reason: "too_many_headers" });
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, "1"]));
    const trailing = await connected(answering([reply(1n)], { ...OK, ...many }));
    expect(await rejection(trailing.sum({}))).toMatchObject({ reason: "too_many_headers" });
    const larger = await connected((stream) => {
      stream.respond({ ...GRPC, "x-large": "x".repeat(60_000), "x-larger": "x".repeat(60_000) }, { endStream: true });
    });
    expect(await rejection(larger.sum({}))).toMatchObject({ code: expect.stringMatching("internal|resource|unavail") });
  });
});

describe("what hooks of a client throw", () => {
  it("fails the call, and the server hears no more of it", async () => {
    let calls = 0;
    let isClosed = false;
    const answer: Answer = (stream) => {
      calls++;
      stream.on("close", () => (isClosed = true));
      answering([reply(1n)], OK)(stream, {});
    };
    const thrower = (): never => {
      throw new TypeError("mine");
    };
    const before = await connected(answer, { before: [thrower] });
    expect(await rejection(before.sum({}))).toMatchObject({ code: "internal", cause: { message: "mine" } });
    expect(calls).toBe(0);
    const after = await connected(answer, { after: [thrower] });
    expect(await rejection(after.sum({}))).toMatchObject({ code: "internal", cause: { message: "mine" } });
    expect(await all(after.count({}))).toMatchObject([{ cause: { message: "mine" } }]);
    await until(() => isClosed);
  });
});
