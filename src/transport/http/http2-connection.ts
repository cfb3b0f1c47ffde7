/**
 * One record per session of HTTP/2: who is there, and which streams of messages hang on it.
 *
 * @module
 */
import type { ServerHttp2Session } from "node:http2";
import { valuesOf, type CallStart } from "../../endpoint/index.ts";
import { peerOf } from "./connection.ts";
import { identityOf, peerIdentity, type PeerIdentity } from "./peer-identity.ts";

/** A call that goes on for long, and may be asked to end. */
export interface Leaving {
  leave(isLast: boolean): void;
}

/** Who is at the other end of a session, looked up once. */
export class Http2Connection {
  readonly peer: string;
  readonly #session: ServerHttp2Session;
  #identity: PeerIdentity | undefined = undefined;
  #isKnown = false;
  readonly #streams = new Set<Leaving>();

  constructor(session: ServerHttp2Session) {
    this.#session = session;
    this.peer = session.socket === undefined ? "" : peerOf(session.socket);
  }

  /** Hangs a call on the session that is told when the server shuts down. */
  add(call: Leaving): void {
    this.#streams.add(call);
  }

  /** Takes a finished call off. */
  remove(call: Leaving): void {
    this.#streams.delete(call);
  }

  /** The server shuts down: streams are told. */
  leave(isLast: boolean): void {
    for (const call of this.#streams) call.leave(isLast);
  }

  /** What a call on it begins with: who is at the other end goes into its context. */
  start(start: CallStart): CallStart {
    if (!this.#isKnown) {
      this.#isKnown = true;
      this.#identity = identityOf(this.#session.socket);
    }
    if (this.#identity === undefined) return start;
    return { ...start, values: valuesOf(peerIdentity, this.#identity, start.values) };
  }
}

const CONNECTION: unique symbol = Symbol("connection") as never;

/** The record of a session, made at its first stream. */
export function http2ConnectionOf(session: ServerHttp2Session): Http2Connection {
  const marked = session as ServerHttp2Session & { [CONNECTION]?: Http2Connection };
  return (marked[CONNECTION] ??= new Http2Connection(session));
}
