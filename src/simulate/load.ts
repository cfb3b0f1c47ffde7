/**
 * Who asks in a simulation, as plain data.
 *
 * @module
 */

/** Requests that come. Either so many per second, whatever becomes of them, or from callers that wait for their answers. */
export interface Load {
  /** Requests per second, or how that changes over time. */
  readonly perSecond?: number | readonly LoadStep[] | undefined;
  /** By chance, as from many independent callers, or evenly. Default: "poisson". */
  readonly arrivals?: "poisson" | "constant" | undefined;
  /** So many callers, each of which asks again when it was answered. */
  readonly callers?: number | undefined;
  /** How long such a caller waits before it asks again, at least 0.1. Default: 1 ms. */
  readonly thinkMs?: number | undefined;
  /** How long a caller waits for its answer. Default: 3 s. */
  readonly timeoutMs?: number | undefined;
  /** Whether a request may be sent twice. Default: true. */
  readonly idempotent?: boolean | undefined;
  /** Each request has one of so many keys, by chance; see `client({ key })`. Default: 1. */
  readonly keys?: number | undefined;
  /** Whom they ask. Default: the service of the first back-end. */
  readonly service?: string | undefined;
}

/** From this moment on, so many per second. */
export interface LoadStep {
  readonly atMs: number;
  readonly perSecond: number;
}
