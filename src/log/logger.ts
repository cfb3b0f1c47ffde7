/**
 * What a logger is to those who write lines with it.
 *
 * @module
 */
import type { Level, Threshold } from "./level.ts";

/** What a line says besides its message: names and any values. */
export interface Fields {
  readonly [name: string]: unknown;
}

/** Writes structured lines. Nothing it is given makes it throw, and every event is one line. */
export interface Logger {
  /** Writes a line for the one who looks for a fault; off by default. */
  debug(message: string, fields?: Fields | (() => Fields)): void;
  /** Writes a line about something normal. Fields given as a function are computed only when the level is on. */
  info(message: string, fields?: Fields | (() => Fields)): void;
  /** Writes a line about something that is not right yet not broken. */
  warn(message: string, fields?: Fields | (() => Fields)): void;
  /** Writes a line about something broken, at once. */
  error(message: string, fields?: Fields | (() => Fields)): void;
  /**
   * A logger whose lines also have these fields; they are rendered here, once. A function as a value is called for each
   * line (Go kit's `Valuer`). A field of the same name replaces an earlier one.
   */
  with(fields: Fields): Logger;
  /** From which level on lines are written. May be set at any time, and is shared by all loggers made by `with`. */
  level: Threshold;
  /** Tells whether lines of a level are written. */
  enabled(level: Level): boolean;
  /** Writes what was gathered. */
  flush(): void;
  /**
   * Shows every line that is written, with its newline, to `onLine` until the returned function is called; costs nothing
   * while nobody watches. All loggers made by `with` share it. Default: none; other people's loggers need not have it.
   */
  watch?(onLine: (line: string) => void): () => void;
}
