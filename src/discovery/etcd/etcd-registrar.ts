/**
 * Keeps an instance known in etcd.
 *
 * @module
 */
import { checkNumber, checkString } from "../../internal/check.ts";
import { REGISTRAR_MS } from "../http/connection.ts";
import { registered, type RegisteredOptions } from "../registered.ts";
import { instance as instanceOf } from "../instance.ts";
import type { RegistrarOptions } from "../registrar-options.ts";
import type { Registrar } from "../registrar.ts";
import { etcdAnnouncer } from "./announcer.ts";
import { ETCD_CONNECTION, gatewayOf, type EtcdConnection } from "./gateway.ts";
import { layoutOf, PLACE, type EtcdPlace } from "./layout.ts";

/** How etcd is reached, where the instance stands in it, and what every registrar may be told. */
export interface EtcdRegistrarOptions extends EtcdConnection, EtcdPlace, RegisteredOptions {
  /**
   * How long the entry outlives a process that does not end well, in milliseconds, from 1 s to a day, rounded up to seconds. It is
   * renewed each third of it. Default: 10 s, as in Go kit. etcd gives no less than one and a half elections, 2 s by its defaults.
   */
  readonly ttlMs?: number | undefined;
}

/**
 * Makes a registrar that keeps an instance in etcd v3: one key under a lease, renewed in time, written again whenever the lease or
 * the key is gone, changed in place, and revoked at the end. An id has one key, so never two entries. (Go kit
 * `sd/etcdv3/registrar.go`, which does not come back after a lost lease, #1043.)
 *
 * @param instance an instance, its address, or a function that gives one at `start`, when the port is known.
 * @throws {RangeError} when an option is wrong, or the instance has no service; from `start` when a function gave it.
 *
 * @example
 * ```ts
 * import { etcdRegistrar } from "servicekit/discovery/etcd";
 *
 * const mine = etcdRegistrar({ service: "add", id: "add-1", address: "10.0.0.1:8081" }, { ttlMs: 10_000 });
 * mine.name; // => "register etcd add"
 * ```
 */
export function etcdRegistrar(instance: RegistrarOptions["instance"], options: EtcdRegistrarOptions = {}): Registrar {
  const { ttlMs = 10_000 } = options;
  return registered(instance, options, {
    kind: "etcd",
    names: ["ttlMs", ...ETCD_CONNECTION, ...PLACE],
    shape(input) {
      const service = checkString("service", input.service);
      const whole = instanceOf({ ...input, service });
      const layout = layoutOf(service, options);
      layout.key(whole);
      layout.value(whole);
      return whole;
    },
    announcer(name) {
      checkNumber("ttlMs", ttlMs, { min: 1000, max: 86_400_000 });
      layoutOf("any", options);
      const gateway = gatewayOf(options, options.clock, REGISTRAR_MS)();
      return etcdAnnouncer(gateway, { name, ttlMs, layoutOf: (service) => layoutOf(service, options) });
    },
  });
}
