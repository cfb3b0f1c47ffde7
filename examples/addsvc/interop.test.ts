import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goClient, goPeer, goServer, type GoServer } from "./interop/peer.ts";
import { addcli, type Printed } from "./test-cli.ts";
import { testServer, type TestServer } from "./test-server.ts";

const printed = (out: string): Printed => ({ out: `${out}\n`, err: "", exit: 0 });
const failed = (message: string): Printed => ({ out: "", err: `error: ${message}\n`, exit: 1 });

const ANSWERS = [
  { args: "sum 1 2", answer: printed("1 + 2 = 3") },
  { args: "sum -7 2", answer: printed("-7 + 2 = -5") },
  { args: "sum 5000000000 0", answer: printed("5000000000 + 0 = 5000000000") },
  { args: "concat foo bar", answer: printed('"foo" + "bar" = "foobar"') },
  { args: "concat <é> \t😀", answer: printed('"<é>" + "\\t😀" = "<é>\\t😀"') },
];

// HTTP tells a status, the others the error; Go kit's JSON-RPC, and ours where it is strict, drops it.
const ERRORS = [
  { args: "sum 0 0", message: "can't sum two zeroes", dropped: printed("0 + 0 = 0") },
  { args: "sum 2147483647 1", message: "integer overflow", dropped: printed("2147483647 + 1 = 0") },
  { args: "concat 12345 678901", message: "result exceeds maximum size", dropped: printed('"12345" + "678901" = ""') },
];

const peer = goPeer();
const binary = "path" in peer ? peer.path : "";

beforeEach(({ skip }) => {
  if ("reason" in peer) skip(peer.reason);
});

describe("Go kit's client and our server", () => {
  let [server, strict] = [] as unknown as [TestServer, TestServer];
  beforeAll(async () => {
    [server, strict] = await Promise.all([testServer(), testServer({ strict: true })]);
  });
  beforeEach(() => Promise.all([server.clock.advance(60_000), strict.clock.advance(60_000)]));
  afterAll(() => Promise.all([server[Symbol.asyncDispose](), strict[Symbol.asyncDispose]()]));

  const http = (args: string): Promise<Printed> => goClient(binary, "http", server.http, ...args.split(" "));
  const jsonrpc = (args: string, { jsonrpc: address } = server): Promise<Printed> =>
    goClient(binary, "jsonrpc", address, ...args.split(" "));

  it.each(ANSWERS)("agree on $args over HTTP", async ({ args, answer }) => {
    expect(await http(args)).toEqual(answer);
  });

  const grpc = (args: string): Promise<Printed> => goClient(binary, "grpc", server.grpc, ...args.split(" "));
  const thrift = (args: string): Promise<Printed> => goClient(binary, "thrift", server.thrift, ...args.split(" "));

  it.each(ANSWERS)("agree on $args over JSON-RPC", async ({ args, answer }) => {
    expect(await jsonrpc(args)).toEqual(answer);
  });

  it.each(ANSWERS)("agree on $args over gRPC", async ({ args, answer }) => {
    expect(await grpc(args)).toEqual(answer);
  });

  it.each(ANSWERS)("agree on $args over Thrift", async ({ args, answer }) => {
    expect(await thrift(args)).toEqual(answer);
  });

  it.each(ERRORS)("agree that $args is an error", async ({ args, message, dropped }) => {
    expect(await http(args)).toEqual(failed("400 Bad Request"));
    await server.clock.advance(60_000);
    expect(await jsonrpc(args)).toEqual(failed(message));
    expect(await jsonrpc(args, strict)).toEqual(dropped);
    await server.clock.advance(60_000);
    expect(await grpc(args)).toEqual(failed(message));
    await server.clock.advance(60_000);
    expect(await thrift(args)).toEqual(failed(message));
  });

  it("agree on the limit", async () => {
    await http("sum 1 2");
    expect(await http("sum 1 2")).toEqual(failed("500 Internal Server Error"));
    expect(await jsonrpc("sum 1 2")).toEqual(failed("rate limit exceeded"));
    expect(await grpc("sum 1 2")).toEqual(failed("rpc error: code = Unknown desc = rate limit exceeded"));
    expect(await thrift("sum 1 2")).toEqual(failed("Internal error processing Sum: rate limit exceeded"));
  });
});

describe("addcli and Go kit's server", () => {
  let [server, slow] = [] as unknown as [GoServer, GoServer];
  beforeAll(async () => {
    if (binary !== "") [server, slow] = await Promise.all([goServer(binary, 100), goServer(binary, 1)]);
  });
  afterAll(() => {
    if (binary !== "") for (const one of [server, slow]) one[Symbol.dispose]();
  });

  const call = (by: "http" | "jsonrpc" | "grpc" | "thrift", args: string, at = server): Promise<Printed> => {
    const [method = "", ...rest] = args.split(" ");
    return addcli(`-${by}-addr`, at[by], "-method", method, ...rest);
  };

  it.each(ANSWERS)("agree on $args over HTTP", async ({ args, answer }) => {
    expect(await call("http", args)).toEqual(answer);
  });

  it.each(ANSWERS)("agree on $args over JSON-RPC", async ({ args, answer }) => {
    expect(await call("jsonrpc", args)).toEqual(answer);
  });

  it.each(ANSWERS)("agree on $args over gRPC", async ({ args, answer }) => {
    expect(await call("grpc", args)).toEqual(answer);
  });

  it.each(ANSWERS)("agree on $args over Thrift", async ({ args, answer }) => {
    expect(await call("thrift", args)).toEqual(answer);
  });

  it.each(ERRORS)("agree that $args is an error, which JSON-RPC drops", async ({ args, message, dropped }) => {
    expect(await call("http", args)).toEqual(failed("400 Bad Request"));
    expect(await call("jsonrpc", args)).toEqual(dropped);
    expect(await call("grpc", args)).toEqual(failed(message));
    expect(await call("thrift", args)).toEqual(failed(message));
  });

  it("agree on the limit", async () => {
    expect(await call("http", "sum 1 2", slow)).toEqual(printed("1 + 2 = 3"));
    expect(await call("http", "sum 1 2", slow)).toEqual(failed("500 Internal Server Error"));
    expect(await call("jsonrpc", "sum 1 2", slow)).toEqual(failed("rate limit exceeded"));
    expect(await call("grpc", "sum 1 2", slow)).toEqual(failed("rate limit exceeded"));
    expect(await call("thrift", "sum 1 2", slow)).toEqual(failed("Internal error processing Sum: rate limit exceeded"));
  });
});
