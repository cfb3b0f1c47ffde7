import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addcli } from "./test-cli.ts";
import { testServer, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
beforeEach(() => server.clock.advance(60_000));
afterAll(() => server[Symbol.asyncDispose]());

const printed = (out: string) => ({ out: `${out}\n`, err: "", exit: 0 });
const failed = (message: string) => ({ out: "", err: `error: ${message}\n`, exit: 1 });

describe("addcli over HTTP", () => {
  it.each([
    [["1", "2"], "1 + 2 = 3"],
    [["-1", "+3"], "-1 + 3 = 2"],
    // What is no number is 0, as in Go kit, and what JSON cannot carry whole is none here.
    [["one", "2"], "0 + 2 = 2"],
    [["1.5", "2"], "0 + 2 = 2"],
    [["99999999999999999999", "2"], "0 + 2 = 2"],
    [["5000000000", "0"], "5000000000 + 0 = 5000000000"],
    [["-method", "concat", "foo", "bar"], '"foo" + "bar" = "foobar"'],
    [["--method=concat", "--", "-a", "-b"], '"-a" + "-b" = "-a-b"'],
    [["-method", "concat", 'a"\\', "\n\t\x07\x7f"], '"a\\"\\\\" + "\\n\\t\\a\\x7f" = "a\\"\\\\\\n\\t\\a\\x7f"'],
    [["-method", "concat", "é😀", "\u200b"], '"é😀" + "\\u200b" = "é😀\\u200b"'],
    [["-method", "concat", "\u00a0", "\u{e0001}"], '"\\u00a0" + "\\U000e0001" = "\\u00a0\\U000e0001"'],
  ])("prints for %j", async (args, out) => {
    expect(await addcli("-http-addr", server.http, ...args)).toEqual(printed(out));
  });

  it.each([
    [["0", "0"], "400 Bad Request"],
    [["2147483647", "1"], "400 Bad Request"],
    [["-method", "concat", "12345", "678901"], "400 Bad Request"],
    [["-method", "product", "1", "2"], 'invalid method "product"'],
  ])("fails for %j", async (args, message) => {
    expect(await addcli("-http-addr", server.http, ...args)).toEqual(failed(message));
  });

  it("prints the status line when it is too fast", async () => {
    await addcli("-http-addr", server.http, "1", "2");
    expect(await addcli("-http-addr", server.http, "1", "2")).toEqual(failed("500 Internal Server Error"));
  });

  it("takes a URL, and a port alone for one of this machine", async () => {
    const port = server.http.slice(server.http.indexOf(":"));
    expect(await addcli("-http-addr", `http://${server.http}`, "1", "2")).toEqual(printed("1 + 2 = 3"));
    await server.clock.advance(60_000);
    expect(await addcli("-http-addr", port, "1", "2")).toEqual(printed("1 + 2 = 3"));
  });

  it("fails when nobody is there", async () => {
    expect(await addcli("-http-addr", "127.0.0.1:1", "1", "2")).toEqual(failed("the peer cannot be reached"));
  });
});

describe("addcli over JSON-RPC", () => {
  it.each([
    [["1", "2"], "1 + 2 = 3"],
    [["-method", "concat", "foo", "<bar>"], '"foo" + "<bar>" = "foo<bar>"'],
  ])("prints for %j", async (args, out) => {
    expect(await addcli("-jsonrpc-addr", server.jsonrpc, ...args)).toEqual(printed(out));
  });

  it.each([
    [["0", "0"], "can't sum two zeroes"],
    [["2147483647", "1"], "integer overflow"],
    [["-method", "concat", "12345", "678901"], "result exceeds maximum size"],
  ])("fails for %j with the server's own words", async (args, message) => {
    expect(await addcli("-jsonrpc-addr", server.jsonrpc, ...args)).toEqual(failed(message));
  });

  it("says that it was too fast", async () => {
    await addcli("-jsonrpc-addr", server.jsonrpc, "1", "2");
    expect(await addcli("-jsonrpc-addr", server.jsonrpc, "1", "2")).toEqual(failed("rate limit exceeded"));
  });
});

describe("addcli's flags", () => {
  it("need an address, the first in Go kit's order counts", async () => {
    expect(await addcli("1", "2")).toEqual(failed("no remote address specified"));
    expect(await addcli("-thrift-addr", ":1", "-grpc-addr", ":1", "1", "2")).toEqual(
      failed("the peer cannot be reached"),
    );
    expect(await addcli("-grpc-addr", ":1", "-http-addr", server.http, "1", "2")).toEqual(printed("1 + 2 = 3"));
  });

  it.each([
    [["1"], 1, /^USAGE\n {2}addcli \[flags\] <a> <b>\n\nFLAGS\n {2}-http-addr /],
    [["1", "2", "3"], 1, /^USAGE\n/],
    [["-h"], 0, /^USAGE\n/],
    [["-help"], 0, /^USAGE\n/],
    [["-foo", "1", "2"], 2, /^flag provided but not defined: -foo\nUSAGE\n/],
    [["-method"], 2, /^flag needs an argument: -method\nUSAGE\n/],
    [["-constructor", "1", "2"], 2, /^flag provided but not defined: -constructor\nUSAGE\n/],
  ])("print the usage for %j", async (args, exit, err) => {
    const answer = await addcli(...args);
    expect(answer).toMatchObject({ out: "", exit });
    expect(answer.err).toMatch(err);
  });
});
