/**
 * An instance as a balancer knows it: the way to it, and what was learned on that way.
 *
 * @module
 */
import type { Instance } from "../discovery/index.ts";

/** What the end of a call says of the instance: that it works, that it fails, or nothing (the caller left, this process stalled). */
export type Ending = "success" | "failure" | "neither";

/**
 * One instance in a balancer. The object stays the same for as long as the instance is listed under its id, so that what was
 * learned outlives every refresh.
 */
export interface Member<T> {
  /** As the source told of it last. */
  readonly instance: Instance;
  /** What the balancer's `open` made for it. */
  readonly value: T;
  /** Calls that have begun and not ended. */
  readonly pending: number;
  /** Whether outlier ejection has put it out. */
  readonly isEjected: boolean;
  /** Whether it may be chosen now: well, or everybody is used because too few are well. */
  readonly isUsable: boolean;
  /** Whether the source still lists it. */
  readonly isListed: boolean;
  /** How often it stands in a plain list; 1 from a source. */
  readonly copies: number;
  /** The part of its weight it gets while it starts slowly, from 0.1 to 1. */
  readonly share: number;
  /** Its weight now: the instance's own, times its copies, times its share. */
  readonly weight: number;
  /**
   * What one more call to it would cost, in milliseconds of waiting: the peak EWMA of its durations times the calls it
   * has, and more when it fails or says that it is loaded. 0 when nothing is known of it, beyond all others' when
   * nothing is known and something is pending.
   */
  cost(nowMs: number): number;
  /** A call begins; `nowMs` is on the balancer's clock. Each `begin` is followed by one `end`. */
  begin(nowMs: number): void;
  /** A call that began at `startMs` is over. */
  end(startMs: number, nowMs: number, ending: Ending): void;
  /** What the instance says of its own load, from 0 (idle) to 1 (full), if it says so. */
  report(load: number): void;
}
