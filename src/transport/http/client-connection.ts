/**
 * What a client knows about one connection: whether anything can have been sent over it, and how long it may rest.
 *
 * @module
 */
import type { Socket } from "node:net";
import { policyError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";

/** How a connection is watched. */
export interface WatchOptions {
  /** How long connecting may take, TLS included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** One connection. */
class Connection {
  /** Whether the handshake is over: what is written then may arrive. */
  isReady = false;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #rest: Timer | undefined = undefined;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Nobody needs it: it is closed unless somebody does within `idleMs`. */
  rest(idleMs: number): void {
    this.#rest = this.#clock.expire(idleMs, this);
  }

  /** Somebody needs it. */
  wake(): void {
    this.#rest?.cancel();
  }

  expire(): void {
    this.#socket.destroy();
  }
}

const CONNECTION: unique symbol = Symbol("connection") as never;

/** What is known about a connection; undefined when it is not watched. */
export function connectionOf(socket: Socket | null | undefined): Connection | undefined {
  return (socket as { [CONNECTION]?: Connection } | null | undefined)?.[CONNECTION];
}

/** Watches a new connection: it has `timeoutMs` to become usable, else it is destroyed with `unreachable`. */
export function watch(socket: Socket, { timeoutMs, clock }: WatchOptions): void {
  if (connectionOf(socket) !== undefined) return;
  const connection = new Connection(socket, clock);
  (socket as { [CONNECTION]?: Connection })[CONNECTION] = connection;
  if (!socket.connecting) {
    connection.isReady = true;
    return;
  }
  const timer = clock.after(timeoutMs, () => {
    const message = `the peer did not accept the connection within ${timeoutMs} ms`;
    socket.destroy(policyError("unreachable", { message }));
  });
  socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
    connection.isReady = true;
    timer.cancel();
  });
  socket.once("close", () => {
    timer.cancel();
    connection.wake();
  });
}
