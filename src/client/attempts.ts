/**
 * The attempts of one call after the first, or side by side: retries one after the other, hedges beside each other, each at
 * another instance where there is one. A call that succeeds at once never comes here, unless it is hedged or its attempts have
 * a time of their own.
 *
 * @module
 */
import type { Member } from "../balance/index.ts";
import type { Subscription } from "../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../errors/index.ts";
import { isStalled } from "../resilience/index.ts";
import type { Expiring, Timer } from "../time/index.ts";
import type { UnarySender } from "../transport/index.ts";
import { AttemptCall } from "./attempt-call.ts";
import { endingOf, type Attempt } from "./attempt.ts";
import type { ClientCall } from "./call.ts";
import { exchanged, type Exchange } from "./exchange.ts";
import { Failures } from "./failures.ts";
import type { Upstream } from "./upstream.ts";
import { enter, type Way } from "./way.ts";

/** One attempt that runs. */
interface Running extends Exchange {
  readonly call: AttemptCall;
}

/** A first attempt that was made without this, and failed. */
export interface FirstFailure {
  readonly attempt: Attempt<UnarySender>;
  readonly error: ServiceError;
  /** How long to wait before the second. */
  readonly delayMs: number;
}

/** The attempts of one call. The one timer is for whatever is next: an attempt after a wait, or a hedge. */
export class Attempts implements Expiring {
  readonly #way: Way<UnarySender>;
  readonly #request: unknown;
  readonly #call: ClientCall;
  readonly #key: string | undefined;
  readonly #failures: Failures = new Failures();
  readonly #running = new Set<Running>();
  #beganMs = 0;
  #made = 0;
  #last: Member<Upstream> | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #dueMs = Infinity;
  #link: Subscription | undefined = undefined;
  #isOver = false;
  #resolve: (value: unknown) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(way: Way<UnarySender>, request: unknown, call: ClientCall) {
    this.#way = way;
    this.#request = request;
    this.#call = call;
    // Once for all attempts: a function of the user's that throws does so here, where the caller hears of it.
    this.#key = way.keyOf?.(request as never);
  }

  /** Its caller waits. */
  get keepsAlive(): boolean {
    return true;
  }

  /** Makes the first attempt, and what follows. */
  begin(): Promise<unknown> {
    return this.#run(() => this.#start());
  }

  /** Goes on after a first attempt that failed. */
  after({ attempt, error, delayMs }: FirstFailure): Promise<unknown> {
    const { clock } = this.#way;
    this.#made = 1;
    this.#last = attempt.member;
    this.#failures.add(attempt, error, clock.now());
    return this.#run(() => this.#later(delayMs));
  }

  #run(begin: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#call.out++;
      this.#link = this.#call.onCancel((reason) => this.#calledOff(reason));
      if (!this.#isOver) begin();
    });
  }

  #later(delayMs: number): void {
    if (delayMs <= 0) return this.#start();
    this.#timer = this.#way.clock.expire(delayMs, this);
  }

  /** The wait is over, or those at work are late. */
  expire(): void {
    this.#timer = undefined;
    const { clock, hedge } = this.#way;
    if (this.#running.size === 0) return this.#start();
    const nowMs = clock.now();
    // Blocked meanwhile, this process has not read the answers that are there.
    if (isStalled(nowMs - this.#dueMs)) return this.#hedge(nowMs);
    if (hedge!.take(nowMs)) this.#start();
  }

  #start(): void {
    const { clock, retry } = this.#way;
    const startMs = clock.now();
    const leftMs = this.#call.context.deadlineMs - startMs;
    // Timers are late now and then: nothing begins that nobody waits for.
    if (leftMs <= 0) return this.#call.expire();
    let attempt: Attempt<UnarySender>;
    try {
      attempt = enter(this.#way, { startMs, key: this.#key, avoid: this.#last });
    } catch (error) {
      // Nobody to be asked: with others at work that is no end.
      if (this.#running.size === 0) this.#finish(toServiceError(error));
      return;
    }
    this.#last = attempt.member;
    if (this.#made++ === 0) this.#beganMs = startMs;
    this.#call.tries = this.#made;
    const perTryMs = retry?.perTryMs ?? Infinity;
    const call = new AttemptCall(this.#call, {
      attempt: this.#made,
      startMs,
      timeoutMs: Math.min(leftMs, perTryMs),
    });
    const running: Running = {
      attempt,
      request: this.#request,
      call,
      succeeded: (value) => this.#succeeded(running, value),
      failed: (error) => this.#failed(running, error),
    };
    this.#running.add(running);
    if (perTryMs < leftMs) call.arm(clock, () => this.#failed(running, call.canceledBy!));
    void exchanged(this.#way.method, running);
    this.#hedge(startMs);
  }

  #hedge(startMs: number): void {
    const { hedge, clock } = this.#way;
    if (hedge === undefined || this.#isOver || this.#running.size === 0 || this.#running.size >= hedge.tries) return;
    const delayMs = hedge.delayMs();
    this.#dueMs = startMs + delayMs;
    if (delayMs === Infinity || this.#dueMs >= this.#call.context.deadlineMs || isNested(this.#call)) return;
    this.#timer?.cancel();
    this.#timer = clock.expire(delayMs, this);
  }

  #succeeded(running: Running, value: unknown): void {
    if (!this.#running.delete(running)) return;
    const { clock, hedge } = this.#way;
    const nowMs = clock.now();
    running.call.ended();
    running.attempt.succeeded(nowMs, running.call.incoming);
    running.call.handOver();
    hedge?.answered(nowMs - this.#beganMs);
    this.#resolve(value);
    this.#end(nowMs);
  }

  #failed(running: Running, error: ServiceError): void {
    if (!this.#running.delete(running)) return;
    const { clock, retry, info } = this.#way;
    const nowMs = clock.now();
    running.call.ended();
    running.attempt.failed(error, nowMs);
    running.call.handOver();
    this.#failures.add(running.attempt, error, nowMs);
    // A failure of one is no answer while another still works on it; anything else is.
    if (this.#running.size > 0) return endingOf(error) === "failure" ? undefined : this.#finish(error);
    this.#timer?.cancel();
    // A middleware may have answered without it.
    if (retry === undefined || this.#call.outcome !== undefined) return this.#finish(error);
    const delayMs = retry.next(error, {
      attempt: this.#made,
      isIdempotent: info.idempotent,
      isNested: isNested(this.#call),
      nowMs,
      deadlineMs: this.#call.context.deadlineMs,
    });
    if (delayMs < 0) this.#finish(error);
    else this.#later(delayMs);
  }

  #finish(error: ServiceError): void {
    if (this.#isOver) return;
    this.#reject(this.#failures.keepOn(error));
    this.#end(this.#way.clock.now());
  }

  #calledOff(reason: ServiceError): void {
    const nowMs = this.#way.clock.now();
    this.#isOver = true;
    this.#timer?.cancel();
    this.#call.returned();
    const late = this.#taken();
    for (const { call, attempt } of late) {
      call.handOver();
      attempt.failed(reason, nowMs);
    }
    this.#failures.keepOn(reason);
    this.#reject(reason);
    callOff(late, reason);
  }

  /** Calls off whoever still works on it. */
  #end(nowMs: number): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#link?.cancel();
    this.#call.returned();
    const losers = this.#taken();
    for (const { attempt } of losers) attempt.released(nowMs);
    if (losers.length > 0) callOff(losers, policyError("canceled"));
  }

  /** Those that run, which from now on nobody waits for. */
  #taken(): readonly Running[] {
    const taken = [...this.#running];
    this.#running.clear();
    for (const { call } of taken) call.ended();
    return taken;
  }
}

/** Each hears of it, even if what listens to one of them throws. */
function callOff([first, ...others]: readonly Running[], reason: ServiceError): void {
  try {
    first?.call.cancel(reason);
  } finally {
    if (others.length > 0) callOff(others, reason);
  }
}

/** Whether a layer above tries again already: then this one does not, or each layer would multiply the next. */
export function isNested(call: ClientCall): boolean {
  return call.parent !== undefined && call.parent.attempt > 1;
}
