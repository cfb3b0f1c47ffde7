/**
 * What takes over connections whose first request asks for another protocol (RFC 9110 §7.8): a small door for rooms that
 * speak one, on the port of the HTTP server.
 *
 * @module
 */
import { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { shown } from "../../internal/check.ts";
import type { Limits } from "../limits.ts";
import type { OneWays } from "../one-way.ts";
import type { App } from "../server.ts";

/** What a taker is made for. */
export interface UpgradeServed {
  readonly app: App;
  readonly limits: Limits;
  /** How long a peer may take to read an answer, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** Is given the one-way calls that were acknowledged; a drain waits for them. */
  readonly oneWays: OneWays;
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

/**
 * The class of requests where `upgrades` are spoken. Node gives away every connection whose request names a protocol once
 * somebody listens, whatever the protocol, and some clients name `h2c` in each first request: what is not spoken here may be
 * passed over (RFC 9110 §7.8).
 */
export function requestsFor(upgrades: readonly Upgrading[]): typeof IncomingMessage {
  return class Request extends IncomingMessage {
    declare asks: boolean;

    // Node sets it by the headers' presence, and asks for it once they are here.
    get upgrade(): boolean {
      return this.asks && (this.method === "CONNECT" || upgrades.some((one) => one.speaks(this)));
    }

    set upgrade(asks: boolean) {
      this.asks = asks;
    }
  };
}

/** Throws a TypeError that names the option unless `list` holds upgrades. */
export function checkUpgrades(list: unknown): readonly Upgrade[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new TypeError(`upgrades should be a list of upgrades, got ${shown(list)}`);
  for (const one of list as readonly (Partial<Upgrade> | undefined)[])
    if (typeof one?.upgrading !== "function") throw new TypeError(`upgrades should hold upgrades, got ${shown(one)}`);
  return list as readonly Upgrade[];
}
