/**
 * Instances as the examples' flags name them: made known to Consul, and found there or in a list.
 *
 * @module
 */
import { consul, consulRegistrar } from "servicekit/discovery/consul";
import type { From } from "servicekit/client";
import type { Logger } from "servicekit/log";
import type { Runnable } from "servicekit/run";

/** What is made known, and where. */
export interface Announced {
  readonly service: string;
  /** Consul's agent, as `host:port`; "" for none. */
  readonly agent: string;
  /** The server whose address it is, by its place in `on`. Default: the first. */
  readonly server?: number;
  readonly tags?: readonly string[];
  readonly log?: Logger;
}

/** The task that keeps this instance in Consul; none without an agent. */
export function announced({ service, agent, server = 0, tags = [], log }: Announced): readonly Runnable[] {
  if (agent === "") return [];
  const instance = (...addresses: readonly string[]) => ({ address: addresses[server] ?? "", tags });
  return [consulRegistrar(instance, { service, servers: `http://${agent}`, log })];
}

/** Where instances are looked for. */
export interface Wanted {
  /** `host:port,host:port`, or `consul`. */
  readonly list: string;
  /** Consul's agent, as `host:port`. "": the one at 127.0.0.1:8500. */
  readonly agent: string;
  /** All of which an instance in Consul must have. */
  readonly tags?: readonly string[];
}

/** The instances that a flag lists, or those that Consul has. */
export function instances(service: string, { list, agent, tags = [] }: Wanted): From {
  if (list === "consul") return consul(service, { tags, ...(agent === "" ? {} : { servers: `http://${agent}` }) });
  return list.split(",").map((one) => (one.includes("://") ? one.trim() : `http://${one.trim()}`));
}
