/**
 * Puts a throttle around a function, whatever it answers with.
 *
 * @module
 */
import { isPromise } from "../internal/promise.ts";

/** As much of a throttle as it takes; made once per function. */
export interface ThrottledCalls {
  enter(): boolean;
  refusal(): Error;
  answered<R>(value: R): R;
  /** Rethrows: whoever calls it gives the error on. */
  failed(error: unknown): never;
}

/** A function that may be refused: by a rejection once it is known to answer with promises, else by a throw. */
export function throttledFunction<A extends unknown[], R>(
  around: ThrottledCalls,
  fn: (...args: A) => R,
): (...args: A) => R {
  const { answered, failed } = around;
  let rejects = Object.prototype.toString.call(fn) === "[object AsyncFunction]";
  return function throttled(this: unknown, ...args: A): R {
    if (!around.enter()) {
      if (rejects) return Promise.reject(around.refusal()) as R;
      throw around.refusal();
    }
    let result: R;
    try {
      result = fn.apply(this, args);
    } catch (error) {
      return failed(error);
    }
    if (!isPromise(result)) return answered(result);
    rejects = true;
    return result.then(answered, failed) as R;
  };
}
