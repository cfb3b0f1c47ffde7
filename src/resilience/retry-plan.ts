/**
 * Whether and when to try again: the decision, apart from whatever tries. `retry` puts it around a function, a client around a call.
 *
 * @module
 */
import type { RetryPolicy } from "../contract/index.ts";
import type { ServiceError } from "../errors/index.ts";
import { backOff } from "../internal/back-off.ts";
import { checkNames } from "../internal/check.ts";
import type { Random } from "../time/index.ts";
import type { Budget } from "./budget.ts";
import { hintOf, isFinal, isUnsent, waitsForInstances } from "./retry-errors.ts";
import { RETRY_POLICY, retryNumbers, retrySettings, type RetryNumbers, type RetrySettings } from "./retry-options.ts";

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
  /**
   * Changes what is named and leaves the rest as it is.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(options: RetryPolicy): void;
  describe(): string;
}

/** What a plan is made of. */
export interface RetryPlanOptions extends RetryPolicy {
  /** Where tries again are taken from; whoever makes the calls deposits. Default: none, so as many as `tries` says. */
  readonly budget?: Budget | undefined;
  /**
   * Whether an error is worth another attempt, where the work may be done twice; in place of `codes`. Not asked about what
   * is never tried again: declared errors, cancellation, a process that was blocked. Default: as `codes` says.
   */
  readonly retryable?: ((error: ServiceError) => boolean) | undefined;
  /** The chance of the waits. Default: the machine's. */
  readonly random?: Random | undefined;
  /** Is told of each decision, after it. What it throws is dropped. Default: nobody. */
  readonly onEvent?: ((event: RetryEvent) => void) | undefined;
}

/**
 * Why there is no further attempt: the error is none worth it, the work must not be done twice, a layer above tries again,
 * the peer said no, all tries are used, no time is left, the budget is empty.
 */
export type RetryEnd = "error" | "method" | "nested" | "push_back" | "tries" | "deadline" | "budget";

/** One decision after an attempt that failed. */
export type RetryEvent =
  | { readonly type: "retry"; readonly attempt: number; readonly delayMs: number; readonly error: ServiceError }
  | { readonly type: "end"; readonly attempt: number; readonly why: RetryEnd; readonly error: ServiceError };

class Plan implements RetryPlan {
  readonly #settings: RetrySettings;
  #numbers: RetryNumbers;

  constructor(options: RetryPlanOptions) {
    this.#settings = retrySettings(options);
    this.#numbers = retryNumbers(options);
  }

  get tries(): number {
    return this.#numbers.tries;
  }

  get perTryMs(): number {
    return this.#numbers.perTryMs;
  }

  next(error: ServiceError, state: RetryState): number {
    const decided = this.#decide(error, state);
    const { onEvent } = this.#settings;
    if (onEvent === undefined) return typeof decided === "number" ? decided : -1;
    const { attempt } = state;
    tell(
      onEvent,
      typeof decided === "number"
        ? { type: "retry", attempt, delayMs: decided, error }
        : { type: "end", attempt, why: decided, error },
    );
    return typeof decided === "number" ? decided : -1;
  }

  set(options: RetryPolicy): void {
    checkNames("retry", options, RETRY_POLICY);
    this.#numbers = retryNumbers(options, this.#numbers);
  }

  describe(): string {
    const { tries, baseMs, maxMs, perTryMs, codes } = this.#numbers;
    const { budget, retryable } = this.#settings;
    const perTry = perTryMs === Infinity ? "" : `, ${perTryMs} ms each`;
    const which = retryable === undefined ? codes.join(", ") : "as the caller judges";
    const from = budget === undefined ? "no budget" : budget.describe();
    return `retry ${tries} tries${perTry}, back-off ${baseMs} to ${maxMs} ms, ${which}, ${from}`;
  }

  #decide(error: ServiceError, state: RetryState): number | RetryEnd {
    if (isFinal(error)) return "error";
    if (hintOf(error) === Infinity) return "push_back";
    const unsent = isUnsent(error);
    if (!unsent) {
      if (!this.#isWorth(error)) return "error";
      if (!state.isIdempotent) return "method";
      if (state.isNested) return "nested";
    }
    if (state.attempt >= this.#numbers.tries) return "tries";
    const delayMs = this.#delayMs(error, state.attempt, unsent);
    if (!(state.nowMs + delayMs < state.deadlineMs)) return "deadline";
    // What never left costs a back-end nothing; but one that cannot be reached must not be knocked at without end.
    const isFree = unsent && state.attempt === 1;
    const { budget } = this.#settings;
    return isFree || budget === undefined || budget.withdraw(state.nowMs) ? delayMs : "budget";
  }

  #isWorth(error: ServiceError): boolean {
    const { retryable } = this.#settings;
    if (retryable !== undefined) return retryable(error);
    // One that says when to come again is an invitation.
    const isInvited = error.code === "resource_exhausted" && hintOf(error) !== undefined;
    return isInvited || this.#numbers.codes.includes(error.code);
  }

  #delayMs(error: ServiceError, attempt: number, unsent: boolean): number {
    const atLeastMs = hintOf(error) ?? 0;
    // Another instance is asked, so there is nothing to wait for.
    if (unsent && attempt === 1 && atLeastMs === 0 && !waitsForInstances(error)) return 0;
    const waitMs = backOff(attempt, this.#numbers, this.#settings.random);
    // On top of it, not instead: all that were sent away together must not come back together.
    return atLeastMs === 0 ? waitMs : atLeastMs + waitMs;
  }
}

function tell(onEvent: (event: RetryEvent) => void, event: RetryEvent): void {
  try {
    onEvent(event);
  } catch {
    // News must not fail a call.
  }
}

/**
 * Makes the decision of a retry policy, for whoever makes the attempts. In order: declared errors, cancellation and what
 * a blocked process caused are never tried again; a `retryAfterMs` of Infinity ends it; a request that was surely not sent
 * is tried again whatever the method, the first time free (and at once when an instance was unreachable); anything else only where the work may be done
 * twice, the code is worth it, and no layer above tries again already. Then there must be tries left, time for the wait
 * (full jitter, after the peer's own `retryAfterMs`), and budget. (gRPC's proposal A6; Go kit's `sd/lb/retry.go` has no
 * wait, no budget and tries everything again.)
 *
 * @throws {RangeError} when a number is out of range.
 *
 * @example
 * ```ts
 * import { policyError } from "servicekit/errors";
 * import { retryPlan } from "servicekit/resilience";
 *
 * const plan = retryPlan({ tries: 2 });
 * const state = { attempt: 1, isIdempotent: false, isNested: false, nowMs: 0, deadlineMs: 3000 };
 * plan.next(policyError("unreachable"), state); // => 0
 * plan.next(policyError("connection_lost"), state); // => -1
 * ```
 */
export function retryPlan(options: RetryPlanOptions = {}): RetryPlan {
  return new Plan(options);
}
