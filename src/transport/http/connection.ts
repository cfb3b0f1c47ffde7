/**
 * One record per socket: who is there, and which calls hang on it. One listener per socket serves every call that comes
 * through it, where one listener per request costs 3 µs.
 *
 * @module
 */
import type { Socket } from "node:net";
import { policyError, type ServiceError } from "../../errors/index.ts";

const CONNECTION: unique symbol = Symbol("connection") as never;

/** A call as its connection knows it. */
export interface Hanging {
  /** Whether its request is here in full. Default: true. */
  readonly isReceived?: boolean | undefined;
  fail(error: ServiceError): void;
  abandon(reason: ServiceError): void;
}

/** A socket's calls. With pipelining there may be several. */
export class Connection {
  readonly peer: string;
  /** Whether what came last could not be read: then nothing more is served, and the next answer is the last. */
  isBroken = false;
  /** Whether its last answer is written, and only the peer is waited for. */
  isLeft = false;
  #call: Hanging | undefined = undefined;
  #others: Set<Hanging> | undefined = undefined;

  constructor(socket: Socket) {
    this.peer = socket.remoteAddress ?? "";
    socket.on("close", () => this.#lost());
  }

  /** Hangs a call on the socket: it is abandoned when the socket closes. */
  add(call: Hanging): void {
    if (this.#call === undefined) this.#call = call;
    else (this.#others ??= new Set()).add(call);
  }

  /** Takes a finished call off. */
  remove(call: Hanging): void {
    if (this.#call === call) this.#call = undefined;
    else this.#others?.delete(call);
  }

  /** Calls in progress, oldest first. */
  calls(): readonly Hanging[] {
    return [...(this.#call === undefined ? [] : [this.#call]), ...(this.#others ?? [])];
  }

  #lost(): void {
    for (const call of this.calls()) call.abandon(policyError("canceled"));
  }
}

/** The record of a socket, made at its first request. */
export function connectionOf(socket: Socket): Connection {
  const marked = socket as Socket & { [CONNECTION]?: Connection };
  return (marked[CONNECTION] ??= new Connection(socket));
}
