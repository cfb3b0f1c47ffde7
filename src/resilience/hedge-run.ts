/**
 * One run of a function with the attempts beside it, from the first call to the end.
 *
 * @module
 */
import type { Context, Subscription } from "../endpoint/index.ts";
import { policyError, toServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { Clock, Expiring, Timer } from "../time/index.ts";
import { keepAttempts, type FailedAttempt } from "./attempts.ts";
import { RunningAttempt } from "./attempts-running.ts";
import type { Budget } from "./budget.ts";
import type { HedgePlan } from "./hedge-plan.ts";
import type { Attempt } from "./retry-run.ts";
import { deadlineError, isStalled } from "./stall.ts";

/** What a run is made of. */
export interface HedgeWork<T> {
  readonly fn: (attempt: Attempt) => T | Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly context: Context | undefined;
  readonly plan: HedgePlan;
  readonly budget: Budget | undefined;
  readonly clock: Clock;
  readonly isLocal: (error: unknown) => boolean;
}

/** A run; `begin` starts it. */
export class HedgeRun<T> implements Expiring {
  readonly #work: HedgeWork<T>;
  #startMs = 0;
  #dueMs = Infinity;
  /** How many attempts began. */
  #begun = 0;
  readonly #running: { readonly attempt: RunningAttempt; readonly startMs: number }[] = [];
  #failures: FailedAttempt[] | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #link: Subscription | undefined = undefined;
  #isOver = false;

  constructor(work: HedgeWork<T>) {
    this.#work = work;
  }

  /** Its caller waits. */
  get keepsAlive(): boolean {
    return true;
  }

  begin(): void {
    const { signal, context, clock, budget } = this.#work;
    if (signal?.aborted) return this.#finish(signal.reason);
    if (context?.canceledBy !== undefined) return this.#finish(context.canceledBy);
    const nowMs = clock.now();
    this.#startMs = nowMs;
    if (context !== undefined && context.deadlineMs <= nowMs) return this.#finish(deadlineError());
    budget?.deposit(nowMs);
    signal?.addEventListener("abort", this, { once: true });
    this.#link = context?.onCancel((reason) => this.#finish(reason));
    this.#try(nowMs);
  }

  /** The others are late, or the time is over. */
  expire(): void {
    const { clock, context, plan } = this.#work;
    const nowMs = clock.now();
    this.#timer = undefined;
    const deadlineMs = context?.deadlineMs ?? Infinity;
    if (nowMs >= deadlineMs) return this.#finish(deadlineError(nowMs - deadlineMs));
    // A blocked process makes everything look late: the answer may be there and not read yet.
    if (isStalled(nowMs - this.#dueMs)) return this.#arm(nowMs, plan.delayMs());
    if (plan.take(nowMs)) this.#try(nowMs);
    else this.#arm(nowMs, Infinity);
  }

  /** The caller's signal. */
  handleEvent(): void {
    this.#finish(this.#work.signal!.reason);
  }

  #try(nowMs: number): void {
    const { fn, plan, context } = this.#work;
    const attempt = new RunningAttempt(++this.#begun);
    this.#running.push({ attempt, startMs: nowMs });
    // A layer above tries again already: then nothing is asked twice here.
    const isLast = this.#begun >= plan.tries || (context?.attempt ?? 1) > 1;
    this.#arm(nowMs, isLast ? Infinity : plan.delayMs());
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
    if (this.#isOver) return;
    this.#leave(attempt);
    this.#work.plan.answered(this.#work.clock.now() - this.#startMs);
    this.#end(undefined);
    this.#work.resolve(value);
  }

  #failed(attempt: RunningAttempt, thrown: unknown): void {
    if (this.#isOver) return;
    const { clock } = this.#work;
    const startMs = this.#leave(attempt);
    this.#failures ??= [];
    const durationMs = clock.now() - startMs;
    this.#failures.push({ attempt: attempt.number, instance: "", error: toServiceError(thrown), durationMs });
    // What failed quickly is not late: with nothing left at work the run is over.
    if (this.#running.length === 0) return this.#finish(thrown);
    let isLocal: boolean;
    try {
      isLocal = this.#work.isLocal(thrown);
    } catch (error) {
      // The caller's judge is broken: it has to hear of that, and nobody else is there to be told.
      return this.#finish(error);
    }
    if (!isLocal) this.#finish(thrown);
  }

  #leave(attempt: RunningAttempt): number {
    const place = this.#running.findIndex((one) => one.attempt === attempt);
    return this.#running.splice(place, 1)[0]!.startMs;
  }

  #finish(error: unknown): void {
    if (this.#isOver) return;
    const failures = this.#failures ?? [];
    if (failures.length > 1 && typeof error === "object" && error !== null) keepAttempts(error, failures);
    this.#end(error);
    this.#work.reject(error);
  }

  #arm(nowMs: number, delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock, context } = this.#work;
    this.#dueMs = Math.min(nowMs + delayMs, context?.deadlineMs ?? Infinity);
    if (this.#dueMs !== Infinity) this.#timer = clock.expire(this.#dueMs - nowMs, this);
  }

  /** Frees everything, and calls off what still runs. */
  #end(reason: unknown): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#work.signal?.removeEventListener("abort", this);
    this.#link?.cancel();
    if (this.#running.length === 0) return;
    const why = reason ?? policyError("canceled", { message: "another attempt was answered first" });
    for (const { attempt } of this.#running) attempt.abort(why);
  }
}
