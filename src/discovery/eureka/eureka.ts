/**
 * Eureka as a source of instances, and as the place where an instance makes itself known.
 *
 * @module
 */
import { checkString } from "../../internal/check.ts";
import { parted } from "../http/parted.ts";
import { placeOf } from "../http/place.ts";
import {
  registrar,
  source,
  type InstanceInput,
  type Registrar,
  type RegistrarOptions,
  type Source,
  type SourceOptions,
} from "../index.ts";
import { ANNOUNCEMENT, announceEureka, type EurekaAnnouncement } from "./announce-eureka.ts";
import { CONNECTION } from "./connection.ts";
import { QUERY, watchEureka, type EurekaQuery } from "./watch-eureka.ts";

/** How a service is watched: what Eureka is asked, and what every source may be told. */
export interface EurekaOptions extends EurekaQuery, SourceOptions {}

/**
 * The instances of a service in Eureka, whatever their state; asked every 10 s for what has changed. `zone`, `version`, `priority`, `weight` and
 * `tags` (joined by commas) are read from the metadata. (Go kit `sd/eureka/instancer.go`, which gives all instances as if they were up.)
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { eureka } from "servicekit/discovery/eureka";
 *
 * const add = eureka("add", { servers: "http://eureka-1:8761/eureka,http://eureka-2:8761/eureka" });
 * add.listing.state; // => "starting"
 * ```
 */
export function eureka(service: string, options: EurekaOptions = {}): Source {
  checkString("service", service);
  const [own, rest] = parted(options, [...CONNECTION, ...QUERY]);
  const watch = watchEureka(service, own, options.clock);
  return source({ ...rest, name: `eureka ${service}`, service, watch });
}

/** How an instance is made known: what Eureka is told, and what every registrar may be told. */
export interface EurekaRegistrarOptions extends EurekaAnnouncement, Omit<RegistrarOptions, "announcer" | "instance"> {
  /** The name of the service, when the instance does not say it. Default: the instance's. */
  readonly service?: string | undefined;
}

/**
 * Keeps an instance known to Eureka: registered, its lease renewed, registered again when the server has forgotten it. Its id, if it has
 * none, is `host:service:port`. `onDrain: "mark"` is OUT_OF_SERVICE. (Go kit `sd/eureka/registrar.go`.)
 *
 * @throws {RangeError} when an option is wrong, or nobody says the name of the service.
 *
 * @example
 * ```ts
 * import { eurekaRegistrar } from "servicekit/discovery/eureka";
 *
 * const mine = eurekaRegistrar({ service: "add", address: "10.0.0.1:8081", zone: "eu-1a" });
 * mine.name; // => "register eureka add"
 * ```
 */
export function eurekaRegistrar(
  instance: RegistrarOptions["instance"],
  options: EurekaRegistrarOptions = {},
): Registrar {
  const { service, ...others } = options;
  const [own, rest] = parted(others, [...CONNECTION, ...ANNOUNCEMENT]);
  const known = typeof instance === "function" ? undefined : named(instance, service);
  const name = known?.service ?? service;
  const announcer = announceEureka(name === undefined ? "eureka" : `eureka ${name}`, own, options.clock);
  const given = typeof instance === "function" ? async () => named(await instance(), service) : known!;
  return registrar({ ...rest, announcer, instance: given });
}

function named(given: string | InstanceInput, other: string | undefined): InstanceInput {
  const input: InstanceInput = typeof given === "string" ? { address: given } : given;
  // Both are parts of paths, where the server takes no encoded slash.
  const rule = { pattern: /^[^/\\%;?#\s]+$/, says: "a name without spaces and slashes" };
  const service = checkString("service", input.service ?? other, rule);
  const { host, port } = placeOf(checkString("address", input.address));
  return { ...input, service, id: checkString("id", input.id ?? `${host}:${service}:${port}`, rule) };
}
