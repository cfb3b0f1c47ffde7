/**
 * Calls that are answered once.
 *
 * @module
 */
import type { CallOptions, Result } from "../contract/index.ts";
import { CallContext, type Context, type Endpoint } from "../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { UnarySender } from "../transport/index.ts";
import { errorOf, isDeclared, valueOf } from "./answer.ts";
import { ClientCall, type CallPlan } from "./call.ts";
import type { Attempt } from "./attempt.ts";
import { Attempts, isNested } from "./attempts.ts";
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
  const { budget, clock, hedge, isDirect, keyOf, retry } = way;
  return function send(request: unknown, context: Context): Promise<unknown> {
    const call = callOf(context);
    if (!way.instances.isKnown) return way.instances.ready(call).then(() => send(request, context));
    budget?.deposit(call.startMs);
    // Asked each time: it may change.
    if (hedge !== undefined || (retry !== undefined && retry.perTryMs !== Infinity))
      return new Attempts(way, request, call).begin();
    const startMs = isDirect ? call.startMs : clock.now();
    const attempt = enter(way, { startMs, key: keyOf?.(request as never), avoid: undefined });
    call.out++;
    let answer: Promise<unknown>;
    try {
      answer = attempt.target.send(request, call);
    } catch (error) {
      answer = Promise.reject(error as Error);
    }
    return answer.then(
      (wire) => received(way, { attempt, request, call }, wire),
      (error: unknown) => refused(way, { attempt, request, call }, error),
    );
  };
}

/** A first attempt, and what for. */
interface First {
  readonly attempt: Attempt<UnarySender>;
  readonly request: unknown;
  readonly call: ClientCall;
}

function received(way: Way<UnarySender>, first: First, wire: unknown): unknown {
  let value: unknown;
  try {
    value = valueOf(way.method, wire);
  } catch (error) {
    return failed(way, first, toServiceError(error));
  }
  if (!isPromise(value)) return succeeded(way, first, value);
  return value.then(
    (later) => succeeded(way, first, later),
    (error: unknown) => failed(way, first, toServiceError(error)),
  );
}

function succeeded(way: Way<UnarySender>, { attempt, call }: First, value: unknown): unknown {
  const nowMs = way.clock.now();
  attempt.succeeded(nowMs, call.incoming);
  call.returned();
  if (way.isDirect) call.endMs = nowMs;
  return value;
}

function refused(way: Way<UnarySender>, first: First, thrown: unknown): unknown {
  const error = errorOf(way.method, thrown);
  if (!isPromise(error)) return failed(way, first, error as ServiceError);
  return (error as Promise<ServiceError>).then((later) => failed(way, first, later));
}

function failed(way: Way<UnarySender>, { attempt, request, call }: First, error: ServiceError): Promise<unknown> {
  const { clock, info, retry } = way;
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
  return new Attempts(way, request, call).after({ attempt, error, delayMs });
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
