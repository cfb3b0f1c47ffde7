/**
 * Connections to one instance: node's own agent, with a time-out for connecting and an idle time below the servers'.
 *
 * @module
 */
import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction, Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { checkNumber, shown } from "../../internal/check.ts";
import { policyError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";

/** How connections are made and kept. */
export interface PoolOptions {
  /**
   * Connections to one instance, 1 to 65,535; calls beyond wait for one within their deadline. Default: 256. At 5 ms a
   * call that is 51,200 calls a second, more than one process sends; without a bound a slow server takes every descriptor.
   */
  readonly maxSockets?: number | undefined;
  /** Idle connections kept, 0 to 65,535. Default: `maxSockets`, since `idleMs` closes what a burst leaves. */
  readonly maxFreeSockets?: number | undefined;
  /**
   * How long an idle connection is kept, 1 ms to an hour. Default: 4 s, below the 5 s after which Node's and many other
   * servers close it: whoever closes first decides that no request is on its way. A server's `Keep-Alive: timeout`
   * shortens it.
   */
  readonly idleMs?: number | undefined;
  /** How long connecting may take, TLS included, 1 ms to a minute. Default: 1 s: a peer in reach takes milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** Certificates and keys for https; `servername` comes from the URL. Default: the platform's authorities. */
  readonly tls?: TlsOptions | undefined;
  /** Turns names into addresses, as `dns.lookup` does. Default: that one. */
  readonly lookup?: LookupFunction | undefined;
  /**
   * An agent of node:http or node:https, a proxy's for instance: then the other options here do not apply, but
   * `connectTimeoutMs`. It is not closed with the client. Default: a pool of its own for each instance.
   */
  readonly agent?: HttpAgent | undefined;
}

/** What an https connection may be given. */
export interface TlsOptions extends Pick<SecureContextOptions, "ca" | "cert" | "key" | "passphrase" | "pfx" | "minVersion"> {
  /** Whether a certificate that cannot be verified is refused. Default: true. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** The names of the pool's options. */
export const POOL: readonly string[] = ["maxSockets", "maxFreeSockets", "idleMs", "connectTimeoutMs", "tls", "lookup", "agent"];

/** The pool's options with every default filled in. */
export interface PoolSettings {
  readonly connectTimeoutMs: number;
  readonly agent: HttpAgent | undefined;
  readonly agentOptions: AgentOptions;
}

/** Checks the options of a pool. */
export function poolSettings(options: PoolOptions): PoolSettings {
  const { agent, lookup, tls = {} } = options;
  if (agent !== undefined && typeof (agent as { addRequest?: unknown }).addRequest !== "function") {
    throw new TypeError(`agent should be an agent of node:http or node:https, got ${shown(agent)}`);
  }
  const maxSockets = checkNumber("maxSockets", options.maxSockets ?? 256, { min: 1, max: 65_535, integer: true });
  const maxFreeSockets = checkNumber("maxFreeSockets", options.maxFreeSockets ?? maxSockets, { min: 0, max: 65_535, integer: true });
  return {
    connectTimeoutMs: checkNumber("connectTimeoutMs", options.connectTimeoutMs ?? 1000, { min: 1, max: 60_000 }),
    agent,
    agentOptions: {
      ...tls,
      // Node takes 0 for "as many as you like": then nothing is kept alive at all.
      keepAlive: maxFreeSockets > 0,
      maxSockets,
      maxFreeSockets: Math.max(1, maxFreeSockets),
      timeout: checkNumber("idleMs", options.idleMs ?? 4000, { min: 1, max: 3_600_000 }),
      ...(lookup === undefined ? undefined : { lookup }),
    } as AgentOptions,
  };
}

/** Connections whose handshake is over: what is written to them may arrive. */
const ready = new WeakSet<object>();

/** Whether anything can have been sent over a connection. */
export function wasReady(socket: Socket | null | undefined): boolean {
  return socket !== null && socket !== undefined && ready.has(socket);
}

/** Gives a new connection `timeoutMs` to become usable; else it is destroyed with `unreachable`. */
export function watchConnect(socket: Socket, timeoutMs: number, clock: Clock): void {
  if (!socket.connecting) {
    ready.add(socket);
    return;
  }
  const timer = clock.after(timeoutMs, () => {
    socket.destroy(policyError("unreachable", { message: `the peer did not accept the connection within ${timeoutMs} ms` }));
  });
  const connected = (): void => {
    ready.add(socket);
    timer.cancel();
  };
  socket.once("encrypted" in socket ? "secureConnect" : "connect", connected);
  socket.once("close", () => timer.cancel());
}

/** The agent for one instance. */
export function poolAgent(secure: boolean, settings: PoolSettings, clock: Clock): HttpAgent {
  const agent = secure ? new HttpsAgent(settings.agentOptions) : new HttpAgent(settings.agentOptions);
  const { createConnection } = agent;
  function createWatchedConnection(this: HttpAgent, ...args: Parameters<typeof createConnection>): ReturnType<typeof createConnection> {
    const socket = createConnection.apply(this, args);
    if (socket !== null && socket !== undefined) watchConnect(socket as Socket, settings.connectTimeoutMs, clock);
    return socket;
  }
  agent.createConnection = createWatchedConnection as typeof createConnection;
  return agent;
}

/** Closes idle connections: when one of them turned out to be closed by the peer, the others most likely are too. */
export function closeIdle(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
