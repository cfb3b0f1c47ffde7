/**
 * One-way calls that are acknowledged and still at work. Nobody waits for them: they outlive their connection, and a server
 * that drains waits for them.
 *
 * @module
 */
import { policyError, type ServiceError } from "../errors/index.ts";

/** A call that nobody waits for. */
export interface OneWayCall {
  abandon(reason: ServiceError): void;
}

/** The acknowledged calls of one server. */
export class OneWays {
  readonly #calls = new Set<OneWayCall>();
  #idle: (() => void)[] = [];

  add(call: OneWayCall): void {
    this.#calls.add(call);
  }

  remove(call: OneWayCall): void {
    if (!this.#calls.delete(call) || this.#calls.size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  /** Resolves when none is left. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Calls off what is left. */
  cut(): void {
    for (const call of this.#calls) call.abandon(policyError("draining"));
  }
}
