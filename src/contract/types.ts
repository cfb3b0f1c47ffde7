/**
 * The types of a method and everything that follows from them: handlers on one side, calls on the other.
 *
 * @module
 */
import type { Context, Kind } from "../endpoint/index.ts";
import type { AnyErrorType, InferInput, InferOutput, Schema } from "../errors/index.ts";
import type { Shape } from "./shape.ts";

/**
 * The types a method is made of. `…In` is the wire form, what a sender gives; `…Out` is what a receiver gets after
 * validation. A generated contract writes one interface per method: editors stay fast with thousands of them.
 */
export interface Types {
  reqIn: unknown;
  reqOut: unknown;
  resIn: unknown;
  resOut: unknown;
  /** The declared errors as a handler returns them; never when there are none. */
  failIn: unknown;
  /** The declared errors as a caller gets them; never when there are none. */
  failOut: unknown;
  kind: Kind;
}

/** A method of a contract: its types, and at run time the shapes of its messages. */
export interface Method<T extends Types> extends AnyMethod {
  readonly "~types"?: T;
  readonly kind: T["kind"];
}

/** A method, whatever its types. */
export interface AnyMethod {
  readonly "~types"?: Types;
  readonly kind: Kind;
  readonly idempotent: boolean;
  /** Whether nobody waits for an answer. Default: false. */
  readonly oneWay?: boolean | undefined;
  readonly timeoutMs: number | undefined;
  readonly request: Shape;
  readonly response: Shape;
  readonly errors: readonly AnyErrorType[];
}

/** The methods of a contract by name. */
export type Methods = { readonly [name: string]: AnyMethod };

/** The types that two schemas, a union of error types and a kind give. */
export interface TypesOf<Rq, Rs, E, K extends Kind> extends Types {
  reqIn: In<Rq>;
  reqOut: Out<Rq>;
  resIn: In<Rs>;
  resOut: Out<Rs>;
  failIn: FailIn<E>;
  failOut: FailOut<E>;
  kind: K;
}

type In<S> = S extends Schema ? InferInput<S> : never;
type Out<S> = S extends Schema ? InferOutput<S> : never;

type FailIn<E> = E extends { readonly "~error"?: infer X }
  ? NonNullable<X> extends readonly [infer In, unknown]
    ? In
    : never
  : never;
type FailOut<E> = E extends { readonly "~error"?: infer X }
  ? NonNullable<X> extends readonly [unknown, infer Out]
    ? Out
    : never
  : never;

/** The types of a method taken out of it. */
export type TypesIn<M> = M extends { readonly "~types"?: infer X }
  ? NonNullable<X> extends Types
    ? NonNullable<X>
    : never
  : never;

type Up<X extends Types, V> = X["kind"] extends "client" | "bidi" ? AsyncIterable<V> : V;
type AnswersMany<X extends Types> = X["kind"] extends "server" | "bidi" ? true : false;

/** What a service writes for a method: a plain function. Declared errors are returned, or thrown. */
export type Handler<X extends Types> = (
  request: Up<X, X["reqOut"]>,
  context: Context,
) => AnswersMany<X> extends true
  ? AsyncIterable<X["resIn"]>
  : X["resIn"] | X["failIn"] | Promise<X["resIn"] | X["failIn"]>;

/** What a caller may say about one call. */
export interface CallOptions {
  /** How long the call may take, in milliseconds, at most what is left of the context's deadline. Default: the method's. */
  readonly timeoutMs?: number | undefined;
  /** Calls the call off. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Metadata to send, names in any case. Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** The context of the call this one is made for: its deadline, cancellation and trace go on. Default: none. */
  readonly context?: Context | undefined;
}

/** The outcome of `.try()`: the answer, or one of exactly the declared errors. Failures are thrown. */
export type Result<V, E> = { readonly ok: true; readonly value: V } | { readonly ok: false; readonly error: E };

/** Calls a method that answers once. */
export interface UnaryCall<X extends Types> {
  /** Calls; rejects with the declared error or with what went wrong. */
  (request: Up<X, X["reqIn"]>, from?: Context | CallOptions): Promise<X["resOut"]>;
  /** Calls; declared errors come back as a value to switch over, all else rejects. */
  try(request: Up<X, X["reqIn"]>, from?: Context | CallOptions): Promise<Result<X["resOut"], X["failOut"]>>;
}

/** Calls a method that answers with a stream. */
export interface StreamCall<X extends Types> {
  (request: Up<X, X["reqIn"]>, from?: Context | CallOptions): AsyncIterable<X["resOut"]>;
}

/** Calls a method: once or as a stream, as its kind says. */
export type MethodCall<X extends Types> = AnswersMany<X> extends true ? StreamCall<X> : UnaryCall<X>;

/** The handlers of a service by name. */
export type Handlers<M extends Methods> = { readonly [P in keyof M]: Handler<TypesIn<M[P]>> };

/** A typed client: a function per method. */
export type Client<M extends Methods> = { readonly [P in keyof M]: MethodCall<TypesIn<M[P]>> };

/** The request a method's policies see, validated: an iterable of them where many come. */
export type RequestOf<X extends Types> = Up<X, X["reqOut"]>;
