/**
 * The last calls: spans as they end, each with the log lines of its trace. Lines come first, and of most calls no span
 * comes at all, so lines wait a while, in bounded number, for a span that asks for them.
 *
 * @module
 */
import type { App } from "../transport/index.ts";
import type { SpanData } from "../trace/index.ts";

/** A line of the log as it is shown. */
export interface ShownLine {
  /** As it was written, without its newline, cut at 4096 characters. */
  readonly text: string;
  /** "" for a line of no call. */
  readonly traceId: string;
}

/** What has come since it was last taken. */
export interface News {
  readonly spans: readonly SpanData[];
  readonly lines: readonly ShownLine[];
  /** Lines there was no room for. */
  readonly skipped: number;
}

const MAX_LINE_CHARS = 4096;
const MAX_WAITING = 2048;
const MAX_TRACES = 512;
const MAX_NEWS = 1000;

/** Watches an app's spans and lines from its making to `close`. */
export class Feed {
  #spans: SpanData[] = [];
  #lines: ShownLine[] = [];
  #skipped = 0;
  /** By trace, the oldest first. */
  readonly #waiting = new Map<string, ShownLine[]>();
  #waitingLines = 0;
  /** Traces of which a span was shown: their later lines are shown too. */
  readonly #shown = new Set<string>();
  readonly #stops: (() => void)[];

  constructor({ watchSpans, watchLines }: App) {
    const stops = [watchSpans?.((span) => this.#onSpan(span)), watchLines?.((line) => this.#onLine(line))];
    this.#stops = stops.filter((stop) => stop !== undefined);
  }

  take(): News {
    const news = { spans: this.#spans, lines: this.#lines, skipped: this.#skipped };
    this.#spans = [];
    this.#lines = [];
    this.#skipped = 0;
    return news;
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #onSpan(span: SpanData): void {
    if (this.#spans.length < MAX_NEWS) this.#spans.push(span);
    const { traceId } = span;
    if (!this.#shown.has(traceId)) {
      this.#shown.add(traceId);
      if (this.#shown.size > MAX_TRACES) this.#shown.delete(first(this.#shown)!);
    }
    const lines = this.#waiting.get(traceId);
    if (lines === undefined) return;
    this.#waiting.delete(traceId);
    this.#waitingLines -= lines.length;
    for (const line of lines) this.#show(line);
  }

  #onLine(written: string): void {
    const text = written.length > MAX_LINE_CHARS ? `${written.slice(0, MAX_LINE_CHARS)}…` : written.trimEnd();
    const line: ShownLine = { text, traceId: traceIdIn(written) };
    if (line.traceId === "" || this.#shown.has(line.traceId)) return this.#show(line);
    const lines = this.#waiting.get(line.traceId);
    if (lines === undefined) this.#waiting.set(line.traceId, [line]);
    else lines.push(line);
    if (++this.#waitingLines > MAX_WAITING) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = first(this.#waiting.keys())!;
    this.#waitingLines -= this.#waiting.get(oldest)!.length;
    this.#waiting.delete(oldest);
  }

  #show(line: ShownLine): void {
    if (this.#lines.length < MAX_NEWS) this.#lines.push(line);
    else this.#skipped++;
  }
}

/** The trace id in a line of any of our formats; "" when it has none. */
export function traceIdIn(line: string): string {
  // Colours stand between a name and its value where the log is a terminal.
  return /(?:"trace_id":"|(?:\b|\u001b\[\d+m)trace_id=(?:\u001b\[0m)?)([0-9a-f]{32})\b/.exec(line)?.[1] ?? "";
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
