/**
 * The breaker as a middleware: around a handler, or around the calls to an upstream.
 *
 * @module
 */
import {
  described,
  type Context,
  type Endpoint,
  type LayerState,
  type MethodInfo,
  type Middleware,
  type StreamEndpoint,
  type StreamMiddleware,
} from "../endpoint/index.ts";
import { checkFunction } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import { breakerSettings, type BreakerOptions } from "./breaker-options.ts";
import { circuitBreaker, type CircuitBreaker } from "./circuit-breaker.ts";
import { answered } from "./guard-function.ts";

/**
 * Makes a middleware that puts a breaker around each method: a breaker of its own per method when given options, or the
 * one breaker that is given, for methods that share an upstream. Streams are judged by how they begin: by their first
 * message, or by failing before it. A call that was called off is judged by why, whatever it ended with: a caller that
 * left says nothing, a deadline that passed is a failure.
 *
 * @throws {RangeError} when an option is out of range. Calls are refused with {ServiceError} `unavailable` (reason
 * `breaker_open`).
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { breaker } from "servicekit/resilience";
 *
 * const context = backgroundContext();
 * const down = (): string => {
 *   throw new Error("no answer");
 * };
 * const guarded = breaker({ consecutive: 1 })(down, context.method);
 * guarded({}, context); // throws no answer
 * guarded({}, context); // throws circuit breaker is open
 * ```
 */
export function breaker(options: BreakerOptions | CircuitBreaker = {}): Middleware & StreamMiddleware {
  const text = isBreaker(options) ? options.describe() : breakerSettings(options).text;
  // For whoever reads the stack. Weak, since clients may come and go with a middleware that stays.
  const breakers = new WeakMap<MethodInfo, CircuitBreaker>();
  function guard(next: AnyEndpoint, method: MethodInfo): AnyEndpoint {
    const name = `${method.service}.${method.name}`;
    const own = isBreaker(options) ? options : circuitBreaker({ ...options, name: options.name ?? name });
    breakers.set(method, own);
    return method.kind === "server" || method.kind === "bidi" ? guardStream(own, next) : guardUnary(own, next);
  }
  const stateOf = (method: MethodInfo): LayerState | undefined => stateIn(breakers.get(method));
  return described(text, guard, stateOf) as unknown as Middleware & StreamMiddleware;
}

/** How a breaker stands; of one that somebody else made, as far as it says. */
function stateIn(own: Partial<CircuitBreaker> | undefined): LayerState | undefined {
  return typeof own?.snapshot === "function" ? { type: "breaker", ...own.snapshot() } : undefined;
}

type AnyEndpoint = Endpoint<unknown, unknown> & StreamEndpoint<unknown, unknown>;

function guardUnary(own: CircuitBreaker, next: AnyEndpoint): AnyEndpoint {
  function guarded(request: unknown, context: Context): unknown {
    const ticket = own.tryEnter();
    if (ticket === undefined) throw own.refusal();
    let result: unknown;
    try {
      result = (next as Endpoint<unknown, unknown>)(request, context);
    } catch (error) {
      own.record(ticket, context.canceledBy ?? error);
      throw error;
    }
    if (!isPromise(result)) {
      answered(own, ticket, context.canceledBy ?? result);
      return result;
    }
    return result.then(
      (value) => {
        answered(own, ticket, context.canceledBy ?? value);
        return value;
      },
      (error: unknown) => {
        own.record(ticket, context.canceledBy ?? error);
        throw error;
      },
    );
  }
  return guarded as AnyEndpoint;
}

function guardStream(own: CircuitBreaker, next: AnyEndpoint): AnyEndpoint {
  async function* guardedStream(request: unknown, context: Context): AsyncIterable<unknown> {
    let ticket = own.tryEnter();
    if (ticket === undefined) throw own.refusal();
    try {
      for await (const message of (next as StreamEndpoint<unknown, unknown>)(request, context)) {
        // A stream may go on for days: a probe cannot wait for its end.
        if (ticket !== undefined) own.succeed(ticket);
        ticket = undefined;
        yield message;
      }
      if (ticket !== undefined) answered(own, ticket, context.canceledBy);
    } catch (error) {
      if (ticket !== undefined) own.record(ticket, context.canceledBy ?? error);
      throw error;
    }
  }
  return guardedStream as AnyEndpoint;
}

function isBreaker(options: BreakerOptions | CircuitBreaker): options is CircuitBreaker {
  if (!("tryEnter" in options)) return false;
  for (const method of ["tryEnter", "refusal", "succeed", "record", "describe"] as const) {
    checkFunction(`breaker.${method}`, (options as unknown as Record<string, unknown>)[method]);
  }
  return true;
}
