/**
 * Eureka as a source of instances, and as the place where an instance makes itself known.
 *
 * @module
 */
import { checkNames, checkString } from "../../internal/check.ts";
import { placeOf } from "../place.ts";
import { registered, type RegisteredOptions } from "../registered.ts";
import {
  source,
  sourceOptionNames,
  sourceOptions,
  type Registrar,
  type RegistrarOptions,
  type Source,
  type SourceOptions,
} from "../index.ts";
import { ANNOUNCEMENT, announceEureka, type EurekaAnnouncement } from "./announce-eureka.ts";
import { EUREKA_CONNECTION } from "./connection.ts";
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
  checkNames("eureka", options, [...EUREKA_CONNECTION, ...QUERY, ...sourceOptionNames]);
  const watch = watchEureka(service, options, options.clock);
  return source({ ...sourceOptions(options), name: `eureka ${service}`, service, watch });
}

/** How an instance is made known: what Eureka is told, and what every registrar may be told. */
export interface EurekaRegistrarOptions extends EurekaAnnouncement, RegisteredOptions {}

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
  // Both are parts of paths, where the server takes no encoded slash.
  const rule = { pattern: /^[^/\\%;?#\s]+$/, says: "a name without spaces and slashes" };
  return registered(instance, options, {
    kind: "eureka",
    names: [...EUREKA_CONNECTION, ...ANNOUNCEMENT],
    shape(input) {
      const service = checkString("service", input.service, rule);
      const { host, port } = placeOf(checkString("address", input.address));
      return { ...input, service, id: checkString("id", input.id ?? `${host}:${service}:${port}`, rule) };
    },
    announcer: (name) => announceEureka(name, options, options.clock),
  });
}
