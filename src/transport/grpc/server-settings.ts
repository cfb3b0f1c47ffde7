/**
 * What a gRPC server may be told, checked, with every default filled in.
 *
 * @module
 */
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { serverTlsSettings, type ServerTlsOptions, type ServerTlsSettings } from "../http/server-tls.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions, type Limits } from "../limits.ts";
import { checkForeign, type Foreign } from "./foreign.ts";
import type { ConnectionSettings } from "./server-connection.ts";
import type { GrpcReply, GrpcRequest } from "./server-message.ts";

/** Signs of life that are asked of peers. */
export interface KeepaliveOptions {
  /**
   * How long a peer may say nothing before it is asked, in milliseconds from 100 to a day. Default: 60 s: balancers
   * and NATs forget connections on which nothing moves after 60 to 350 s, and gRPC's own two hours notice it too late.
   */
  readonly idleMs?: number | undefined;
  /** How long it has to answer, in milliseconds from 10 to an hour. Default: 20 s, gRPC's own. */
  readonly timeoutMs?: number | undefined;
}

/** What a gRPC server may be told. */
export interface GrpcServerOptions extends Hooks<GrpcRequest, GrpcReply> {
  /** The port, 0 for any that is free. */
  readonly port: number;
  /** The address to listen on. Default: every address of the machine, IPv6 and IPv4. */
  readonly host?: string | undefined;
  /**
   * Certificates, and those of callers (mutual TLS). Default: none: HTTP/2 in plain text with prior knowledge, as gRPC
   * calls "insecure".
   */
  readonly tls?: ServerTlsOptions | undefined;
  /**
   * Bounds of headers and messages. Default: as for every transport, but messages of 4 MiB, gRPC's own; larger things
   * want a stream.
   */
  readonly limits?: LimitOptions | undefined;
  /**
   * Whether messages of 1 KiB and more are compressed with gzip for callers that accept it. Default: false: inside a
   * data centre it costs more time than it saves. What comes compressed is read in any case.
   */
  readonly compress?: boolean | undefined;
  /**
   * Signs of life asked of callers that say nothing; those that give none are cut off, and their calls called off.
   * False for none. Default: on.
   */
  readonly keepalive?: KeepaliveOptions | false | undefined;
  /**
   * How long a connection without a call is kept, in milliseconds from 100, Infinity for ever. Default: 30 minutes, as
   * grpc-js: a new connection costs a call some round trips.
   */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * How old a connection gets before its caller is told to make a new one, in milliseconds from 100, give or take a
   * tenth. Default: Infinity, gRPC's own. Behind a balancer of connections, half an hour lets new instances have their
   * share.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /**
   * How long the calls of a connection that is too old may go on, in milliseconds. Default: 60 s: calls last seconds,
   * and streams that last must be able to begin anew.
   */
  readonly maxConnectionAgeGraceMs?: number | undefined;
  /**
   * Calls of one connection at once, 1 to 2³¹−1; callers wait with more. Default: 128, as nginx and Envoy have it:
   * gRPC's own, no bound, lets one connection hold the whole server.
   */
  readonly maxConcurrentStreams?: number | undefined;
  /** Connections at once; more are closed at the door. Default: 10,000. */
  readonly maxConnections?: number | undefined;
  /** How long a caller may take to speak TLS and HTTP/2, in milliseconds. Default: 10 s. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** How long a caller may leave what it was sent unread, in milliseconds. Default: 30 s, then the call is cut. */
  readonly writeTimeoutMs?: number | undefined;
  /**
   * Whether tools may ask what is served (`grpc.reflection.v1`). Default: true: what is served is no secret where it
   * can be called.
   */
  readonly reflection?: boolean | undefined;
  /** Whether probes may ask for the app's health (`grpc.health.v1`). Default: true. */
  readonly health?: boolean | undefined;
  /** Contracts that are served as somebody else's services, by `foreign()`. Default: none. */
  readonly foreign?: readonly Foreign[] | undefined;
}

/** Options with every default filled in. */
export interface GrpcSettings {
  readonly port: number;
  readonly host: string | undefined;
  readonly tls: ServerTlsSettings | undefined;
  readonly limits: Limits;
  readonly compress: boolean;
  readonly connection: ConnectionSettings;
  readonly maxConcurrentStreams: number;
  readonly maxConnections: number;
  readonly writeTimeoutMs: number;
  readonly reflection: boolean;
  readonly health: boolean;
  readonly foreign: readonly Foreign[];
  readonly hooks: Hooks<GrpcRequest, GrpcReply>;
}

const NAMES: readonly string[] = [
  ...["port", "host", "tls", "limits", "compress", "keepalive", "idleTimeoutMs", "maxConnectionAgeMs"],
  ...["maxConnectionAgeGraceMs", "maxConcurrentStreams", "maxConnections", "handshakeTimeoutMs", "writeTimeoutMs"],
  ...["reflection", "health", "foreign", ...HOOKS],
];

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What gRPC's own libraries take. */
const MAX_MESSAGE_BYTES = 4_194_304;

/** Checks how to serve, and fills in the defaults. */
export function grpcSettings(options: GrpcServerOptions): GrpcSettings {
  checkNames("grpcServer", options, NAMES);
  const { foreign = [], limits = {} } = options;
  return {
    port: checkNumber("port", options.port, { min: 0, max: 65_535, integer: true }),
    host: options.host === undefined ? undefined : checkString("host", options.host),
    tls: options.tls === undefined ? undefined : serverTlsSettings(options.tls),
    limits: limitsOf({ ...limits, maxBodyBytes: limits.maxBodyBytes ?? MAX_MESSAGE_BYTES }),
    compress: flag("compress", options.compress, false),
    connection: connectionSettings(options),
    maxConcurrentStreams: checkNumber("maxConcurrentStreams", options.maxConcurrentStreams ?? 128, {
      min: 1,
      max: 0x7fffffff,
      integer: true,
    }),
    maxConnections: checkNumber("maxConnections", options.maxConnections ?? 10_000, { min: 1, integer: true }),
    writeTimeoutMs: checkNumber("writeTimeoutMs", options.writeTimeoutMs ?? 30_000, { min: 1, max: HOUR_MS }),
    reflection: flag("reflection", options.reflection, true),
    health: flag("health", options.health, true),
    foreign: checkForeign(foreign),
    hooks: hooksOf(options),
  };
}

function connectionSettings(options: GrpcServerOptions): ConnectionSettings {
  const { keepalive = {}, handshakeTimeoutMs = 10_000 } = options;
  if (keepalive !== false) {
    if (typeof keepalive !== "object" || keepalive === null)
      throw new TypeError(`keepalive should be false or options, got ${shown(keepalive)}`);
    checkNames("keepalive", keepalive, ["idleMs", "timeoutMs"]);
  }
  const { idleMs = 60_000, timeoutMs = 20_000 } = keepalive === false ? {} : keepalive;
  const lasting = (name: keyof GrpcServerOptions, defaultMs: number): number => {
    const given = options[name] ?? defaultMs;
    return given === Infinity ? Infinity : checkNumber(name, given, { min: 100, max: 365 * DAY_MS });
  };
  return {
    keepaliveMs: keepalive === false ? Infinity : checkNumber("keepalive.idleMs", idleMs, { min: 100, max: DAY_MS }),
    keepaliveTimeoutMs: checkNumber("keepalive.timeoutMs", timeoutMs, { min: 10, max: HOUR_MS }),
    idleTimeoutMs: lasting("idleTimeoutMs", HOUR_MS / 2),
    maxConnectionAgeMs: lasting("maxConnectionAgeMs", Infinity),
    maxConnectionAgeGraceMs: lasting("maxConnectionAgeGraceMs", 60_000),
    handshakeTimeoutMs: checkNumber("handshakeTimeoutMs", handshakeTimeoutMs, { min: 1, max: HOUR_MS }),
  };
}

function flag(name: string, given: unknown, otherwise: boolean): boolean {
  if (given === undefined) return otherwise;
  if (typeof given === "boolean") return given;
  throw new TypeError(`${name} should be true or false, got ${shown(given)}`);
}
