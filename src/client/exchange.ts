/**
 * One request to one instance, and what its answer means: the same for a first attempt and for those after it.
 *
 * @module
 */
import type { AnyMethod } from "../contract/index.ts";
import type { ActiveCall } from "../endpoint/index.ts";
import { toServiceError, type ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { UnarySender } from "../transport/index.ts";
import { errorOf, valueOf } from "./answer.ts";
import type { Attempt } from "./attempt.ts";

/** An attempt that is sent, and who is told how it ended: once, by one of the two. */
export interface Exchange {
  readonly attempt: Attempt<UnarySender>;
  readonly request: unknown;
  /** What the transport is given. */
  readonly call: ActiveCall;
  succeeded(value: unknown): unknown;
  failed(error: ServiceError): unknown;
}

/** Sends the request; resolves with what the one who was told makes of it. */
export function exchanged(method: AnyMethod, exchange: Exchange): Promise<unknown> {
  const { attempt, request, call } = exchange;
  let answer: Promise<unknown>;
  try {
    answer = attempt.target.send(request, call);
  } catch (error) {
    answer = Promise.reject(error as Error);
  }
  return answer.then(
    (wire) => received(method, exchange, wire),
    (thrown: unknown) => refused(method, exchange, thrown),
  );
}

function received(method: AnyMethod, exchange: Exchange, wire: unknown): unknown {
  let value: unknown;
  try {
    value = valueOf(method, wire);
  } catch (error) {
    return exchange.failed(toServiceError(error));
  }
  if (!isPromise(value)) return exchange.succeeded(value);
  return value.then(
    (later) => exchange.succeeded(later),
    (error: unknown) => exchange.failed(toServiceError(error)),
  );
}

function refused(method: AnyMethod, exchange: Exchange, thrown: unknown): unknown {
  const error = errorOf(method, thrown);
  if (!isPromise(error)) return exchange.failed(error as ServiceError);
  return (error as Promise<ServiceError>).then((later) => exchange.failed(later));
}
