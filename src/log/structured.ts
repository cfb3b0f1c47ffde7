/**
 * The logger behind `logger()`: what all its children share, and what each has bound.
 *
 * @module
 */
import { checkFunction, checkOneOf } from "../internal/check.ts";
import type { Clock } from "../time/index.ts";
import type { Batch } from "./batch.ts";
import type { Format } from "./format.ts";
import { rankOf, thresholds, type Level, type Threshold } from "./level.ts";
import { LineMaker, unbound, type Bound } from "./line.ts";
import type { Fields, Logger } from "./logger.ts";
import { threw } from "./render.ts";

/** What one logger and its children are made of. */
export interface CoreOptions {
  readonly level: Threshold;
  readonly format: Format;
  readonly batch: Batch;
  readonly clock: Clock;
  readonly maxLineBytes: number;
}

/** What a logger shares with its children. */
export class Core {
  level: Threshold;
  rank: number;
  readonly format: Format;
  readonly batch: Batch;
  readonly clock: Clock;
  readonly maxLineBytes: number;
  readonly lines: LineMaker;

  constructor(options: CoreOptions) {
    this.level = options.level;
    this.rank = rankOf[options.level];
    this.format = options.format;
    this.batch = options.batch;
    this.clock = options.clock;
    this.maxLineBytes = options.maxLineBytes;
    this.lines = new LineMaker(options.format, options.clock, options.maxLineBytes);
  }

  /** The line that stands for lines that could not be written. */
  lost(count: number): string {
    return this.lines.line(unbound, { level: "warn", message: "log lines lost", fields: { count } });
  }
}

/** A logger: the shared core and the fields bound here. */
export class StructuredLogger implements Logger {
  readonly core: Core;
  readonly bound: Bound;

  constructor(core: Core, bound: Bound) {
    this.core = core;
    this.bound = bound;
  }

  debug(message: string, fields?: Fields | (() => Fields)): void {
    if (this.core.rank <= rankOf.debug) this.#write("debug", message, fields);
  }

  info(message: string, fields?: Fields | (() => Fields)): void {
    if (this.core.rank <= rankOf.info) this.#write("info", message, fields);
  }

  warn(message: string, fields?: Fields | (() => Fields)): void {
    if (this.core.rank <= rankOf.warn) this.#write("warn", message, fields);
  }

  error(message: string, fields?: Fields | (() => Fields)): void {
    if (this.core.rank <= rankOf.error) this.#write("error", message, fields);
  }

  with(fields: Fields): Logger {
    return new StructuredLogger(this.core, this.core.lines.bind(this.bound, fields));
  }

  get level(): Threshold {
    return this.core.level;
  }

  set level(level: Threshold) {
    this.core.level = checkOneOf("level", level, thresholds);
    this.core.rank = rankOf[level];
  }

  enabled(level: Level): boolean {
    return this.core.rank <= rankOf[level];
  }

  flush(): void {
    this.core.batch.finish();
  }

  watch(onLine: (line: string) => void): () => void {
    checkFunction("onLine", onLine);
    return this.core.batch.watch(onLine);
  }

  #write(level: Level, message: string, fields: Fields | (() => Fields) | undefined): void {
    const { lines, batch } = this.core;
    try {
      const own = typeof fields === "function" ? computed(fields) : fields;
      batch.add(lines.line(this.bound, { level, message, fields: own }), level === "error");
    } catch (error) {
      // Only what is broken on our own side gets here, such as a clock that gives no date: it must not fail a call.
      batch.add(`{"level":"error","msg":"a line could not be made","error":${JSON.stringify(threw(error))}}\n`, true);
    }
  }
}

function computed(fields: () => Fields): Fields {
  try {
    return fields();
  } catch (error) {
    return { fields: threw(error) };
  }
}
