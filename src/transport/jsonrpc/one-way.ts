/**
 * Notifications that are being served. Nobody waits for them: they outlive their connection, and a server that drains
 * waits for them.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { Hanging } from "../http/connection.ts";

/** The notifications in progress of one server. */
export class OneWays {
  readonly #calls = new Set<Hanging>();
  #idle: (() => void)[] = [];

  add(call: Hanging): void {
    this.#calls.add(call);
  }

  remove(call: Hanging): void {
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
