/**
 * Calls that ask the same at the same time share one answer: what a crowd wants is fetched once. For reads only. What the
 * answer depends on must be in the key: a caller gets what another one's call has fetched, also where rights differ.
 *
 * @module
 */
import { described, type Context, type Endpoint, type MethodInfo, type Middleware } from "../endpoint/index.ts";
import { checkFunction, checkNames } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import { SharedContext } from "./single-flight-context.ts";
import { Flight, type Caller } from "./single-flight-run.ts";

/** What makes two calls the same. */
export interface SingleFlightOptions<Req = unknown> {
  /** The key of a request; undefined: this call shares nothing. */
  readonly key: (request: Req, context: Context) => string | undefined;
}

/** What ends one caller's wait. */
export interface SharedCallOptions {
  /** This caller leaves: its promise rejects with the signal's reason, the others wait on. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** The call this is done for: it leaves when that is called off. Default: none. */
  readonly context?: Context | undefined;
}

/** Shared work around functions. */
export interface Flights {
  /** How many pieces of work are under way. */
  readonly size: number;
  /**
   * Begins `fn` unless work with this key is under way, and waits for it. The signal of `fn` aborts when all have left; what
   * it answers or throws is for all of them.
   */
  run<T>(key: string, fn: (signal: AbortSignal) => T | Promise<T>, options?: SharedCallOptions): Promise<T>;
}

/** A middleware. */
export interface SingleFlight<Req = unknown> extends Middleware<Req> {
  /** How many pieces of work are under way. */
  readonly size: number;
}

/**
 * Makes a table of shared work, for any function.
 *
 * @example
 * ```ts
 * import { flights } from "servicekit/resilience";
 *
 * let loads = 0;
 * const shared = flights();
 * const load = (id: string): Promise<string> => shared.run(id, async () => `${id} ${++loads}`);
 * await Promise.all([load("a"), load("a"), load("b")]); // => ["a 1", "a 1", "b 2"]
 * ```
 */
export function flights(): Flights {
  const table = new Map<string, Flight>();
  return {
    get size() {
      return table.size;
    },
    run<T>(key: string, fn: (signal: AbortSignal) => T | Promise<T>, options: SharedCallOptions = {}): Promise<T> {
      checkFunction("run: fn", fn);
      checkNames("run", options, ["signal", "context"]);
      const gone = goneBy(options);
      if (gone !== undefined) return Promise.reject(gone as Error);
      const flight = table.get(key) ?? take(table, key, async (begun) => fn(begun.cancellation.signal));
      return flight.join(options) as Promise<T>;
    },
  };
}

/**
 * Makes a middleware whose calls with the same key share one. On a server the handler gets a context of its own: it is called
 * off when all callers have left, its deadline is the latest of theirs, and metadata of its reply goes to each. On a client the
 * first call is the one that is sent, within its own deadline; when its caller leaves, another of those who wait sends anew.
 *
 * @throws {TypeError} before a method that is not idempotent, or answers with a stream.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { singleFlight } from "servicekit/resilience";
 * import { local } from "servicekit/transport/local";
 * import { z } from "zod";
 *
 * const id = z.object({ id: z.string() });
 * const users = service("users", { load: method({ request: id, response: z.object({ n: z.int() }), idempotent: true }) });
 * let n = 0;
 * const impl = users.implement(
 *   { load: async () => ({ n: ++n }) },
 *   { methods: { load: { use: [singleFlight<{ id: string }>({ key: (request) => request.id })] } } },
 * );
 * const remote = client(users, local(impl));
 * await Promise.all([remote.load({ id: "a" }), remote.load({ id: "a" })]); // => [{ n: 1 }, { n: 1 }]
 * ```
 */
export function singleFlight<Req = unknown>(options: SingleFlightOptions<Req>): SingleFlight<Req> {
  const { key, ...rest } = options ?? {};
  checkFunction("singleFlight: key", key);
  checkNames("singleFlight", rest, ["key"]);
  const keyOf = key as (request: unknown, context: Context) => string | undefined;
  const tables: Map<string, Flight>[] = [];
  function guard(next: AnyEndpoint, method: MethodInfo): AnyEndpoint {
    checkShareable("singleFlight", method);
    const table = new Map<string, Flight>();
    tables.push(table);
    return function shared(request, context) {
      const key = keyOf(request, context);
      return key === undefined ? next(request, context) : share(table, { key, next, request, context });
    };
  }
  const middleware = described("singleFlight", guard);
  Object.defineProperty(middleware, "size", { get: () => tables.reduce((sum, { size }) => sum + size, 0) });
  return middleware as unknown as SingleFlight<Req>;
}

/** A middleware's endpoint, its types forgotten. */
export type AnyEndpoint = Endpoint<unknown, unknown>;

/** A call that may share. */
export interface SharedRequest {
  readonly key: string;
  readonly next: AnyEndpoint;
  readonly request: unknown;
  readonly context: Context;
}

/** Joins the work under way, or begins it. */
export function share(table: Map<string, Flight>, call: SharedRequest): unknown {
  const { key, next, request, context } = call;
  if (context.canceledBy !== undefined) throw context.canceledBy;
  const found = table.get(key);
  if (context.method.side === "client") return shareSent(table, call);
  if (found !== undefined) return found.join({ context });
  const flight = new Flight(() => forget(table, key, flight));
  flight.deadlineMs = context.deadlineMs;
  const result = next(request, new SharedContext(flight, context));
  // What is there at once has nobody to be shared with.
  if (!isPromise(result)) {
    flight.copyReply(context);
    return result;
  }
  table.set(key, flight);
  flight.begin(() => result);
  return flight.join({ context });
}

// A client's call can only be sent with a context of its own.
async function shareSent(table: Map<string, Flight>, call: SharedRequest): Promise<unknown> {
  const { key, next, request, context } = call;
  for (;;) {
    const found = table.get(key);
    if (found === undefined) break;
    try {
      return await found.join({ context });
    } catch (error) {
      // It was the first caller that left, or ran out of time, and not this one.
      const isTheirs = found.cancellation.canceledBy !== undefined && context.canceledBy === undefined;
      if (!isTheirs) throw error;
    }
  }
  const flight = take(table, key, async () => next(request, context));
  const subscription = context.onCancel((reason) => flight.cancel(reason));
  try {
    return await flight.join({ context });
  } finally {
    subscription.cancel();
  }
}

function take(table: Map<string, Flight>, key: string, work: (flight: Flight) => Promise<unknown>): Flight {
  const flight = new Flight(() => forget(table, key, flight));
  table.set(key, flight);
  flight.begin(() => work(flight));
  return flight;
}

function forget(table: Map<string, Flight>, key: string, flight: Flight): void {
  if (table.get(key) === flight) table.delete(key);
}

function goneBy({ signal, context }: Caller): unknown {
  return signal?.aborted === true ? signal.reason : context?.canceledBy;
}

/** Throws unless calling a method twice, or once for two, does no harm. */
export function checkShareable(what: string, { service, name, kind, idempotent }: MethodInfo): void {
  if (kind !== "unary")
    throw new TypeError(`${what} is for methods of one request and one answer, ${service}.${name} has streams`);
  if (!idempotent)
    throw new TypeError(
      `${what} is for idempotent methods, ${service}.${name} is not: say \`idempotent: true\` in its contract if it is`,
    );
}
