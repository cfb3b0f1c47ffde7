/**
 * The places where a user may look at or change a call on its way out (Go kit `transport/http/client.go`: ClientBefore,
 * ClientAfter, ClientFinalizer). Lists run in the order given.
 *
 * @module
 */
import type { Context } from "../endpoint/index.ts";
import type { ServiceError } from "../errors/index.ts";
import { checkFunction, shown } from "../internal/check.ts";

/** How an exchange ended. */
export interface ClientOutcome {
  readonly context: Context;
  /** The protocol's own status; 0 when there was no answer. */
  readonly status: number;
  /** What went wrong, declared errors included; undefined when nothing did. */
  readonly error: ServiceError | undefined;
}

/** Hooks of a client transport. What `before` and `after` throw fails the call. */
export interface ClientHooks<Request, Response> {
  /** Change the request after it was encoded, before it is sent; again when it is sent again. Default: none. */
  readonly before?: readonly ((context: Context, request: Request) => void)[] | undefined;
  /** Look at the answer, whatever its status, before it is decoded. Default: none. */
  readonly after?: readonly ((context: Context, response: Response) => void)[] | undefined;
  /** Run at the very end, whatever happened. What they throw becomes a process warning: the call has its outcome. Default: none. */
  readonly finalizer?: readonly ((outcome: ClientOutcome) => void)[] | undefined;
}

/** The names of the hooks. */
export const CLIENT_HOOKS: readonly string[] = ["before", "after", "finalizer"];

/** Hooks checked; an empty list counts as none. */
export function clientHooks<Request, Response>(hooks: ClientHooks<Request, Response>): ClientHooks<Request, Response> {
  const { before, after, finalizer } = hooks;
  return { before: listed("before", before), after: listed("after", after), finalizer: listed("finalizer", finalizer) };
}

function listed<T>(name: string, list: readonly T[] | undefined): readonly T[] | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) throw new TypeError(`${name} should be a list of functions, got ${shown(list)}`);
  for (const one of list) checkFunction(name, one);
  return list.length === 0 ? undefined : list;
}

/** Runs finalizers, each whatever the others do. */
export function finalize(finalizers: readonly ((outcome: ClientOutcome) => void)[], outcome: ClientOutcome): void {
  for (const finalizer of finalizers) {
    try {
      finalizer(outcome);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
