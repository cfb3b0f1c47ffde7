/**
 * The add service as its tests run it: on free ports, in time that a test moves, its log and metrics at hand.
 *
 * @module
 */
import { connect } from "node:net";
import { logger } from "servicekit/log";
import { registry, type Registry } from "servicekit/metrics";
import { serve } from "servicekit/server";
import { virtualClock, type VirtualClock } from "servicekit/testing";
import { endpoints } from "./endpoints.ts";
import { basic, instrumenting, logging, type AddService } from "./service.ts";
import { goGrpcServer, goHttp, goJsonrpc, goThriftServer } from "./transport.ts";

export interface TestServer extends AsyncDisposable {
  /** `host:port`, as the flags of addcli take it. */
  readonly http: string;
  readonly grpc: string;
  readonly thrift: string;
  readonly jsonrpc: string;
  readonly clock: VirtualClock;
  readonly metrics: Registry;
  /** What was logged, without time and ids. */
  lines(): readonly string[];
}

/** Starts it; with `strict`, business errors get lost over JSON-RPC as in Go kit. */
export async function testServer(options: { strict?: boolean; rules?: AddService } = {}): Promise<TestServer> {
  const { strict = false, rules = basic } = options;
  const clock = virtualClock();
  const metrics = registry();
  const written: string[] = [];
  const log = logger({ format: "logfmt", write: (text) => written.push(text), clock });
  const anywhere = { port: 0, host: "127.0.0.1" };
  const running = await serve(endpoints(instrumenting(logging(rules), metrics), metrics), {
    on: [goHttp(anywhere), goGrpcServer(anywhere), goThriftServer(anywhere), goJsonrpc({ ...anywhere, strict })],
    log,
    metrics,
    clock,
    signals: false,
  });
  const [http = "", grpc = "", thrift = "", jsonrpc = ""] = running.addresses.map((one) => one.replace(/^.*:\/\//, ""));
  return {
    http,
    grpc,
    thrift,
    jsonrpc,
    clock,
    metrics,
    lines() {
      log.flush();
      const lines = written.join("").trimEnd().split("\n");
      return lines.map((line) => line.replace(/^time=\S+ level=/, "").replace(/ (request_id|trace_id)=\S+/g, ""));
    },
    [Symbol.asyncDispose]: async () => void (await running.stop()),
  };
}

/** An answer to the byte. */
export interface RawAnswer {
  readonly status: string;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Sends bytes over a connection of their own, and reads what comes until it is closed. */
export async function raw(host: string, request: string): Promise<RawAnswer> {
  const [hostname = "", port] = host.split(":");
  const socket = connect(Number(port), hostname).setEncoding("utf8");
  socket.write(request);
  let text = "";
  for await (const chunk of socket) text += chunk;
  const end = text.indexOf("\r\n\r\n");
  const [status = "", ...headers] = text.slice(0, end).split("\r\n");
  const contentType = headers.find((line) => /^content-type:/i.test(line));
  return { status, contentType: contentType?.replace(/^[^:]*: */, ""), body: text.slice(end + 4) };
}

/** What Go's client sends for a body of unknown length: chunked, and over HTTP without a content type. */
export function asGo(path: string, body: string, contentType?: string): string {
  const head = [`POST ${path} HTTP/1.1`, "Host: localhost", "User-Agent: Go-http-client/1.1", "Connection: close"];
  if (contentType !== undefined) head.push(`Content-Type: ${contentType}`);
  head.push("Transfer-Encoding: chunked", "Accept-Encoding: gzip");
  // An empty chunk is the last one: an empty body has no other.
  const chunk = body === "" ? "" : `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
  return `${head.join("\r\n")}\r\n\r\n${chunk}0\r\n\r\n`;
}
