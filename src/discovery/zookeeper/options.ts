/**
 * What ZooKeeper's source and registrar may be told, with every default and its reason.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ConnectionOptions } from "node:tls";
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../../time/index.ts";
import { Connection } from "./connection.ts";
import type { Access } from "./operations.ts";
import { checkPath, ensembleOf, isNodeName } from "./servers.ts";

/** How an ensemble is reached. Times are in milliseconds. */
export interface ZookeeperConnectionOptions {
  /**
   * As ZooKeeper writes it, `a:2181,b:2181/chroot`, or a list. They are tried in an order of chance, so that not all clients
   * go to the first. Default: "127.0.0.1:2181".
   */
  readonly servers?: string | readonly string[] | undefined;
  /**
   * How long nodes stay after their process has gone silent, from 100 to 3,600,000; the server has limits of its own, 2 and 20 ticks
   * (4 and 40 s as it is delivered). Default: 10 s: a pause for the garbage collector is no death.
   */
  readonly sessionTimeoutMs?: number | undefined;
  /** How long one server may take to accept, from 10 to 600,000. Default: 2 s: there are others. */
  readonly connectTimeoutMs?: number | undefined;
  /** Given to the server with the scheme `digest`. Default: none. */
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
  /** As for `tls.connect`; `{}` for the machine's authorities. Default: no TLS. */
  readonly tls?: ConnectionOptions | undefined;
  /**
   * The largest message taken from a server, from 1024 to 2 ** 30 bytes. Default: 1 MiB, as `jute.maxbuffer`; a list of 10,000 addresses
   * needs a fifth of it.
   */
  readonly maxMessageBytes?: number | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** A connection that several sources and registrars share. It is made when the first needs it, and closed with the last. */
export interface ZookeeperConnection {
  readonly "~zookeeper": unknown;
}

/** How an ensemble is reached: by options of its own, or over a connection that others share. */
export interface ZookeeperPlace extends ZookeeperConnectionOptions {
  /** Shares this connection, in place of the options of one. Default: one of its own. */
  readonly connection?: ZookeeperConnection | undefined;
  /** The node below which the services are. Default: "/services". */
  readonly path?: string | undefined;
}

const OWN: { readonly [Name in keyof ZookeeperConnectionOptions]-?: true } = {
  servers: true,
  sessionTimeoutMs: true,
  connectTimeoutMs: true,
  auth: true,
  tls: true,
  maxMessageBytes: true,
  clock: true,
  random: true,
};

/** The names of `ZookeeperPlace`. */
export const placeNames: readonly string[] = [...Object.keys(OWN), "connection", "path"];

/**
 * A connection to share among sources and registrars. Nothing is opened yet, so there is nothing to close.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { zookeeper, zookeeperConnection } from "servicekit/discovery/zookeeper";
 *
 * const connection = zookeeperConnection({ servers: "127.0.0.1:2181" });
 * const [add, trim] = [zookeeper("add", { connection }), zookeeper("trim", { connection })];
 * [add.name, trim.name]; // => ["zookeeper add", "zookeeper trim"]
 * ```
 */
export function zookeeperConnection(options: ZookeeperConnectionOptions = {}): ZookeeperConnection {
  checkNames("zookeeperConnection", options, Object.keys(OWN));
  return Object.freeze({ "~zookeeper": connectionOf(options) });
}

/** The connection that is meant, and the way from a service to its node. */
export function placeOf(options: ZookeeperPlace): { connection: Connection; pathOf: (service: string) => string } {
  const connection = shared(options) ?? connectionOf(options);
  const base = options.path === "/" ? "" : checkPath("path", options.path ?? "/services");
  function pathOf(service: string): string {
    return `${connection.chroot}${base}/${checkService(service)}`;
  }
  return { connection, pathOf };
}

/** The name of a service, which is that of its node. */
export function checkService(service: string | undefined): string {
  if (isNodeName(service ?? "")) return service!;
  throw new RangeError(`service should be the name of a node, got ${shown(service)}`);
}

/** Who may do what with new nodes: everybody, or only who gives the same credentials. */
export function accessOf(access: "anyone" | "creator" | "readers" | undefined): readonly Access[] {
  const creator = { permissions: 31, scheme: "auth", id: "" };
  if (access === "creator") return [creator];
  if (access === "readers") return [creator, { permissions: 1, scheme: "world", id: "anyone" }];
  return [{ permissions: 31, scheme: "world", id: "anyone" }];
}

function shared(options: ZookeeperPlace): Connection | undefined {
  const { connection } = options;
  if (connection === undefined) return undefined;
  const both = (["servers", "sessionTimeoutMs", "connectTimeoutMs", "auth", "tls", "maxMessageBytes"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (both !== undefined) throw new RangeError(`${both} belongs to the connection that is shared, and is set there`);
  const own = connection["~zookeeper"];
  if (own instanceof Connection) return own;
  throw new TypeError("connection should be made by zookeeperConnection");
}

function connectionOf(options: ZookeeperConnectionOptions): Connection {
  const { auth, tls, clock = systemClock, random = systemRandom } = options;
  const time = (name: "sessionTimeoutMs" | "connectTimeoutMs", defaultMs: number, limits: readonly [number, number]) =>
    checkNumber(name, options[name] ?? defaultMs, { min: limits[0], max: limits[1], integer: true });
  return new Connection({
    ensemble: ensembleOf(options.servers ?? "127.0.0.1:2181"),
    random,
    open: {
      tls,
      clock,
      connectTimeoutMs: time("connectTimeoutMs", 2000, [10, 600_000]),
      sessionTimeoutMs: time("sessionTimeoutMs", 10_000, [100, 3_600_000]),
      maxMessageBytes: checkNumber("maxMessageBytes", options.maxMessageBytes ?? 2 ** 20, {
        min: 1024,
        max: 2 ** 30,
        integer: true,
      }),
      credentials: auth && credentials(auth),
    },
  });
}

function credentials({ username, password }: { readonly username: string; readonly password: string }): Buffer {
  checkString("auth.username", username, { pattern: /^[^:]+$/, says: "a non-empty string without a colon" });
  // Never shown.
  if (typeof password !== "string" || password === "")
    throw new RangeError("auth.password should be a non-empty string");
  return Buffer.from(`${username}:${password}`);
}
