/**
 * One attempt among several, as its transport sees it: a call of its own that can be called off alone, with everything that the call
 * it is made for carries.
 *
 * @module
 */
import { ActiveCall, CallContext, type Metadata } from "../endpoint/index.ts";
import { deadlineError, isStalled } from "../resilience/index.ts";
import type { Clock, Timer } from "../time/index.ts";
import type { ClientCall } from "./call.ts";

/** Which attempt, and how long it may take. */
export interface AttemptStart {
  readonly attempt: number;
  readonly startMs: number;
  readonly timeoutMs: number;
}

/** One attempt. */
export class AttemptCall extends ActiveCall {
  readonly #whole: ClientCall;
  readonly #attempt: number;
  #timer: Timer | undefined = undefined;
  #dueMs = Infinity;
  #clock: Clock | undefined = undefined;
  #late: (() => void) | undefined = undefined;

  constructor(whole: ClientCall, { attempt, startMs, timeoutMs }: AttemptStart) {
    super(whole.method, { startMs, timeoutMs, transport: whole.transport, parent: whole.parent });
    this.#whole = whole;
    this.#attempt = attempt;
    this.trace = whole.trace;
    // What gates and middlewares have set there is for each attempt.
    if (whole.context instanceof CallContext) this.context = whole.context.onto(this, this.context.deadlineMs);
  }

  override get attempt(): number {
    return (this.parent?.attempt ?? 1) - 1 + this.#attempt;
  }

  override get outgoing(): Metadata {
    return this.#whole.outgoing;
  }

  override get outgoingIfAny(): Metadata | undefined {
    return this.#whole.outgoingIfAny;
  }

  protected override makeRequestId(): string {
    return this.#whole.requestId;
  }

  /** Calls it off when its own time is over, and says so. */
  arm(clock: Clock, late: () => void): void {
    this.#clock = clock;
    this.#late = late;
    this.#dueMs = this.context.deadlineMs;
    this.#timer = clock.expire(this.#dueMs - this.startMs, this);
  }

  expire(): void {
    const clock = this.#clock!;
    const nowMs = clock.now();
    // This process was blocked: the answer may be there and not read yet. The attempt gets its time once more; the call's own ends it anyway.
    if (isStalled(nowMs - this.#dueMs)) {
      const againMs = this.context.deadlineMs - this.startMs;
      this.#dueMs = nowMs + againMs;
      this.#timer = clock.expire(againMs, this);
      return;
    }
    try {
      this.cancel(deadlineError());
    } finally {
      this.#late!();
    }
  }

  /** It is over: its timer is not needed any more. */
  ended(): void {
    this.#timer?.cancel();
  }

  /** Leaves what the transport found out with the call it was made for. */
  handOver(): void {
    const whole = this.#whole;
    whole.peer = this.peer;
    whole.status = this.status;
    whole.requestBytes = this.requestBytes;
    whole.responseBytes = this.responseBytes;
    whole.incoming = this.incoming;
  }
}
