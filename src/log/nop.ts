/**
 * The logger that says nothing.
 *
 * @module
 */
import type { Logger } from "./logger.ts";

/**
 * Writes nothing and computes nothing: for tests, and wherever a logger is asked for and none is wanted.
 *
 * @example
 * ```ts
 * import { nopLogger } from "servicekit/log";
 *
 * nopLogger.enabled("error"); // => false
 * ```
 */
export const nopLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  with: () => nopLogger,
  get level() {
    return "off" as const;
  },
  set level(_level) {
    // It is off for good.
  },
  enabled: () => false,
  flush: nothing,
};

function nothing(): void {}
