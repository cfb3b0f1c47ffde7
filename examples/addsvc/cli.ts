/**
 * addcli: calls an add service, ours or Go kit's, and prints what Go kit's prints.
 *
 * @module
 */
import { client } from "servicekit/client";
import { grpcClient } from "servicekit/transport/grpc";
import { jsonrpcClient } from "servicekit/transport/jsonrpc";
import { thriftClient, type ThriftProtocol } from "servicekit/transport/thrift";
import { flags } from "../flags.ts";
import { goGrpc, goThrift } from "./foreign.ts";
import { add } from "./service.ts";
import { goHttpClient } from "./transport.ts";

const options = flags(
  "addcli [flags] <a> <b>",
  {
    "http-addr": ["", "HTTP address of addsvc"],
    "grpc-addr": ["", "gRPC address of addsvc"],
    "jsonrpc-addr": ["", "JSON RPC address of addsvc"],
    "thrift-addr": ["", "Thrift address of addsvc"],
    "thrift-protocol": ["binary", "binary, compact, json"],
    "thrift-framed": [false, "Each message has its length before it"],
    "nats-url": ["", "NATS that addsvc is on"],
    "amqp-url": ["", "AMQP broker that addsvc is on"],
    method: ["sum", "sum, concat"],
  },
  2,
);
const [first = "", second = ""] = options.args;

async function call(): Promise<string> {
  await using remote = await connect();
  switch (options.method) {
    case "sum": {
      const [a, b] = [integer(first), integer(second)];
      return `${a} + ${b} = ${(await remote.sum({ a, b })).v}`;
    }
    case "concat": {
      const { v } = await remote.concat({ a: first, b: second });
      return `${quoted(first)} + ${quoted(second)} = ${quoted(v)}`;
    }
    default:
      throw new Error(`invalid method ${quoted(options.method)}`);
  }
}

/** The first address given wins, in Go kit's order. */
async function connect() {
  const { "http-addr": http, "grpc-addr": grpc, "jsonrpc-addr": jsonrpc, "thrift-addr": thrift } = options;
  const { "nats-url": nats, "amqp-url": amqp } = options;
  if (http !== "") return client(add, goHttpClient(), { from: url(http) });
  if (grpc !== "") return client(add, grpcClient({ foreign: [goGrpc] }), { from: url(grpc) });
  if (jsonrpc !== "") return client(add, jsonrpcClient({ names: "short" }), { from: url(jsonrpc) });
  if (thrift !== "") {
    const [framed, protocol] = [options["thrift-framed"], options["thrift-protocol"] as ThriftProtocol];
    const transport = thriftClient({ foreign: [goThrift], protocol, framed, headers: false });
    return client(add, transport, { from: thrift.startsWith(":") ? `localhost${thrift}` : thrift });
  }
  // On a wire of our own nothing has to be said but that it is there.
  if (nats !== "") return client(add, (await import("servicekit/transport/nats")).natsClient(), { from: nats });
  if (amqp !== "") return client(add, (await import("servicekit/transport/amqp")).amqpClient(), { from: amqp });
  throw new Error("no remote address specified");
}

/** The URL of Go's `host:port`, where the host may be left out. */
function url(address: string): string {
  return address.startsWith("http") ? address : `http://${address.startsWith(":") ? "localhost" : ""}${address}`;
}

/** As ParseInt with its error dropped: what is no number is 0, and so is what would lose digits in JSON. */
function integer(text: string): number {
  return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : 0;
}

const SHORT: Readonly<Record<string, string>> = {
  "\x07": "a",
  "\b": "b",
  "\f": "f",
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\v": "v",
  '"': '"',
  "\\": "\\",
};

/** A text as Go's %q prints it. */
function quoted(text: string): string {
  const escaped = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
    const code = char.codePointAt(0)!;
    const hex = (digits: number): string => code.toString(16).padStart(digits, "0");
    return `\\${SHORT[char] ?? (code < 0x80 ? `x${hex(2)}` : code < 0x10000 ? `u${hex(4)}` : `U${hex(8)}`)}`;
  });
  return `"${escaped}"`;
}

try {
  process.stdout.write(`${await call()}\n`);
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exit(1);
}
