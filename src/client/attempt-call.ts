/**
 * One attempt among several, as its transport sees it: a call of its own that can be called off alone, with everything that the call
 * it is made for carries.
 *
 * @module
 */
import { ActiveCall, type Metadata } from "../endpoint/index.ts";
import { deadlineError } from "../resilience/index.ts";
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
    this.cancel(deadlineError(this.#clock!.now() - this.#dueMs));
    this.#late!();
  }

  /** It is over: its timer is not needed any more. */
  ended(): void {
    this.#timer?.cancel();
  }

  /** Leaves what the transport found out with the call it was made for. */
  handOver(): void {
    const whole = this.#whole;
    whole.attempts = this.#attempt;
    whole.peer = this.peer;
    whole.status = this.status;
    whole.requestBytes = this.requestBytes;
    whole.responseBytes = this.responseBytes;
    whole.incoming = this.incoming;
  }
}
