/**
 * The client side of WebSockets: a socket for each call.
 *
 * @module
 */
import type { SecureContextOptions } from "node:tls";
import { checkNames, checkNumber } from "../../internal/check.ts";
import type { ClientTransport } from "../client.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { constantHeaders } from "../http/client-draft.ts";
import { placeOf, urlOf } from "../http/client-url.ts";
import { socketChannel } from "./client-channel.ts";

/** What a WebSocket client may be told. */
export interface WebSocketClientOptions {
  /** Headers of every handshake, e.g. `authorization`. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** How long a handshake may take, TLS included, 1 ms to a minute. Default: 1 s, as for HTTP connections. */
  readonly connectTimeoutMs?: number | undefined;
  /** How often the server is asked for a sign of life, 10 ms to an hour. Default: 30 s. */
  readonly heartbeatMs?: number | undefined;
  /** Certificates and keys for wss. Default: the platform's authorities. */
  readonly tls?: Pick<SecureContextOptions, "ca" | "cert" | "key" | "passphrase" | "pfx" | "minVersion"> | undefined;
}

/**
 * Calls over WebSockets, one for each call, with JSON text frames: for networks that let WebSockets through and hold
 * streams of HTTP back. Where they do not, `httpClient` costs less: it keeps its connections. An instance is a `ws:`,
 * `wss:`, `http:` or `https:` URL.
 *
 * Calls fail with `unreachable` (the handshake did not come about), `connection_lost`, `too_large`, `invalid_response`,
 * or with what the peer answered.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is no such URL.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { webSocketClient } from "servicekit/transport/websocket";
 * import { z } from "zod";
 *
 * const n = z.object({ n: z.int() });
 * const numbers = service("numbers", { double: method({ request: n, response: n }) });
 * const remote = client(numbers, webSocketClient(), { from: "ws://127.0.0.1:1" });
 * await remote.double({ n: 1 }); // throws the peer cannot be reached
 * ```
 */
export function webSocketClient(options: WebSocketClientOptions = {}): ClientTransport {
  checkNames("webSocketClient", options, ["headers", "limits", "connectTimeoutMs", "heartbeatMs", "tls"]);
  const limits = limitsOf(options.limits);
  const headers = constantHeaders(["user-agent", "servicekit"], options.headers);
  const connectTimeoutMs = checkNumber("connectTimeoutMs", options.connectTimeoutMs ?? 1000, { min: 1, max: 60_000 });
  const heartbeatMs = checkNumber("heartbeatMs", options.heartbeatMs ?? 30_000, { min: 10, max: 3_600_000 });
  const { tls = {} } = options;
  return {
    name: "websocket",
    "~client": true,
    open(service, instance, clock) {
      const place = placeOf("from", urlOf(instance, options.tls !== undefined).replace(/^ws(s?):/i, "http$1:"));
      return socketChannel(service, { place, clock, limits, headers, connectTimeoutMs, heartbeatMs, tls });
    },
  };
}
