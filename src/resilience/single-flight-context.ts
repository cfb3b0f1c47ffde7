/**
 * The context of work that several callers share: it begins as the first one's, is called off when the last has left, and
 * may take as long as the most patient has time.
 *
 * @module
 */
import type { Cancellation, Context, Key, Metadata, MethodInfo, Subscription, Trace } from "../endpoint/index.ts";
import type { ServiceError } from "../errors/index.ts";

/** As much of a shared run as its context shows. */
export interface SharedRun {
  readonly deadlineMs: number;
  readonly reply: Metadata;
  readonly cancellation: Cancellation;
}

/** The context. Who asks, metadata, trace and values are those of the caller that began it. */
export class SharedContext implements Context {
  declare readonly "~context": true;
  readonly #run: SharedRun;
  readonly #first: Context;
  readonly #mostMs: number;

  constructor(run: SharedRun, first: Context, mostMs: number = Infinity) {
    this.#run = run;
    this.#first = first;
    this.#mostMs = mostMs;
  }

  get method(): MethodInfo {
    return this.#first.method;
  }

  get startMs(): number {
    return this.#first.startMs;
  }

  get deadlineMs(): number {
    return Math.min(this.#run.deadlineMs, this.#mostMs);
  }

  get signal(): AbortSignal {
    return this.#run.cancellation.signal;
  }

  get canceledBy(): ServiceError | undefined {
    return this.#run.cancellation.canceledBy;
  }

  onCancel(run: (reason: ServiceError) => void): Subscription {
    return this.#run.cancellation.onCancel(run);
  }

  metadata(name: string): string | undefined {
    return this.#first.metadata(name);
  }

  get reply(): Metadata {
    return this.#run.reply;
  }

  get peer(): string {
    return this.#first.peer;
  }

  get attempt(): number {
    return this.#first.attempt;
  }

  get requestId(): string {
    return this.#first.requestId;
  }

  get trace(): Trace | undefined {
    return this.#first.trace;
  }

  get<T>(key: Key<T>): T | undefined {
    return this.#first.get(key);
  }

  need<T>(key: Key<T>): T {
    return this.#first.need(key);
  }

  with<T>(key: Key<T>, value: T): Context {
    return new SharedContext(this.#run, this.#first.with(key, value), this.#mostMs);
  }

  withDeadline(deadlineMs: number): Context {
    return deadlineMs < this.deadlineMs ? new SharedContext(this.#run, this.#first, deadlineMs) : this;
  }
}

Object.defineProperty(SharedContext.prototype, "~context", { value: true });
