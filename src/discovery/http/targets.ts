/**
 * The servers of a registry as they were given, and where requests go.
 *
 * @module
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { SecureContextOptions } from "node:tls";
import { shown } from "../../internal/check.ts";

/** What a TLS connection to a registry may be given: options of node:tls. */
export interface RegistryTls extends Pick<
  SecureContextOptions,
  "ca" | "cert" | "key" | "passphrase" | "pfx" | "minVersion"
> {
  /** The name that the certificate should have. Default: the host of the URL. */
  readonly servername?: string | undefined;
  /** Whether a certificate that cannot be verified is refused. Default: true. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** One server. */
export interface Target {
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** What stands before every path; "" mostly. */
  readonly base: string;
  /** The header for the user and password of the URL. */
  readonly authorization: string | undefined;
  /** The server as errors name it: without user and password. */
  readonly shown: string;
}

/** Reads the servers; throws a RangeError that names the one that is none. */
export function targetsOf(servers: string | readonly string[], isSecure: boolean): readonly Target[] {
  const list = typeof servers === "string" ? servers.split(",").map((one) => one.trim()) : servers;
  if (!Array.isArray(list) || list.length === 0) {
    throw new RangeError(`servers should be a URL or several, got ${shown(servers)}`);
  }
  return list.map((server) => targetOf(server as string, isSecure));
}

function targetOf(server: string, isSecure: boolean): Target {
  const url = urlOf(server, isSecure);
  if (url === undefined) {
    // The rest of a URL may hold a password.
    const given = typeof server === "string" ? shown(server.replace(/^(.*?\/\/)?[^/]*@/, "$1…@")) : shown(server);
    throw new RangeError(`servers should be http:// or https:// URLs, got ${given}`);
  }
  const secure = url.protocol === "https:";
  const base = url.pathname.replace(/\/+$/, "");
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    isSecure: secure,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    base,
    authorization: user === ":" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
    shown: url.origin + base,
  };
}

function urlOf(server: unknown, isSecure: boolean): URL | undefined {
  if (typeof server !== "string" || server === "") return undefined;
  try {
    const url = new URL(server.includes("://") ? server : `${isSecure ? "https" : "http"}://${server}`);
    decodeURIComponent(url.username + url.password);
    return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
  } catch {
    return undefined;
  }
}

/** The connections to all servers of a registry. Idle ones keep no process alive: node's agent sees to that. */
export class Agents {
  readonly #tls: RegistryTls;
  #plain: HttpAgent | undefined = undefined;
  #secure: HttpsAgent | undefined = undefined;

  constructor(tls: RegistryTls) {
    this.#tls = tls;
  }

  of(target: Target): HttpAgent {
    if (!target.isSecure) return (this.#plain ??= new HttpAgent({ keepAlive: true, maxFreeSockets: 4 }));
    const options = { ...this.#tls, keepAlive: true, maxFreeSockets: 4 };
    return (this.#secure ??= new HttpsAgent(options as ConstructorParameters<typeof HttpsAgent>[0]));
  }

  /** Closes idle connections: when one turned out to be closed by the server, the others most likely are too. */
  closeIdle(): void {
    for (const agent of [this.#plain, this.#secure]) {
      for (const sockets of Object.values(agent?.freeSockets ?? {})) for (const one of sockets ?? []) one.destroy();
    }
  }

  /** Closes all, also those in use. */
  close(): void {
    this.#plain?.destroy();
    this.#secure?.destroy();
  }
}
