/**
 * The way to one instance: its connections, the calls that wait for a place on one, and how soon a new one is tried after
 * one that failed.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Random } from "../../time/index.ts";
import { Connection, type ConnectionSettings, type ConnectionOwner } from "./client-connection.ts";

/** What a way is made of. */
export interface WayOptions extends ConnectionSettings {
  readonly maxConnections: number;
  readonly maxWaiting: number;
  readonly random: Random;
}

/** A call that wants a place on a connection. */
export interface Caller {
  /** Its turn has come; it tells the connection when it is over, by `Way.leave`. */
  go(connection: Connection): void;
  /** There will be no connection. */
  refused(error: ServiceError): void;
}

/** The pause after the first failed connection, doubled for each further one and chosen between nothing and that. */
const FIRST_PAUSE_MS = 100;

/** The longest. Calls fail at once meanwhile, so it is also how long an instance that is back may stay unused. */
const LONGEST_PAUSE_MS = 5000;

/** The connections to one instance. */
export class Way implements ConnectionOwner {
  readonly options: WayOptions;
  readonly #connections: Connection[] = [];
  readonly #waiting = new Set<Caller>();
  #failures = 0;
  #notBeforeMs = -Infinity;
  /** Calls that have a place. */
  #open = 0;
  #isClosed = false;
  #drained: (() => void) | undefined = undefined;

  constructor(options: WayOptions) {
    this.options = options;
  }

  /** Gives a call a place, now or in its turn. */
  enter(caller: Caller): void {
    const connections = this.#connections;
    if (this.#waiting.size === 0) {
      for (let i = 0; i < connections.length; i++) {
        const connection = connections[i]!;
        if (connection.isFree) return this.#give(connection, caller);
      }
    }
    const { clock, maxConnections, maxWaiting } = this.options;
    if (this.#isClosed) return caller.refused(policyError("unreachable", { message: "the client was closed" }));
    const isConnecting = connections.some((one) => one.isConnecting);
    if (!isConnecting && connections.length < maxConnections) {
      const waitMs = this.#notBeforeMs - clock.now();
      if (waitMs <= 0) {
        const failed = this.#connect();
        if (failed !== undefined && connections.length === 0) return caller.refused(failed);
      } else if (connections.length === 0) {
        const message = `the peer could not be reached, and is not tried again for ${Math.ceil(waitMs)} ms`;
        return caller.refused(policyError("unreachable", { message }));
      }
    }
    if (this.#waiting.size >= maxWaiting) {
      const message = `the peer takes no more calls at once, and ${maxWaiting} wait already`;
      return caller.refused(policyError("unreachable", { message }));
    }
    this.#waiting.add(caller);
  }

  /** A call that waits does not want a place any more. */
  forget(caller: Caller): void {
    this.#waiting.delete(caller);
    this.#settle();
  }

  /** A call has its outcome. */
  leave(connection: Connection): void {
    this.#open--;
    connection.exit();
    if (this.#waiting.size > 0) this.#pass(connection);
    this.#settle();
  }

  #give(connection: Connection, caller: Caller): void {
    this.#open++;
    connection.enter();
    caller.go(connection);
  }

  #pass(connection: Connection): void {
    for (const caller of this.#waiting) {
      if (!connection.isFree) return;
      this.#waiting.delete(caller);
      this.#give(connection, caller);
    }
  }

  // What node throws at once, as a user's `lookup` may, must not end the process when nobody's call is at work.
  #connect(): ServiceError | undefined {
    try {
      this.#connections.push(new Connection(this.options, this));
      return undefined;
    } catch (cause) {
      this.#pause();
      return policyError("unreachable", { cause });
    }
  }

  ready(connection: Connection): void {
    this.#failures = 0;
    this.#notBeforeMs = -Infinity;
    this.#pass(connection);
    // What still waits would fill another one.
    if (this.#waiting.size > 0 && this.#connections.length < this.options.maxConnections && connection.active > 0)
      this.#connect();
  }

  left(connection: Connection, error: ServiceError | undefined): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
    if (error !== undefined) this.#pause();
    if (this.#waiting.size === 0) return;
    const failed = error ?? this.#replace();
    // With other connections they get their turn there; without, there is none.
    if (failed === undefined || this.#connections.length > 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const caller of waiting) caller.refused(failed);
    this.#settle();
  }

  // The others are full, maybe for as long as streams last.
  #replace(): ServiceError | undefined {
    const isEnough = this.#connections.length >= this.options.maxConnections;
    return isEnough || this.#connections.some((one) => one.isConnecting) ? undefined : this.#connect();
  }

  #pause(): void {
    const { clock, random } = this.options;
    const mostMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    this.#notBeforeMs = clock.now() + random.fraction() * mostMs;
  }

  #settle(): void {
    if (this.#isClosed && this.#open === 0 && this.#waiting.size === 0) this.#drained?.();
  }

  /** Waits for calls in flight, then closes the connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#open > 0 || this.#waiting.size > 0)
      await new Promise<void>((resolve) => {
        const before = this.#drained;
        this.#drained = () => {
          before?.();
          resolve();
        };
      });
    for (const connection of [...this.#connections]) connection.close();
  }
}
