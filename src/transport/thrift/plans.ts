/**
 * The methods a server has, by the names peers call them.
 *
 * @module
 */
import type { Hooks } from "../hooks.ts";
import type { App } from "../server.ts";
import type { ThriftPlan, ThriftReply, ThriftRequest } from "./call.ts";
import { SERVICE } from "./names.ts";
import type { Incoming } from "./splitter.ts";
import type { WireOptions } from "./wire-method.ts";
import { wiresOf } from "./wires.ts";

/** Finds methods: by service and name, and by name alone where only one service has it. */
export class Plans {
  readonly #full = new Map<string, ThriftPlan>();
  /** Undefined for names that several services have. */
  readonly #short = new Map<string, ThriftPlan | undefined>();

  /** @throws {TypeError} when the messages of a method cannot be written, naming it. */
  constructor(app: App, how: WireOptions, hooks: Hooks<ThriftRequest, ThriftReply>) {
    for (const { name: service, service: contract, methods } of app.services) {
      for (const [name, wire] of wiresOf(contract, how)) {
        const plan: ThriftPlan = { bound: methods.get(name)!, hooks, wire };
        const full = `${service}:${wire.name}`;
        if (this.#full.has(full)) throw new TypeError(`${full} should be one method on the wire, it is two`);
        this.#full.set(full, plan);
        this.#short.set(wire.name, this.#short.has(wire.name) ? undefined : plan);
      }
    }
  }

  /** The method of a message: `service:method`, as multiplexed clients write it, or with the service in a header. */
  find(name: string, { headers }: Incoming): ThriftPlan | undefined {
    const service = headers?.get(SERVICE);
    // Who says which service never gets another's method of that name.
    if (service !== undefined) return this.#full.get(name.startsWith(`${service}:`) ? name : `${service}:${name}`);
    return this.#short.get(name) ?? this.#full.get(name);
  }
}
