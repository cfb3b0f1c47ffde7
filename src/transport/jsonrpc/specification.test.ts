// The examples of jsonrpc.org/specification §7 and what §4 to §6 say beside them, on real sockets; then the bytes of Go
// kit's transport/http/jsonrpc.
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { service, method } from "../../contract/index.ts";
import { jsonrpcServer, type JsonrpcServerOptions } from "./index.ts";

const numbers = z.array(z.int());
const told: unknown[] = [];

const example = service("example", {
  subtract: method({ request: z.object({ minuend: z.int(), subtrahend: z.int() }), response: z.int() }),
  update: method({ request: numbers, response: z.null() }),
  sum: method({ request: numbers, response: z.int() }),
  notify_hello: method({ request: numbers, response: z.null() }),
  notify_sum: method({ request: numbers, response: z.null() }),
  get_data: method({ request: z.object({}), response: z.array(z.union([z.string(), z.int()])) }),
  shout: method({ request: z.string(), response: z.string() }),
}).implement({
  subtract: ({ minuend, subtrahend }) => minuend - subtrahend,
  update: (params) => (told.push(params), null),
  sum: (params) => params.reduce((a, b) => a + b, 0),
  notify_hello: (params) => (told.push(params), null),
  notify_sum: (params) => (told.push(params), null),
  get_data: () => ["hello", 5],
  shout: (text) => text.toUpperCase(),
});

async function exchanged(
  body: string,
  options: Partial<JsonrpcServerOptions> = {},
): Promise<{ status: number; body: string }> {
  const server = jsonrpcServer({ port: 0, host: "127.0.0.1", names: "short", ...options });
  await using rpc = await served(example, {}, { on: [server] });
  return await rpc.ask({ path: "/any/path", body });
}

/** An answer with of its errors only the codes, which are all that the specification fixes. */
function coded(body: string): unknown {
  return JSON.parse(body, (key, value: { code: number }) => (key === "error" ? value.code : value)) as unknown;
}

const ok = (result: unknown, id: unknown) => ({ jsonrpc: "2.0", result, id });
const wrong = (error: number, id: unknown) => ({ jsonrpc: "2.0", error, id });

describe("the specification's examples", bytesOf("jsonrpc"), () => {
  it.each<[name: string, sent: string, answer: unknown]>([
    ["params by position", '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', ok(19, 1)],
    [
      "params by position, the other way round",
      '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
      ok(-19, 2),
    ],
    [
      "params by name",
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
      ok(19, 3),
    ],
    [
      "params by name in another order",
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
      ok(19, 4),
    ],
    ["a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
    ["a notification of a method that does not exist", '{"jsonrpc": "2.0", "method": "foobar"}', undefined],
    ["a method that does not exist", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', wrong(-32601, "1")],
    ["invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', wrong(-32700, null)],
    ["an invalid request object", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', wrong(-32600, null)],
    [
      "a batch of invalid JSON",
      '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
      wrong(-32700, null),
    ],
    ["an empty array", "[]", wrong(-32600, null)],
    ["an invalid batch that is not empty", "[1]", [wrong(-32600, null)]],
    ["an invalid batch", "[1,2,3]", [wrong(-32600, null), wrong(-32600, null), wrong(-32600, null)]],
    [
      "a batch of everything",
      `[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
      ]`,
      [ok(7, "1"), ok(19, "2"), wrong(-32600, null), wrong(-32601, "5"), ok(["hello", 5], "9")],
    ],
    [
      "a batch of notifications",
      '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
      undefined,
    ],
  ])("%s", async (_name, sent, answer) => {
    const { status, body } = await exchanged(sent);
    expect(status).toBe(answer === undefined ? 204 : 200);
    expect(body === "" ? undefined : coded(body)).toEqual(answer);
  });

  it("run what they notify", async () => {
    told.length = 0;
    await exchanged(
      '[{"jsonrpc":"2.0","method":"update","params":[1]},{"jsonrpc":"2.0","method":"sum","id":1},{"jsonrpc":"2.0","method":"update","params":[2]}]',
    );
    expect(told).toEqual([[1], [2]]);
  });
});

describe("a request object", () => {
  it.each<[name: string, sent: string, code: number, id: unknown]>([
    ["of version 1.0", '{"jsonrpc":"1.0","method":"sum","id":1}', -32600, 1],
    ["of version 2", '{"jsonrpc":2.0,"method":"sum","id":1}', -32600, 1],
    ["without a version", '{"method":"sum","id":1}', -32600, 1],
    ["without a method", '{"jsonrpc":"2.0","id":1}', -32600, 1],
    ["whose method is null", '{"jsonrpc":"2.0","method":null,"id":1}', -32600, 1],
    ["whose params are null", '{"jsonrpc":"2.0","method":"sum","params":null,"id":1}', -32600, 1],
    ["whose params are a number", '{"jsonrpc":"2.0","method":"sum","params":1,"id":1}', -32600, 1],
    ["whose id is an object", '{"jsonrpc":"2.0","method":"sum","id":{}}', -32600, null],
    ["whose id is an array", '{"jsonrpc":"2.0","method":"sum","id":[1]}', -32600, null],
    ["whose id is true", '{"jsonrpc":"2.0","method":"sum","id":true}', -32600, null],
    ["that is null", "null", -32600, null],
    ["that is a string", '"sum"', -32600, null],
    ["with too few params", '{"jsonrpc":"2.0","method":"subtract","params":[1],"id":1}', -32602, 1],
    ["with too many params", '{"jsonrpc":"2.0","method":"subtract","params":[1,2,3],"id":1}', -32602, 1],
    ["with params of another type", '{"jsonrpc":"2.0","method":"subtract","params":["1",2],"id":1}', -32602, 1],
    ["without the params it needs", '{"jsonrpc":"2.0","method":"subtract","id":1}', -32602, 1],
    [
      "with params by position where there are no names",
      '{"jsonrpc":"2.0","method":"get_data","params":[1],"id":1}',
      -32602,
      1,
    ],
    [
      "with params by name where there are only positions",
      '{"jsonrpc":"2.0","method":"sum","params":{"a":1},"id":1}',
      -32602,
      1,
    ],
    ["with a method of a longer name", '{"jsonrpc":"2.0","method":"example.sum","id":1}', -32601, 1],
    ["with an empty method", '{"jsonrpc":"2.0","method":"","id":1}', -32601, 1],
  ])("%s is refused", async (_name, sent, code, id) => {
    const { status, body } = await exchanged(sent);
    expect(status).toBe(200);
    expect(coded(body)).toEqual(wrong(code, id));
  });

  it("may leave its params out, have none, and say more than it must", async () => {
    for (const members of ["", ',"params":[]', ',"params":{}', ',"meta":{"a":1}']) {
      expect(coded((await exchanged(`{"jsonrpc":"2.0","method":"get_data","id":1${members}}`)).body)).toEqual(
        ok(["hello", 5], 1),
      );
    }
    expect(coded((await exchanged('{"jsonrpc":"2.0","method":"sum","id":1}')).body)).toEqual(ok(0, 1));
  });

  it("whose method takes one value has it as the only param", async () => {
    expect(coded((await exchanged('{"jsonrpc":"2.0","method":"shout","params":["hey"],"id":1}')).body)).toEqual(
      ok("HEY", 1),
    );
    for (const params of ['["a","b"]', "[]", '{"text":"a"}']) {
      expect(coded((await exchanged(`{"jsonrpc":"2.0","method":"shout","params":${params},"id":1}`)).body)).toEqual(
        wrong(-32602, 1),
      );
    }
    expect(coded((await exchanged('{"jsonrpc":"2.0","method":"shout","id":1}')).body)).toEqual(wrong(-32602, 1));
  });

  it("has a stable error, with what our own clients read in data", async () => {
    const { body } = await exchanged('{"jsonrpc":"2.0","method":"nope","id":7}');
    expect(body).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32601,"message":"there is no such method","data":{"code":"unimplemented","reason":"unknown_method"}},"id":7}\n',
    );
    expect((await exchanged('{"jsonrpc":"2.0","id":7}')).body).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32600,"message":"the request is not valid JSON-RPC 2.0","data":{"code":"invalid_argument","reason":"malformed_message"}},"id":7}\n',
    );
    expect((await exchanged("{")).body).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32700,"message":"the body is not valid JSON","data":{"code":"invalid_argument","reason":"malformed_message"}},"id":null}\n',
    );
  });
});

describe("an id", () => {
  it.each([
    "0",
    "1",
    "-1",
    "1.5",
    "0.1",
    "null",
    '"1"',
    '""',
    '"null"',
    '"\\u00e4\\n\\"\\ud83d\\ude00"',
    '"__proto__"',
  ])("%s comes back as it was", async (id) => {
    const { body } = await exchanged(`{"jsonrpc":"2.0","method":"sum","id":${id}}`);
    expect(coded(body)).toEqual(ok(0, JSON.parse(id)));
  });

  it.each(["9007199254740993", "-9223372036854775808", "18446744073709551615", "1e300", "0.10000000000000000000001"])(
    "%s comes back digit by digit, which no double could do",
    async (id) => {
      const { body } = await exchanged(`{"jsonrpc":"2.0","method":"sum","params":[],"id":${id}}`);
      expect(body).toBe(`{"jsonrpc":"2.0","result":0,"id":${id}}\n`);
      const batch = await exchanged(
        `[1,{"id" : ${id} ,"jsonrpc":"2.0","method":"nope"},{"jsonrpc":"2.0","\\u0069d":${id},"method":"sum","params":[1,2]}]`,
      );
      expect(batch.body).toContain(`"reason":"unknown_method"}},"id":${id}}`);
      expect(batch.body).toContain(`{"jsonrpc":"2.0","result":3,"id":${id}}`);
    },
  );

  it("twice in a batch is answered twice", async () => {
    const { body } = await exchanged(
      '[{"jsonrpc":"2.0","method":"sum","params":[1],"id":1},{"jsonrpc":"2.0","method":"sum","params":[2],"id":1}]',
    );
    expect(coded(body)).toEqual([ok(1, 1), ok(2, 1)]);
  });

  it("of null is no notification", async () => {
    expect(coded((await exchanged('{"jsonrpc":"2.0","method":"nope","id":null}')).body)).toEqual(wrong(-32601, null));
  });
});

describe("a batch", () => {
  const one = '{"jsonrpc":"2.0","method":"sum","params":[1],"id":1}';
  const many = (n: number): string => `[${Array.from({ length: n }, () => one).join(",")}]`;

  it("of as many as allowed is served, of one more refused as a whole", async () => {
    expect(JSON.parse((await exchanged(many(100))).body)).toHaveLength(100);
    expect((await exchanged(many(101))).body).toBe(
      '{"jsonrpc":"2.0","error":{"code":-32600,"message":"a batch should have 1 to 100 requests","data":{"code":"invalid_argument","reason":"malformed_message"}},"id":null}\n',
    );
    expect(coded((await exchanged(many(3), { maxBatch: 2 })).body)).toEqual(wrong(-32600, null));
    expect(JSON.parse((await exchanged(many(2), { maxBatch: 2 })).body)).toHaveLength(2);
  });

  it("in a batch is an invalid request", async () => {
    expect(coded((await exchanged(`[[${one}],${one}]`)).body)).toEqual([wrong(-32600, null), ok(1, 1)]);
  });
});

describe("Go kit's bytes", bytesOf("jsonrpc"), () => {
  it("has its answers in the same order, with a newline behind and the same headers", async () => {
    const server = jsonrpcServer({ port: 0, host: "127.0.0.1", names: "short" });
    await using rpc = await served(example, {}, { on: [server] });
    // As addcli sends it: chunked, with a newline.
    const sent = '{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":0}\n';
    const chunked = `${sent.length.toString(16)}\r\n${sent}\r\n0\r\n\r\n`;
    const { status, headers, body } = await rpc.ask(
      `POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json; charset=utf-8\r\nAccept-Encoding: gzip\r\n\r\n${chunked}`,
    );
    expect(status).toBe(200);
    expect(body).toBe('{"jsonrpc":"2.0","result":3,"id":0}\n');
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    const wrongBody = (await rpc.ask({ path: "/", body: '{"jsonrpc":"2.0","method":"no","id":"a"}' })).body;
    expect(wrongBody).toMatch(
      /^\{"jsonrpc":"2.0","error":\{"code":-32601,"message":"[^"]*","data":\{.*\}\},"id":"a"\}\n$/,
    );
  });

  it.each(["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])("refuses %s", async (verb) => {
    await using rpc = await served(example, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] });
    const { status, headers, body } = await rpc.ask({ verb, path: "/" });
    expect(status).toBe(405);
    expect(body).toBe("405 must POST\n");
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(headers["allow"]).toBe("POST");
  });

  it("refuses HEAD without a body", async () => {
    await using rpc = await served(example, {}, { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })] });
    expect(await rpc.ask({ verb: "HEAD", path: "/" })).toMatchObject({ status: 405, body: "" });
  });
});
