/**
 * How the connections to one instance are made and kept: the options, and node's own agent with a time-out for
 * connecting and an idle time below the servers'.
 *
 * @module
 */
import type * as http from "node:http";
import type * as https from "node:https";
import type { LookupFunction, Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { checkNumber, shown } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import { connectionOf, watch } from "./client-connection.ts";

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
   * servers close it: whoever closes first knows that no request is on its way. A server that announces less in
   * `Keep-Alive: timeout` gets a second less than that.
   */
  readonly idleMs?: number | undefined;
  /** How long connecting may take, TLS included, 1 ms to a minute. Default: 1 s: a peer in reach takes milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** Certificates and keys for https; the name that is verified comes from the URL. Default: the platform's authorities. */
  readonly tls?: TlsOptions | undefined;
  /** Turns names into addresses, as `dns.lookup` does. Default: that one. */
  readonly lookup?: LookupFunction | undefined;
  /**
   * An agent of node:http or node:https, a proxy's for instance: then of the options here only `connectTimeoutMs`
   * applies, and it is not closed with the client. Default: a pool for each instance.
   */
  readonly agent?: http.Agent | undefined;
}

/** What an https connection may be given. */
export interface TlsOptions extends Pick<
  SecureContextOptions,
  "ca" | "cert" | "key" | "passphrase" | "pfx" | "minVersion"
> {
  /** Whether a certificate that cannot be verified is refused. Default: true. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** The names of the pool's options. */
export const POOL: readonly string[] = [
  ...["maxSockets", "maxFreeSockets", "idleMs", "connectTimeoutMs"],
  ...["tls", "lookup", "agent"],
];

/** The pool's options with every default filled in. */
export interface PoolSettings {
  readonly maxSockets: number;
  readonly maxFreeSockets: number;
  readonly idleMs: number;
  readonly connectTimeoutMs: number;
  readonly agent: http.Agent | undefined;
  readonly agentOptions: https.AgentOptions;
}

/** Checks the options of a pool. */
export function poolSettings(options: PoolOptions): PoolSettings {
  const { agent, lookup, tls = {} } = options;
  if (agent !== undefined && typeof (agent as { addRequest?: unknown }).addRequest !== "function") {
    throw new TypeError(`agent should be an agent of node:http or node:https, got ${shown(agent)}`);
  }
  const maxSockets = checkNumber("maxSockets", options.maxSockets ?? 256, { min: 1, max: 65_535, integer: true });
  const free = options.maxFreeSockets ?? maxSockets;
  const maxFreeSockets = checkNumber("maxFreeSockets", free, { min: 0, max: 65_535, integer: true });
  return {
    maxSockets,
    maxFreeSockets,
    idleMs: checkNumber("idleMs", options.idleMs ?? 4000, { min: 1, max: 3_600_000 }),
    connectTimeoutMs: checkNumber("connectTimeoutMs", options.connectTimeoutMs ?? 1000, { min: 1, max: 60_000 }),
    agent,
    agentOptions: {
      ...tls,
      keepAlive: maxFreeSockets > 0,
      ...(lookup === undefined ? undefined : { lookup }),
    } as https.AgentOptions,
  };
}

/** Node's own client. The one for https brings all of TLS with it, which a process that only serves need not load. */
export function protocol(secure: boolean): typeof http | typeof https {
  return process.getBuiltinModule(secure ? "node:https" : "node:http");
}

/** The part of a server's announced idle time that is left to requests on their way, as Node's agent has it. */
const MARGIN_MS = 1000;

/** The connections to one instance. What it overrides of the agent is documented as made for that. */
export class Pool {
  readonly agent: http.Agent;
  readonly #settings: PoolSettings;
  #idleMs: number;
  #hint: string | undefined = undefined;

  constructor(secure: boolean, settings: PoolSettings, clock: Clock) {
    this.#settings = settings;
    this.#idleMs = settings.idleMs;
    const { Agent } = protocol(secure);
    const agent = new Agent(settings.agentOptions);
    const { createConnection, keepSocketAlive, reuseSocket } = agent as http.Agent as http.Agent & Kept;
    this.agent = Object.assign(agent, {
      // Not among the agent's options, which are copied for every request.
      maxSockets: settings.maxSockets,
      maxFreeSockets: settings.maxFreeSockets,
      // All connections go to one place, so there is nothing to tell apart, three times a request.
      getName: () => "",
      createConnection: (...args: Parameters<typeof createConnection>) => {
        const socket = createConnection.apply(agent, args);
        if (socket) watch(socket as Socket, { timeoutMs: settings.connectTimeoutMs, clock });
        return socket;
      },
      // Not the agent's own `timeout`, which puts a listener and two timers on every request.
      keepSocketAlive: (socket: Socket): boolean => {
        if (this.#idleMs <= 0 || !keepSocketAlive.call(agent, socket)) return false;
        connectionOf(socket)!.rest(this.#idleMs);
        return true;
      },
      reuseSocket: (socket: Socket, request: http.ClientRequest): void => {
        connectionOf(socket)!.wake();
        reuseSocket.call(agent, socket, request);
      },
    });
  }

  /** Heeds what the server says of its own idle time-out. */
  heed(hint: string | undefined): void {
    if (hint === this.#hint) return;
    this.#hint = hint;
    const seconds = hint === undefined ? undefined : /(?:^|,)\s*timeout=(\d{1,9})/i.exec(hint)?.[1];
    const { idleMs } = this.#settings;
    this.#idleMs = seconds === undefined ? idleMs : Math.min(idleMs, Number(seconds) * 1000 - MARGIN_MS);
  }

  /** Closes idle connections: when one turned out to be closed by the peer, the others most likely are too. */
  closeIdle(): void {
    for (const sockets of Object.values(this.agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

/** What the types leave out: its answer. */
interface Kept {
  keepSocketAlive(socket: Socket): boolean;
}
