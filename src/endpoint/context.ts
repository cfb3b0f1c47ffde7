/**
 * The second argument of every handler, middleware and gate: what the call carries besides its request. Explicit, never an
 * AsyncLocalStorage, which slows every promise of the process (`docs/design-notes.md`).
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";
import type { Subscription } from "./cancellation.ts";
import type { Key } from "./key.ts";
import type { Carrier, Metadata } from "./metadata.ts";
import type { MethodInfo } from "./method.ts";
import type { Trace } from "./trace.ts";

/** What a call carries. Derive with `with`; nothing here changes under the one who holds it. */
export interface Context {
  /** Marks a context, so that a client tells it from call options without touching `signal`. */
  readonly "~context": true;
  readonly method: MethodInfo;
  /** When the call began, on this side's monotonic clock in milliseconds: policies take it rather than read a clock. */
  readonly startMs: number;
  /** When the call must be over, on this side's monotonic clock in milliseconds. Always there. */
  readonly deadlineMs: number;
  /** Aborts when the caller is gone or the deadline has passed. Made at the first read (2 µs): do not read it for nothing. */
  readonly signal: AbortSignal;
  /** Why the call was called off; undefined while it is wanted. Costs nothing, unlike `signal.aborted`. */
  readonly canceledBy: ServiceError | undefined;
  /** Runs `run` when the call is called off, at once if it was. Cheaper than a listener on `signal`. */
  onCancel(run: (reason: ServiceError) => void): Subscription;
  /** Metadata that came with the call, name in any case. */
  metadata(name: string): string | undefined;
  /** Metadata that goes out with the answer. */
  readonly reply: Metadata;
  /** Who is at the other end: an address, "" when unknown. */
  readonly peer: string;
  /** Which try of the caller this is, from 1. */
  readonly attempt: number;
  /** Ties together the log lines of one request, across services. */
  readonly requestId: string;
  /** The trace the call belongs to, when tracing is on. */
  readonly trace: Trace | undefined;
  /** The value under a key, or undefined. */
  get<T>(key: Key<T>): T | undefined;
  /**
   * The value under a key.
   *
   * @throws {Error} when there is none: a gate or middleware that should have set it is missing.
   */
  need<T>(key: Key<T>): T;
  /** A context that also holds `value`; this one stays as it is. */
  with<T>(key: Key<T>, value: T): Context;
  /** A context whose deadline is at most `deadlineMs`; a later one changes nothing. */
  withDeadline(deadlineMs: number): Context;
}

/** Values on a context, newest first. Servers begin each call with one shared list. */
export interface Values {
  readonly key: Key<unknown>;
  readonly value: unknown;
  readonly next: Values | undefined;
}

/**
 * A list of values for contexts to begin with: one value in front of `next`.
 *
 * @example
 * ```ts
 * import { ActiveCall, key, valuesOf } from "servicekit/endpoint";
 *
 * const zone = key<string>("zone");
 * const sum = { service: "add", name: "sum", kind: "unary", side: "server", idempotent: true, errors: [], timeoutMs: 3000 } as const;
 * new ActiveCall(sum, { startMs: 0, timeoutMs: 50, values: valuesOf(zone, "eu") }).context.need(zone); // => "eu"
 * ```
 */
export function valuesOf<T>(key: Key<T>, value: T, next?: Values): Values {
  return { key: key as Key<unknown>, value, next };
}

/** What a context is a view of: the call in progress. */
export interface ContextSource {
  readonly method: MethodInfo;
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly canceledBy: ServiceError | undefined;
  onCancel(run: (reason: ServiceError) => void): Subscription;
  readonly incoming: Carrier;
  readonly outgoing: Metadata;
  readonly peer: string;
  readonly attempt: number;
  readonly requestId: string;
  readonly trace: Trace | undefined;
}

/**
 * The context over a call: three fields, 10 ns to make.
 *
 * @example
 * ```ts
 * import { ActiveCall, CallContext } from "servicekit/endpoint";
 *
 * const sum = { service: "add", name: "sum", kind: "unary", side: "server", idempotent: true, errors: [], timeoutMs: 3000 } as const;
 * const call = new ActiveCall(sum, { startMs: 0, timeoutMs: 50 });
 * new CallContext(call, 20, undefined).deadlineMs; // => 20
 * ```
 */
export class CallContext implements Context {
  declare readonly "~context": true;
  readonly call: ContextSource;
  readonly deadlineMs: number;
  readonly #values: Values | undefined;

  constructor(call: ContextSource, deadlineMs: number, values: Values | undefined) {
    this.call = call;
    this.deadlineMs = deadlineMs;
    this.#values = values;
  }

  get method(): MethodInfo {
    return this.call.method;
  }

  get startMs(): number {
    return this.call.startMs;
  }

  get signal(): AbortSignal {
    return this.call.signal;
  }

  get canceledBy(): ServiceError | undefined {
    return this.call.canceledBy;
  }

  onCancel(run: (reason: ServiceError) => void): Subscription {
    return this.call.onCancel(run);
  }

  metadata(name: string): string | undefined {
    return this.call.incoming.get(name);
  }

  get reply(): Metadata {
    return this.call.outgoing;
  }

  get peer(): string {
    return this.call.peer;
  }

  get attempt(): number {
    return this.call.attempt;
  }

  get requestId(): string {
    return this.call.requestId;
  }

  get trace(): Trace | undefined {
    return this.call.trace;
  }

  get<T>(key: Key<T>): T | undefined {
    for (let entry = this.#values; entry !== undefined; entry = entry.next) {
      if (entry.key === key) return entry.value as T;
    }
    return undefined;
  }

  need<T>(key: Key<T>): T {
    const value = this.get(key);
    if (value === undefined)
      throw new Error(`the context of ${this.method.service}.${this.method.name} holds no "${key.name}"`);
    return value;
  }

  with<T>(key: Key<T>, value: T): Context {
    return new CallContext(this.call, this.deadlineMs, valuesOf(key, value, this.#values));
  }

  /** The same values as a view of another call: one attempt of several sees what gates and middlewares have set for all. */
  onto(call: ContextSource, deadlineMs: number): CallContext {
    return new CallContext(call, deadlineMs, this.#values);
  }

  withDeadline(deadlineMs: number): Context {
    return deadlineMs < this.deadlineMs ? new CallContext(this.call, deadlineMs, this.#values) : this;
  }
}

Object.defineProperty(CallContext.prototype, "~context", { value: true });

/**
 * Tells a context from anything else by its brand, without reading `signal`.
 *
 * @example
 * ```ts
 * import { backgroundContext, isContext } from "servicekit/endpoint";
 *
 * isContext(backgroundContext()); // => true
 * isContext({ timeoutMs: 5 }); // => false
 * ```
 */
export function isContext(value: unknown): value is Context {
  return typeof value === "object" && value !== null && (value as { "~context"?: unknown })["~context"] === true;
}
