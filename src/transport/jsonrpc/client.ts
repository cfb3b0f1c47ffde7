/**
 * The JSON-RPC 2.0 client transport, over HTTP POST.
 *
 * @module
 */
import { checkNames, checkOneOf } from "../../internal/check.ts";
import type { ClientTransport } from "../client.ts";
import type { Codec } from "../codec.ts";
import { CODINGS } from "../http/client-body.ts";
import { constantHeaders, type HttpClientRequest } from "../http/client-draft.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import { POOL, poolSettings, type PoolOptions } from "../http/client-pool.ts";
import type { HttpClientResponse } from "../http/client-response.ts";
import { placeOf, urlOf } from "../http/client-url.ts";
import { Way } from "../http/client-way.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { batchSettings, type JsonrpcBatchOptions } from "./client-batch.ts";
import { RpcChannel } from "./client-channel.ts";
import { textCodec } from "./codec.ts";

/**
 * What a JSON-RPC client may be told. Hooks see the HTTP messages. In a batch `before` is tried on each call by itself,
 * and only calls for which it does the same go together; `after` and `finalizer` run for each call.
 */
export interface JsonrpcClientOptions extends PoolOptions, ClientHooks<HttpClientRequest, HttpClientResponse> {
  /** Under which name a method is called: "service.method", or its own name alone. Default: "full", as servers have it. */
  readonly names?: "full" | "short" | undefined;
  /** Gathers calls into batches. Default: each call goes alone: a batch is as slow as its slowest call. */
  readonly batch?: JsonrpcBatchOptions | undefined;
  /** Writes params and reads results, as JSON text. Default: JSON as it is. */
  readonly codec?: Codec | undefined;
  /** Bounds of answers, before and after decompression. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Headers of every request, e.g. `authorization`. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whether compressed answers are asked for: gzip, deflate, br. Default: false, as in `httpClient`. */
  readonly acceptsCompressed?: boolean | undefined;
}

/**
 * Calls over JSON-RPC 2.0: each unary method by name with params by name, POSTed to the instance's URL on pooled
 * connections; ids count from 0 for each instance (Go kit `transport/http/jsonrpc/client.go`, which checks neither the
 * id of an answer nor its status). When a pooled connection turns out to be closed by the peer, an idempotent method is
 * sent once more.
 *
 * With `batch`, calls go together when they are made together, for the same caller and with the same metadata. The
 * server is told the longest of their times, the request id and the trace of the first. A call that is called off leaves
 * the others alone; the last one closes the connection.
 *
 * Calls fail with `unreachable` (not a byte was sent), `connection_lost`, `too_large`, `too_many_headers`,
 * `invalid_response` (no HTTP, no JSON-RPC 2.0, an id nobody asked for, no answer to this call), or with what the peer
 * answered.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is not an http or
 * https URL, or the request of a method cannot be written.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { serve } from "servicekit/server";
 * import { jsonrpcClient, jsonrpcServer } from "servicekit/transport/jsonrpc";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const running = await serve(add.implement({ sum: ({ a, b }) => ({ v: a + b }) }), { on: [jsonrpcServer({ port: 0 })], log: false, signals: false });
 * await using remote = client(add, jsonrpcClient({ batch: { maxCalls: 10 } }), { from: running.addresses });
 * await Promise.all([remote.sum({ a: 1, b: 2 }), remote.sum({ a: 3, b: 4 })]); // => [{ v: 3 }, { v: 7 }]
 * await running.stop();
 * ```
 */
export function jsonrpcClient(options: JsonrpcClientOptions = {}): ClientTransport {
  checkNames("jsonrpcClient", options, [...POOL, ...CLIENT_HOOKS, ...NAMES]);
  const names = checkOneOf("names", options.names ?? "full", ["full", "short"]);
  const codec = textCodec(options.codec);
  const batch = options.batch === undefined ? undefined : batchSettings(options.batch);
  const pool = poolSettings(options);
  const limits = limitsOf(options.limits);
  const hooks = clientHooks(options);
  const own = [
    "user-agent",
    "servicekit",
    "accept",
    "application/json",
    "content-type",
    "application/json; charset=utf-8",
  ];
  if (options.acceptsCompressed === true) own.push("accept-encoding", CODINGS);
  const shared = constantHeaders(own, options.headers);
  return {
    name: "jsonrpc",
    "~client": true,
    open(service, instance, clock) {
      const url = urlOf(instance, options.tls !== undefined);
      const place = placeOf("from", url);
      const way = new Way(place, { pool, limits, clock });
      const headers = ["host", place.authority, ...shared];
      return new RpcChannel(way, { service, path: new URL(url).pathname, headers, codec, names, batch, hooks });
    },
  };
}

const NAMES: readonly string[] = ["names", "batch", "codec", "limits", "headers", "acceptsCompressed"];
