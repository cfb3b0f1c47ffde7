/**
 * A line for each call, under Go kit's names.
 *
 * @module
 */
import { ServiceError, type Middleware } from "servicekit";
import { logOf } from "servicekit/log";
import { systemClock } from "servicekit/time";

type Named = { readonly id?: string; readonly profile?: { readonly id?: string | undefined } };

/** Writes which method was called for which profile, how long it took, and what went wrong. */
export const logging: Middleware<Named> = (next, { name }) => {
  const method = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  return async function logged(request, context) {
    const beganMs = systemClock.now();
    const result = await next(request, context);
    const took = `${(systemClock.now() - beganMs).toFixed(3)}ms`;
    const err = ServiceError.is(result) ? result.message : null;
    logOf(context).info("", { method, id: request.id ?? request.profile?.id, took, err });
    return result;
  };
};
