/**
 * An instance as a client reaches it: one channel for all methods, a sender and a breaker per method where they are used.
 *
 * @module
 */
import type { AnyService, BreakerPolicy } from "../contract/index.ts";
import type { Instance } from "../discovery/index.ts";
import { circuitBreaker, type BreakerEvent, type CircuitBreaker } from "../resilience/index.ts";
import type { Clock, Random } from "../time/index.ts";
import type { Channel, ClientTransport } from "../transport/index.ts";

/** What upstreams are opened with. */
export interface UpstreamOptions {
  readonly service: AnyService;
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: ((event: BreakerEvent) => void) | undefined;
}

/** How one method reaches an upstream. */
export interface Target<S> {
  readonly send: S;
  readonly breaker: CircuitBreaker | undefined;
  /**
   * Whether a call's duration says how fast the instance is. That of a stream says how long there was something to tell: one that ends
   * after an hour would keep all other calls away for minutes.
   */
  readonly isTimed: boolean;
}

/** Prepares a method's target, once per upstream; `index` is the method's own place among them. */
export interface Reach<S> {
  readonly index: number;
  readonly reach: (upstream: Upstream) => Target<S>;
}

/** The address of an upstream whose transport needs none. */
export const NOWHERE = "local";

/** One upstream. */
export class Upstream {
  readonly instance: Instance;
  /** For people: without user and password, which addresses of brokers hold. */
  readonly name: string;
  readonly channel: Channel;
  readonly #options: UpstreamOptions;
  readonly #targets: (Target<unknown> | undefined)[] = [];
  readonly #breakers = new Map<BreakerPolicy, CircuitBreaker>();

  constructor(instance: Instance, options: UpstreamOptions) {
    const { service, transport, clock } = options;
    const isNowhere = isLocal(transport);
    this.instance = instance;
    this.name = isNowhere ? transport.name : nameOf(instance.address);
    this.#options = options;
    this.channel = transport.open(service, isNowhere ? "" : instance.address, clock);
  }

  /** How a method reaches it. */
  target<S>(way: Reach<S>): Target<S> {
    return (this.#targets[way.index] as Target<S> | undefined) ?? this.#reach(way);
  }

  #reach<S>(way: Reach<S>): Target<S> {
    const target = way.reach(this);
    this.#targets[way.index] = target;
    return target;
  }

  /** The breaker under a policy: methods with the same policy share it, since they share the instance. */
  breaker(policy: BreakerPolicy | false): CircuitBreaker | undefined {
    if (policy === false) return undefined;
    let found = this.#breakers.get(policy);
    if (found === undefined) {
      const { clock, random, onEvent } = this.#options;
      found = circuitBreaker({ ...policy, name: this.name, clock, random, onEvent });
      this.#breakers.set(policy, found);
    }
    return found;
  }
}

/** Whether a transport needs no address. */
export function isLocal(transport: ClientTransport): boolean {
  return (transport as { readonly "~local"?: unknown })["~local"] === true;
}

/** An address without user and password. */
export function nameOf(address: string): string {
  return address.replace(/\/\/[^/?#]*@/, "//");
}
