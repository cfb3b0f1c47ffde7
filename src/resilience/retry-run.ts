/**
 * One run of a function with its attempts one after the other, from the first call to the end.
 *
 * @module
 */
import type { RunningAttempt } from "./attempts-running.ts";
import { FunctionRun, type RunWork } from "./function-run.ts";
import { judged } from "./retry-errors.ts";
import type { RetryPlan } from "./retry-plan.ts";
import { deadlineError } from "./stall.ts";

/** What is counted over all runs. */
export interface RetryCounts {
  runs: number;
  retries: number;
  failed: number;
}

/** What a run is made of. */
export interface RetryWork<T> extends RunWork<T> {
  readonly plan: RetryPlan;
  readonly isIdempotent: boolean;
  readonly counts: RetryCounts;
}

/** A run; `begin` starts it. */
export class RetryRun<T> extends FunctionRun<T> {
  readonly #work: RetryWork<T>;

  constructor(work: RetryWork<T>) {
    super(work);
    this.#work = work;
  }

  override begin(): void {
    this.#work.counts.runs++;
    super.begin();
  }

  protected override attempt(nowMs: number): void {
    if (this.begun > 0) this.#work.counts.retries++;
    super.attempt(nowMs);
  }

  protected override patienceMs(): number {
    return this.#work.plan.perTryMs;
  }

  protected override late(nowMs: number, lateMs: number): void {
    const late = this.running[0]!;
    const error = deadlineError(lateMs);
    this.lose(late, error, nowMs);
    this.failed(late, error, nowMs);
    late.abort(error);
  }

  protected override failed({ number }: RunningAttempt, thrown: unknown, nowMs: number): void {
    const { plan, context, isIdempotent } = this.#work;
    const isNested = (context?.attempt ?? 1) > 1;
    let delayMs: number;
    try {
      const state = { attempt: number, isIdempotent, isNested, nowMs, deadlineMs: this.deadlineMs };
      delayMs = plan.next(judged(thrown), state);
    } catch (error) {
      // The caller's judge is broken: it has to hear of that, and nobody else is there to be told.
      return this.fail(error);
    }
    // A listener to events may have called it off.
    if (this.isOver) return;
    if (delayMs < 0) this.fail(thrown);
    else if (delayMs === 0) this.attempt(nowMs);
    else this.arm(nowMs, delayMs);
  }

  protected override fail(error: unknown): void {
    if (!this.isOver) this.#work.counts.failed++;
    super.fail(error);
  }
}
