/**
 * The gRPC client transport.
 *
 * @module
 */
import type { LookupFunction } from "node:net";
import { createSecureContext } from "node:tls";
import { checkFunction, checkNames, checkNumber, shown } from "../../internal/check.ts";
import { systemRandom, type Random } from "../../time/index.ts";
import type { ClientTransport } from "../client.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import type { TlsOptions } from "../http/client-pool.ts";
import { placeOf, urlOf, type Place } from "../http/client-url.ts";
import { compressSettings, type CompressOptions } from "../http/compression.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import type { GrpcClientRequest, GrpcClientResponse } from "./client-answer.ts";
import { grpcChannel } from "./client-channel.ts";
import { constantMetadata } from "./client-draft.ts";
import { keepaliveSettings, type ClientKeepaliveOptions } from "./client-keepalive.ts";
import { Way } from "./client-way.ts";
import { checkForeign, rpcsWith, type Foreign } from "./foreign.ts";

/** What a gRPC client may be told. */
export interface GrpcClientOptions extends ClientHooks<GrpcClientRequest, GrpcClientResponse> {
  /** Contracts that are on somebody else's wire, by `foreign()`. Default: none. */
  readonly foreign?: readonly Foreign[] | undefined;
  /**
   * Bounds of answers: each message before and after decompression, headers and trailers. Default: as for every transport,
   * but messages of 4 MiB, gRPC's own; larger things want a stream.
   */
  readonly limits?: LimitOptions | undefined;
  /** Metadata of every call, e.g. `authorization`. Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether requests are compressed (gzip), and from how many bytes on: 1 KiB unless told. Default: false: within one
   * network packing costs more than the bytes it saves. Compressed answers are always read, within the bounds.
   */
  readonly compress?: Pick<CompressOptions, "minBytes"> | boolean | undefined;
  /** Certificates and keys; with them `host:port` means TLS. Default: the platform's authorities, for https. */
  readonly tls?: TlsOptions | undefined;
  /** Turns names into addresses, as `dns.lookup` does. Default: that one. */
  readonly lookup?: LookupFunction | undefined;
  /**
   * How long connecting may take, TLS and the peer's first HTTP/2 frame included, 1 ms to a minute. Default: 1 s: a peer in
   * reach takes milliseconds.
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long a connection without calls is kept, 1 ms to a day. Default: 5 min, below the 350 s after which cloud load
   * balancers forget a silent connection.
   */
  readonly idleMs?: number | undefined;
  /**
   * Connections to one instance, 1 to 100. A further one is made only while all are full: the peer says how many calls it
   * takes at once on each, 100 as a rule. Default: 4.
   */
  readonly maxConnections?: number | undefined;
  /** Calls that may wait for a place on a connection, 0 to 1,000,000. Default: 10,000: they end at their deadline anyway. */
  readonly maxWaiting?: number | undefined;
  /** When a silent peer is asked for a sign of life; false for never. Default: while calls are open, as the options say. */
  readonly keepalive?: ClientKeepaliveOptions | false | undefined;
  /** Spreads the pauses between connections that fail. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

const OPTIONS: readonly string[] = [
  ...CLIENT_HOOKS,
  ...["foreign", "limits", "metadata", "compress", "tls", "lookup", "connectTimeoutMs", "idleMs"],
  ...["maxConnections", "maxWaiting", "keepalive", "random"],
];

const DAY_MS = 86_400_000;

/**
 * Calls over gRPC, on node:http2. An instance is `host:port`, an `http:` or an `https:` URL. There is one connection for each,
 * made at the first call, closed when idle; it never keeps the process alive by itself.
 *
 * A call that the peer certainly did not process (refused, or beyond its GOAWAY) is sent once more on another connection.
 * Calls fail with `unreachable` (nothing was processed), `connection_lost`, `too_large`, `invalid_response` (no gRPC, or not
 * the messages it should be), or with what the peer answered. After a connection failed, calls fail at once for a
 * moment, up to 5 s, so that others are tried.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is no such address, or a
 * message of the contract has no form in Protocol Buffers.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { grpcClient } from "servicekit/transport/grpc";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const remote = client(add, grpcClient(), { from: "127.0.0.1:1" });
 * await remote.sum({ a: 1, b: 2 }); // throws the peer cannot be reached
 * ```
 */
export function grpcClient(options: GrpcClientOptions = {}): ClientTransport {
  checkNames("grpcClient", options, OPTIONS);
  const { tls, lookup } = options;
  if (tls !== undefined) checkTls(tls);
  if (lookup !== undefined) checkFunction("lookup", lookup);
  const foreigns = checkForeign(options.foreign ?? []);
  const settings = {
    limits: limitsOf({ ...options.limits, maxBodyBytes: options.limits?.maxBodyBytes ?? 4_194_304 }),
    tls: tls ?? {},
    lookup,
    connectTimeoutMs: checkNumber("connectTimeoutMs", options.connectTimeoutMs ?? 1000, { min: 1, max: 60_000 }),
    idleMs: checkNumber("idleMs", options.idleMs ?? 300_000, { min: 1, max: DAY_MS }),
    maxConnections: checkNumber("maxConnections", options.maxConnections ?? 4, { min: 1, max: 100, integer: true }),
    maxWaiting: checkNumber("maxWaiting", options.maxWaiting ?? 10_000, { min: 0, max: 1_000_000, integer: true }),
    keepalive: keepaliveSettings(options.keepalive),
    random: options.random ?? systemRandom,
  };
  const shared = {
    metadata: constantMetadata(options.metadata),
    compressBytes: compressSettings(options.compress)?.minBytes,
    hooks: clientHooks(options),
  };
  return {
    name: "grpc",
    "~client": true,
    open(service, instance, clock) {
      const keepalive = settings.keepalive && { ...settings.keepalive };
      const way = new Way({ ...settings, keepalive, place: addressOf(instance, tls !== undefined), clock });
      return grpcChannel(way, { ...shared, service, wires: rpcsWith(service, foreigns) });
    },
  };
}

// Else each call would fail with it. Certificates and keys are not shown: the cause says what is wrong with them.
function checkTls(tls: TlsOptions): void {
  if (typeof tls !== "object" || tls === null) throw new TypeError(`tls should be options, got ${shown(tls)}`);
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new TypeError("tls should have certificates and keys that fit, got others", { cause });
  }
}

function addressOf(instance: string, isSecure: boolean): Place {
  const isUrl = /^https?:\/\//i.test(instance);
  const place = placeOf("from", urlOf(instance, isSecure));
  if (isSecure && /^http:/i.test(instance))
    throw new RangeError(`from should be https or host:port where tls is given, got ${shown(instance)}`);
  if (place.basePath !== "" || (!isUrl && !/:\d+$/.test(instance)))
    throw new RangeError(`from should be host:port or an http or https URL without a path, got ${shown(instance)}`);
  return place;
}
