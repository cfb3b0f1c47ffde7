/**
 * What a breaker can be, and what it tells of itself: plain data.
 *
 * @module
 */

/**
 * Where a breaker stands: `closed` (calls pass and are counted), `open` (none passes until some time), `half_open` (a few
 * pass as probes), `isolated` (none passes until somebody says so). Calls and their ends move it, never the mere passing
 * of time: it stays `open` until a call comes after its time.
 */
export type BreakerState = "closed" | "open" | "half_open" | "isolated";

/** One change of state. */
export type BreakerEvent =
  | {
      readonly type: "open";
      readonly name: string;
      readonly from: "closed" | "half_open";
      /** How long it will stay open, in milliseconds. */
      readonly openMs: number;
      /** The last failure; undefined when calls were slow or a probe never ended. */
      readonly error: unknown;
    }
  | { readonly type: "half_open"; readonly name: string; readonly from: "open" }
  | { readonly type: "close"; readonly name: string; readonly from: "half_open" }
  | { readonly type: "isolate"; readonly name: string; readonly from: Exclude<BreakerState, "isolated"> }
  | { readonly type: "reset"; readonly name: string; readonly from: BreakerState };

/** A breaker at one moment, fit for JSON. */
export interface BreakerSnapshot {
  readonly name: string;
  readonly state: BreakerState;
  /** Calls counted in the window up to the last opening; for a consecutive trip the failures in a row. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** Calls refused since it was made. */
  readonly refused: number;
  /** Openings in a row, 0 when closed. */
  readonly openings: number;
  /** Probes that run now. */
  readonly probes: number;
  /** Probes that have succeeded since it became half open. */
  readonly successes: number;
  /** Milliseconds until it lets a probe through; undefined unless it is open. */
  readonly retryAfterMs: number | undefined;
}

/**
 * The right to make one call, to be settled once by `succeed`, `fail`, `release` or `record`. It belongs to the state it
 * was given in: settled after that state has ended, it changes nothing.
 */
export interface BreakerTicket {
  readonly "~state": object;
}
