/**
 * One record per session of HTTP/2: who is there, and which streams of messages hang on it; and how one of its streams ends.
 *
 * @module
 */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { valuesOf, type CallStart } from "../../endpoint/index.ts";
import { nextTurn } from "../../internal/turn.ts";
import { peerOf } from "./connection.ts";
import { identityOf, peerIdentity, type PeerIdentity } from "./peer-identity.ts";

/** RFC 9113 §7: nothing went wrong, and nothing more is wanted. */
const NO_ERROR = 0;

/** RFC 9113 §7: the rest is not wanted. */
export const CANCEL = 8;

/** A call that goes on for long, and may be asked to end. */
export interface Leaving {
  leave(isLast: boolean): void;
}

/** A call that may want a bound for what it waits for. */
export interface Looking {
  look(): void;
}

/** Who is at the other end of a session, looked up once. */
export class Http2Connection {
  readonly peer: string;
  readonly #session: ServerHttp2Session;
  #identity: PeerIdentity | undefined = undefined;
  #isKnown = false;
  readonly #streams = new Set<Leaving>();
  #looking: Looking[] = [];

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

  /** Has a call look in the next turn of the loop what it still waits for: one turn for all calls of a session. */
  nextTurn(call: Looking): void {
    if (this.#looking.push(call) === 1) nextTurn(lookAll, this);
  }

  lookAll(): void {
    const calls = this.#looking;
    this.#looking = [];
    for (const call of calls) call.look();
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

function lookAll(connection: Http2Connection): void {
  connection.lookAll();
}

const CONNECTION: unique symbol = Symbol("connection") as never;

/** The record of a session, made at its first stream. */
export function http2ConnectionOf(session: ServerHttp2Session): Http2Connection {
  const marked = session as ServerHttp2Session & { [CONNECTION]?: Http2Connection };
  return (marked[CONNECTION] ??= new Http2Connection(session));
}

/** What the peer is still sending is called off (RFC 9113 §8.1). */
export function endIncoming(stream: ServerHttp2Stream): void {
  // Who listens for it does not let the rest go, and a stream with bytes unread never closes.
  stream.removeAllListeners("readable");
  stream.resume();
  if (stream.endAfterHeaders || stream.readableEnded) return;
  if (stream.writableFinished) stream.close(NO_ERROR);
  else stream.once("finish", () => void stream.close(NO_ERROR));
}
