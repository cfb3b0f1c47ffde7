/**
 * A logger's lines to an OpenTelemetry collector, or whatever else takes OTLP over HTTP. Where something already reads
 * the standard output (Kubernetes, systemd), that is simpler and loses less.
 *
 * @module
 */
import { checkNumber, checkString } from "../internal/check.ts";
import type { Timer } from "../time/index.ts";
import { OtlpChannel, type OtlpStats } from "./channel.ts";
import { Ending } from "./ending.ts";
import { checkOtlp, type OtlpOptions } from "./options.ts";
import type { Message } from "./proto.ts";
import { recordOf, type Line } from "./records.ts";
import { LOGS } from "./schema.ts";
import { resourceOf, SCOPE } from "./values.ts";

/** What a destination for lines may be told. */
export interface OtlpLogsOptions extends OtlpOptions {
  /** The name of this service. */
  readonly service: string;
  /** The most lines that wait, from 1; more are dropped and counted. Default: 4096. */
  readonly maxQueue?: number | undefined;
  /** The most text that waits, in UTF-16 units, from 1 KiB; more is dropped and counted. Default: 4 MiB. */
  readonly maxQueueChars?: number | undefined;
  /** The most lines in one request, from 1 to `maxQueue`. Default: 512, or `maxQueue` where that is less. */
  readonly batchSize?: number | undefined;
  /** How long a line waits for others, in milliseconds, from 1. Default: 1000. */
  readonly flushMs?: number | undefined;
  /** The most that `close` waits for the last lines, in milliseconds. Default: 4000, within what `run` allows. */
  readonly closeMs?: number | undefined;
}

/**
 * Takes lines. Close it last of all: a server still writes lines while it stops, and its logger gathers them for a moment,
 * so after `server.done` first `log.flush()`, then `close()`. It has the shape of a member for `run`, for loggers that
 * nobody else writes to.
 */
export interface OtlpLogs extends AsyncDisposable {
  readonly name: string;
  /** In log records. */
  readonly stats: OtlpStats;
  /** For `logger({ write })`: takes lines of JSON, several at a time. Never throws, and may be passed by itself. */
  readonly write: (text: string) => void;
  /** Does nothing: lines are taken from the beginning. */
  start(): void;
  /** Sends what waits. Never rejects: what failed is in `stats`. */
  flush(): Promise<void>;
  /** Sends what waits, or stops waiting at the deadline. Goes on taking lines: servers are draining. */
  drain(deadline?: AbortSignal): Promise<void>;
  /** Sends what waits, within `closeMs`, drops the rest and ends; later lines are dropped and counted. Never rejects. */
  close(): Promise<void>;
}

const NAMES = ["service", "maxQueue", "maxQueueChars", "batchSize", "flushMs", "closeMs"];

/**
 * Makes a destination that sends lines over OTLP/HTTP: the level as severity, `msg` as body, `trace_id` and `span_id` as
 * such, an error as `exception.…`, all else as attributes. A line that is no JSON object is sent as it stands.
 *
 * The logger's `format` must be "json", which is its default with a destination of one's own.
 *
 * @throws {RangeError} or {TypeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { logger } from "servicekit/log";
 * import { otlpLogs } from "servicekit/otlp";
 *
 * const logs = otlpLogs({ service: "add", maxQueue: 1, fetch: async () => new Response() });
 * const log = logger({ write: logs.write });
 * log.info("started", { port: 8081 });
 * log.flush();
 * await logs.close();
 * logs.stats.sent; // => 1
 * ```
 */
export function otlpLogs(options: OtlpLogsOptions): OtlpLogs {
  return new LogSender(options);
}

class LogSender implements OtlpLogs {
  readonly name = "otlp-logs";
  readonly write: (text: string) => void;
  readonly #channel: OtlpChannel;
  readonly #ending: Ending;
  readonly #resource: Message;
  readonly #checked: ReturnType<typeof checkOtlp>;
  readonly #maxQueue: number;
  readonly #maxChars: number;
  readonly #batchSize: number;
  readonly #flushMs: number;
  #waiting: Line[] = [];
  #chars = 0;
  #timer: Timer | undefined = undefined;
  #sending: Promise<void> | undefined = undefined;
  #isClosed = false;

  constructor(options: OtlpLogsOptions) {
    const checked = checkOtlp("otlpLogs", options, NAMES);
    const service = checkString("service", options.service);
    const { maxQueue = 4096, maxQueueChars = 4_194_304, flushMs = 1000 } = options;
    this.#maxQueue = checkNumber("maxQueue", maxQueue, { min: 1, integer: true });
    this.#maxChars = checkNumber("maxQueueChars", maxQueueChars, { min: 1024, integer: true });
    const { batchSize = Math.min(512, maxQueue) } = options;
    this.#batchSize = checkNumber("batchSize", batchSize, { min: 1, max: maxQueue, integer: true });
    this.#flushMs = checkNumber("flushMs", flushMs, { min: 1 });
    this.#ending = new Ending(checked.clock, options.closeMs);
    this.#checked = checked;
    this.#channel = new OtlpChannel(LOGS, checked);
    this.#resource = resourceOf({ ...checked.resource, service });
    this.write = (text) => this.#take(text);
  }

  get stats(): OtlpStats {
    return this.#channel.stats;
  }

  start(): void {}

  flush(): Promise<void> {
    return this.#ending.awake(this.#flush());
  }

  drain(deadline?: AbortSignal): Promise<void> {
    return this.#ending.within(this.#flush(), deadline);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const last = this.#flush();
    this.#isClosed = true;
    await this.#ending.within(last);
    this.#timer?.cancel();
    this.#channel.drop(this.#waiting.length);
    this.#waiting = [];
    this.#channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Called by the timer. */
  expire(): void {
    this.#timer = undefined;
    void this.#send();
  }

  #take(text: unknown): void {
    if (typeof text !== "string") return this.#channel.drop(1);
    const dateMs = this.#checked.clock.date();
    for (const line of text.split("\n")) if (line !== "") this.#add({ text: line, dateMs });
    this.#arm();
  }

  #add(line: Line): void {
    const isFull = this.#waiting.length >= this.#maxQueue || this.#chars + line.text.length > this.#maxChars;
    if (isFull || this.#isClosed) return this.#channel.drop(1);
    this.#waiting.push(line);
    this.#chars += line.text.length;
  }

  #arm(): void {
    if (this.#sending !== undefined || this.#waiting.length === 0) return;
    const isFull = this.#waiting.length >= this.#batchSize;
    if (this.#timer !== undefined && !isFull) return;
    this.#timer?.cancel();
    this.#timer = this.#checked.clock.expire(isFull ? 0 : this.#flushMs, this);
  }

  async #flush(): Promise<void> {
    // As much as waits now: lines that come meanwhile must not hold it up for ever.
    for (let left = this.#waiting.length; left > 0; left -= this.#batchSize) {
      await this.#sending;
      await this.#send();
    }
    await this.#sending;
  }

  #send(): Promise<void> {
    return (this.#sending ??= this.#sendBatch());
  }

  async #sendBatch(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    // One turn, so that `sending` is set before it is cleared.
    await Promise.resolve();
    const batch = this.#waiting.splice(0, this.#batchSize);
    for (const { text } of batch) this.#chars -= text.length;
    if (batch.length > 0) {
      const logRecords = batch.map(recordOf);
      const message = { resourceLogs: [{ resource: this.#resource, scopeLogs: [{ scope: SCOPE, logRecords }] }] };
      await this.#channel.send(message, batch.length).catch(ignore);
    }
    this.#sending = undefined;
    if (!this.#isClosed) this.#arm();
  }
}

// Counted and reported where it was sent.
function ignore(): void {}
