import { request } from "node:http";
import { client } from "servicekit/client";
import { httpClient } from "servicekit/transport/http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { add } from "./service.ts";
import { asGo, raw, testServer, type RawAnswer, type TestServer } from "./test-server.ts";
import { paths } from "./transport.ts";

const OK = "HTTP/1.1 200 OK";
const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server[Symbol.asyncDispose]());

// A call per virtual minute: limits are the matter of endpoints.test.ts.
async function http(path: string, body: string): Promise<RawAnswer> {
  await server.clock.advance(60_000);
  return raw(server.http, asGo(path, body));
}

async function rpc(body: string, host: string = server.jsonrpc): Promise<RawAnswer> {
  await server.clock.advance(60_000);
  return raw(host, asGo("/", `${body}\n`, JSON_TYPE));
}

describe("over HTTP, to the byte", () => {
  it.each([
    ["as addcli writes it", "/sum", '{"A":1,"B":2}\n', '{"v":3}\n'],
    ["keys in lower case", "/sum", '{"a":1,"b":2}', '{"v":3}\n'],
    ["the last of two keys that differ in case", "/sum", '{"a":9,"A":1,"b":2}', '{"v":3}\n'],
    ["fields it does not know", "/sum", '{"A":1,"B":2,"C":[{"x":null}]}', '{"v":3}\n'],
    ["null and nothing for 0", "/sum", '{"A":null,"b":7}', '{"v":7}\n'],
    ["more than 32 bits where nothing is added", "/sum", '{"A":5000000000,"B":0}', '{"v":5000000000}\n'],
    ["texts", "/concat", '{"A":"foo","B":"bar"}\n', '{"v":"foobar"}\n'],
    ["nothing for an empty text", "/concat", "{}", '{"v":""}\n'],
    ["HTML, which Go escapes", "/concat", '{"a":"<b>","b":"&\u2028"}', '{"v":"\\u003cb\\u003e\\u0026\\u2028"}\n'],
    ["texts beyond ASCII as they are", "/concat", '{"a":"é","b":"😀"}', '{"v":"é😀"}\n'],
  ])("takes %s", async (_what, path, body, answer) => {
    expect(await http(path, body)).toEqual({ status: OK, contentType: JSON_TYPE, body: answer });
  });

  it.each([
    ["two zeroes", "/sum", '{"A":0,"B":0}', "can't sum two zeroes"],
    ["null, which is two zeroes", "/sum", "null", "can't sum two zeroes"],
    ["an overflow", "/sum", '{"A":2147483647,"B":1}', "integer overflow"],
    ["eleven bytes", "/concat", '{"A":"12345","B":"678901"}', "result exceeds maximum size"],
  ])("answers 400 to %s", async (_what, path, body, message) => {
    const answer = { status: "HTTP/1.1 400 Bad Request", contentType: TEXT_TYPE, body: `{"error":"${message}"}\n` };
    expect(await http(path, body)).toEqual(answer);
  });

  it.each([
    ["no body", "", "EOF"],
    ["a number that is no integer", '{"A":1.5}', "the request does not fit the method"],
    ["a text for a number", '{"A":"1"}', "the request does not fit the method"],
    ["a list", "[1,2]", "the request does not fit the method"],
  ])("answers 500 to %s", async (_what, body, message) => {
    const answer = { contentType: TEXT_TYPE, body: `{"error":"${message}"}\n` };
    expect(await http("/sum", body)).toEqual({ status: "HTTP/1.1 500 Internal Server Error", ...answer });
  });

  it("answers 500 to what is not JSON, and tells nothing but what is wrong with it", async () => {
    const answer = await http("/sum", '{"A":');
    expect(answer).toMatchObject({ status: "HTTP/1.1 500 Internal Server Error", contentType: TEXT_TYPE });
    expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(["error"]);
  });

  it("answers 404 as Go's mux does", async () => {
    const answer = { status: "HTTP/1.1 404 Not Found", contentType: TEXT_TYPE, body: "404 page not found\n" };
    expect(await http("/add/sum", "{}")).toEqual(answer);
  });

  it.each(["GET", "PUT", "DELETE"])("serves %s with a body, and whatever content type", async (method) => {
    await server.clock.advance(60_000);
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { "content-type": "text/xml", accept: "image/png", "content-length": 17, connection: "close" };
      const sent = request(`http://${server.http}/concat`, { method, headers }, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      });
      sent.on("error", reject).end('{"a":"1","b":"2"}');
    });
    expect(answer).toBe('{"v":"12"}\n');
  });

  it("serves a plain client of the contract", async () => {
    await server.clock.advance(60_000);
    await using remote = client(add, httpClient({ routes: [paths] }), { from: `http://${server.http}` });
    expect(await remote.sum({ a: 1, b: 2 })).toEqual({ v: 3 });
  });
});

describe("over JSON-RPC, to the byte", () => {
  const rpcOf = (method: string, params: string): string =>
    `{"jsonrpc":"2.0","method":"${method}","params":${params},"id":0}`;

  it.each([
    ["sum", '{"A":1,"B":2}', '"result":{"v":3}'],
    ["sum", '{"a":5000000000}', '"result":{"v":5000000000}'],
    ["concat", '{"A":"foo","B":"<"}', '"result":{"v":"foo\\u003c"}'],
    [
      "sum",
      '{"A":"x"}',
      errorOf(-32000, "couldn't unmarshal body to sum request: the request does not fit the method"),
    ],
    [
      "concat",
      '{"A":1}',
      errorOf(-32000, "couldn't unmarshal body to concat request: the request does not fit the method"),
    ],
  ])("answers %s with %s", async (method, params, answer) => {
    const body = `{"jsonrpc":"2.0",${answer},"id":0}\n`;
    expect(await rpc(rpcOf(method, params))).toEqual({ status: OK, contentType: JSON_TYPE, body });
  });

  it("answers the second of two sums in a second with the limit's message", async () => {
    await rpc(rpcOf("sum", '{"A":1,"B":2}'));
    const refused = await raw(server.jsonrpc, asGo("/", rpcOf("sum", '{"A":1,"B":2}'), JSON_TYPE));
    expect(refused.body).toBe(`{"jsonrpc":"2.0",${errorOf(-32603, "rate limit exceeded")},"id":0}\n`);
  });

  it("answers business errors as errors, with what a typed client needs", async () => {
    const { body } = await rpc(rpcOf("sum", '{"A":0,"B":0}'));
    const data = { code: "invalid_argument", reason: "two_zeroes" };
    expect(JSON.parse(body)).toEqual({
      jsonrpc: "2.0",
      error: { code: -32003, message: "can't sum two zeroes", data },
      id: 0,
    });
  });

  it.each([
    ["sum", '{"A":0,"B":0}', '{"v":0}'],
    ["sum", '{"A":2147483647,"B":1}', '{"v":0}'],
    ["concat", '{"A":"12345","B":"678901"}', '{"v":""}'],
  ])("drops business errors when strict, as Go kit does: %s %s", async (method, params, result) => {
    await using strict = await testServer({ strict: true });
    const { body } = await rpc(rpcOf(method, params), strict.jsonrpc);
    expect(body).toBe(`{"jsonrpc":"2.0","result":${result},"id":0}\n`);
  });

  it("answers other errors when strict too", async () => {
    await using strict = await testServer({ strict: true });
    await rpc(rpcOf("sum", '{"A":1,"B":2}'), strict.jsonrpc);
    const { body } = await raw(strict.jsonrpc, asGo("/", rpcOf("sum", '{"A":1,"B":2}'), JSON_TYPE));
    expect(body).toContain(errorOf(-32603, "rate limit exceeded"));
  });

  it("leaves the specification's own errors as they are", async () => {
    expect((await rpc(rpcOf("product", "{}"))).body).toContain('"code":-32601');
    expect((await rpc("{")).body).toContain('"code":-32700');
  });
});

function errorOf(code: number, message: string): string {
  return `"error":{"code":${code},"message":"${message}"}`;
}
