/**
 * The NATS server transport.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import type { Listening, ServerTransport } from "../server.ts";
import type { ServiceInfo } from "./discovery.ts";
import { Link, serversOf, type ConnectOptions, type LinkSource } from "./link.ts";
import type { NatsDraft, NatsMessage } from "./message.ts";
import { NatsServing } from "./serving.ts";
import { INBOX_PREFIX, subjectsOf, type SubjectOf } from "./subject.ts";

/** What a NATS server may be told. */
export interface NatsServerOptions extends Hooks<NatsMessage, NatsDraft> {
  /** The servers of NATS: one address or several of one cluster. Default: nats://127.0.0.1:4222, as everywhere. */
  readonly servers?: string | readonly string[] | undefined;
  /**
   * The package's own options: `user`, `pass`, `token`, `authenticator`, `tls`, `name` and so on. Default: it tries to come
   * back for ever, every 250 to 750 ms, and takes a server for dead that has been silent for 20 to 30 s.
   */
  readonly connect?: ConnectOptions | undefined;
  /** A connection that is there already, in place of `servers` and `connect`; it is not closed. Default: one of its own. */
  readonly connection?: NatsConnection | undefined;
  /**
   * The queue group: of the instances in it, one gets each request. False: every instance gets every one. Default: the name
   * of the service, so that instances share.
   */
  readonly queue?: string | false | undefined;
  /**
   * The subject of a method, the same as the clients' have. It is also asked for the method `$cancel`, for the subject on
   * which callers take back requests. Default: `service.method`.
   */
  readonly subjects?: SubjectOf | undefined;
  /** Reads requests and writes answers. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Bounds of messages; NATS' own `max_payload` (1 MiB) holds besides. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /**
   * Calls at work at once, 1 to 1,000,000; what comes on top is refused with `overloaded`. Default: 10,000: NATS delivers as
   * fast as it can, and nothing else would bound what waits here.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * How often the ends of a stream give a sign of life, 10 ms to an hour; after four without one the other end counts as
   * lost. Default: 15 s. What leaves NATS in an orderly way, or dies, is noticed at the next message.
   */
  readonly heartbeatMs?: number | undefined;
  /** Where inboxes stand, for those whose permissions say so. Default: `connect.inboxPrefix`, else `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
  /** What the services protocol says of each service beside its name. Default: version 0.0.0 and nothing else. */
  readonly info?: ServiceInfo | undefined;
  /** Whether `$SRV.PING`, `INFO` and `STATS` are answered. Default: true: it costs nothing until somebody asks. */
  readonly services?: boolean | undefined;
}

const NAMES: readonly string[] = [
  ...["servers", "connect", "connection", "queue", "subjects", "codec", "limits", "maxInFlight", "heartbeatMs"],
  ...["inboxPrefix", "info", "services", ...HOOKS],
];

const DEFAULT_SERVER = "nats://127.0.0.1:4222";

const QUEUE = { pattern: /^[\x21-\x7e]{1,255}$/, says: "visible ASCII, or false" };

// https://semver.org, which the protocol asks for.
const VERSION = { pattern: /^\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/, says: "a version as 1.2.3" };

/**
 * Serves over NATS: each method listens at the subject `service.method`, in a queue group with the other instances, and
 * answers to the reply subject; a request without one runs and is not answered. Errors are what the NATS services protocol
 * has for them (`Nats-Service-Error`, `Nats-Service-Error-Code`), with the rest as JSON in the body.
 *
 * Calls go on when the connection is lost, and their answers go out when it is back in time; streams fail. A drain takes no
 * more requests, serves what is delivered, and waits for it.
 *
 * @throws {RangeError | TypeError} when an option is wrong; {Error} on listening, when NATS cannot be reached or does not
 * let us listen, or two methods have the same subject.
 *
 * @example
 * ```ts
 * import { natsServer } from "servicekit/transport/nats";
 *
 * const transport = natsServer({ servers: "nats://127.0.0.1:4222", queue: "workers" });
 * transport.name; // => "nats"
 * ```
 */
export function natsServer(options: NatsServerOptions = {}): ServerTransport {
  checkNames("natsServer", options, NAMES);
  const { queue, services = true, info = {} } = options;
  const codec = options.codec ?? json;
  checkCodec("codec", codec);
  if (queue !== undefined && queue !== false) checkString("queue", queue, QUEUE);
  if (typeof services !== "boolean") throw new TypeError(`services should be true or false, got ${shown(services)}`);
  checkNames("info", info, ["version", "description", "metadata"]);
  if (info.version !== undefined) checkString("info.version", info.version, VERSION);
  const settings = {
    subjects: subjectsOf(options.subjects),
    codec,
    limits: limitsOf(options.limits),
    hooks: hooksOf(options),
    queue,
    maxInFlight: checkNumber("maxInFlight", options.maxInFlight ?? 10_000, { min: 1, max: 1_000_000, integer: true }),
    heartbeatMs: heartbeatOf(options),
    inboxPrefix: inboxPrefixOf(options),
    info,
    services,
  };
  const source = sourceOf(options, DEFAULT_SERVER)!;
  return {
    name: "nats",
    "~server": true,
    async listen(app): Promise<Listening> {
      const serving = new NatsServing(app, settings, (owner) => new Link(source, owner));
      await serving.open();
      return serving;
    },
  };
}

/** What servers and clients are told of their connection. */
type Connecting = Pick<NatsServerOptions, "servers" | "connect" | "connection" | "inboxPrefix" | "heartbeatMs">;

/** Where the connection comes from; undefined where that is not said, and there is no default. */
export function sourceOf(options: Connecting, server: string | undefined): LinkSource | undefined {
  const { connection, connect = {}, servers = server } = options;
  if (typeof connect !== "object" || connect === null)
    throw new TypeError(`connect should be the options of the package, got ${shown(connect)}`);
  for (const name of ["servers", "port"])
    if (name in connect) throw new RangeError(`connect should not have "${name}": the option servers has them`);
  if (connection === undefined)
    return servers === undefined ? undefined : { servers: serversOf("servers", servers), options: connect };
  if (typeof (connection as Partial<NatsConnection> | null)?.publish !== "function")
    throw new TypeError(`connection should be what the package's connect() gives, got ${shown(connection)}`);
  if (options.servers !== undefined || options.connect !== undefined)
    throw new RangeError("connection should stand alone: servers and connect are for one that is yet to be made");
  return { connection };
}

/** Where inboxes stand. */
export function inboxPrefixOf({ inboxPrefix, connect }: Connecting): string {
  return checkString("inboxPrefix", inboxPrefix ?? connect?.inboxPrefix ?? "_INBOX", INBOX_PREFIX);
}

/** How often ends of streams give a sign of life. */
export function heartbeatOf({ heartbeatMs = 15_000 }: Connecting): number {
  return checkNumber("heartbeatMs", heartbeatMs, { min: 10, max: 3_600_000 });
}
