/**
 * The Thrift server transport.
 *
 * @module
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { policyError } from "../../errors/index.ts";
import { checkCodec, type Codec } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { OneWays } from "../one-way.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import type { ThriftReply, ThriftRequest } from "./call.ts";
import { checkForeign, type Foreign } from "./foreign.ts";
import { Plans } from "./plans.ts";
import { ServerConnection, type ConnectionSettings } from "./server-connection.ts";
import { SPEECH, speechOf, type SpeechOptions } from "./speech.ts";
import type { WireOptions } from "./wire-method.ts";

/** What a Thrift server may be told. */
export interface ThriftServerOptions extends SpeechOptions, Hooks<ThriftRequest, ThriftReply> {
  /** The port, 0 for any that is free. */
  readonly port: number;
  /** The address to listen on. Default: every address of the machine, IPv6 and IPv4. */
  readonly host?: string | undefined;
  /** Services whose messages are somebody else's. Default: none. */
  readonly foreign?: readonly Foreign[] | undefined;
  /**
   * Reads and writes the messages of contracts, in place of structs: each is then one string or binary. Both ends must have
   * the same. Default: structs, by the contract.
   */
  readonly codec?: Codec | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Certificates, as node:tls takes them: then the port speaks TLS alone. Default: none, plain TCP. */
  readonly tls?: ThriftTlsOptions | undefined;
  /** How long one message may take to arrive, 1 ms to an hour. Default: 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a peer may take to read what waits for it, 1 ms to an hour. Default: 30 s. */
  readonly writeTimeoutMs?: number | undefined;
  /**
   * How long a connection is kept that nobody uses, 1 ms to a day. Default: an hour, since most clients of Thrift never
   * open a second one; peers that are gone are found by TCP's own probes, after minutes.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** Connections at once; more are closed at the door. Default: 10,000. */
  readonly maxConnections?: number | undefined;
  /** Calls at once on one connection, before no more is read from it, 1 to 100,000. Default: 1000. */
  readonly maxCalls?: number | undefined;
}

/** How a server speaks TLS. */
export type ThriftTlsOptions = Pick<
  TlsOptions,
  "key" | "cert" | "ca" | "pfx" | "passphrase" | "minVersion" | "requestCert" | "rejectUnauthorized"
>;

const NAMES: readonly string[] = [
  "port",
  "host",
  "foreign",
  "codec",
  "limits",
  "tls",
  "requestTimeoutMs",
  "writeTimeoutMs",
  "idleTimeoutMs",
  "maxConnections",
  "maxCalls",
  ...SPEECH,
  ...HOOKS,
];

const HOUR_MS = 3_600_000;
/** How long a TLS handshake may take. */
const HANDSHAKE_MS = 10_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Serves unary and one-way methods over Apache Thrift, on TCP or TLS. Whatever a client speaks is understood and answered
 * in kind: binary, compact or JSON, framed, unframed, or with headers (THeader); so with no options both our own clients and
 * those of other languages are served on one port. Calls of one connection run at the same time, and replies go out as they
 * are ready.
 *
 * A method is called by its name, or as `service:method` where several services have it. Methods that stream are unknown.
 *
 * @throws {RangeError | TypeError} when an option is wrong, or, on listening, the messages of a method cannot be written.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { serve } from "servicekit/server";
 * import { thriftClient, thriftServer } from "servicekit/transport/thrift";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const running = await serve(add.implement({ sum: ({ a, b }) => ({ v: a + b }) }), { on: [thriftServer({ port: 0 })], log: false, signals: false });
 * await using remote = client(add, thriftClient(), { from: running.addresses });
 * await remote.sum({ a: 1, b: 2 }); // => { v: 3 }
 * await running.stop();
 * ```
 */
export function thriftServer(options: ThriftServerOptions): ServerTransport {
  checkNames("thriftServer", options, NAMES);
  if (options.codec !== undefined) checkCodec("codec", options.codec);
  const time = (
    name: "requestTimeoutMs" | "writeTimeoutMs" | "idleTimeoutMs",
    defaultMs: number,
    max: number,
  ): number => checkNumber(name, options[name] ?? defaultMs, { min: 1, max });
  const settings = {
    port: checkNumber("port", options.port, { min: 0, max: 65_535, integer: true }),
    host: options.host === undefined ? undefined : checkString("host", options.host),
    foreign: checkForeign(options.foreign),
    codec: options.codec,
    limits: limitsOf(options.limits),
    tls: checkTls(options.tls),
    speech: speechOf(options),
    hooks: hooksOf(options),
    requestTimeoutMs: time("requestTimeoutMs", 30_000, HOUR_MS),
    writeTimeoutMs: time("writeTimeoutMs", 30_000, HOUR_MS),
    idleTimeoutMs: time("idleTimeoutMs", HOUR_MS, DAY_MS),
    maxConnections: checkNumber("maxConnections", options.maxConnections ?? 10_000, { min: 1, integer: true }),
    maxCalls: checkNumber("maxCalls", options.maxCalls ?? 1000, { min: 1, max: 100_000, integer: true }),
  };
  return { name: "thrift", "~server": true, listen: (app) => listen(app, settings) };
}

type Settings = Omit<ConnectionSettings, "app" | "plans" | "other" | "oneWays" | "isDraining"> &
  WireOptions & {
    readonly port: number;
    readonly host: string | undefined;
    readonly tls: ThriftTlsOptions | undefined;
    readonly hooks: Hooks<ThriftRequest, ThriftReply>;
    readonly maxConnections: number;
  };

async function listen(app: App, settings: Settings): Promise<Listening> {
  const { hooks, tls, maxConnections, port, host } = settings;
  const oneWays = new OneWays();
  const connections = new Set<ServerConnection>();
  let isDraining = false;
  const own: ConnectionSettings = {
    ...settings,
    app,
    plans: new Plans(app, settings, hooks),
    other: { bound: app.other, hooks, wire: undefined },
    oneWays,
    isDraining: () => isDraining,
  };
  function serve(socket: Socket): void {
    if (isDraining) return void socket.destroy();
    const connection = new ServerConnection(socket, own);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  }
  const server: Server =
    tls === undefined ? createServer(serve) : createTlsServer({ ...tls, handshakeTimeout: HANDSHAKE_MS }, serve);
  // With TLS, one that was accepted is served only after its handshake.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.maxConnections = maxConnections;
  // TLS that does not come about, and connections that cannot be accepted: theirs is the loss.
  server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.removeListener("error", reject);
      server.on("error", () => undefined);
      resolve();
    });
  });
  const address = addressOf(server.address() as AddressInfo);
  let closed: Promise<void> | undefined;
  function stop(): Promise<void> {
    isDraining = true;
    return (closed ??= new Promise((resolve) => void server.close(() => resolve())));
  }
  return {
    addresses: [address],
    async drain() {
      const gone = stop();
      for (const connection of connections) connection.drain();
      await gone;
      await oneWays.idle();
    },
    async close() {
      const gone = stop();
      oneWays.cut();
      for (const connection of connections) connection.cut(policyError("draining"));
      for (const socket of sockets) socket.destroy();
      await gone;
    },
  };
}

function checkTls(tls: unknown): ThriftTlsOptions | undefined {
  if (tls === undefined) return undefined;
  if (typeof tls !== "object" || tls === null) throw new TypeError(`tls should be an object, got ${shown(tls)}`);
  checkNames("tls", tls, ["key", "cert", "ca", "pfx", "passphrase", "minVersion", "requestCert", "rejectUnauthorized"]);
  return tls;
}

function addressOf({ address, family, port }: AddressInfo): string {
  const host = address === "::" || address === "0.0.0.0" ? "localhost" : family === "IPv6" ? `[${address}]` : address;
  return `${host}:${port}`;
}
