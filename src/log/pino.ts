/**
 * Pino as a `Logger`, for teams that have it: its transports, its format, our fields.
 *
 * @module
 */
import { checkOneOf } from "../internal/check.ts";
import { fieldName } from "./format.ts";
import { thresholds, type Level, type Threshold } from "./level.ts";
import { asFields } from "./line.ts";
import type { Fields, Logger } from "./logger.ts";
import { REDACTED, Redaction } from "./redaction.ts";
import { read, renderJson, threw } from "./render.ts";

/** The part of a pino logger that is used, for any line of pino since 7. */
export interface PinoLike {
  level: string;
  isLevelEnabled(level: string): boolean;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  flush?(): void;
}

/** The most bytes of one value that is handed on. */
const MAX_VALUE_BYTES = 16_384;

/**
 * Writes through a pino logger. Values reach it made safe as everywhere here: without secrets, bounded, errors as objects
 * with stack and causes under any name. Pino's own redaction and serialisers come after. Its "trace" counts as "debug",
 * "fatal" as "error", "silent" as "off".
 *
 * @example
 * ```ts
 * import { pinoLogger } from "servicekit/log";
 *
 * const seen: unknown[] = [];
 * const write = (fields: object, message: string) => void seen.push([message, fields]);
 * const like = { level: "info", isLevelEnabled: (level: string) => level !== "debug", debug: write, info: write, warn: write, error: write };
 * pinoLogger(like).with({ service: "add" }).info("started", { token: "abc" });
 * seen; // => [["started", { service: "add", token: "[redacted]" }]]
 * ```
 */
export function pinoLogger(pino: PinoLike): Logger {
  return new PinoLogger(pino, new Redaction(), new Map());
}

// Pino's children would print a field twice that is bound and given, and keep a level of their own.
class PinoLogger implements Logger {
  readonly #pino: PinoLike;
  readonly #redaction: Redaction;
  readonly #bound: ReadonlyMap<string, unknown>;

  constructor(pino: PinoLike, redaction: Redaction, bound: ReadonlyMap<string, unknown>) {
    this.#pino = pino;
    this.#redaction = redaction;
    this.#bound = bound;
  }

  debug(message: string, fields?: Fields | (() => Fields)): void {
    if (this.enabled("debug")) this.#write("debug", message, fields);
  }

  info(message: string, fields?: Fields | (() => Fields)): void {
    if (this.enabled("info")) this.#write("info", message, fields);
  }

  warn(message: string, fields?: Fields | (() => Fields)): void {
    if (this.enabled("warn")) this.#write("warn", message, fields);
  }

  error(message: string, fields?: Fields | (() => Fields)): void {
    if (this.enabled("error")) this.#write("error", message, fields);
  }

  with(fields: Fields): Logger {
    const bound = new Map(this.#bound);
    this.#add(bound, fields, (value) => (typeof value === "function" ? value : this.#safe(value)));
    return new PinoLogger(this.#pino, this.#redaction, bound);
  }

  get level(): Threshold {
    const { level } = this.#pino;
    if (level === "silent") return "off";
    if (level === "trace") return "debug";
    return level === "fatal" ? "error" : (thresholds.find((one) => one === level) ?? "info");
  }

  set level(level: Threshold) {
    this.#pino.level = checkOneOf("level", level, thresholds) === "off" ? "silent" : level;
  }

  enabled(level: Level): boolean {
    return this.#pino.isLevelEnabled(level);
  }

  flush(): void {
    this.#pino.flush?.();
  }

  #write(level: Level, message: string, fields: Fields | (() => Fields) | undefined): void {
    try {
      const all = new Map<string, unknown>();
      for (const [name, value] of this.#bound)
        all.set(name, typeof value === "function" ? this.#safe(this.#computed(value)) : value);
      this.#add(all, typeof fields === "function" ? this.#computed(fields) : fields, (value) => this.#safe(value));
      const text =
        typeof message === "string"
          ? this.#redaction.scrub(message)
          : renderJson(message, MAX_VALUE_BYTES, this.#redaction);
      // From entries, because assigning to `__proto__` would change the prototype.
      this.#pino[level](Object.fromEntries(all), text);
    } catch {
      // A destination that throws must not fail the call that is being logged.
    }
  }

  #add(to: Map<string, unknown>, fields: unknown, made: (value: unknown) => unknown): void {
    const own = asFields(fields);
    for (const name of Object.keys(own)) {
      const value = this.#redaction.isSecret(name) ? REDACTED : made(read(own, name));
      if (value !== undefined) to.set(fieldName(name), value);
    }
  }

  #computed(compute: unknown): unknown {
    try {
      return (compute as () => unknown)();
    } catch (error) {
      return threw(error);
    }
  }

  #safe(value: unknown): unknown {
    if (value === undefined || value === null || typeof value === "boolean" || typeof value === "number") return value;
    return JSON.parse(renderJson(value, MAX_VALUE_BYTES, this.#redaction)) as unknown;
  }
}
