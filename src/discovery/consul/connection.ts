/**
 * How an agent of Consul is reached: what a source and a registrar have in common.
 *
 * @module
 */
import type { Clock } from "../../time/index.ts";
import { registryHttp, type RegistryHeaders, type RegistryHttp, type RegistryTls } from "../http/index.ts";

/** How an agent of Consul is reached. */
export interface ConsulConnection {
  /**
   * The agent's URL, or several, tried in turn. Default: `http://127.0.0.1:8500`, the agent that Consul wants on every
   * machine. To follow the variable of Consul's own tools: `process.env.CONSUL_HTTP_ADDR`.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** Of access control lists; a function is asked before each request, so that it may change. Default: none. */
  readonly token?: string | (() => string) | undefined;
  /** For https. Default: the platform's authorities. */
  readonly tls?: RegistryTls | undefined;
  /**
   * How long an agent may take for what it does not hold back, 1 ms to an hour. Default: 5 s; for a registrar
   * 2 s, since the next server should get its chance before the call is given up.
   */
  readonly timeoutMs?: number | undefined;
  /** Instead of all above: a client that several sources and registrars share. It is closed by whoever made it. Default: one's own. */
  readonly http?: RegistryHttp | undefined;
}

/** The names of these options. */
export const CONNECTION: readonly (keyof ConsulConnection)[] = ["servers", "token", "tls", "timeoutMs", "http"];

/** A client, and whether it is ours to close. */
export interface Connected {
  readonly http: RegistryHttp;
  readonly isOwn: boolean;
}

/** The client for these options. */
export function connected(options: ConsulConnection, clock: Clock | undefined, otherMs: number): Connected {
  if (options.http !== undefined) return { http: options.http, isOwn: false };
  const { servers = "http://127.0.0.1:8500", token, tls, timeoutMs = otherMs } = options;
  return { http: registryHttp({ servers, tls, headers: headersOf(token), timeoutMs, clock }), isOwn: true };
}

function headersOf(token: ConsulConnection["token"]): RegistryHeaders | undefined {
  if (token === undefined) return undefined;
  return typeof token === "function" ? () => tokenHeader(token()) : tokenHeader(checkToken(token));
}

/** Not by `checkString`, whose words would show a wrong one. */
function checkToken(token: string): string {
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new RangeError("token should be a text without spaces");
}

function tokenHeader(token: string): Readonly<Record<string, string>> {
  return { "x-consul-token": token };
}
