/**
 * Doing something after an endpoint, whether it answered with a value, a promise, or by throwing.
 *
 * @module
 */
import { isPromise } from "../internal/promise.ts";

/**
 * Runs `run` and hands its outcome to `ok` or `fail`. A plain value stays a plain value: no promise is made that was not
 * there. `try { return next() } finally { … }` compiles and is wrong, since it ends before the promise does.
 *
 * @example
 * ```ts
 * import { settle } from "servicekit";
 *
 * settle(() => 20 + 1, (v) => v * 2, () => 0); // => 42
 * await settle(() => Promise.reject(new Error("no")), () => 1, () => 2); // => 2
 * ```
 */
export function settle<T, R>(
  run: () => T | Promise<T>,
  ok: (value: T) => R,
  fail: (error: unknown) => R,
): R | Promise<R> {
  let result: T | Promise<T>;
  try {
    result = run();
  } catch (error) {
    return fail(error);
  }
  return isPromise(result) ? (result as Promise<T>).then(ok, fail) : ok(result as T);
}
