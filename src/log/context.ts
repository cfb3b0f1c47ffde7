/**
 * The logger of a call: lines in a handler carry the call's ids without anybody passing them on.
 *
 * @module
 */
import { key, type Context, type Key } from "../endpoint/index.ts";
import type { Level, Threshold } from "./level.ts";
import type { Fields, Logger } from "./logger.ts";
import { nopLogger } from "./nop.ts";

/** Under this key servers put their logger on every context. */
export const loggerKey: Key<Logger> = key<Logger>("logger");

/**
 * The logger of a call: the server's, with `request_id`, `trace_id` when the call belongs to a trace, `service` and
 * `method`. They are read when the first line is written, so a handler that logs nothing pays nothing. Without a logger on
 * the context, lines go nowhere.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit/endpoint";
 * import { logger, loggerKey, logOf } from "servicekit/log";
 *
 * const lines: string[] = [];
 * const context = backgroundContext().with(loggerKey, logger({ batchBytes: 0, write: (text) => lines.push(text) }));
 * logOf(context).info("hello");
 * JSON.parse(lines[0]!).request_id === context.requestId; // => true
 * ```
 */
export function logOf(context: Context): Logger {
  const base = context.get(loggerKey);
  return base === undefined ? nopLogger : new ContextLogger(base, context);
}

/** What ties a line to the call it belongs to. */
export function identityOf(context: Context): Fields {
  const { service, name } = context.method;
  return { request_id: context.requestId, trace_id: context.trace?.traceId, service, method: name };
}

class ContextLogger implements Logger {
  readonly #base: Logger;
  readonly #context: Context;
  #made: Logger | undefined = undefined;

  constructor(base: Logger, context: Context) {
    this.#base = base;
    this.#context = context;
  }

  debug(message: string, fields?: Fields | (() => Fields)): void {
    if (this.#base.enabled("debug")) this.#bound().debug(message, fields);
  }

  info(message: string, fields?: Fields | (() => Fields)): void {
    if (this.#base.enabled("info")) this.#bound().info(message, fields);
  }

  warn(message: string, fields?: Fields | (() => Fields)): void {
    if (this.#base.enabled("warn")) this.#bound().warn(message, fields);
  }

  error(message: string, fields?: Fields | (() => Fields)): void {
    if (this.#base.enabled("error")) this.#bound().error(message, fields);
  }

  with(fields: Fields): Logger {
    return this.#bound().with(fields);
  }

  get level(): Threshold {
    return this.#base.level;
  }

  set level(level: Threshold) {
    this.#base.level = level;
  }

  enabled(level: Level): boolean {
    return this.#base.enabled(level);
  }

  flush(): void {
    this.#base.flush();
  }

  #bound(): Logger {
    return (this.#made ??= this.#base.with(identityOf(this.#context)));
  }
}
