/**
 * Calls that are answered once.
 *
 * @module
 */
import type { CallOptions, Result } from "../contract/index.ts";
import { CallContext, type Context, type Endpoint } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { UnarySender } from "../transport/index.ts";
import { isDeclared } from "./answer.ts";
import type { Attempt } from "./attempt.ts";
import { Attempts, isNested } from "./attempts.ts";
import { ClientCall, type CallPlan } from "./call.ts";
import { exchanged, type Exchange } from "./exchange.ts";
import { Sending } from "./messages.ts";
import { enter, type Way } from "./way.ts";

/** What all calls of a method that answers once share. */
export interface UnaryPlan extends CallPlan {
  /** The middlewares around `sendUnary`. */
  readonly endpoint: Endpoint<unknown, unknown>;
}

/** A method of a client, its types forgotten. */
export interface AnyUnaryCall {
  (request: unknown, from?: Context | CallOptions): Promise<unknown>;
  try(request: unknown, from?: Context | CallOptions): Promise<Result<unknown, unknown>>;
}

/** Makes the function that calls a method. */
export function unaryCall(plan: UnaryPlan): AnyUnaryCall {
  function call(request: unknown, from?: Context | CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => new UnaryCall(plan, from, { request, resolve, reject }).begin());
  }
  function attempt(request: unknown, from?: Context | CallOptions): Promise<Result<unknown, unknown>> {
    return call(request, from).then(
      (value) => ({ ok: true, value }),
      (error: unknown) => {
        if (isDeclared(plan.method, error)) return { ok: false, error };
        throw error;
      },
    );
  }
  return Object.assign(call, { try: attempt });
}

interface Waiting {
  readonly request: unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

class UnaryCall extends ClientCall {
  declare readonly plan: UnaryPlan;
  readonly #waiting: Waiting;
  #sending: Sending | undefined = undefined;

  constructor(plan: UnaryPlan, from: Context | CallOptions | undefined, waiting: Waiting) {
    super(plan, from);
    this.#waiting = waiting;
  }

  protected dispatch(): void {
    const { endpoint, info } = this.plan;
    let { request } = this.#waiting;
    if (info.kind === "client") request = this.#sending = new Sending(request as AsyncIterable<unknown>, this);
    let result: unknown;
    try {
      result = endpoint(request, this.context);
    } catch (error) {
      return this.fail(error);
    }
    if (!isPromise(result)) return this.succeed(result);
    result.then(
      (value) => this.succeed(value),
      (error: unknown) => this.fail(error),
    );
  }

  protected settled(error: ServiceError | undefined, value: unknown): void {
    this.#sending?.stop();
    if (error === undefined) this.#waiting.resolve(value);
    else this.#waiting.reject(error);
  }
}

/**
 * The innermost endpoint: an attempt at one instance, and further ones where the policies say so. Rejects with the declared error, the peer's,
 * or what a policy on this side says.
 */
export function sendUnary(way: Way<UnarySender>): Endpoint<unknown, unknown> {
  const { clock, instances, isDirect } = way;
  return function send(request: unknown, context: Context): Promise<unknown> {
    const first = new First(way, request, callOf(context));
    if (instances.isKnown) return first.begin(isDirect ? first.call.startMs : clock.now());
    return instances.ready(first.call).then(() => {
      // It may have ended meanwhile.
      callOf(context);
      return first.begin(clock.now());
    });
  };
}

/** A first attempt, which most calls end with. */
class First implements Exchange {
  attempt!: Attempt<UnarySender>;
  readonly request: unknown;
  readonly call: ClientCall;
  readonly #way: Way<UnarySender>;

  constructor(way: Way<UnarySender>, request: unknown, call: ClientCall) {
    this.#way = way;
    this.request = request;
    this.call = call;
  }

  begin(startMs: number): Promise<unknown> {
    const { call, request } = this;
    const way = this.#way;
    const { budget, hedge, keyOf, method, retry } = way;
    budget?.deposit(startMs);
    // Asked each time: it may change.
    if (hedge !== undefined || (retry !== undefined && retry.perTryMs !== Infinity))
      return new Attempts(way, request, call).begin();
    this.attempt = enter(way, { startMs, key: keyOf?.(request as never), avoid: undefined });
    call.out++;
    return exchanged(method, this);
  }

  succeeded(value: unknown): unknown {
    const { clock, isDirect } = this.#way;
    const { attempt, call } = this;
    const nowMs = clock.now();
    attempt.succeeded(nowMs, call.incoming);
    call.returned();
    if (isDirect) call.endMs = nowMs;
    return value;
  }

  failed(error: ServiceError): Promise<unknown> {
    const { clock, info, retry } = this.#way;
    const { attempt, call, request } = this;
    const nowMs = clock.now();
    attempt.failed(error, nowMs);
    call.returned();
    if (retry === undefined || call.outcome !== undefined) throw error;
    const delayMs = retry.next(error, {
      attempt: 1,
      isIdempotent: info.idempotent,
      isNested: isNested(call),
      nowMs,
      deadlineMs: call.context.deadlineMs,
    });
    if (delayMs < 0) throw error;
    return new Attempts(this.#way, request, call).after({ attempt, error, delayMs });
  }
}

/**
 * The call a context belongs to, ready to be sent.
 *
 * @throws {ServiceError} what the call ended with, when a middleware kept it for too long.
 */
export function callOf(context: Context): ClientCall {
  const call = context instanceof CallContext ? context.call : undefined;
  if (!(call instanceof ClientCall))
    throw new TypeError("a middleware of a client should hand on the context it was given, or one derived from it");
  if (call.outcome !== undefined) throw call.canceledBy ?? policyError("canceled");
  call.adopt(context);
  return call;
}
