/**
 * What an adaptive limit tells of itself: plain data.
 *
 * @module
 */

/** One change of the limit. */
export interface AdaptiveEvent {
  readonly type: "limit";
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Why: calls take as long as they should or longer, a peer refused, a look at how long they take when they are few. */
  readonly because: "grown" | "slower" | "pushed_back" | "probe" | "set";
  /** How long calls took lately, and how long they take when they are few, in milliseconds. */
  readonly latencyMs: number;
  readonly baselineMs: number;
}

/** An adaptive limit at one moment, fit for JSON. */
export interface AdaptiveSnapshot {
  readonly name: string;
  /** Calls that may be at work now. */
  readonly limit: number;
  /** Calls at work. */
  readonly inFlight: number;
  /** Calls that wait. */
  readonly waiting: number;
  /** Whether there has been too much for longer than a burst. */
  readonly isOverloaded: boolean;
  /** Calls let in since it was made. */
  readonly admitted: number;
  /** Calls refused since it was made. */
  readonly refused: number;
  /** How long calls took in the last window, in milliseconds; 0 before the first. */
  readonly latencyMs: number;
  /** How long they take when they are few, as far as is known, in milliseconds; 0 before the first window. */
  readonly baselineMs: number;
}
