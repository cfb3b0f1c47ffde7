/**
 * Gates: what decides whether a call may go on before its body is read, for every kind of method.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";
import type { Context } from "./context.ts";
import type { MethodInfo } from "./method.ts";
import type { Observe } from "./observer.ts";

const OBSERVE: unique symbol = Symbol("observe") as never;

/** A context to go on with (the same or a derived one), or the error to refuse with; now or later. */
export type Admission = Context | ServiceError;

/** Decides about a call before its body is decoded: deadline, authentication, limit, load shedding. */
export type Gate = (context: Context, method: MethodInfo) => Admission | Promise<Admission>;

/**
 * Gives a gate an observer: for a gate that must hear of the end of the calls it let in, as a limit on calls at work does.
 * Whoever builds a pipeline fuses it behind the other observers, so that its `end` runs first. Such a gate marks the context
 * it admits (`context.with`), and its observer reads the mark at the end (`call.context.get`): a call that was refused, or
 * was over before the gate had decided, carries none.
 *
 * @example
 * ```ts
 * import { observed, observeOf } from "servicekit/endpoint";
 *
 * let atWork = 0;
 * const gate = observed(() => ({ end: () => void atWork-- }), (context) => (atWork++, context));
 * typeof observeOf(gate); // => "function"
 * ```
 */
export function observed<G extends Gate>(observe: Observe, gate: G): G {
  return Object.defineProperty(gate, OBSERVE, { value: observe, configurable: true });
}

/**
 * The observer given by `observed`; undefined when there is none.
 *
 * @example
 * ```ts
 * import { observeOf } from "servicekit/endpoint";
 *
 * observeOf((context) => context); // => undefined
 * ```
 */
export function observeOf(gate: Gate): Observe | undefined {
  return (gate as { [OBSERVE]?: Observe })[OBSERVE];
}
