/**
 * A service described once, as a value: servers, clients, validation and documents come from it.
 *
 * @module
 */
import { checkFunction, checkNames, checkString, shown } from "../internal/check.ts";
import type { Gate, Middleware, Observe, StreamMiddleware } from "../endpoint/index.ts";
import { checkPolicy, type Policy } from "./policy.ts";
import type { AnyMethod, Handlers, Methods, RequestOf, TypesIn } from "./types.ts";

/** What stands around the methods of one service, beside what its server sets for all. */
export interface Attach<M extends Methods> {
  /** Decide before a body is read, in order, after the server's own. Default: none. */
  readonly gates?: readonly Gate[] | undefined;
  /** Watch every call. Default: none. */
  readonly observers?: readonly Observe[] | undefined;
  /** Policies and middlewares by method. Default: none. */
  readonly methods?: PerMethod<M> | undefined;
}

/** Policies and middlewares by method; a middleware only fits a method whose request has what it asks for. */
export type PerMethod<M extends Methods> = {
  readonly [P in keyof M]?: Policy & {
    /** Decide for this method alone, after all others: a bulkhead, a limit by key. Default: none. */
    readonly gates?: readonly Gate[] | undefined;
    /** Wrap the handler, outermost first. Default: none. */
    readonly use?: TypesIn<M[P]>["kind"] extends "server" | "bidi"
      ? readonly StreamMiddleware<RequestOf<TypesIn<M[P]>>>[]
      : readonly Middleware<RequestOf<TypesIn<M[P]>>>[];
  };
};

/** A contract with its handlers: what a server serves. */
export interface Implementation {
  readonly service: AnyService;
  readonly handlers: Readonly<Record<string, (request: never, context: never) => unknown>>;
  readonly attach: AnyAttach;
}

/** What is attached to an implementation, its methods' types forgotten. */
export interface AnyAttach {
  readonly gates: readonly Gate[];
  readonly observers: readonly Observe[];
  readonly methods: Readonly<Record<string, MethodPolicy | undefined>>;
}

/** What is attached to one method, its types forgotten. */
export type MethodPolicy = Policy & {
  readonly gates?: readonly Gate[] | undefined;
  readonly use?: readonly Middleware[] | readonly StreamMiddleware[] | undefined;
};

/** A service, its methods' types forgotten. */
export interface AnyService {
  readonly name: string;
  readonly methods: Methods;
}

/** A contract: a name and its methods. It knows no wire. */
export interface Service<M extends Methods> extends AnyService {
  readonly name: string;
  readonly methods: M;
  /**
   * Joins the contract with its handlers: plain functions, a client of the same contract (a gateway), or an object with
   * such methods.
   *
   * @throws {TypeError} when a method has no handler, or a handler or policy no method.
   */
  implement(handlers: Handlers<M>, attach?: Attach<M>): Implementation;
}

const NAME = {
  pattern: /^[A-Za-z][A-Za-z0-9_]{0,63}(\.[A-Za-z][A-Za-z0-9_]{0,63}){0,7}$/,
  says: "letters, digits and _, parts joined by dots",
};
const METHOD_NAME = { pattern: /^[A-Za-z][A-Za-z0-9_]{0,63}$/, says: "a letter, then up to 63 letters, digits or _" };

/**
 * Describes a service.
 *
 * @param name letters, digits and `_`, parts joined by dots: `add`, `shop.orders`.
 * @throws {RangeError} when a name is not such a name, or one that every object has (`constructor`).
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * Object.keys(add.methods); // => ["sum"]
 * ```
 */
export function service<M extends Methods>(name: string, methods: M): Service<M> {
  checkString("the service's name", name, NAME);
  for (const method of Object.keys(methods)) {
    checkString(`a method of ${name}`, method, METHOD_NAME);
    if (method in Object.prototype || method === "then") {
      throw new RangeError(
        `a method of ${name} should not be named like a part of every object or promise, got "${method}"`,
      );
    }
    const { kind, request } = (methods[method] ?? {}) as Partial<AnyMethod>;
    if (typeof kind !== "string" || typeof request !== "object")
      throw new TypeError(`${name}.${method} should be what method() returns, got ${shown(methods[method])}`);
  }
  const described: Service<M> = {
    name,
    methods,
    implement(handlers, attach = {}) {
      return implement(described, handlers as object, attach as Attach<Methods>);
    },
  };
  return described;
}

function implement(service: AnyService, handlers: object, attach: Attach<Methods>): Implementation {
  const bound: Record<string, (request: never, context: never) => unknown> = {};
  if (typeof handlers !== "object" || handlers === null)
    throw new TypeError(`${service.name} should be implemented by an object of handlers, got ${shown(handlers)}`);
  for (const name of Object.keys(service.methods)) {
    const handler: unknown = (handlers as Record<string, unknown>)[name];
    if (typeof handler !== "function")
      throw new TypeError(`${service.name}.${name} should have a handler, got ${shown(handler)}`);
    // An object's methods may use `this`, its own as well as those of its class.
    bound[name] = handler.bind(handlers) as (typeof bound)[string];
  }
  checkKnown(service, "handler", handlers);
  checkAttach(service, attach);
  return {
    service,
    handlers: bound,
    attach: {
      gates: attach.gates ?? [],
      observers: attach.observers ?? [],
      methods: (attach.methods ?? {}) as AnyAttach["methods"],
    },
  };
}

function checkAttach(service: AnyService, attach: Attach<Methods>): void {
  const { gates, observers, methods = {} } = attach;
  checkNames(`${service.name}.implement`, attach, ["gates", "observers", "methods"]);
  checkFunctions("gates", gates);
  checkFunctions("observers", observers);
  checkKnown(service, "policy", methods);
  for (const [name, policy] of Object.entries(methods as Readonly<Record<string, MethodPolicy | undefined>>)) {
    const where = `${service.name}.${name}: `;
    checkNames(`${where}the policy`, policy ?? {}, ["timeoutMs", "limit", "breaker", "gates", "use"]);
    checkPolicy(where, policy ?? {});
    checkFunctions(`${where}gates`, policy?.gates);
    checkFunctions(`${where}use`, policy?.use);
  }
}

function checkFunctions(name: string, list: readonly unknown[] = []): void {
  if (!Array.isArray(list)) throw new TypeError(`${name} should be a list of functions, got ${shown(list)}`);
  list.forEach((one, at) => checkFunction(`${name}[${at}]`, one));
}

function checkKnown(service: AnyService, what: string, named: object): void {
  for (const [name, value] of Object.entries(named)) {
    if (what === "handler" && typeof value !== "function") continue;
    if (!Object.hasOwn(service.methods, name)) {
      throw new TypeError(
        `${service.name} has no method "${name}" for the ${what}, it has ${Object.keys(service.methods).join(", ")}`,
      );
    }
  }
}
