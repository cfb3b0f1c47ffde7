/**
 * How a server of Eureka is reached: what a source and a registrar have in common.
 *
 * @module
 */
import type { Clock } from "../../time/index.ts";
import { connected, CONNECTION, type Connected, type RegistryConnection } from "../http/connection.ts";
import type { RegistryHeaders } from "../http/index.ts";

/** How a server of Eureka is reached. */
export interface EurekaConnection extends RegistryConnection {
  /**
   * URLs with the path that stands before `/apps`, tried in turn; a user and a password in them go as basic authorization. Default:
   * `http://127.0.0.1:8761/eureka`, where Spring's server is. Netflix' own has `/eureka/v2`.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** Go with every request: given once, or asked for before each. Default: none. */
  readonly headers?: RegistryHeaders | undefined;
}

/** The names of these options. */
export const EUREKA_CONNECTION: readonly string[] = ["headers", ...CONNECTION];

/** The client for these options. */
export function eurekaClient(options: EurekaConnection, clock: Clock | undefined, otherMs: number): Connected {
  const { servers = "http://127.0.0.1:8761/eureka", headers, tls, timeoutMs = otherMs } = options;
  // A whole registry is large: 10,000 instances are some 10 MB.
  return connected(options.http, { servers, headers, tls, timeoutMs, clock, maxBytes: 2 ** 27 });
}
