/**
 * How an agent of Consul is reached: what a source and a registrar have in common.
 *
 * @module
 */
import type { Clock } from "../../time/index.ts";
import { connected, CONNECTION, type Connected, type RegistryConnection } from "../http/connection.ts";
import type { RegistryHeaders } from "../http/index.ts";

/** How an agent of Consul is reached. */
export interface ConsulConnection extends RegistryConnection {
  /**
   * The agent's URL, or several, tried in turn. Default: `http://127.0.0.1:8500`, the agent that Consul wants on every
   * machine. To follow the variable of Consul's own tools: `process.env.CONSUL_HTTP_ADDR`.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** Of access control lists; a function is asked before each request, so that it may change. Default: none. */
  readonly token?: string | (() => string) | undefined;
}

/** The names of these options. */
export const CONSUL_CONNECTION: readonly string[] = ["token", ...CONNECTION];

/** The client for these options. */
export function consulClient(options: ConsulConnection, clock: Clock | undefined, otherMs: number): Connected {
  const { servers = "http://127.0.0.1:8500", token, tls, timeoutMs = otherMs } = options;
  return connected(options.http, { servers, tls, headers: headersOf(token), timeoutMs, clock });
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
