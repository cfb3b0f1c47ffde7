/**
 * The default error handler: what became `internal` on the wire is written here in full.
 *
 * @module
 */
import { reasons, ServiceError } from "../errors/index.ts";
import type { Context } from "../endpoint/index.ts";
import { identityOf } from "./context.ts";
import type { Logger } from "./logger.ts";

/**
 * An error handler that writes each error with its stack and causes, at level "error", with the ids of the call it
 * happened in. (Go kit's `transport.LogErrorHandler`; there the default handler drops errors.)
 *
 * @example
 * ```ts
 * import { logErrors, logger } from "servicekit/log";
 *
 * const lines: string[] = [];
 * logErrors(logger({ write: (text) => lines.push(text) }))(new Error("disk full"));
 * JSON.parse(lines[0]!).error.message; // => "disk full"
 * ```
 */
export function logErrors(logger: Logger): (error: unknown, context?: Context) => void {
  return function logError(error, context) {
    const log = context === undefined ? logger : logger.with(identityOf(context));
    log.error("unexpected error", { error: behind(error) });
  };
}

/** What lies behind an error that only says "internal error"; else the error. */
export function behind(error: unknown): unknown {
  const saysNothing = ServiceError.is(error) && error.message === reasons.internal.message;
  return saysNothing && error.cause !== undefined ? error.cause : error;
}
