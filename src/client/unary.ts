/**
 * Calls that are answered once.
 *
 * @module
 */
import type { AnyMethod, CallOptions, Result } from "../contract/index.ts";
import { CallContext, type Context, type Endpoint } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { UnarySender } from "../transport/index.ts";
import { errorOf, isDeclared, valueOf } from "./answer.ts";
import { ClientCall, type CallPlan } from "./call.ts";
import type { Attempt, Target } from "./instance.ts";
import { Sending } from "./messages.ts";
import type { Picker } from "./pick.ts";

/** What all calls of a method that answers once share. */
export interface UnaryPlan extends CallPlan {
  /** The middlewares around `sendOnce`. */
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

/** What one attempt needs. */
export interface SendOptions<S> {
  readonly method: AnyMethod;
  readonly targets: readonly Target<S>[];
  readonly picker: Picker;
}

/**
 * The innermost endpoint: one attempt at one instance. Rejects with the declared error, the peer's, or what a policy on
 * this side says.
 */
export function sendOnce({ method, targets, picker }: SendOptions<UnarySender>): Endpoint<unknown, unknown> {
  return function send(request, context) {
    const call = callOf(context);
    const attempt = picker.pick(targets);
    return attempt.target.send(request, call).then(
      (wire) => received(method, attempt, wire),
      (error: unknown) => refused(method, attempt, error),
    );
  };
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

function received(method: AnyMethod, attempt: Attempt<unknown>, wire: unknown): unknown {
  let value: unknown;
  try {
    value = valueOf(method, wire);
  } catch (error) {
    attempt.failed(error);
    throw error;
  }
  if (!isPromise(value)) {
    attempt.succeeded();
    return value;
  }
  return value.then(
    (later) => {
      attempt.succeeded();
      return later;
    },
    (error: unknown) => {
      attempt.failed(error);
      throw error;
    },
  );
}

function refused(method: AnyMethod, attempt: Attempt<unknown>, thrown: unknown): Promise<never> | never {
  const error = errorOf(method, thrown);
  if (!isPromise(error)) {
    attempt.failed(error);
    throw error;
  }
  return (error as Promise<ServiceError>).then((later) => {
    attempt.failed(later);
    throw later;
  });
}
