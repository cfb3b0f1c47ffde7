/**
 * One outgoing call on its way through a client: observers, deadline, gates, middleware, an instance, and back. It ends
 * once, whoever is first: the answer, the deadline, the caller, an error.
 *
 * @module
 */
import type { AnyMethod, CallOptions } from "../contract/index.ts";
import {
  ActiveCall,
  isContext,
  type Admission,
  type Context,
  type FusedObserver,
  type Gate,
  type MethodInfo,
  type Subscription,
} from "../endpoint/index.ts";
import { policyError, ServiceError, toServiceError, type Outcome } from "../errors/index.ts";
import { shown } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import { deadlineError } from "../resilience/index.ts";
import type { Clock, Timer } from "../time/index.ts";
import { CORRELATION_ID, CRITICALITY } from "../transport/index.ts";

/** What all calls of one method share. */
export interface CallPlan {
  readonly info: MethodInfo;
  readonly method: AnyMethod;
  readonly transport: string;
  readonly observer: FusedObserver;
  readonly gates: readonly Gate[];
  readonly clock: Clock;
}

/** A call as the client drives it: `begin`, then `dispatch` is called, and at the end `settled`. */
export abstract class ClientCall extends ActiveCall {
  readonly plan: CallPlan;
  /** How many attempts were made. */
  tries = 1;
  /** What it waits for before anything is sent, as the error if that never comes. */
  awaited: (() => ServiceError) | undefined = undefined;
  /** When it was answered, where nothing but the observers comes after that: then the clock need not be read again. */
  endMs = 0;
  /** How many attempts are out: sent, and not back. A plain field, since each call counts it. */
  out = 0;
  #timer: Timer | undefined = undefined;
  #dueMs = Infinity;
  #link: Subscription | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;
  #onAbort: (() => void) | undefined = undefined;

  /** @throws {RangeError} when a time-out or metadata is not what it should be. */
  constructor(plan: CallPlan, from: Context | CallOptions | undefined) {
    const startMs = plan.clock.now();
    // By brand, before anything else is read: a context makes its AbortSignal when `signal` is.
    const options = from === undefined || isContext(from) ? undefined : from;
    const parent = options === undefined ? (from as Context | undefined) : options.context;
    let timeoutMs = options?.timeoutMs === undefined ? plan.info.timeoutMs : checkTimeout(options.timeoutMs);
    if (parent !== undefined) timeoutMs = Math.min(timeoutMs, parent.deadlineMs - startMs);
    super(plan.info, { startMs, timeoutMs, transport: plan.transport, parent });
    this.plan = plan;
    // Metadata first: it may throw, and then nothing must hold on to this call.
    if (options?.metadata !== undefined) this.#add(options.metadata);
    if (parent !== undefined) this.#continue(parent);
    if (options?.signal !== undefined) this.#heed(options.signal);
  }

  override get attempts(): number {
    return this.tries;
  }

  /** Counted on from the call it is made for, so that one who is asked in a second attempt of anybody's leaves retries to them. */
  override get attempt(): number {
    return (this.parent?.attempt ?? 1) - 1 + this.tries;
  }

  /** Sends the request; ends in `succeed` or `fail`. */
  protected abstract dispatch(): void;

  /** The call is over and observed; the caller is told here. */
  protected abstract settled(error: ServiceError | undefined, value: unknown): void;

  /** Its caller waits, and nothing else may keep the process alive: there is no socket in a call within it. */
  get keepsAlive(): boolean {
    return true;
  }

  /** Starts the call; what ends it is seen by the observers. */
  begin(): void {
    this.plan.observer.start(this);
    if (this.canceledBy !== undefined) return this.fail(this.canceledBy);
    if (this.context.deadlineMs <= this.startMs) return this.fail(policyError("deadline_exceeded"));
    this.#arm(this.startMs);
    if (this.plan.gates.length === 0) this.dispatch();
    else this.#ask(0);
  }

  #ask(first: number): void {
    const { gates, info } = this.plan;
    for (let i = first; i < gates.length; i++) {
      let admission: Admission | Promise<Admission>;
      try {
        admission = gates[i]!(this.context, info);
      } catch (error) {
        return this.fail(error);
      }
      if (isPromise(admission)) {
        void (admission as Promise<Admission>).then(
          (later) => (this.#passes(later) ? this.#ask(i + 1) : undefined),
          (error: unknown) => this.fail(error),
        );
        return;
      }
      if (!this.#passes(admission)) return;
    }
    this.dispatch();
  }

  #passes(admission: Admission): boolean {
    if (this.outcome !== undefined) return false;
    if (ServiceError.is(admission)) {
      this.fail(admission);
      return false;
    }
    this.adopt(admission);
    return true;
  }

  /** Goes on with a context that a gate or middleware derived: its deadline may be nearer. */
  adopt(context: Context): void {
    if (context === this.context) return;
    this.context = context;
    if (context.deadlineMs < this.#dueMs) this.#arm(this.plan.clock.now());
  }

  /** Calls the call off: the transport drops it, and the caller hears of it now. */
  override cancel(reason: ServiceError): void {
    try {
      super.cancel(reason);
    } finally {
      // A listener that throws must not leave the caller without an end.
      this.fail(reason);
    }
  }

  /** The deadline has passed. */
  expire(): void {
    this.cancel(this.awaited?.() ?? deadlineError(this.plan.clock.now() - this.#dueMs));
  }

  /** What was out is back, however it went. */
  returned(): void {
    if (--this.out === 0 && this.outcome !== undefined) this.#timer?.cancel();
  }

  succeed(value: unknown): void {
    if (this.outcome === undefined) this.#finish("ok", undefined, value);
  }

  fail(thrown: unknown): void {
    if (this.outcome !== undefined) return;
    const error = toServiceError(thrown);
    this.error = error;
    if (error.origin === "policy") this.#sign(error);
    this.#finish(error.code, error, undefined);
  }

  // For whoever reads it in a log or a terminal. Not in the message, which goes on to callers of ours who should not know
  // whom we call.
  #sign(error: ServiceError): void {
    const { service, name } = this.method;
    const where = this.peer === "" ? "" : ` (${this.peer})`;
    const stack = `${error.name} [${error.reason}]: ${error.message}\n    at the call of ${service}.${name}${where}`;
    // Not a value of the prototype's kind: an error that was shared may be frozen.
    if (Object.isExtensible(error) && !Object.hasOwn(error, "stack"))
      Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  }

  #finish(outcome: Outcome, error: ServiceError | undefined, value: unknown): void {
    this.outcome = outcome;
    // A middleware may have answered while an attempt is out: its time goes on, or one that is never answered would stay out for ever.
    if (this.out === 0 || this.canceledBy !== undefined) this.#timer?.cancel();
    this.#link?.cancel();
    if (this.#onAbort !== undefined) this.#signal!.removeEventListener("abort", this.#onAbort);
    const { clock, observer } = this.plan;
    this.durationMs = (this.endMs === 0 ? clock.now() : this.endMs) - this.startMs;
    observer.end(this);
    this.settled(error, value);
  }

  #arm(nowMs: number): void {
    this.#timer?.cancel();
    this.#dueMs = this.context.deadlineMs;
    if (this.#dueMs !== Infinity) this.#timer = this.plan.clock.expire(this.#dueMs - nowMs, this, nowMs);
  }

  // What ties this call to the one it is made for, whatever the transport: who asks, how much it matters, when to stop.
  #continue(parent: Context): void {
    for (const name of [CORRELATION_ID, CRITICALITY]) {
      const value = parent.metadata(name);
      if (value === undefined || !PASSABLE.test(value) || this.outgoingIfAny?.get(name) !== undefined) continue;
      this.outgoing.set(name, value);
    }
    if (parent.canceledBy !== undefined) this.canceledBy = parent.canceledBy;
    else this.#link = parent.onCancel((reason) => this.cancel(reason));
  }

  #add(metadata: Readonly<Record<string, string>>): void {
    for (const name of Object.keys(metadata)) this.outgoing.set(name, metadata[name]!);
  }

  #heed(signal: AbortSignal): void {
    if (this.canceledBy !== undefined) return;
    if (signal.aborted) {
      this.canceledBy = abortedBy(signal);
      return;
    }
    this.#signal = signal;
    this.#onAbort = () => this.cancel(abortedBy(signal));
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }
}

// What came in from a peer goes on only where every protocol can carry it; a caller must not be able to fail our calls.
const PASSABLE = /^[\x20-\x7e]{1,256}$/;

function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return timeoutMs;
  throw new RangeError(`timeoutMs should be a number of at least 0, got ${shown(timeoutMs)}`);
}

function abortedBy(signal: AbortSignal): ServiceError {
  const reason: unknown = signal.reason;
  // The signal of a context tells why, and `AbortSignal.timeout` is a deadline by another name.
  if (ServiceError.is(reason)) return reason;
  const isTimeout = reason instanceof Error && reason.name === "TimeoutError";
  return policyError(isTimeout ? "deadline_exceeded" : "canceled", { cause: reason });
}
