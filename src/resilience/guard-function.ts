/**
 * Puts what decides about calls, a breaker or a throttle, around a function, whatever that answers with.
 *
 * @module
 */
import { ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";

/** As much of it as it takes to guard a call. */
export interface Guard<T> {
  /** Undefined: the call may not be made. */
  tryEnter(): T | undefined;
  refusal(): ServiceError;
  succeed(ticket: T): void;
  record(ticket: T, error: unknown): void;
}

/** Calls `fn` once, if calls may pass. */
export function runGuarded<T, R>(guard: Guard<T>, fn: () => R): R {
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
export function guardFunction<T, A extends unknown[], R>(guard: Guard<T>, fn: (...args: A) => R): (...args: A) => R {
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
export function answered<T, R>(guard: Guard<T>, ticket: T, value: R): R {
  if (ServiceError.is(value)) guard.record(ticket, value);
  else guard.succeed(ticket);
  return value;
}

function follow<T, R>(guard: Guard<T>, ticket: T, promise: Promise<R>): Promise<R> {
  return promise.then(
    (value) => answered(guard, ticket, value),
    (error: unknown) => {
      guard.record(ticket, error);
      throw error;
    },
  );
}

function refuse(guard: Guard<unknown>, rejects: boolean): Promise<never> {
  if (rejects) return Promise.reject(guard.refusal());
  throw guard.refusal();
}

/** Whether a function surely answers with a promise, told without calling it. */
export function isAsync(fn: (...args: never[]) => unknown): boolean {
  return Object.prototype.toString.call(fn) === "[object AsyncFunction]";
}
