/**
 * The Thrift client transport.
 *
 * @module
 */
import type { ConnectionOptions } from "node:tls";
import { checkNames, checkNumber, shown } from "../../internal/check.ts";
import type { ClientTransport } from "../client.ts";
import { checkCodec, type Codec } from "../codec.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { ThriftChannel } from "./client-channel.ts";
import type { Place } from "./client-connection.ts";
import type { ThriftClientRequest, ThriftClientResponse } from "./client-exchange.ts";
import { checkForeign, type Foreign } from "./foreign.ts";
import { SPEECH, speechOf, type SpeechOptions } from "./speech.ts";

/** What a Thrift client may be told. */
export interface ThriftClientOptions extends SpeechOptions, ClientHooks<ThriftClientRequest, ThriftClientResponse> {
  /**
   * Whether methods are called as `service:method` (TMultiplexedProtocol). Default: false; with headers the service stands
   * in one of them.
   */
  readonly multiplexed?: boolean | undefined;
  /** Services whose messages are somebody else's. Default: none. */
  readonly foreign?: readonly Foreign[] | undefined;
  /**
   * Reads and writes the messages of contracts, in place of structs: each is then one string or binary. Both ends must have
   * the same. Default: structs, by the contract.
   */
  readonly codec?: Codec | undefined;
  /** Bounds of answers. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** How long connecting may take, TLS included, 1 ms to a minute. Default: 1 s, as over HTTP. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Connections to one instance at once, 1 to 1000. Default: 1 with headers, whose servers answer as they are ready; else 8,
   * since most others answer one call of a connection after the other. A further one is opened when none is idle.
   */
  readonly maxConnections?: number | undefined;
  /** TLS, as node:tls takes it: `{}` for the platform's authorities. Default: none, plain TCP. */
  readonly tls?: ThriftClientTlsOptions | undefined;
}

/** How a client speaks TLS. */
export type ThriftClientTlsOptions = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "pfx" | "minVersion" | "servername" | "rejectUnauthorized"
>;

const NAMES: readonly string[] = [
  "multiplexed",
  "foreign",
  "codec",
  "limits",
  "connectTimeoutMs",
  "maxConnections",
  "tls",
  ...SPEECH,
  ...CLIENT_HOOKS,
];

const TLS: readonly string[] = [
  "ca",
  "cert",
  "key",
  "passphrase",
  "pfx",
  "minVersion",
  "servername",
  "rejectUnauthorized",
];

/**
 * Calls over Apache Thrift, on TCP or TLS; an instance is a `host:port`. Without options messages are binary in frames with
 * headers (THeader): only they carry metadata, the deadline, ids and the trace, and our servers and those made with C++,
 * Python or Go's THeader understand them. For other peers: `{ headers: false }` for plain frames, `{ framed: false }` for
 * none. Then nothing travels beside the message.
 *
 * Many calls go over one connection at once. It is opened by the first call, again by the next after it was lost, and keeps
 * no process alive while it is idle. A call that is called off tells the server nothing, but where a connection answers in
 * turn, it is closed.
 *
 * Calls fail with `unreachable` (nothing was sent), `connection_lost`, `too_large`, `too_many_headers`, `invalid_response`,
 * or with what the peer answered.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is no `host:port`, or
 * the messages of a method cannot be written.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { thriftClient } from "servicekit/transport/thrift";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const remote = client(add, thriftClient({ protocol: "compact" }), { from: "127.0.0.1:1" });
 * await remote.sum({ a: 1, b: 2 }); // throws the peer cannot be reached
 * ```
 */
export function thriftClient(options: ThriftClientOptions = {}): ClientTransport {
  checkNames("thriftClient", options, NAMES);
  if (options.codec !== undefined) checkCodec("codec", options.codec);
  const { protocol = "binary", framings } = speechOf(options);
  const framing = framings[0]!;
  const { multiplexed = false, tls } = options;
  if (typeof multiplexed !== "boolean")
    throw new TypeError(`multiplexed should be true or false, got ${shown(multiplexed)}`);
  if (tls !== undefined) {
    if (typeof tls !== "object" || tls === null) throw new TypeError(`tls should be an object, got ${shown(tls)}`);
    checkNames("tls", tls, TLS);
  }
  const shared = {
    framing,
    protocol,
    isMultiplexed: multiplexed,
    foreign: checkForeign(options.foreign),
    codec: options.codec,
    limits: limitsOf(options.limits),
    hooks: clientHooks(options),
    connectTimeoutMs: checkNumber("connectTimeoutMs", options.connectTimeoutMs ?? 1000, { min: 1, max: 60_000 }),
    maxConnections: checkNumber("maxConnections", options.maxConnections ?? (framing === "headers" ? 1 : 8), {
      min: 1,
      max: 1000,
      integer: true,
    }),
    tls,
  };
  return {
    name: "thrift",
    "~client": true,
    open: (service, instance, clock) => new ThriftChannel(placeOf("from", instance), { ...shared, service, clock }),
  };
}

/** Reads `host:port`, `[::1]:9090`. */
function placeOf(name: string, instance: string): Place {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(instance);
  const port = Number(found?.[3]);
  if (found === null || port === 0 || port > 65_535)
    throw new RangeError(`${name} should be host:port, got ${shown(instance)}`);
  return { host: (found[1] ?? found[2])!, port, authority: instance };
}
