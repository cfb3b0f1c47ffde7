/**
 * Calls that are answered by a stream.
 *
 * @module
 */
import type { CallOptions } from "../contract/index.ts";
import type { Context, StreamEndpoint } from "../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../errors/index.ts";
import { sleep } from "../time/index.ts";
import type { StreamSender } from "../transport/index.ts";
import { errorOf, valueOf } from "./answer.ts";
import type { Attempt } from "./attempt.ts";
import { isNested } from "./attempts.ts";
import { ClientCall, type CallPlan } from "./call.ts";
import { Failures } from "./failures.ts";
import { leave, Sending } from "./messages.ts";
import { callOf } from "./unary.ts";
import { enter, type Choice, type Way } from "./way.ts";

/** What all calls of a method that answers with a stream share. */
export interface StreamPlan extends CallPlan {
  /** The middlewares around `openStream`. */
  readonly stream: StreamEndpoint<unknown, unknown>;
}

/** A streaming method of a client, its types forgotten. */
export type AnyStreamCall = (request: unknown, from?: Context | CallOptions) => AsyncIterable<unknown>;

/** Makes the function that calls a method. The call begins when its first answer is asked for. */
export function streamCall(plan: StreamPlan): AnyStreamCall {
  return function call(request, from) {
    return new Answers(plan, request, from);
  };
}

type Step = IteratorResult<unknown, undefined>;

const DONE: Step = { done: true, value: undefined };

/** The answers of one call, to be iterated once. */
class Answers implements AsyncIterableIterator<unknown> {
  readonly #begin: () => StreamingCall;
  #call: StreamingCall | undefined = undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(plan: StreamPlan, request: unknown, from: Context | CallOptions | undefined) {
    this.#begin = () => new StreamingCall(plan, request, from);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next answer, one at a time however many are asked for. */
  next(): Promise<Step> {
    const step = this.#last.then(() => this.#step());
    this.#last = step.catch(() => undefined);
    return step;
  }

  #step(): Promise<Step> | Step {
    if (this.#isClosed) return DONE;
    if (this.#call === undefined) {
      // Wrong options end the iteration too.
      this.#isClosed = true;
      this.#call = this.#begin();
      this.#isClosed = false;
    }
    return this.#call.next();
  }

  return(): Promise<Step> {
    this.#isClosed = true;
    this.#call?.cancel(policyError("canceled"));
    return Promise.resolve(DONE);
  }
}

interface Waiting {
  resolve(step: Step): void;
  reject(error: ServiceError): void;
}

class StreamingCall extends ClientCall {
  declare readonly plan: StreamPlan;
  readonly #request: unknown;
  #sending: Sending | undefined = undefined;
  #answers: AsyncIterator<unknown> | undefined = undefined;
  #waiting: Waiting | undefined = undefined;
  #hasBegun = false;
  #untold: ServiceError | undefined = undefined;

  constructor(plan: StreamPlan, request: unknown, from: Context | CallOptions | undefined) {
    super(plan, from);
    this.#request = request;
  }

  /** The next answer; rejects once with what the call failed with. */
  next(): Promise<Step> {
    return new Promise((resolve, reject) => {
      if (this.outcome !== undefined) {
        const error = this.#untold;
        this.#untold = undefined;
        return error === undefined ? resolve(DONE) : reject(error);
      }
      this.#waiting = { resolve, reject };
      if (this.#hasBegun) return this.#pull();
      this.#hasBegun = true;
      this.begin();
    });
  }

  protected dispatch(): void {
    const { stream, info } = this.plan;
    let request = this.#request;
    if (info.kind === "bidi") request = this.#sending = new Sending(request as AsyncIterable<unknown>, this);
    try {
      this.#answers = stream(request, this.context)[Symbol.asyncIterator]();
    } catch (error) {
      return this.fail(error);
    }
    this.#pull();
  }

  #pull(): void {
    this.#answers!.next().then(
      (step) => (step.done === true ? this.succeed(undefined) : this.#answer(step.value)),
      (error: unknown) => this.fail(error),
    );
  }

  #answer(value: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ done: false, value });
  }

  protected settled(error: ServiceError | undefined): void {
    this.#sending?.stop();
    if (error !== undefined) leave(this.#answers);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#untold = error;
    else if (error === undefined) waiting.resolve(DONE);
    else waiting.reject(error);
  }
}

/**
 * The innermost stream endpoint: an attempt at one instance. A request that nobody got may go to another instead, where it is one
 * message: a stream of them is used up.
 */
export function openStream(way: Way<StreamSender>): StreamEndpoint<unknown, unknown> {
  const { method, clock, keyOf, budget } = way;
  return async function* open(request, context) {
    const call = callOf(context);
    if (!way.instances.isKnown) await way.instances.ready(call);
    budget?.deposit(call.startMs);
    const key = keyOf?.(request as never);
    let avoid: Attempt<StreamSender>["member"] | undefined;
    const failures = new Failures();
    for (;;) {
      const attempt = entered(way, { startMs: clock.now(), key, avoid }, failures);
      avoid = attempt.member;
      let isOver = false;
      let isAnswered = false;
      try {
        for await (const wire of attempt.target.send(request, call)) {
          const value = await valueOf(method, wire);
          if (!isAnswered) attempt.begun();
          isAnswered = true;
          call.plan.observer.message(call, "received", 0);
          yield value;
        }
        isOver = true;
        attempt.succeeded(clock.now(), call.incoming);
        return;
      } catch (thrown) {
        isOver = true;
        const error = await errorOf(method, thrown);
        const nowMs = clock.now();
        attempt.failed(error, nowMs);
        failures.add(attempt, error, nowMs);
        const delayMs = isAnswered ? -1 : again(way, call, error);
        if (delayMs < 0) throw failures.keepOn(error);
        if (delayMs > 0) await sleep(delayMs, { clock, signal: call.signal });
        call.tries++;
      } finally {
        // The caller has seen enough: no verdict.
        if (!isOver) attempt.released(clock.now());
      }
    }
  };
}

function entered(way: Way<StreamSender>, choice: Choice, failures: Failures): Attempt<StreamSender> {
  try {
    return enter(way, choice);
  } catch (thrown) {
    throw failures.keepOn(toServiceError(thrown));
  }
}

function again({ retry, info, clock }: Way<StreamSender>, call: ClientCall, error: ServiceError): number {
  if (retry === undefined || call.outcome !== undefined) return -1;
  return retry.next(error, {
    attempt: call.tries,
    isIdempotent: info.idempotent,
    isNested: isNested(call),
    nowMs: clock.now(),
    deadlineMs: call.context.deadlineMs,
  });
}
