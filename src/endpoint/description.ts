/**
 * What a gate, middleware or observer says of itself when the stack is read back: how it is set, and how it stands.
 *
 * @module
 */
import type { MethodInfo } from "./method.ts";

const DESCRIPTION: unique symbol = Symbol("description") as never;
const STATE: unique symbol = Symbol("state") as never;

/** How a layer stands at one moment, fit for JSON: `{ type: "breaker", state: "open", … }`. */
export type LayerState = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Gives a function the line that `describe()` prints for it, e.g. `rateLimit 100/s burst 20 per peer`.
 *
 * @param state tells how it stands before one method. It is asked by people who look, never by a call.
 *
 * @example
 * ```ts
 * import { described, descriptionOf } from "servicekit/endpoint";
 *
 * descriptionOf(described("limit 5/s", () => 1)); // => "limit 5/s"
 * ```
 */
export function described<F extends (...args: never[]) => unknown>(
  text: string,
  subject: F,
  state?: (method: MethodInfo) => LayerState | undefined,
): F {
  if (state !== undefined) Object.defineProperty(subject, STATE, { value: state, configurable: true });
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

/**
 * The reading of a layer's state given by `described`; undefined when it has none.
 *
 * @example
 * ```ts
 * import { backgroundContext, described, stateOf } from "servicekit/endpoint";
 *
 * const { method } = backgroundContext();
 * const gate = described("gate", () => 1, () => ({ open: true }));
 * stateOf(gate)?.(method); // => { open: true }
 * ```
 */
export function stateOf(
  subject: (...args: never[]) => unknown,
): ((method: MethodInfo) => LayerState | undefined) | undefined {
  return (subject as { [STATE]?: (method: MethodInfo) => LayerState | undefined })[STATE];
}
