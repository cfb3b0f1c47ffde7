/**
 * Structured logging: a message that never changes and fields that do, one event a line. Not for metrics (count with
 * `servicekit/metrics`) and not for audit trails: lines are gathered for a moment, and a killed process loses that moment.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber, checkOneOf } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { Batch } from "./batch.ts";
import { standardOutput, type Destination } from "./destination.ts";
import type { Format } from "./format.ts";
import { JsonFormat } from "./json.ts";
import { thresholds, type Threshold } from "./level.ts";
import { unbound } from "./line.ts";
import { LogfmtFormat } from "./logfmt.ts";
import type { Fields, Logger } from "./logger.ts";
import { PrettyFormat } from "./pretty.ts";
import { Redaction } from "./redaction.ts";
import { Core, StructuredLogger } from "./structured.ts";

/** How lines look: "pretty" is for eyes, the others for programs. */
export type LogFormat = "json" | "logfmt" | "pretty";

/** What a logger may be given. */
export interface LoggerOptions {
  /** From which level on lines are written. Default: "info", what a service says when all is well. */
  readonly level?: Threshold | undefined;
  /** How lines look. Default: "pretty" when lines go to a terminal, else "json", since then a program reads them. */
  readonly format?: LogFormat | undefined;
  /**
   * Takes lines, each with its newline, several at a time. When it throws, lines wait (1 MiB at most, the rest is counted
   * and reported) and it is tried again. Default: the standard output; only there the rest is also written when the
   * process exits. With your own, call `flush()` at the end.
   */
  readonly write?: ((text: string) => void) | undefined;
  /** Fields of every line, as in `with`. Default: none. */
  readonly fields?: Fields | undefined;
  /**
   * Further names whose values are never written, in any case and at any depth, nor in texts such as `name: value`.
   * Default: none; names that end in authorization, cookie, password, secret, token, api key, private key, credentials
   * and their like are always redacted.
   */
  readonly redact?: readonly string[] | undefined;
  /**
   * Lines are written when this many have gathered, in UTF-16 units (bytes, for ASCII), from 0 (each line at once) to
   * 1 MiB. Default: 16 KiB, beyond which a larger write saves nothing.
   */
  readonly batchBytes?: number | undefined;
  /**
   * The longest a line waits, in milliseconds from 1 to 60,000. Default: 100, which nobody who reads along notices. Errors
   * do not wait: they may be a process's last words. Warnings do: an overloaded service has many.
   */
  readonly flushMs?: number | undefined;
  /**
   * The longest a line may be, in bytes from 1 KiB to 1 MiB: longer values are cut and marked `…[+characters]`.
   * Default: 16 KiB, what log collectors take in one piece.
   */
  readonly maxLineBytes?: number | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

const NAMES = ["level", "format", "write", "fields", "redact", "batchBytes", "flushMs", "maxLineBytes", "clock"];

const FORMATS: readonly LogFormat[] = ["json", "logfmt", "pretty"];

/**
 * Makes a logger. A line has `time` (UTC), `level`, `msg`, then the bound fields, then its own; a field with one of these
 * names, or `cut` (how many fields had no room), gets a "_" at its end. Values no JSON can hold are written as texts;
 * errors with their stack and causes; lines without secrets. (Go kit `log`, where dropped levels still compute their fields.)
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { logger } from "servicekit/log";
 * import { virtualClock } from "servicekit/testing";
 *
 * const lines: string[] = [];
 * const log = logger({ format: "logfmt", write: (text) => lines.push(text), clock: virtualClock() });
 * log.with({ service: "add" }).info("started", { port: 8081, password: "hunter2" });
 * log.flush();
 * lines[0]; // => "time=2026-01-01T00:00:00.000Z level=info msg=started service=add port=8081 password=[redacted]\n"
 * ```
 */
export function logger(options: LoggerOptions = {}): Logger {
  checkNames("logger", options, NAMES);
  const level = checkOneOf("level", options.level ?? "info", thresholds);
  if (options.format !== undefined) checkOneOf("format", options.format, FORMATS);
  const size = checkNumber("batchBytes", options.batchBytes ?? 16_384, { min: 0, max: 1_048_576, integer: true });
  const flushMs = checkNumber("flushMs", options.flushMs ?? 100, { min: 1, max: 60_000 });
  const maxLineBytes = checkNumber("maxLineBytes", options.maxLineBytes ?? 16_384, {
    min: 1024,
    max: 1_048_576,
    integer: true,
  });
  const { clock = systemClock, write } = options;
  if (write !== undefined) checkFunction("write", write);
  const redaction = new Redaction(options.redact);
  const output = write === undefined ? standardOutput() : undefined;
  const format = formatOf(options.format, redaction, output);
  const batch = new Batch({ write: write ?? output!.write, size, flushMs, clock, lost: (count) => core.lost(count) });
  const core = new Core({ level, format, batch, clock, maxLineBytes });
  output?.onExit(() => batch.finish());
  const root = new StructuredLogger(core, unbound);
  return options.fields === undefined ? root : root.with(options.fields);
}

function formatOf(asked: LogFormat | undefined, redaction: Redaction, output: Destination | undefined): Format {
  const format = asked ?? (output?.isTerminal ? "pretty" : "json");
  if (format === "json") return new JsonFormat(redaction);
  return format === "logfmt" ? new LogfmtFormat(redaction) : new PrettyFormat(redaction, output?.isColoured ?? false);
}
