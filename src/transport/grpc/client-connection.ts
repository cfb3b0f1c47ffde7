/**
 * One HTTP/2 connection of a client: from the first packet until it is known to be usable, while it is, and how its end is
 * noticed. What becomes of calls on it is theirs.
 *
 * @module
 */
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type Settings } from "node:http2";
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import type { TlsOptions } from "../http/client-pool.ts";
import type { Place } from "../http/client-url.ts";
import type { Limits } from "../limits.ts";
import { Keepalive, type KeepaliveSettings } from "./client-keepalive.ts";

/** What connections to one instance are made with. */
export interface ConnectionSettings {
  readonly place: Place;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly tls: TlsOptions;
  readonly lookup: LookupFunction | undefined;
  readonly connectTimeoutMs: number;
  readonly idleMs: number;
  /** Undefined for none. */
  readonly keepalive: KeepaliveSettings | undefined;
}

/** Who hears what becomes of a connection. */
export interface ConnectionOwner {
  /** It is usable, or the peer takes more calls at once than before. */
  ready(connection: Connection): void;
  /** It takes no more calls: because the peer said so, or it is gone, or it never came about. */
  left(connection: Connection, error: ServiceError | undefined): void;
}

/** Bytes of a stream the peer may send before we have read them; a pause of ours costs the peer this much at most. */
const WINDOW_BYTES = 262_144;

/** Bytes of all streams together. They are given back as they come, so a stalled stream does not hold up the others. */
const CONNECTION_WINDOW_BYTES = 1_048_576;

/** Stream identifiers are odd and below 2³¹; a few are left for calls that begin in this turn. */
const LAST_STREAM_ID = 0x7fff_0000;

/** As many as fit into what nghttp2 reads at all, 64 KiB: they are counted when they are there, so that the error says so. */
const MOST_HEADERS = 4096;

/** One connection. */
export class Connection {
  readonly #options: ConnectionSettings;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #keepalive: Keepalive | undefined;
  #connecting: Timer | undefined;
  #idle: Timer | undefined = undefined;
  #hasLeft = false;
  /** Calls in flight. */
  active = 0;
  /** Calls begun, ever. */
  begun = 0;
  /** How many calls the peer takes at once; 0 until it has said. */
  maxActive = 0;
  /** Streams above this were not processed: the peer said so. */
  lastStreamId: number = Infinity;

  constructor(options: ConnectionSettings, owner: ConnectionOwner) {
    this.#options = options;
    this.#owner = owner;
    const { clock, connectTimeoutMs, keepalive } = options;
    const socket = (this.#socket = open(options));
    if (keepalive !== undefined) socket.setKeepAlive(true, keepalive.afterMs);
    this.#connecting = clock.after(connectTimeoutMs, () =>
      this.#fail(`the peer was no HTTP/2 server within ${connectTimeoutMs} ms`),
    );
    const session = (this.#session = sessionOn(socket, options));
    this.#keepalive = keepalive === undefined ? undefined : new Keepalive({ session, socket, clock }, keepalive);
    session.on("remoteSettings", (settings) => this.#heed(settings));
    session.on("goaway", (_code: number, lastStreamId: number, data?: Buffer) => {
      this.lastStreamId = lastStreamId;
      this.#keepalive?.heed(data);
      this.#leave(undefined);
    });
    // A peer that wants a certificate says so when the handshake is over on this side: node tells the socket alone.
    socket.on("error", (error: Error) => this.#broken(error));
    session.on("error", (error: Error) => this.#broken(error));
    session.on("close", () => this.#broken(undefined));
    // Until it is usable; then only while there are calls on it.
    socket.ref();
  }

  /** Whether nothing can come over it any more. */
  get isGone(): boolean {
    return this.#socket.destroyed || this.#session.destroyed;
  }

  /** Whether another call may begin on it now. */
  get isFree(): boolean {
    return this.active < this.maxActive && !this.#hasLeft;
  }

  /** Whether it is still being made. */
  get isConnecting(): boolean {
    return this.#connecting !== undefined;
  }

  #heed({ maxConcurrentStreams = 0xffff_ffff }: Settings): void {
    const isFirst = this.#connecting !== undefined;
    this.#connecting?.cancel();
    this.#connecting = undefined;
    this.maxActive = maxConcurrentStreams;
    if (isFirst && this.active === 0) this.#rest();
    if (!this.#hasLeft) this.#owner.ready(this);
  }

  /** @throws {Error} when it can take no call after all. */
  request(headers: Record<string, string | string[]>): ClientHttp2Stream {
    const stream = this.#session.request(headers, KEEP_OPEN);
    this.begun++;
    if (stream.id! > LAST_STREAM_ID) this.#leave(undefined);
    return stream;
  }

  /** A call has its place here. */
  enter(): void {
    if (this.active++ === 0) {
      this.#idle?.cancel();
      this.#socket.ref();
    }
    this.#keepalive?.begin(this.active);
  }

  /** A call has its outcome. */
  exit(): void {
    if (--this.active > 0) return;
    this.#keepalive?.end();
    this.#rest();
  }

  // Nothing keeps the process alive for a connection without calls.
  #rest(): void {
    this.#socket.unref();
    if (this.#hasLeft) return this.close();
    this.#idle = this.#options.clock.expire(this.#options.idleMs, this);
  }

  /** It was idle for long enough. */
  expire(): void {
    if (this.active > 0) return;
    this.#leave(undefined);
    this.close();
  }

  /** Closes it once the calls on it are over; they go on. */
  close(): void {
    this.#leave(undefined);
    if (this.#connecting !== undefined) this.#fail("the client was closed");
    else if (!this.#session.closed) this.#session.close();
  }

  #leave(error: ServiceError | undefined): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#idle?.cancel();
    this.#owner.left(this, error);
  }

  #fail(message: string): void {
    this.#broken(policyError("unreachable", { message }));
  }

  #broken(error: Error | undefined): void {
    const wasConnecting = this.#connecting !== undefined;
    this.#connecting?.cancel();
    this.#connecting = undefined;
    this.#keepalive?.end();
    if (!wasConnecting) this.#leave(undefined);
    else this.#leave(unreachable(error));
    this.#session.destroy();
    this.#socket.destroy();
  }
}

const KEEP_OPEN = { endStream: false };

function unreachable(cause: Error | undefined): ServiceError {
  if ((cause as Partial<ServiceError> | undefined)?.reason === "unreachable") return cause as ServiceError;
  return policyError("unreachable", { cause });
}

function open({ place, tls, lookup }: ConnectionSettings): Socket {
  const { host, port, secure } = place;
  const to = { host, port, noDelay: true, ...(lookup === undefined ? undefined : { lookup }) };
  if (!secure) return connectTcp(to);
  const name = isIP(host) === 0 ? { servername: host } : undefined;
  return connectTls({ ...to, ...tls, ...name, ALPNProtocols: ["h2"] } as ConnectionOptions);
}

function sessionOn(socket: Socket, { place, limits }: ConnectionSettings): ClientHttp2Session {
  const session = connect(`${place.secure ? "https" : "http"}://${place.authority}`, {
    createConnection: () => socket,
    maxHeaderListPairs: MOST_HEADERS,
    settings: {
      enablePush: false,
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize: limits.maxHeaderBytes,
    },
  } as Parameters<typeof connect>[1]);
  session.once("connect", () => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    if (place.secure && (socket as TLSSocket).alpnProtocol !== "h2")
      session.destroy(policyError("unreachable", { message: "the peer does not speak HTTP/2 (no ALPN h2)" }));
  });
  return session;
}
