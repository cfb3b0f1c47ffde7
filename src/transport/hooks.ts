/**
 * The places where a user may look at or change a call on its way through a transport: the same names and the same order
 * in every transport (Go kit's `ServerBefore`, `ServerAfter`, `ServerErrorEncoder`, `ServerErrorHandler`,
 * `ServerFinalizer`, which differ from transport to transport there).
 *
 * @module
 */
import { checkFunction, shown } from "../internal/check.ts";
import type { ServiceError } from "../errors/index.ts";
import type { Call, Context } from "../endpoint/index.ts";

/** Hooks of a server transport. Lists add up: those of a server run before those of a method. */
export interface Hooks<Request, Reply> {
  /** Derive the context from the protocol's own request, before the gates. Default: none. */
  readonly before?: readonly ((context: Context, request: Request) => Context)[] | undefined;
  /** Change the reply after the handler, before it is written; not run on errors. Default: none. */
  readonly after?: readonly ((context: Context, reply: Reply) => void)[] | undefined;
  /** Writes an error into the reply, in place of the transport's own form. Default: the transport's. */
  readonly errorEncoder?: ((error: ServiceError, reply: Reply, context: Context) => void) | undefined;
  /** Observes every error that is answered; what it throws is reported. Default: none. */
  readonly errorHandler?: ((error: ServiceError, context: Context) => void) | undefined;
  /** Run at the very end, whatever happened; `call.outcome` tells. Default: none. */
  readonly finalizer?: readonly ((call: Call) => void)[] | undefined;
}

/** The names of the hooks. */
export const HOOKS: readonly string[] = ["before", "after", "errorEncoder", "errorHandler", "finalizer"];

/**
 * The hooks out of a transport's options, empty lists left out so that a call asks once.
 *
 * @throws {TypeError} when one is not a function, or a list of them where there may be several.
 */
export function hooksOf<Request, Reply>(options: Hooks<Request, Reply>): Hooks<Request, Reply> {
  const { before, after, errorEncoder, errorHandler, finalizer } = options;
  if (errorEncoder !== undefined) checkFunction("errorEncoder", errorEncoder);
  if (errorHandler !== undefined) checkFunction("errorHandler", errorHandler);
  return {
    before: filled("before", before),
    after: filled("after", after),
    errorEncoder,
    errorHandler,
    finalizer: filled("finalizer", finalizer),
  };
}

function filled<T>(name: string, list: readonly T[] | undefined): readonly T[] | undefined {
  if (list === undefined) return undefined;
  checkFunctions(name, list);
  return list.length === 0 ? undefined : list;
}

/** Throws a TypeError that names the option unless `list` is a list of functions. */
export function checkFunctions(name: string, list: unknown): void {
  if (!Array.isArray(list)) throw new TypeError(`${name} should be a list of functions, got ${shown(list)}`);
  list.forEach((one, at) => checkFunction(`${name}[${at}]`, one));
}
