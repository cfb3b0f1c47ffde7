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
  /** A call begins; `nowMs` is on the balancer's clock. Each `begin` is followed by one `end`. */
  begin(nowMs: number): void;
  /** A call that began at `startMs` is over. */
  end(startMs: number, nowMs: number, ending: Ending): void;
  /** What the instance says of its own load, from 0 (idle) to 1 (full), if it says so. */
  report(load: number): void;
}
