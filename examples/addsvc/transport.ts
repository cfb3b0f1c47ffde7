/**
 * Go kit's wire, to the byte: what its add service and `addcli` send and expect over HTTP and JSON-RPC.
 *
 * @module
 */
import { ServiceError } from "servicekit";
import { json, type Codec } from "servicekit/transport";
import { httpServer, routes, type HttpServerOptions } from "servicekit/transport/http";
import { jsonrpcServer, type JsonrpcServerOptions } from "servicekit/transport/jsonrpc";
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
      return lowered(read(body));
    };
  },
  writer(shape, where) {
    const write = json.writer(shape, where);
    return (value) => `${escaped(write(value) as string)}\n`;
  },
};

const lowered = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : Object.fromEntries(Object.entries(value).flatMap(([name, one]) => (one === null ? [] : [[name.toLowerCase(), one]])));

const escaped = (text: string): string =>
  text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const goHttp = (options: Pick<HttpServerOptions, "port" | "host">) =>
  httpServer({
    ...options,
    routes: [paths],
    codecs: [goJson],
    errorEncoder(error, reply) {
      reply.header("content-type", "text/plain; charset=utf-8");
      if (error.reason === "unknown_method") reply.body = "404 page not found\n";
      else {
        reply.status = error.origin === "declared" ? 400 : 500;
        reply.body = `${escaped(JSON.stringify({ error: error.message }))}\n`;
      }
    },
  });

/** `strict` answers business errors as Go kit does, which drops them: `sum 0 0` is 0. */
export const goJsonrpc = ({ strict, ...options }: Pick<JsonrpcServerOptions, "port" | "host"> & { readonly strict: boolean }) =>
  jsonrpcServer({
    ...options,
    names: "short",
    codec: goJson,
    errorEncoder(error, reply) {
      if (error.reason === "invalid_request") reply.error = { code: -32000, message: `couldn't unmarshal body: ${error.message}` };
      else if (strict && error.origin === "declared") [reply.error, reply.result] = [undefined, error.reason.startsWith("max") ? '{"v":""}' : '{"v":0}'];
      else if (reply.error !== undefined && reply.error.code > -32600) reply.error = { code: -32603, message: error.message };
    },
  });
