import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { method, service } from "../../contract/index.ts";
import { error, policyError } from "../../errors/index.ts";
import { Add, type ConcatReply, SumReplySchema, SumRequestSchema } from "../protobuf/testdata/gen/add_pb.ts";
import { foreign, rpcsWith } from "./foreign.ts";
import { grpcClient, grpcServer } from "./index.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const pair = z.object({ a: z.int(), b: z.int() });
const number = z.object({ v: z.int() });
const add = service("add", {
  plus: method({ request: pair, response: number, errors: [twoZeroes] }),
  join: method({ request: z.string(), response: z.string() }),
  count: method({ request: pair, response: number, stream: "server" }),
});

const plus = {
  name: "sum" as const,
  readRequest: ({ a, b }: { a: bigint; b: bigint }) => ({ a: Number(a), b: Number(b) }),
  writeRequest: ({ a, b }: { a: number; b: number }) => ({ a: BigInt(a), b: BigInt(b) }),
  readResponse: ({ v }: { v: bigint }) => (v === 0n ? twoZeroes() : { v: Number(v) }),
  writeResponse: ({ v }: { v: number }) => ({ v: BigInt(v) }),
  writeError: () => ({ v: 0n }),
};

describe("a foreign service", () => {
  const theirs = foreign(add, Add, { plus });
  const rpc = rpcsWith(add, [theirs]).rpcs.get("plus")!;

  it("has their path, and only the methods that are mapped", () => {
    const { desc, rpcs } = rpcsWith(add, [theirs]);
    expect([desc.typeName, rpc.path, [...rpcs.keys()]]).toEqual(["pb.Add", "/pb.Add/Sum", ["plus"]]);
  });

  it("crosses in their messages, ints as int64", () => {
    const sent = rpc.request.write({ a: 1, b: 2 });
    expect(fromBinary(SumRequestSchema, sent)).toMatchObject({ a: 1n, b: 2n });
    expect(rpc.request.read(sent, 64)).toEqual({ a: 1, b: 2 });
    expect(rpc.response.read(rpc.response.write({ v: 3 }), 64)).toEqual({ v: 3 });
  });

  it("has its errors in their answers, both ways", () => {
    const bytes = rpc.writeError!(twoZeroes())!;
    expect(fromBinary(SumReplySchema, bytes).v).toBe(0n);
    expect(twoZeroes.is(rpc.response.read(bytes, 64))).toBe(true);
  });

  it("says what does not fit: bytes that are no message, and what the mapping throws", () => {
    const thrown = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return error;
      }
    };
    expect(thrown(() => rpc.request.read(new Uint8Array([8]), 64))).toMatchObject({ reason: "malformed_message" });
    expect(thrown(() => rpc.request.write({ a: 1.5, b: 2 }))).toMatchObject({ reason: "invalid_request" });
    expect(thrown(() => rpc.response.write(undefined))).toMatchObject({ reason: "invalid_response" });
    const refuses = foreign(add, Add, {
      plus: {
        ...plus,
        readRequest: () => {
          throw policyError("not_ready");
        },
      },
    });
    const { request } = rpcsWith(add, [refuses]).rpcs.get("plus")!;
    expect(thrown(() => request.read(toBinary(SumRequestSchema, create(SumRequestSchema)), 64))).toMatchObject({
      reason: "not_ready",
    });
  });

  it("refuses what cannot be, naming the method and the rule", () => {
    const making =
      (methods: unknown): (() => unknown) =>
      () =>
        foreign(add, Add, methods as never);
    expect(making({ nope: plus })).toThrow('foreign add has no option "nope", it has plus, join, count');
    expect(making({ plus: { ...plus, name: "Sum" } })).toThrow(
      'foreign add.plus: name should be one of "sum", "concat", "count", "total", "running", got "Sum"',
    );
    expect(making({ plus: { ...plus, name: "count" } })).toThrow(
      'foreign add.plus: the rpc "count" should be of the kind "unary", it is "server"',
    );
    expect(making({ plus: { ...plus, readRequest: undefined } })).toThrow(
      "foreign add.plus: readRequest should be a function, got undefined",
    );
    expect(making({ plus: { ...plus, readreply: 1 } })).toThrow('foreign add.plus has no option "readreply"');
    expect(making({ plus, join: plus })).toThrow(
      'foreign add.join: name should be of an rpc of its own, plus has "sum"',
    );
    expect(making(null)).toThrow("foreign add: methods should be an object, got null");
    expect(() => foreign(add, {} as never, {})).toThrow("desc should be a service that protoc-gen-es generated");
  });

  it("is one for each service: of two, one would never be asked", () => {
    const one = foreign(add, Add, { plus });
    const message = "foreign should have one mapping of each service, got two of add";
    expect(() => grpcClient({ foreign: [one, one] })).toThrow(message);
    expect(() => grpcServer({ port: 0, foreign: [one, foreign(add, Add, {})] })).toThrow(message);
  });

  it("knows the types of their messages by the rpc's name", () => {
    foreign(add, Add, {
      join: {
        name: "concat",
        readRequest: (theirs) => {
          expectTypeOf(theirs.a).toEqualTypeOf<string>();
          return theirs.a + theirs.b;
        },
        writeRequest: (ours) => {
          expectTypeOf(ours).toEqualTypeOf<string>();
          return { a: ours };
        },
        readResponse: (theirs) => {
          expectTypeOf(theirs).toEqualTypeOf<ConcatReply>();
          return theirs.v;
        },
        writeResponse: (v) => ({ v }),
      },
    });
    const wrong = { ...plus, readRequest: () => ({ a: "1", b: 2 }) };
    // @ts-expect-error what it reads is not the contract's request
    foreign(add, Add, { plus: wrong });
  });
});
