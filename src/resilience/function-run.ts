/**
 * One run of a function from its first attempt to its end, whoever ends it: what `timeout`, `retry` and `hedge` share. By
 * itself it makes one attempt; who makes more says when. One timer at a time stands for whatever is next.
 *
 * @module
 */
import type { Context, Subscription } from "../endpoint/index.ts";
import { policyError, toServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { Clock, Expiring, Timer } from "../time/index.ts";
import { keepAttempts, type FailedAttempt } from "./attempts.ts";
import { RunningAttempt, type Attempt } from "./attempts-running.ts";
import type { Budget } from "./budget.ts";
import { deadlineError, isStalled } from "./stall.ts";

/** What a run is made of. */
export interface RunWork<T> {
  readonly fn: (attempt: Attempt) => T | Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly context: Context | undefined;
  readonly clock: Clock;
  /** How long it may take; the context's deadline is kept besides. */
  readonly timeoutMs: number;
  /** Filled by each run that begins. */
  readonly budget: Budget | undefined;
}

/** A run; `begin` starts it. */
export class FunctionRun<T> implements Expiring {
  /** How many attempts began. */
  protected begun = 0;
  protected startMs = 0;
  protected deadlineMs: number = Infinity;
  protected isOver = false;
  /** Those at work, the oldest first. */
  protected readonly running: RunningAttempt[] = [];
  readonly #work: RunWork<T>;
  #dueMs = Infinity;
  #failures: FailedAttempt[] | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #link: Subscription | undefined = undefined;

  constructor(work: RunWork<T>) {
    this.#work = work;
  }

  /** Its caller waits. */
  get keepsAlive(): boolean {
    return true;
  }

  begin(): void {
    const { signal, context, clock, timeoutMs, budget } = this.#work;
    if (signal?.aborted) return this.#callOff(signal.reason);
    if (context?.canceledBy !== undefined) return this.#callOff(context.canceledBy);
    const nowMs = clock.now();
    this.startMs = nowMs;
    this.deadlineMs = Math.min(nowMs + timeoutMs, context?.deadlineMs ?? Infinity);
    if (this.deadlineMs <= nowMs) return this.#callOff(deadlineError());
    budget?.deposit(nowMs);
    signal?.addEventListener("abort", this, { once: true });
    this.#link = context?.onCancel((reason) => this.#callOff(reason));
    this.attempt(nowMs);
  }

  /** The timer: the time is over, or a wait is, or those at work are late. */
  expire(): void {
    const nowMs = this.#work.clock.now();
    this.#timer = undefined;
    if (nowMs >= this.deadlineMs) return this.#callOff(deadlineError(nowMs - this.deadlineMs));
    if (this.running.length === 0) return this.attempt(nowMs);
    const lateMs = nowMs - this.#dueMs;
    // A blocked process makes everything look late: the answer may be there and not read yet. It gets its time once more.
    if (isStalled(lateMs)) this.arm(nowMs, this.patienceMs());
    else this.late(nowMs, lateMs);
  }

  /** The caller's signal. */
  handleEvent(): void {
    this.#callOff(this.#work.signal!.reason);
  }

  /** Begins one attempt more. */
  protected attempt(nowMs: number): void {
    const attempt = new RunningAttempt(++this.begun, nowMs);
    this.running.push(attempt);
    this.arm(nowMs, this.patienceMs());
    let result: T | Promise<T>;
    try {
      result = this.#work.fn(attempt);
    } catch (error) {
      return this.#failed(attempt, error);
    }
    if (!isPromise(result)) return this.#answered(attempt, result as T);
    result.then(
      (value) => this.#answered(attempt, value as T),
      (error: unknown) => this.#failed(attempt, error),
    );
  }

  /** How long those at work are waited for before they are late. */
  protected patienceMs(): number {
    return Infinity;
  }

  /** Those at work are late. */
  protected late(_nowMs: number, _lateMs: number): void {}

  /** An attempt failed and is no longer at work. */
  protected failed(_attempt: RunningAttempt, thrown: unknown, _nowMs: number): void {
    this.fail(thrown);
  }

  /** The first answer; the run is about to end with it. */
  protected answered(): void {}

  /** Takes an attempt out for good and remembers how it failed; false: it was given up before, and says nothing any more. */
  protected lose(attempt: RunningAttempt, thrown: unknown, nowMs: number): boolean {
    if (!this.#leave(attempt)) return false;
    this.#keep(attempt, thrown, nowMs);
    return true;
  }

  /** Ends the run with an error. */
  protected fail(error: unknown): void {
    if (!this.#end(error)) return;
    const failures = this.#failures ?? [];
    if (failures.length > 1 && typeof error === "object" && error !== null) keepAttempts(error, failures);
    this.#work.reject(error);
  }

  /** Sets the one timer anew; the end of all comes first. */
  protected arm(nowMs: number, delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Math.min(nowMs + delayMs, this.deadlineMs);
    if (this.#dueMs !== Infinity) this.#timer = this.#work.clock.expire(this.#dueMs - nowMs, this);
  }

  #answered(attempt: RunningAttempt, value: T): void {
    if (!this.#leave(attempt)) return;
    this.answered();
    if (this.#end(undefined)) this.#work.resolve(value);
  }

  #failed(attempt: RunningAttempt, thrown: unknown): void {
    const nowMs = this.#work.clock.now();
    if (this.lose(attempt, thrown, nowMs)) this.failed(attempt, thrown, nowMs);
  }

  #leave(attempt: RunningAttempt): boolean {
    const place = this.running.indexOf(attempt);
    if (place < 0 || this.isOver) return false;
    this.running.splice(place, 1);
    return true;
  }

  #callOff(reason: unknown): void {
    if (this.isOver) return;
    const nowMs = this.running.length === 0 ? 0 : this.#work.clock.now();
    for (const attempt of this.running) this.#keep(attempt, reason, nowMs);
    this.fail(reason);
  }

  #keep({ number, startMs }: RunningAttempt, thrown: unknown, nowMs: number): void {
    this.#failures ??= [];
    this.#failures.push({ attempt: number, instance: "", error: toServiceError(thrown), durationMs: nowMs - startMs });
  }

  /** Frees everything, and calls off what still runs; false when it was over already. */
  #end(reason: unknown): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#timer?.cancel();
    this.#work.signal?.removeEventListener("abort", this);
    this.#link?.cancel();
    if (this.running.length === 0) return true;
    const why = reason ?? policyError("canceled", { message: "another attempt was answered first" });
    for (const attempt of this.running) attempt.abort(why);
    return true;
  }
}
