import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { method, service } from "../../contract/index.ts";
import { proto, protoText, rpcsOf } from "./index.ts";
import { Add, SumReplySchema, SumRequestSchema } from "./testdata/gen/add_pb.ts";

const { desc, rpcs } = rpcsOf(proto(Add));
const { path, request, response } = rpcs.get("sum")!;
const failsWith = (reason: string): Error => expect.objectContaining({ reason }) as Error;

describe("a contract by proto() on the wire", () => {
  it("has the descriptor it was made of, and its paths, under the contract's names", () => {
    expect(desc).toBe(Add);
    expect([...rpcs].map(([name, rpc]) => `${name} ${rpc.path}`)).toEqual([
      "sum /pb.Add/Sum",
      "concat /pb.Add/Concat",
      "count /pb.Add/Count",
      "total /pb.Add/Total",
      "running /pb.Add/Running",
    ]);
    expect(path).toBe("/pb.Add/Sum");
    expect(rpcs.get("sum")?.desc).toBe(Add.method.sum);
  });

  it("writes init objects and messages, and reads messages that the shape takes", () => {
    const bytes = request.write({ a: 1n, b: 2n ** 62n });
    expect(bytes).toEqual(toBinary(SumRequestSchema, create(SumRequestSchema, { a: 1n, b: 2n ** 62n })));
    const wire = request.read(bytes, 64);
    expect(proto(Add).methods.sum.request.validate(wire)).toEqual({
      value: create(SumRequestSchema, { a: 1n, b: 2n ** 62n }),
    });
    expect(response.read(response.write({ v: 3n }), 64)).toEqual(create(SumReplySchema, { v: 3n }));
  });

  it("says whose fault it is", () => {
    expect(() => request.write(5)).toThrow(failsWith("invalid_request"));
    expect(() => response.write(undefined)).toThrow(failsWith("invalid_response"));
    expect(() => request.read(new Uint8Array([8]), 64)).toThrow(failsWith("malformed_message"));
  });

  it("has its .proto file already", () => {
    expect(() => protoText(proto(Add))).toThrow(
      "pb.Add should be a contract made in TypeScript: it comes from a .proto file",
    );
  });
});

it("takes a method by proto() into a contract of one's own, by its JSON form", () => {
  const { sum } = proto(Add).methods;
  const mixed = service("mixed", { sum, other: method({ request: z.int(), response: z.int() }) });
  const { request } = rpcsOf(mixed).rpcs.get("sum")!;
  const wire = request.read(request.write({ a: 2n ** 60n, b: 5n }), 64);
  expect(sum.request.validate(wire)).toMatchObject({ value: { a: 2n ** 60n, b: 5n } });
});
