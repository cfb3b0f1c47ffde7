/**
 * One connection of a gRPC server: who is there, whether they still are, and when it is time to part.
 *
 * @module
 */
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { systemRandom, type Clock, type Timer } from "../../time/index.ts";
import { Http2Connection } from "../http/http2-connection.ts";

/** How long connections last. Times that may be without end are Infinity then. */
export interface ConnectionSettings {
  /** How long a peer may say nothing before it is asked for a sign of life. */
  readonly keepaliveMs: number;
  /** How long it has to give one. */
  readonly keepaliveTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly handshakeTimeoutMs: number;
}

const CONNECTION: unique symbol = Symbol("connection") as never;

type Marked = ServerHttp2Session & { [CONNECTION]?: GrpcConnection };

/** How long the last words of a connection have to go out. */
const LAST_MS = 1000;

/** By how much ages differ, so that connections made at once do not end at once. */
const JITTER = 0.1;

/** Minds one session from its first moment to its last. */
export class GrpcConnection extends Http2Connection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #open = 0;
  #idleSinceMs: number;
  #bytesRead = 0;

  constructor(session: ServerHttp2Session, socket: Socket, { settings, clock }: Minding) {
    super(session);
    this.#session = session;
    this.#socket = socket;
    this.#settings = settings;
    this.#clock = clock;
    this.#idleSinceMs = clock.now();
    (session as Marked)[CONNECTION] = this;
    const handshake = this.#after(settings.handshakeTimeoutMs, () => this.cut());
    session.once("remoteSettings", () => handshake?.cancel());
    this.#listen();
    this.#restUntil(settings.idleTimeoutMs);
    const age = settings.maxConnectionAgeMs * (1 + JITTER * (2 * systemRandom.fraction() - 1));
    this.#after(age, () => this.#retire());
    session.once("close", () => this.#closed());
  }

  /** A call has begun. */
  opened(): void {
    this.#open++;
  }

  /** Its stream is closed. */
  closed(): void {
    if (--this.#open === 0) this.#idleSinceMs = this.#clock.now();
  }

  /**
   * Tells the peer to go elsewhere (GOAWAY), and which of its calls came too late to be served: those it may repeat. The session
   * ends with its last stream. Of gRPC's two GOAWAYs, the first of which refuses nothing, node makes no good use: without an open
   * stream it reads nothing more after it, and the calls that it promised to serve are lost.
   */
  drain(): void {
    if (this.#session.closed || this.#session.destroyed) return;
    this.#session.close();
  }

  /** Ends it here and now. */
  cut(): void {
    this.#session.destroy();
    // A session that is closed waits for what it has written.
    this.#socket.destroy();
  }

  #retire(): void {
    this.drain();
    this.#after(this.#settings.maxConnectionAgeGraceMs, () => {
      this.leave(true);
      this.#after(LAST_MS, () => this.cut());
    });
  }

  #restUntil(waitMs: number): void {
    this.#after(waitMs, () => {
      const { idleTimeoutMs } = this.#settings;
      const idleMs = this.#open > 0 ? 0 : this.#clock.now() - this.#idleSinceMs;
      if (idleMs < idleTimeoutMs) return this.#restUntil(idleTimeoutMs - idleMs);
      this.drain();
      // One that does not read would hold it for ever.
      this.#after(LAST_MS, () => this.cut());
    });
  }

  // What has come tells that the peer lives, so only those who say nothing are asked.
  #listen(): void {
    this.#after(this.#settings.keepaliveMs, () => {
      const { bytesRead } = this.#socket;
      if (bytesRead !== this.#bytesRead) {
        this.#bytesRead = bytesRead;
        return this.#listen();
      }
      const late = this.#after(this.#settings.keepaliveTimeoutMs, () => this.cut());
      if (this.#session.closed || this.#session.destroyed) return;
      this.#session.ping((error) => {
        if (error !== null) return;
        late?.cancel();
        this.#listen();
      });
    });
  }

  #after(waitMs: number, run: () => void): Timer | undefined {
    if (waitMs === Infinity) return undefined;
    const timer = this.#clock.expire(waitMs, {
      expire: () => {
        this.#timers.delete(timer);
        if (!this.#session.destroyed) run();
      },
    });
    this.#timers.add(timer);
    return timer;
  }

  #closed(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}

/** What a connection is minded with. */
export interface Minding {
  readonly settings: ConnectionSettings;
  readonly clock: Clock;
}

/** The record of a session. */
export function grpcConnectionOf(session: ServerHttp2Session): GrpcConnection {
  return (session as Marked)[CONNECTION]!;
}
