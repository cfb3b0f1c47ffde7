/**
 * A service's instances as etcd has them.
 *
 * @module
 */
import { checkNumber, checkNames } from "../../internal/check.ts";
import { SOURCE_MS } from "../http/connection.ts";
import { source } from "../make-source.ts";
import { sourceOptionNames, sourceOptions, type SourceOptions } from "../source-options.ts";
import type { Source } from "../source.ts";
import { ETCD_CONNECTION, gatewayOf, type EtcdConnection } from "./gateway.ts";
import { layoutOf, PLACE, type EtcdPlace } from "./layout.ts";
import { etcdWatch } from "./watch.ts";

/** Where etcd is, where in it the service is, and what every source may be told. */
export interface EtcdOptions extends SourceOptions, EtcdConnection, EtcdPlace {
  /**
   * How often etcd is asked whether the watch has told everything, in milliseconds, from 100 to an hour; jittered by a tenth.
   * Default: 15 s: it is one small request, and finds a frozen server or a dead connection, which etcd's watch does not.
   */
  readonly refreshMs?: number | undefined;
}

/**
 * Makes a source of the instances that stand under `PREFIX/SERVICE/` in etcd v3, over its JSON gateway. The list is read at
 * one revision and every change after it is followed, so none is missed; after a lost connection it goes on from the last
 * revision, and reads the list again when etcd has compacted what was missed. (Go kit `sd/etcdv3/instancer.go` reads the whole
 * prefix again at each change, and misses what happens between its first read and its watch, #898.)
 *
 * @param service the service's name, e.g. `add`; without a slash.
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { etcd } from "servicekit/discovery/etcd";
 *
 * const add = etcd("add", { servers: "http://127.0.0.1:2379" });
 * add.name; // => "etcd add"
 * ```
 */
export function etcd(service: string, options: EtcdOptions = {}): Source {
  checkNames("etcd", options, ["refreshMs", ...ETCD_CONNECTION, ...PLACE, ...sourceOptionNames]);
  const refreshMs = checkNumber("refreshMs", options.refreshMs ?? 15_000, { min: 100, max: 3_600_000 });
  if (options.silenceMs !== undefined) checkNumber("silenceMs", options.silenceMs, { min: 2 * refreshMs });
  const layout = layoutOf(service, options);
  const watch = etcdWatch(gatewayOf(options, options.clock, SOURCE_MS), layout, refreshMs);
  return source({ ...sourceOptions(options), name: `etcd ${service}`, service, watch });
}
