/**
 * Makes a connection to one server, with a new session or with the one that was.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import { joined } from "../place.ts";
import { Frames } from "./frames.ts";
import { JuteReader, JuteWriter, malformed } from "./jute.ts";
import { Link } from "./link.ts";
import type { Server } from "./servers.ts";

/** A session, as the servers know it. */
export interface Session {
  readonly id: bigint;
  readonly password: Buffer;
  readonly timeoutMs: number;
}

/** How a connection is made. */
export interface OpenOptions {
  readonly tls: ConnectionOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly credentials: Buffer | undefined;
  readonly clock: Clock;
}

/** Where to, and with what. */
export interface OpenRequest {
  readonly server: Server;
  /** The session to go on with. */
  readonly session: Session | undefined;
  readonly lastZxid: bigint;
  readonly signal: AbortSignal;
}

/** What became of it: `expired` says that the servers have ended the session. */
export type Opened = { readonly link: Link; readonly session: Session } | "expired";

const NO_PASSWORD = Buffer.alloc(16);

/**
 * Connects. Rejects with reason `connection_lost` when the server accepted the connection and closed it without a word,
 * as one does that does not serve yet, or whose data is older than what was seen; with `unreachable` else.
 */
export async function openLink(options: OpenOptions, request: OpenRequest): Promise<Opened> {
  const opened = await shakeHands(options, request);
  if (opened === "expired" || options.credentials === undefined) return opened;
  const { link } = opened;
  const timer = options.clock.expire(options.connectTimeoutMs, { expire: abort });
  function abort(): void {
    timer.cancel();
    link.end(unreachable(link.server, "it did not answer to the credentials"));
  }
  request.signal.addEventListener("abort", abort, { once: true });
  try {
    await link.authenticate("digest", options.credentials);
    return opened;
  } catch (error) {
    link.end(error as ServiceError);
    throw error;
  } finally {
    timer.cancel();
    request.signal.removeEventListener("abort", abort);
  }
}

function shakeHands(options: OpenOptions, request: OpenRequest): Promise<Opened> {
  const { server, signal, lastZxid } = request;
  const name = joined(server.host, server.port);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const socket = socketTo(server, options.tls);
    let isConnected = false;
    let link: Link | undefined;
    const frames = new Frames(options.maxMessageBytes, (content) => answered(content));
    const timer = options.clock.expire(options.connectTimeoutMs, {
      expire: () => failed(unreachable(name, `no answer within ${options.connectTimeoutMs} ms`)),
    });
    function finish(): void {
      timer.cancel();
      signal.removeEventListener("abort", aborted);
      socket.off("data", take).off("close", closed).off("error", broken);
    }
    function leave(): void {
      finish();
      // A socket that is destroyed may still have an error to tell.
      socket.on("error", () => {}).destroy();
    }
    function failed(error: Error): void {
      leave();
      reject(error);
    }
    const aborted = (): void => failed(signal.reason as Error);
    const broken = (cause: Error): void =>
      failed(isConnected ? closedEarly(name, cause) : unreachable(name, cause.message, cause));
    const closed = (): void => failed(isConnected ? closedEarly(name) : unreachable(name, "it closed the connection"));
    function answered(content: Buffer): void {
      // In one chunk with it.
      if (link !== undefined) return link.end(malformed("an answer that nobody waits for"));
      const session = readAnswer(new JuteReader(content));
      if (session === undefined) {
        leave();
        return resolve("expired");
      }
      finish();
      const { clock, maxMessageBytes } = options;
      const sessionTimeoutMs = session.timeoutMs;
      link = new Link({ socket, server: name, clock, sessionTimeoutMs, maxMessageBytes, lastZxid });
      resolve({ link, session });
    }
    function take(chunk: Buffer): void {
      try {
        frames.push(chunk);
      } catch (error) {
        failed(error as Error);
      }
    }
    signal.addEventListener("abort", aborted, { once: true });
    socket.on("data", take).once("close", closed).once("error", broken);
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
      isConnected = true;
      socket.write(greeting(options.sessionTimeoutMs, request));
    });
  });
}

function socketTo({ host, port }: Server, tls: ConnectionOptions | undefined): Socket {
  const socket =
    tls === undefined
      ? connect({ host, port, noDelay: true })
      : connectTls({ ...(isIP(host) === 0 ? { servername: host } : {}), ...tls, host, port }).setNoDelay(true);
  // No registry is a reason to go on: whoever waits for something holds the process. Once more for the address that answered.
  return socket.unref().once("connect", () => socket.unref());
}

function greeting(sessionTimeoutMs: number, { session, lastZxid }: OpenRequest): Buffer {
  return new JuteWriter()
    .int(0)
    .long(lastZxid)
    .int(sessionTimeoutMs)
    .long(session?.id ?? 0n)
    .buffer(session?.password ?? NO_PASSWORD)
    .bool(false)
    .frame();
}

// The server's last field, whether it can only be read from, is missing before 3.4: nothing is read of it.
function readAnswer(content: JuteReader): Session | undefined {
  content.int();
  const timeoutMs = content.int();
  const id = content.long();
  const password = Buffer.from(content.buffer());
  if (timeoutMs <= 0 || id === 0n) return undefined;
  if (timeoutMs > 3_600_000) throw malformed(`a session of ${timeoutMs} ms`);
  return { id, password, timeoutMs };
}

function unreachable(server: string, why: string, cause?: unknown): ServiceError {
  return policyError("unreachable", { message: `zookeeper ${server} cannot be reached: ${why}`, cause });
}

function closedEarly(server: string, cause?: Error): ServiceError {
  const message = `zookeeper ${server} accepted the connection and closed it: it does not serve, or its data is older than what it served before`;
  return policyError("connection_lost", { message, cause });
}
