/**
 * Consul as a source of instances, and as the place where an instance makes itself known.
 *
 * @module
 */
import { checkNames, checkString } from "../../internal/check.ts";
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
import { ANNOUNCEMENT, announceConsul, type ConsulAnnouncement } from "./announce-consul.ts";
import { CONSUL_CONNECTION } from "./connection.ts";
import { joined, placeOf } from "../place.ts";
import { QUERY, watchConsul, type ConsulQuery } from "./watch-consul.ts";

/** How a service is watched: what Consul is asked, and what every source may be told. */
export interface ConsulOptions extends ConsulQuery, Omit<SourceOptions, "intervalMs"> {}

/**
 * The instances of a service in Consul, by blocking queries: a change arrives within milliseconds. Metadata is Consul's, and of
 * it `version`, `zone`, `priority` and `weight` are the instance's own; without `zone` the node's, else the data centre.
 * (Go kit `sd/consul/instancer.go`.)
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { consul } from "servicekit/discovery/consul";
 *
 * const add = consul("add", { tags: ["blue"], seed: ["10.0.0.1:8081"] });
 * add.name; // => "consul add"
 * add.listing.instances.length; // => 1
 * ```
 */
export function consul(service: string, options: ConsulOptions = {}): Source {
  checkString("service", service);
  checkNames("consul", options, [...CONSUL_CONNECTION, ...QUERY, ...sourceOptionNames]);
  const watch = watchConsul(service, options, options.clock);
  return source({ ...sourceOptions(options), name: `consul ${service}`, service, watch });
}

/** How an instance is made known: what Consul is told, and what every registrar may be told. */
export interface ConsulRegistrarOptions extends ConsulAnnouncement, RegisteredOptions {}

/**
 * Keeps an instance known to the agent of Consul on its machine: registered, its check passed, registered again when the agent has
 * forgotten it. Its id, if it has none, is `service-host-port`. `onDrain: "mark"` is Consul's maintenance mode. (Go kit
 * `sd/consul/registrar.go`, which registers once.)
 *
 * @throws {RangeError} when an option is wrong, or nobody says the name of the service.
 *
 * @example
 * ```ts
 * import { consulRegistrar } from "servicekit/discovery/consul";
 *
 * const mine = consulRegistrar({ service: "add", address: "10.0.0.1:8081", version: "1.2.0" });
 * mine.name; // => "register consul add"
 * ```
 */
export function consulRegistrar(
  instance: RegistrarOptions["instance"],
  options: ConsulRegistrarOptions = {},
): Registrar {
  return registered(instance, options, {
    kind: "consul",
    names: [...CONSUL_CONNECTION, ...ANNOUNCEMENT],
    shape(input) {
      const service = checkString("service", input.service);
      const { host, port } = placeOf(checkString("address", input.address));
      return { ...input, service, id: input.id ?? `${service}-${host}-${port}`, address: joined(host, port) };
    },
    announcer: (name) => announceConsul(name, options, options.clock),
  });
}
