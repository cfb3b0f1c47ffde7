/**
 * What clients tell of their instances, through the log they are given: who was ejected and why, whose breaker opened.
 *
 * @module
 */
import type { Fields, Logger } from "../log/index.ts";

/** Something that a client's log said. */
export interface News {
  readonly atMs: number;
  /** `client 1`, or the address of the instance whose client it is. */
  readonly who: string;
  /** As in the log: "instance ejected", "instance back", "breaker open", … */
  readonly message: string;
  /** The instance it is about; "" when it is about all of them. */
  readonly instance: string;
  /** What else it says, e.g. why: `consecutive`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps what is said of instances, and drops the lines of single calls. */
export function newsLogger(who: string, now: () => number, kept: News[]): Logger {
  function keep(message: string, given?: Fields | (() => Fields)): void {
    const {
      service: _service,
      instance,
      ...fields
    } = (typeof given === "function" ? given() : (given ?? {})) as Record<string, unknown>;
    kept.push({ atMs: now(), who, message, instance: typeof instance === "string" ? instance : "", fields });
  }
  const logger: Logger = {
    debug: () => undefined,
    info: keep,
    warn: keep,
    error: keep,
    with: () => logger,
    level: "info",
    // Asked for the lines of calls, before they are built.
    enabled: () => false,
    flush: () => undefined,
  };
  return logger;
}
