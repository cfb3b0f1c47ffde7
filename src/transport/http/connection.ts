/**
 * One record per socket: who is there, and which calls hang on it. One listener per socket serves every call that comes
 * through it, where one listener per request costs 3 µs.
 *
 * @module
 */
import type { Socket } from "node:net";
import { valuesOf, type CallStart } from "../../endpoint/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { identityOf, peerIdentity, type PeerIdentity } from "./peer-identity.ts";

const CONNECTION: unique symbol = Symbol("connection") as never;

/** A call as its connection knows it. */
export interface Hanging {
  /** Whether its request is here in full. Default: true. */
  readonly isReceived?: boolean | undefined;
  /** Whether it minds by itself how long its request takes. Default: false. */
  readonly isPatient?: boolean | undefined;
  fail(error: ServiceError): void;
  abandon(reason: ServiceError): void;
  /** The server shuts down: what would go on for ever ends, what can go on a while does until this is the last call. */
  leave?(isLast: boolean): void;
}

/** A socket's calls. With pipelining there may be several. */
export class Connection {
  readonly peer: string;
  /** Whether what came last could not be read: then nothing more is served, and the next answer is the last. */
  isBroken = false;
  /** Whether its last answer is written, and only the peer is waited for. */
  isLeft = false;
  readonly #socket: Socket;
  #identity: PeerIdentity | undefined = undefined;
  #isKnown = false;
  #call: Hanging | undefined = undefined;
  #others: Set<Hanging> | undefined = undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.peer = peerOf(socket);
    socket.on("close", () => this.#lost());
  }

  /** What a call on it begins with: who is at the other end goes into its context. */
  start(start: CallStart): CallStart {
    if (!this.#isKnown) {
      this.#isKnown = true;
      this.#identity = identityOf(this.#socket);
    }
    if (this.#identity === undefined) return start;
    return { ...start, values: valuesOf(peerIdentity, this.#identity, start.values) };
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

/** The address at the other end; one of IPv4 that came in through an IPv6 port as what it is. */
export function peerOf({ remoteAddress = "" }: Pick<Socket, "remoteAddress">): string {
  return remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
}

/** The record of a socket, made at its first request. */
export function connectionOf(socket: Socket): Connection {
  const marked = socket as Socket & { [CONNECTION]?: Connection };
  return (marked[CONNECTION] ??= new Connection(socket));
}
