/**
 * How a registry is reached over HTTP: what all its sources and registrars have in common.
 *
 * @module
 */
import type { RegistryHttp, RegistryHttpOptions } from "./registry-client.ts";
import { registryHttp } from "./registry-http.ts";
import type { RegistryTls } from "./targets.ts";

/** How a registry is reached, beside its servers and who asks. */
export interface RegistryConnection {
  /** For https. Default: the platform's authorities. */
  readonly tls?: RegistryTls | undefined;
  /**
   * How long a server may take for what it does not hold back, 1 ms to an hour. Default: 5 s; for a registrar 2 s, since the
   * next server should get its chance before the call is given up.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Instead of the servers, who asks, and `tls`: a client that several sources and registrars share. It is closed by whoever made it.
   * Default: one's own.
   */
  readonly http?: RegistryHttp | undefined;
}

/** The names of these options, and of the servers. */
export const CONNECTION: readonly string[] = ["servers", "tls", "timeoutMs", "http"];

/** What `timeoutMs` is by default. */
export const SOURCE_MS = 5000;
export const REGISTRAR_MS = 2000;

/** A client, and what closes it: nothing does when it is somebody else's. */
export interface Connected {
  readonly http: RegistryHttp;
  readonly close: () => void;
}

/** The client that is given, or one of its own; the options are checked all the same. */
export function connected(given: RegistryHttp | undefined, options: RegistryHttpOptions): Connected {
  const own = registryHttp(options);
  return given === undefined ? { http: own, close: () => own.close() } : { http: given, close: () => {} };
}
