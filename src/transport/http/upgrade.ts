/**
 * What takes over connections whose first request asks for another protocol (RFC 9110 §7.8): a small door for rooms that
 * speak one, on the port of the HTTP server.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { shown } from "../../internal/check.ts";
import type { Limits } from "../limits.ts";
import type { App } from "../server.ts";

/** What a taker is made for. */
export interface UpgradeServed {
  readonly app: App;
  readonly limits: Limits;
  /** How long a peer may take to read an answer, in milliseconds. */
  readonly writeTimeoutMs: number;
}

/** Takes connections over. Sockets are closed by the server when it must end; calls that hang on them are told before. */
export interface Upgrading {
  /** Whether it speaks what a request asks for. */
  speaks(request: IncomingMessage): boolean;
  /** Takes the connection: what is answered is its own. `head` is what has come after the request. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** A protocol as a value, made ready for each server that is given it. */
export interface Upgrade {
  readonly "~upgrade": true;
  /** Makes the taker, once, when the server starts to listen. */
  upgrading(served: UpgradeServed): Upgrading;
}

/** Throws a TypeError that names the option unless `list` holds upgrades. */
export function checkUpgrades(list: unknown): readonly Upgrade[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new TypeError(`upgrades should be a list of upgrades, got ${shown(list)}`);
  for (const one of list as readonly (Partial<Upgrade> | undefined)[])
    if (typeof one?.upgrading !== "function") throw new TypeError(`upgrades should hold upgrades, got ${shown(one)}`);
  return list as readonly Upgrade[];
}
