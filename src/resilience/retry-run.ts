/**
 * One run of a function with all its attempts, from the first call to the end. One timer at a time stands for whatever is
 * next: the end of an attempt's time, of a wait, or of all.
 *
 * @module
 */
import type { Context, Subscription } from "../endpoint/index.ts";
import { toServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { Clock, Expiring, Timer } from "../time/index.ts";
import { keepAttempts, type FailedAttempt } from "./attempts.ts";
import { RunningAttempt } from "./attempts-running.ts";
import type { Budget } from "./budget.ts";
import { judged } from "./retry-errors.ts";
import type { RetryPlan } from "./retry-plan.ts";
import { deadlineError, isStalled } from "./stall.ts";

/** What a function knows of the attempt it is. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Aborts when nobody waits for this attempt any more. Made at the first read. */
  readonly signal: AbortSignal;
}

/** What is counted over all runs. */
export interface RetryCounts {
  runs: number;
  retries: number;
  failed: number;
}

/** What a run is made of. */
export interface RetryWork<T> {
  readonly fn: (attempt: Attempt) => T | Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly context: Context | undefined;
  readonly plan: RetryPlan;
  readonly timeoutMs: number | undefined;
  readonly isIdempotent: boolean;
  readonly clock: Clock;
  readonly counts: RetryCounts;
  readonly budget: Budget | undefined;
}

/** A run; `begin` starts it. */
export class RetryRun<T> implements Expiring {
  readonly #work: RetryWork<T>;
  #deadlineMs = Infinity;
  #dueMs = Infinity;
  #number = 0;
  #startMs = 0;
  /** Undefined while it waits for the next attempt. */
  #attempt: RunningAttempt | undefined = undefined;
  #failures: FailedAttempt[] | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #link: Subscription | undefined = undefined;
  #isOver = false;

  constructor(work: RetryWork<T>) {
    this.#work = work;
  }

  /** Its caller waits. */
  get keepsAlive(): boolean {
    return true;
  }

  begin(): void {
    const { signal, context, clock, counts, budget, timeoutMs = Infinity } = this.#work;
    counts.runs++;
    if (signal?.aborted) return this.#callOff(signal.reason);
    if (context?.canceledBy !== undefined) return this.#callOff(context.canceledBy);
    const nowMs = clock.now();
    budget?.deposit(nowMs);
    this.#deadlineMs = Math.min(nowMs + timeoutMs, context?.deadlineMs ?? Infinity);
    if (this.#deadlineMs <= nowMs) return this.#callOff(deadlineError());
    signal?.addEventListener("abort", this, { once: true });
    this.#link = context?.onCancel((reason) => this.#callOff(reason));
    this.#try(nowMs);
  }

  /** The timer: of the whole run, of the attempt, or of the wait. */
  expire(): void {
    const { clock } = this.#work;
    const nowMs = clock.now();
    this.#timer = undefined;
    const lateMs = nowMs - this.#dueMs;
    if (nowMs >= this.#deadlineMs) return this.#callOff(deadlineError(nowMs - this.#deadlineMs));
    if (this.#attempt === undefined) return this.#try(nowMs);
    // This process was blocked: the answer may be there and not read yet. The attempt gets its time once more.
    if (isStalled(lateMs)) return this.#arm(nowMs, this.#work.plan.perTryMs);
    const late = this.#attempt;
    const error = deadlineError(lateMs);
    this.#failed(late, error);
    late.abort(error);
  }

  /** The caller's signal. */
  handleEvent(): void {
    this.#callOff(this.#work.signal!.reason);
  }

  #try(nowMs: number): void {
    const { plan, fn, counts } = this.#work;
    if (++this.#number > 1) counts.retries++;
    const attempt = new RunningAttempt(this.#number);
    this.#attempt = attempt;
    this.#startMs = nowMs;
    this.#arm(nowMs, plan.perTryMs);
    let result: T | Promise<T>;
    try {
      result = fn(attempt);
    } catch (error) {
      return this.#failed(attempt, error);
    }
    if (!isPromise(result)) return this.#answered(attempt, result as T);
    result.then(
      (value) => this.#answered(attempt, value as T),
      (error: unknown) => this.#failed(attempt, error),
    );
  }

  #answered(attempt: RunningAttempt, value: T): void {
    if (attempt === this.#attempt && this.#end()) this.#work.resolve(value);
  }

  #failed(attempt: RunningAttempt, thrown: unknown): void {
    // One that was given up says nothing any more.
    if (attempt !== this.#attempt) return;
    const { plan, clock, context, isIdempotent } = this.#work;
    const nowMs = clock.now();
    this.#keep(thrown, nowMs);
    this.#attempt = undefined;
    let delayMs: number;
    try {
      delayMs = plan.next(judged(thrown), {
        ...{ attempt: attempt.number, isIdempotent, isNested: (context?.attempt ?? 1) > 1, nowMs },
        deadlineMs: this.#deadlineMs,
      });
    } catch (error) {
      // The caller's judge is broken: it has to hear of that, and nobody else is there to be told.
      return this.#reject(error);
    }
    // A listener to events may have called it off.
    if (this.#isOver) return;
    if (delayMs < 0) return this.#reject(thrown);
    if (delayMs === 0) return this.#try(nowMs);
    this.#arm(nowMs, delayMs);
  }

  #keep(thrown: unknown, nowMs: number): void {
    const durationMs = nowMs - this.#startMs;
    this.#failures ??= [];
    this.#failures.push({ attempt: this.#number, instance: "", error: toServiceError(thrown), durationMs });
  }

  #callOff(reason: unknown): void {
    const attempt = this.#attempt;
    if (attempt !== undefined && !this.#isOver) this.#keep(reason, this.#work.clock.now());
    this.#reject(reason);
    attempt?.abort(reason);
  }

  #reject(error: unknown): void {
    if (!this.#end()) return;
    const failures = this.#failures ?? [];
    if (failures.length > 1 && typeof error === "object" && error !== null) keepAttempts(error, failures);
    this.#work.counts.failed++;
    this.#work.reject(error);
  }

  #arm(nowMs: number, delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Math.min(nowMs + delayMs, this.#deadlineMs);
    if (this.#dueMs !== Infinity) this.#timer = this.#work.clock.expire(this.#dueMs - nowMs, this);
  }

  /** Frees everything; false when it was over already. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#attempt = undefined;
    this.#timer?.cancel();
    this.#work.signal?.removeEventListener("abort", this);
    this.#link?.cancel();
    return true;
  }
}
