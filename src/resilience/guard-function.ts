/**
 * Puts a breaker around a function, whatever it answers with.
 *
 * @module
 */
import { ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { BreakerTicket } from "./breaker-state.ts";

/** As much of a breaker as it takes to guard a call. */
export interface Guard {
  tryEnter(): BreakerTicket | undefined;
  refusal(): ServiceError;
  succeed(ticket: BreakerTicket): void;
  record(ticket: BreakerTicket, error: unknown): void;
}

/** Calls `fn` once, if calls may pass. */
export function runGuarded<R>(guard: Guard, fn: () => R): R {
  const ticket = guard.tryEnter();
  if (ticket === undefined) return refuse(guard, isAsync(fn)) as R;
  let result: R;
  try {
    result = fn();
  } catch (error) {
    guard.record(ticket, error);
    throw error;
  }
  return isPromise(result) ? (follow(guard, ticket, result) as R) : answered(guard, ticket, result);
}

/** The same around a function with arguments, composed once. */
export function guardFunction<A extends unknown[], R>(guard: Guard, fn: (...args: A) => R): (...args: A) => R {
  let rejects = isAsync(fn);
  return function guarded(this: unknown, ...args: A): R {
    const ticket = guard.tryEnter();
    if (ticket === undefined) return refuse(guard, rejects) as R;
    let result: R;
    try {
      result = fn.apply(this, args);
    } catch (error) {
      guard.record(ticket, error);
      throw error;
    }
    if (!isPromise(result)) return answered(guard, ticket, result);
    rejects = true;
    return follow(guard, ticket, result) as R;
  };
}

/** Settles a ticket with a value; an error that is returned is an error all the same. */
export function answered<R>(guard: Guard, ticket: BreakerTicket, value: R): R {
  if (ServiceError.is(value)) guard.record(ticket, value);
  else guard.succeed(ticket);
  return value;
}

function follow<R>(guard: Guard, ticket: BreakerTicket, promise: Promise<R>): Promise<R> {
  return promise.then(
    (value) => answered(guard, ticket, value),
    (error: unknown) => {
      guard.record(ticket, error);
      throw error;
    },
  );
}

function refuse(guard: Guard, rejects: boolean): Promise<never> {
  if (rejects) return Promise.reject(guard.refusal());
  throw guard.refusal();
}

function isAsync(fn: (...args: never[]) => unknown): boolean {
  return Object.prototype.toString.call(fn) === "[object AsyncFunction]";
}
