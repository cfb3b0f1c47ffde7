/**
 * What stands at a port: node's HTTP server itself, or one that speaks TLS or HTTP/2 first and hands the connections on.
 * TLS and HTTP/2 are loaded when they are asked for: they take a third of a small server's start.
 *
 * @module
 */
import type { Server as HttpServer } from "node:http";
import type { Http2Server, ServerHttp2Session, ServerOptions } from "node:http2";
import type { Server as NetServer, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { Credentials, type ServerTlsSettings } from "./server-tls.ts";

/** What a front is made for. */
export interface FrontOptions {
  /** Serves HTTP/1.1, whether it listens itself or is given connections; undefined where HTTP/2 alone is spoken. */
  readonly http: HttpServer | undefined;
  readonly tls: ServerTlsSettings | undefined;
  /** Whether HTTP/2 is spoken: beside HTTP/1.1 with TLS, alone without. */
  readonly http2: boolean;
  readonly limits: Limits;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  /** Streams of one connection at once. Default: 128. */
  readonly maxConcurrentStreams?: number | undefined;
  /** Minds a session of HTTP/2 from its first moment. Default: one on which nothing moves for `idleTimeoutMs` is ended. */
  readonly mind?: ((session: ServerHttp2Session, socket: Socket) => void) | undefined;
  /** What went wrong beside any request: a certificate that cannot be read. */
  report(error: unknown): void;
  /** A connection that did not come to speak TLS. */
  refused(error: Error, socket: Socket): void;
}

/** A port's server and what is behind it. */
export interface Front {
  /** Listens, and is closed. */
  readonly server: NetServer;
  /** Undefined where HTTP/2 is not spoken. */
  readonly http2: Http2Server | undefined;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Frees what is not a connection. */
  close(): void;
}

const NONE: ReadonlySet<ServerHttp2Session> = new Set();

/** Streams of one connection at once, as nginx and Envoy bound them: one connection must not hold the whole server. */
const MAX_STREAMS = 128;

/**
 * What one connection may do before node ends it. Node counts the first two over the life of a connection, which with gRPC is
 * weeks. Lines of node without an option pass it over: before 24, resets are held to 33 a second.
 */
const FLOOD = {
  // Node's own: an honest peer sends none, but behind a proxy one bad caller must not end the connection of many good ones.
  maxSessionInvalidFrames: 1000,
  // A refusal costs one small frame. At node's 100, a peer that once was too fast would lose the calls it has running as well.
  maxSessionRejectedStreams: 1000,
  // In megabytes, answers included that wait for the peer to read: at node's 10, three large ones refuse every further call.
  maxSessionMemory: 64,
  // A call that its caller gives up is a reset: 128 at once with deadlines of 3 s may be 43 a second, hedges come on top.
  streamResetBurst: 1000,
  streamResetRate: 200,
};

/**
 * Makes the front.
 *
 * @throws {Error} when a certificate or key cannot be read, or they do not fit.
 */
export async function frontOf(options: FrontOptions): Promise<Front> {
  const { http, tls } = options;
  const http2 = options.http2 ? await http2Of(options) : undefined;
  if (tls === undefined)
    return {
      server: http2?.server ?? http!,
      http2: http2?.server,
      sessions: http2?.sessions ?? NONE,
      close: () => undefined,
    };
  const { createServer } = await import("node:tls");
  const credentials = new Credentials(tls, options.clock, (error) => options.report(error));
  const secure = {
    ...(await credentials.load()),
    ALPNProtocols: [...(http2 === undefined ? [] : ["h2"]), ...(http === undefined ? [] : ["http/1.1"])],
    handshakeTimeout: options.handshakeTimeoutMs,
  };
  let server: ReturnType<typeof createServer>;
  try {
    server = createServer(secure);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`tls.cert, tls.key and tls.ca should be PEM that fits together: ${why}`, { cause });
  }
  server.on("secureConnection", (socket: TLSSocket) => {
    const next = socket.alpnProtocol === "h2" || http === undefined ? http2!.server : http;
    next.emit("connection", socket);
  });
  server.on("tlsClientError", (error: Error, socket: TLSSocket) => options.refused(error, socket));
  // It does not listen itself, and would not look for late requests.
  server.once("listening", () => http?.emit("listening"));
  credentials.watch(server);
  return { server, http2: http2?.server, sessions: http2?.sessions ?? NONE, close: () => credentials.close() };
}

interface Http2 {
  readonly server: Http2Server;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
}

async function http2Of({ limits, idleTimeoutMs, maxConcurrentStreams, mind }: FrontOptions): Promise<Http2> {
  const { createServer } = await import("node:http2");
  const sessions = new Set<ServerHttp2Session>();
  const settings: ServerOptions = {
    settings: {
      maxConcurrentStreams: maxConcurrentStreams ?? MAX_STREAMS,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
    },
    // Some more, so that it is calls that count and answer; beyond, node resets the stream. Their size is bounded above.
    maxHeaderListPairs: limits.maxHeaders * 2 + 64,
    ...FLOOD,
  };
  const server = createServer(settings);
  let accepted: Socket | undefined;
  // Right before node makes its session; the session gives no socket that can be closed.
  server.prependListener("connection", (socket: Socket) => (accepted = socket));
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // A peer that breaks the protocol ends its own session, nothing else.
    session.on("error", () => undefined);
    if (mind === undefined) leaveIdle(session, accepted!, idleTimeoutMs);
    else mind(session, accepted!);
  });
  server.on("sessionError", () => undefined);
  return { server, sessions };
}

/** Ends a session on which nothing moves: with its last stream, or now when not even that it ends can be told. */
function leaveIdle(session: ServerHttp2Session, socket: Socket, idleTimeoutMs: number): void {
  session.setTimeout(idleTimeoutMs, () => {
    // What waits was to be sent a whole time-out ago: the peer does not read, and node would wait for it for ever.
    if (session.closed && (session.state.outboundQueueSize ?? 0) > 0) return void socket.destroy();
    session.close();
    if (!session.destroyed) leaveIdle(session, socket, idleTimeoutMs);
  });
}
