/**
 * How a server of Eureka is reached: what a source and a registrar have in common.
 *
 * @module
 */
import type { Clock } from "../../time/index.ts";
import { registryHttp, type RegistryHeaders, type RegistryHttp, type RegistryTls } from "../http/index.ts";

/** How a server of Eureka is reached. */
export interface EurekaConnection {
  /**
   * URLs with the path that stands before `/apps`, tried in turn; a user and a password in them go as basic authorization. Default:
   * `http://127.0.0.1:8761/eureka`, where Spring's server is. Netflix' own has `/eureka/v2`.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** Default: none. */
  readonly headers?: RegistryHeaders | undefined;
  /** For https. Default: the platform's authorities. */
  readonly tls?: RegistryTls | undefined;
  /**
   * How long a server may take, 1 ms to an hour. Default: 5 s; for a registrar 2 s, since the next server should get its chance
   * before the call is given up.
   */
  readonly timeoutMs?: number | undefined;
  /** Instead of all above: a client that several sources and registrars share. It is closed by whoever made it. Default: one's own. */
  readonly http?: RegistryHttp | undefined;
}

/** The names of these options. */
export const CONNECTION: readonly (keyof EurekaConnection)[] = ["servers", "headers", "tls", "timeoutMs", "http"];

/** A client, and whether it is ours to close. */
export interface Connected {
  readonly http: RegistryHttp;
  readonly isOwn: boolean;
}

/** The client for these options. */
export function connected(options: EurekaConnection, clock: Clock | undefined, otherMs: number): Connected {
  if (options.http !== undefined) return { http: options.http, isOwn: false };
  const { servers = "http://127.0.0.1:8761/eureka", headers, tls, timeoutMs = otherMs } = options;
  // A whole registry is large: 10,000 instances are some 10 MB.
  return { http: registryHttp({ servers, headers, tls, timeoutMs, clock, maxBytes: 2 ** 27 }), isOwn: true };
}
