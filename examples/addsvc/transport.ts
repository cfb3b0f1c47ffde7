/**
 * Go kit's wire, to the byte: what its add service and `addcli` send and expect. How the messages of gRPC and Thrift cross
 * stands in `foreign.ts`.
 *
 * @module
 */
import { STATUS_CODES } from "node:http";
import { ServiceError } from "servicekit";
import { json, type Codec } from "servicekit/transport";
import { codeOf, httpClient, httpServer, routes, type HttpReply, type ListenOptions } from "servicekit/transport/http";
import { grpcServer } from "servicekit/transport/grpc";
import { jsonrpcServer } from "servicekit/transport/jsonrpc";
import { thriftServer } from "servicekit/transport/thrift";
import { goGrpc, goThrift } from "./foreign.ts";
import { add } from "./service.ts";

/** Any verb, as Go's mux has it. */
export const paths = routes(add, { sum: "/sum", concat: "/concat" });

/** JSON as Go's encoding/json reads and writes it: keys in any case, null for absent, HTML escaped, a newline behind. */
export const goJson: Codec = {
  ...json,
  mediaType: "*/*",
  contentType: "application/json; charset=utf-8",
  reader(shape, limits) {
    const read = json.reader(shape, limits);
    return (body) => {
      if (body === "") throw new ServiceError("EOF", { code: "invalid_argument" });
      return lowered(read(body) ?? {});
    };
  },
  writer(shape, where) {
    const write = json.writer(shape, where);
    return (value) => `${escaped(write(value) as string)}\n`;
  },
};

function lowered(value: unknown): unknown {
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const given = Object.entries(value as object).filter(([, field]) => field !== null);
  return Object.fromEntries(given.map(([name, field]) => [name.toLowerCase(), field]));
}

function escaped(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Business errors are 400, all others 500, and the message is all there is of them. */
export function goError({ reason, origin, message }: ServiceError, reply: HttpReply): void {
  const isLost = reason === "unknown_method";
  reply.header("content-type", "text/plain; charset=utf-8");
  reply.status = isLost ? 404 : origin === "declared" ? 400 : 500;
  reply.body = isLost ? "404 page not found\n" : `${escaped(JSON.stringify({ error: message }))}\n`;
}

export const goHttp = (options: ListenOptions) =>
  httpServer({ ...options, routes: [paths], codecs: [goJson], errorEncoder: goError });

/** Go kit's client takes 200 for an answer, and any other status line for the error. */
export const goHttpClient = () =>
  httpClient({
    routes: [paths],
    after: [
      function check(_context, { status }) {
        if (status !== 200) throw new ServiceError(`${status} ${STATUS_CODES[status]}`, { code: codeOf(status) });
      },
    ],
  });

/**
 * A business error is answered as an error, which Go kit's client prints. Go kit's server drops it, so that 0 + 0 = 0:
 * with `strict`, so does this one.
 */
export const goJsonrpc = ({ strict = false, ...options }: ListenOptions & { readonly strict?: boolean }) =>
  jsonrpcServer({
    ...options,
    names: "short",
    codec: goJson,
    errorEncoder({ reason, origin, message }, reply, { method }) {
      if (origin === "declared") {
        if (strict) [reply.error, reply.result] = [undefined, method.name === "sum" ? '{"v":0}' : '{"v":""}'];
      } else if (reason === "invalid_request") {
        reply.error = { code: -32000, message: `couldn't unmarshal body to ${method.name} request: ${message}` };
      } else if (reply.error!.code > -32600) reply.error = { code: -32603, message };
    },
  });

/** Whatever is no business error has the status Unknown, with its text. */
export const goGrpcServer = (options: Pick<ListenOptions, "port" | "host">) =>
  grpcServer({
    ...options,
    foreign: [goGrpc],
    errorEncoder({ origin, message }, reply) {
      if (origin === "declared") return;
      [reply.status, reply.statusMessage, reply.statusDetails] = [2, message, undefined];
    },
  });

/** Any protocol, framed or not; Go kit's is the binary one, unframed. */
export const goThriftServer = (options: Pick<ListenOptions, "port" | "host">) =>
  thriftServer({
    ...options,
    foreign: [goThrift],
    errorEncoder({ origin, message }, reply, { method }) {
      if (origin === "declared") return;
      const name = method.name === "sum" ? "Sum" : "Concat";
      reply.error = new ServiceError(`Internal error processing ${name}: ${message}`, { code: "internal" });
    },
  });
