/**
 * Whether and when to try again: the decision, apart from whatever tries. `retry` puts it around a function, a client around a call.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";

/** What a decision is made of. */
export interface RetryState {
  /** The attempt that has failed, from 1. */
  readonly attempt: number;
  /** Whether the work may be done twice. */
  readonly isIdempotent: boolean;
  /** Whether this call was itself made by an attempt after the first: a layer above tries again already. */
  readonly isNested: boolean;
  readonly nowMs: number;
  /** When the whole call must be over. */
  readonly deadlineMs: number;
}

/** A retry policy, checked and ready. */
export interface RetryPlan {
  /** How many attempts there are at most, the first included. */
  readonly tries: number;
  /** How long one attempt may take; Infinity: as long as the call. */
  readonly perTryMs: number;
  /** How long to wait before the next attempt, in milliseconds; -1: there is none. Takes from the budget. */
  next(error: ServiceError, state: RetryState): number;
  describe(): string;
}
