import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { compiledThrift, missingThriftPeer } from "../../../tools/servers/thrift-peer.ts";
import { method, oneWay, service } from "../../contract/index.ts";
import { error } from "../../errors/index.ts";
import { fieldNumbers, numbered } from "../index.ts";
import { thriftText } from "./index.ts";
import { RESERVED } from "./reserved.ts";

const missing = missingThriftPeer();
const gone = error("gone", { code: "not_found" });
const full = error("end", { code: "failed_precondition" });

describe("thriftText", () => {
  const tree: z.ZodType<unknown> = z.lazy(() => z.object({ name: z.string(), children: z.array(tree) }));
  const shop = service("my.shop", {
    put: method({
      request: z.object({
        id: z.int(),
        from: z.string().optional(),
        price: z.number().nullable(),
        tags: z.array(z.string()),
        stock: z.record(z.string(), z.int()),
        either: z.union([z.string(), z.object({ x: z.int() })]),
        at: z.object({ x: z.int(), y: z.int() }),
      }),
      response: z.string(),
      errors: [gone, full],
    }),
    tell: oneWay({ request: z.object({ text: z.string() }) }),
    watch: method({ request: z.object({}), response: z.object({}), stream: "server" }),
  });

  it("prints messages, exceptions and methods", () => {
    expect(thriftText(shop)).toBe(`struct PutRequestAt {
  1: i64 x
  2: i64 y
}

struct PutRequest {
  1: i64 id
  2: optional string from_
  3: optional double price
  4: list<string> tags
  5: map<string, i64> stock
  6: string either
  7: PutRequestAt at
}

struct PutResponse {
  1: string value
}

struct TellRequest {
  1: string text
}

exception Failure {
  1: optional string code
  2: optional string reason
  3: optional string message
  4: optional string details
  5: optional i64 retryAfterMs
}

service shop {
  PutResponse put(1: PutRequest request) throws (1: Failure gone, 2: Failure end_)
  oneway void tell(1: TellRequest request)
}
`);
  });

  it("is compiled by Apache's compiler, for several languages", (test) => {
    if (missing !== undefined) return test.skip(missing);
    const nested = service("trees", { grow: method({ request: tree as never, response: z.object({ n: z.int() }) }) });
    for (const [text, generator] of [
      [thriftText(shop), "py"],
      [thriftText(shop), "go"],
      [thriftText(shop), "java"],
      [thriftText(nested), "js:node"],
    ] as const) {
      using made = compiledThrift(text, generator);
      expect(readFileSync(`${made.folder}/idl.thrift`, "utf8")).toBe(text);
    }
  });

  it("prints every name that the compiler reserves so that it takes it", (test) => {
    if (missing !== undefined) return test.skip(missing);
    const fields = Object.fromEntries(
      [...RESERVED].filter((name) => !name.startsWith("__")).map((name) => [name, z.int()]),
    );
    const all = service("all", { say: method({ request: z.object(fields), response: z.object({}) }) });
    using made = compiledThrift(thriftText(all), "json");
    expect(made.folder).not.toBe("");
    const taken = service("all", { end: method({ request: z.object({}), response: z.object({}) }) });
    expect(() => thriftText(taken)).toThrow("all.end has a name that the Thrift compiler reserves");
    const list = service("shop.list", { say: method({ request: z.object({}), response: z.object({}) }) });
    expect(() => thriftText(list)).toThrow("shop.list has a name that the Thrift compiler reserves");
  });

  it("has the numbers of a lock, which are those of Thrift", () => {
    const of = (request: z.ZodType) => service("add", { sum: method({ request, response: z.object({ v: z.int() }) }) });
    const lock = fieldNumbers(of(z.object({ a: z.int(), b: z.int() })));
    expect(thriftText(numbered(of(z.object({ b: z.int(), a: z.int() })), lock))).toContain("  1: i64 a\n  2: i64 b\n");
    const far = JSON.parse(JSON.stringify(lock).replace('"number":2', '"number":40000')) as typeof lock;
    expect(() => thriftText(numbered(of(z.object({ a: z.int(), b: z.int() })), far))).toThrow(
      "SumRequest.b should have a number up to 32767, as Thrift has them, got 40000",
    );
  });
});
