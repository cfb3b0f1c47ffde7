/**
 * The HTTP client transport. For a call without a contract see `httpCall`.
 *
 * @module
 */
import { checkNames, checkNumber, shown } from "../../internal/check.ts";
import { systemRandom, type Random } from "../../time/index.ts";
import type { ClientTransport } from "../client.ts";
import type { Codec } from "../codec.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { httpChannel, type ChannelOptions } from "./client-channel.ts";
import { constantHeaders, type HttpClientRequest } from "./client-draft.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import { POOL, poolSettings, type PoolOptions } from "./client-pool.ts";
import type { HttpClientResponse } from "./client-response.ts";
import { placeOf, urlOf } from "./client-url.ts";
import { compressSettings, type CompressOptions } from "./compression.ts";
import { Way } from "./client-way.ts";
import type { Routes } from "./routes.ts";

/** What an HTTP client may be told. */
export interface HttpClientOptions extends PoolOptions, ClientHooks<HttpClientRequest, HttpClientResponse> {
  /** REST bindings, those the server has. Default: none, each method is `POST /service/method`. */
  readonly routes?: readonly Routes[] | undefined;
  /** What bodies are written in and expected in. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Bounds of answers, before and after decompression. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Headers of every request, e.g. `authorization`. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether compressed answers are asked for: gzip, deflate, br. Default: false: within one network unpacking costs more
   * than the bytes it saves. An answer that comes compressed unasked is read all the same, within the bounds.
   */
  readonly acceptsCompressed?: boolean | undefined;
  /**
   * Whether requests are compressed (gzip), and from how many bytes on: 1 KiB unless told. Not every server reads them: one
   * that does not answers 415. Default: false, as for `acceptsCompressed`.
   */
  readonly compress?: Pick<CompressOptions, "minBytes"> | boolean | undefined;
  /**
   * How often in a row a server stream that was cut is taken up again without a message in between, 0 to 100. Only where
   * the method is idempotent and its route declares `events`. Default: 5, about 3 s of waiting, jittered.
   */
  readonly maxResumes?: number | undefined;
  /** Spreads those waits. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/**
 * Calls over HTTP/1.1, on node:http and pooled connections: methods as `POST {base}/{service}/{method}` with JSON both
 * ways, or as `routes` say. Redirects are not followed. When a pooled connection turns out to be closed by the peer, an
 * idempotent method is sent once more on a new one; any other is not, since nobody knows whether it arrived.
 *
 * Calls fail with `unreachable` (not a byte was sent), `connection_lost`, `too_large`, `too_many_headers`,
 * `invalid_response` (no HTTP, no JSON, a redirect), or with what the peer answered.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is not an http or
 * https URL, or the request of a method cannot be written.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { httpClient } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const remote = client(add, httpClient(), { from: "http://127.0.0.1:1" });
 * await remote.sum({ a: 1, b: 2 }); // throws the peer cannot be reached
 * ```
 */
export function httpClient(options: HttpClientOptions = {}): ClientTransport {
  checkNames("httpClient", options, [
    ...POOL,
    ...CLIENT_HOOKS,
    "routes",
    "codec",
    "limits",
    "headers",
    "acceptsCompressed",
    "compress",
    "maxResumes",
    "random",
  ]);
  const { routes = [], codec, headers, acceptsCompressed = false } = options;
  if (!Array.isArray(routes))
    throw new TypeError(`routes should be a list of what routes() returns, got ${shown(routes)}`);
  const pool = poolSettings(options);
  const limits = limitsOf(options.limits);
  const compressBytes = compressSettings(options.compress)?.minBytes;
  const shared: Omit<ChannelOptions, "service"> = {
    routes,
    codec,
    headers,
    acceptsCompressed,
    maxResumes: checkNumber("maxResumes", options.maxResumes ?? 5, { min: 0, max: 100, integer: true }),
    random: options.random ?? systemRandom,
    hooks: clientHooks(options),
  };
  constantHeaders([], headers);
  return {
    name: "http",
    "~client": true,
    open(service, instance, clock) {
      const place = placeOf("from", urlOf(instance, options.tls !== undefined));
      return httpChannel(new Way(place, { pool, limits, clock, compressBytes }), {
        ...shared,
        service,
      });
    },
  };
}
