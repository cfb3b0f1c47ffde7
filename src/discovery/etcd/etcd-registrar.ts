/**
 * Keeps an instance known in etcd.
 *
 * @module
 */
import { checkNumber, checkString } from "../../internal/check.ts";
import { instance as instanceOf, type InstanceInput } from "../instance.ts";
import type { RegistrarOptions } from "../registrar-options.ts";
import { registrar, type Registrar } from "../registrar.ts";
import { etcdAnnouncer } from "./announcer.ts";
import { gatewayOf, type EtcdConnection } from "./gateway.ts";
import { layoutOf, type EtcdPlace } from "./layout.ts";

/** How etcd is reached, where the instance stands in it, and what every registrar may be told. */
export interface EtcdRegistrarOptions
  extends Omit<RegistrarOptions, "announcer" | "instance">, EtcdConnection, EtcdPlace {
  /** The name of the instance's service, when the instance does not say it. Default: the instance's. */
  readonly service?: string | undefined;
  /**
   * How long the entry outlives a process that does not end well, in milliseconds, from 1 s to a day, rounded up to seconds. It is
   * renewed each third of it. Default: 10 s, as in Go kit. etcd gives no less than one and a half elections, 2 s by its defaults.
   */
  readonly ttlMs?: number | undefined;
}

const OWN_MS = 2000;

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
  const { servers, tls, user, password, timeoutMs = OWN_MS, ...others } = options;
  const { layout, prefix, domain, service: named, ttlMs = 10_000, ...rest } = others;
  const place = { layout, prefix, domain };
  checkNumber("ttlMs", ttlMs, { min: 1000, max: 86_400_000 });
  layoutOf("any", place);
  const given = typeof instance === "function" ? undefined : inService(instance);
  const gateway = gatewayOf({ servers, tls, user, password, timeoutMs }, options.clock)();
  const service = named ?? given?.service;
  const announcer = etcdAnnouncer(gateway, {
    name: service === undefined ? "etcd" : `etcd ${service}`,
    ttlMs,
    layoutOf: (of) => layoutOf(of, place),
  });
  return registrar({ ...rest, announcer, instance: given ?? made });

  async function made(...addresses: readonly string[]): Promise<InstanceInput> {
    return inService(typeof instance === "function" ? await instance(...addresses) : instance);
  }
  /** Throws when there is no place for it in etcd: what is tried for ever should be able to succeed. */
  function inService(input: string | InstanceInput): InstanceInput {
    const complete = instanceOf(input);
    const whole = { ...complete, service: checkString("service", complete.service || named) };
    const at = layoutOf(whole.service, place);
    at.key(whole);
    at.value(whole);
    return whole;
  }
}
