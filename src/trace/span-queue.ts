/**
 * Finished spans on their way to the exporter: bounded, in batches, one batch at a time. A collector that is slow or
 * away costs spans, never memory or a call.
 *
 * @module
 */
import { isPromise } from "../internal/promise.ts";
import type { Clock, Timer } from "../time/index.ts";
import type { SpanExporter } from "./exporters.ts";
import type { SpanData } from "./span-data.ts";

/** What has become of the spans so far. */
export interface TracerStats {
  /** Spans that ended while sampled. */
  readonly recorded: number;
  /** Spans the exporter took. */
  readonly exported: number;
  /** Spans lost: the queue was full, the export failed, or the tracer was closed. */
  readonly dropped: number;
  /** Spans that wait in the queue or are being exported. */
  readonly waiting: number;
  /** Exports that failed or took too long. */
  readonly exportErrors: number;
}

/** How the queue is set; see `TracerOptions`. */
export interface QueueSettings {
  readonly clock: Clock;
  readonly maxQueue: number;
  readonly batchSize: number;
  readonly flushMs: number;
  readonly exportTimeoutMs: number;
  readonly report: (error: unknown) => void;
}

export class SpanQueue {
  readonly #exporter: SpanExporter;
  readonly #settings: QueueSettings;
  #waiting: SpanData[] = [];
  #timer: Timer | undefined = undefined;
  #sending: Promise<void> | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;
  #recorded = 0;
  #accepted = 0;
  #finished = 0;
  #exported = 0;
  #dropped = 0;
  #exportErrors = 0;

  constructor(exporter: SpanExporter, settings: QueueSettings) {
    this.#exporter = exporter;
    this.#settings = settings;
  }

  get stats(): TracerStats {
    const [recorded, exported, dropped] = [this.#recorded, this.#exported, this.#dropped];
    return { recorded, exported, dropped, waiting: recorded - exported - dropped, exportErrors: this.#exportErrors };
  }

  /** Takes a span; exports nothing itself, since this is the end of somebody's call. */
  add(span: SpanData): void {
    this.#recorded++;
    if (this.#closing !== undefined || this.#waiting.length >= this.#settings.maxQueue) return void this.#dropped++;
    this.#accepted++;
    const size = this.#waiting.push(span);
    if (size === 1 || size === this.#settings.batchSize) this.#arm();
  }

  /** Exports all that was recorded until now. Never rejects. */
  async flush(): Promise<void> {
    const until = this.#accepted;
    while (this.#finished < until) await this.#send();
  }

  /** Exports the rest and closes the exporter; spans that end later are dropped. Never rejects. */
  close(): Promise<void> {
    return (this.#closing ??= this.#finish());
  }

  async #finish(): Promise<void> {
    // One turn, so that `closing` is set before anything is exported.
    await Promise.resolve();
    await this.flush();
    this.#timer?.cancel();
    if (this.#exporter.close !== undefined) await this.#attempt(() => this.#exporter.close!());
  }

  #arm(): void {
    if (this.#sending !== undefined) return;
    this.#timer?.cancel();
    const { clock, batchSize, flushMs } = this.#settings;
    const delayMs = this.#waiting.length >= batchSize ? 0 : flushMs;
    this.#timer = clock.expire(delayMs, this);
  }

  /** Called by the timer. */
  expire(): void {
    void this.#send();
  }

  #send(): Promise<void> {
    return (this.#sending ??= this.#export());
  }

  async #export(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#waiting.splice(0, this.#settings.batchSize);
    const isDone = await this.#attempt(() => this.#exporter.export(batch));
    if (isDone) this.#exported += batch.length;
    else this.#dropped += batch.length;
    this.#finished += batch.length;
    this.#sending = undefined;
    if (this.#waiting.length > 0) this.#arm();
  }

  // Resolves with whether `run` came to a good end in time. A real timer: what it waits for is worth staying alive for.
  #attempt(run: () => void | Promise<void>): Promise<boolean> {
    const { clock, exportTimeoutMs } = this.#settings;
    return new Promise((resolve) => {
      let isOver = false;
      const timer = clock.after(exportTimeoutMs, () => fail(new Error(`the export took over ${exportTimeoutMs} ms`)));
      const end = (isDone: boolean): void => {
        isOver = true;
        timer.cancel();
        resolve(isDone);
      };
      const fail = (error: unknown): void => {
        if (isOver) return;
        this.#count(error);
        end(false);
      };
      try {
        const result: unknown = run();
        if (isPromise(result)) result.then(() => end(true), fail);
        else end(true);
      } catch (error) {
        fail(error);
      }
    });
  }

  #count(error: unknown): void {
    this.#exportErrors++;
    try {
      this.#settings.report(error);
    } catch {
      // The one who is told has no one to tell: the count stands.
    }
  }
}
