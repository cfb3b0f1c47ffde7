/**
 * Instances from ZooKeeper, and an instance made known to it. For ensembles that are there already; who has a choice takes
 * etcd or Consul, which more people know how to run.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { checkFunction, checkNames, checkOneOf } from "../../internal/check.ts";
import { systemRandom } from "../../time/index.ts";
import {
  source,
  sourceOptionNames,
  sourceOptions,
  type Announcer,
  type Instance,
  type InstanceInput,
  type Registrar,
  type RegistrarOptions,
  type Source,
  type SourceOptions,
} from "../index.ts";
import { registered, type RegisteredOptions } from "../registered.ts";
import { readWritten, written } from "../written.ts";
import { announceNode } from "./announcer.ts";
import { watchNode } from "./node-watch.ts";
import { accessOf, checkService, placeNames, placeOf, type ZookeeperPlace } from "./options.ts";

/** Where instances are looked for, and how their nodes are read. */
export interface ZookeeperOptions extends ZookeeperPlace, SourceOptions {
  /**
   * Reads a child's data and name; undefined: it is not an instance, and nothing is said. What it throws is told as `skipped`. Default: JSON
   * as `zookeeperRegistrar` and Curator write it, or a plain `host:port` as Go kit does.
   */
  readonly decode?: ((data: Uint8Array, name: string) => InstanceInput | undefined) | undefined;
}

/** How an instance is written: `json` with all that is known of it, or its `address` alone, for Go kit's `sd/zk`. */
export type NodeFormat = "json" | "address";

/** Where an instance is made known, and how its node is written. */
export interface ZookeeperAnnouncerOptions extends ZookeeperPlace {
  /**
   * What is written: `json` with all that is known of the instance, or the `address` alone, which is all that Go kit reads. Default: json.
   */
  readonly format?: NodeFormat | undefined;
  /**
   * The server adds a number to the node's name, as for Go kit and Curator, and a name of chance stands before it. Default: false: the node is named
   * like the instance, so that people find it, and a second instance with this id takes its place.
   */
  readonly sequential?: boolean | undefined;
  /**
   * Who may do what with the nodes: `anyone`; the `creator` alone, who is whoever gives the same credentials; or the creator, and everybody may
   * read (`readers`). Default: anyone, or readers when there is `auth`.
   */
  readonly access?: "anyone" | "creator" | "readers" | undefined;
}

/** How an instance is made known and kept known. */
export interface ZookeeperRegistrarOptions extends ZookeeperAnnouncerOptions, RegisteredOptions {}

/**
 * The instances of a service below `/services/NAME` (Go kit `sd/zk`, whose instancer stays silent for ever once a list has failed). Watches tell of
 * every change; a broken connection keeps the list, and another server of the ensemble is asked.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { zookeeper } from "servicekit/discovery/zookeeper";
 *
 * const add = zookeeper("add", { servers: "zk1:2181,zk2:2181,zk3:2181", seed: ["10.0.0.1:8081"] });
 * add.listing.instances[0]?.address; // => "10.0.0.1:8081"
 * ```
 */
export function zookeeper(service: string, options: ZookeeperOptions = {}): Source {
  checkNames("zookeeper", options, ["decode", ...placeNames, ...sourceOptionNames]);
  const { decode = (data: Uint8Array) => readWritten(textOf(data)) } = options;
  checkFunction("decode", decode);
  const { connection, pathOf } = placeOf(options);
  const watch = watchNode({ connection, path: pathOf(service), decode });
  return source({ ...sourceOptions(options), name: `zookeeper ${service}`, service, watch });
}

/**
 * Makes an instance known as an ephemeral node below `/services/NAME`: it goes with the session, and is made anew when that was lost (Go kit's
 * is not). There is exactly one node, also when the answer to its making is lost. Give it to `serve` as one of its `tasks`, or call its `start`.
 *
 * @throws {RangeError} when an option is wrong, or the instance has no service.
 *
 * @example
 * ```ts
 * import { zookeeperRegistrar } from "servicekit/discovery/zookeeper";
 *
 * const registration = zookeeperRegistrar({ service: "add", address: "10.0.0.1:8081" }, { servers: "zk1:2181" });
 * registration.registration.state; // => "registering"
 * ```
 */
export function zookeeperRegistrar(
  instance: RegistrarOptions["instance"],
  options: ZookeeperRegistrarOptions = {},
): Registrar {
  const { service } = options;
  if (service !== undefined) checkService(service);
  return registered(instance, options, {
    kind: "zookeeper",
    names: ANNOUNCER_NAMES,
    shape: (input) => ({ ...input, service: checkService(input.service) }),
    announcer: (name) => announced(name, undefined, options),
  });
}

/**
 * The announcer behind `zookeeperRegistrar`, for a registrar of your own. Without a service each instance has to say its own.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { zookeeperAnnouncer } from "servicekit/discovery/zookeeper";
 *
 * zookeeperAnnouncer("add", { sessionTimeoutMs: 6000 }).renewMs; // => 2000
 * ```
 */
export function zookeeperAnnouncer(service: string | undefined, options: ZookeeperAnnouncerOptions = {}): Announcer {
  checkNames("zookeeperAnnouncer", options, ANNOUNCER_NAMES);
  return announced(service === undefined ? "zookeeper" : `zookeeper ${service}`, service, options);
}

/** `name` is for people; without `service` each instance says its own. */
function announced(name: string, service: string | undefined, options: ZookeeperAnnouncerOptions): Announcer {
  const { format = "json", sequential = false, access, auth, random = systemRandom } = options;
  checkOneOf("format", format, ["json", "address"]);
  const asked = access ?? (auth === undefined ? "anyone" : "readers");
  checkOneOf("access", asked, ["anyone", "creator", "readers"]);
  const { connection, pathOf } = placeOf(options);
  if (service !== undefined) checkService(service);
  return announceNode({
    name,
    connection,
    pathFor: (one: Instance) => pathOf(service ?? one.service),
    access: accessOf(asked),
    encode: (one) => Buffer.from(format === "json" ? written(one) : one.address),
    prefix: sequential ? `_c_${random.hex(16)}-` : undefined,
  });
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}

const ANNOUNCER_NAMES: readonly string[] = [...placeNames, "format", "sequential", "access"];
