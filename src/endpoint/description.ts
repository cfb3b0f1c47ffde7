/**
 * What a gate, middleware or observer says of itself when the stack is read back.
 *
 * @module
 */

const DESCRIPTION: unique symbol = Symbol("description") as never;

/**
 * Gives a function the line that `describe()` prints for it, e.g. `rateLimit 100/s burst 20 per peer`.
 *
 * @example
 * ```ts
 * import { described, descriptionOf } from "servicekit/endpoint";
 *
 * descriptionOf(described("limit 5/s", () => 1)); // => "limit 5/s"
 * ```
 */
export function described<F extends (...args: never[]) => unknown>(text: string, subject: F): F {
  return Object.defineProperty(subject, DESCRIPTION, { value: text, configurable: true });
}

/**
 * The line given by `described`, else the function's name, else "anonymous".
 *
 * @example
 * ```ts
 * import { descriptionOf } from "servicekit/endpoint";
 *
 * descriptionOf(function mine() {}); // => "mine"
 * ```
 */
export function descriptionOf(subject: (...args: never[]) => unknown): string {
  return (subject as { [DESCRIPTION]?: string })[DESCRIPTION] ?? (subject.name || "anonymous");
}
