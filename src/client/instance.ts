/**
 * The instances of a service as a client knows them: the way to each, and what has been learned about it, both under the
 * instance's identity, so that they outlive any list it stands in.
 *
 * @module
 */
import type { AnyService, BreakerPolicy } from "../contract/index.ts";
import { circuitBreaker, type BreakerEvent, type BreakerTicket, type CircuitBreaker } from "../resilience/index.ts";
import type { Clock, Random } from "../time/index.ts";
import type { Channel, ClientTransport } from "../transport/index.ts";

/** What instances are opened with. */
export interface InstanceOptions {
  readonly service: AnyService;
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: ((event: BreakerEvent) => void) | undefined;
}

/** One instance. */
export class Instance {
  readonly identity: string;
  /** Its identity for people: without user and password, which addresses of brokers hold. */
  readonly name: string;
  readonly channel: Channel;
  readonly #options: InstanceOptions;
  readonly #breakers = new Map<BreakerPolicy, CircuitBreaker>();

  constructor(identity: string, options: InstanceOptions) {
    this.identity = identity;
    this.name = identity === "" ? options.transport.name : identity.replace(/\/\/[^/?#]*@/, "//");
    this.#options = options;
    this.channel = options.transport.open(options.service, identity, options.clock);
  }

  /** The breaker under a policy: methods with the same policy share it, since they share the instance. */
  breaker(policy: BreakerPolicy | false): CircuitBreaker | undefined {
    if (policy === false) return undefined;
    let found = this.#breakers.get(policy);
    if (found === undefined) {
      const { clock, random, onEvent } = this.#options;
      found = circuitBreaker({
        ...policy,
        name: this.name,
        clock,
        random,
        onEvent,
      });
      this.#breakers.set(policy, found);
    }
    return found;
  }
}

/** One instance as one method reaches it. */
export interface Target<S> {
  readonly send: S;
  readonly breaker: CircuitBreaker | undefined;
}

/** The right to one attempt at a target; it is told how that ended. */
export class Attempt<S> {
  readonly target: Target<S>;
  readonly #ticket: BreakerTicket | undefined;

  constructor(target: Target<S>, ticket: BreakerTicket | undefined) {
    this.target = target;
    this.#ticket = ticket;
  }

  succeeded(): void {
    if (this.#ticket !== undefined) this.target.breaker!.succeed(this.#ticket);
  }

  failed(error: unknown): void {
    if (this.#ticket !== undefined) this.target.breaker!.record(this.#ticket, error);
  }

  /** It ended without saying anything about the instance. */
  released(): void {
    if (this.#ticket !== undefined) this.target.breaker!.release(this.#ticket);
  }
}
