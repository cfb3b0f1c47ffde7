/**
 * The building block: one method as one function, and what wraps it.
 *
 * @module
 */
import type { Context } from "./context.ts";
import type { MethodInfo } from "./method.ts";

/** One method: a request and its context in, a response out, now or later. */
export type Endpoint<Req, Res> = (request: Req, context: Context) => Res | Promise<Res>;

/**
 * Wraps a unary endpoint, around a request that has been decoded and validated. It fits any method, or, with type
 * arguments, only methods whose request has at least the shape of `Req`. Called once per method, at construction.
 */
export interface Middleware<in Req = unknown, in Res = unknown> {
  <Q extends Req, R extends Res>(next: Endpoint<Q, R>, method: MethodInfo): Endpoint<Q, R>;
  readonly "~bounds"?: (request: Req, response: Res) => void;
}

/** A streaming endpoint: answers one or many messages; its request is one message or an iterable of them. */
export type StreamEndpoint<Req, Res> = (request: Req, context: Context) => AsyncIterable<Res>;

/** Wraps a streaming endpoint, as `Middleware` wraps a unary one. */
export interface StreamMiddleware<in Req = unknown> {
  <Q extends Req, R>(next: StreamEndpoint<Q, R>, method: MethodInfo): StreamEndpoint<Q, R>;
  readonly "~bounds"?: (request: Req) => void;
}

/**
 * Joins middlewares into one: the first named is outermost, so requests pass in the order written (Go kit
 * `endpoint/endpoint.go`, Chain; an empty chain is allowed here).
 *
 * @example
 * ```ts
 * import { backgroundContext, chain, type Middleware } from "servicekit";
 *
 * const seen: string[] = [];
 * const note = (name: string): Middleware => (next) => (request, context) => (seen.push(name), next(request, context));
 * const sum = chain(note("outer"), note("inner"))(({ a, b }: { a: number; b: number }) => a + b, backgroundContext().method);
 * sum({ a: 1, b: 2 }, backgroundContext()); // => 3
 * seen; // => ["outer", "inner"]
 * ```
 */
export function chain<Req = unknown, Res = unknown>(
  ...middlewares: readonly Middleware<Req, Res>[]
): Middleware<Req, Res> {
  return function chained<Q extends Req, R extends Res>(next: Endpoint<Q, R>, method: MethodInfo): Endpoint<Q, R> {
    return middlewares.reduceRight<Endpoint<Q, R>>((inner, middleware) => middleware(inner, method), next);
  };
}
