/**
 * What takes finished spans away, and two exporters that need no collector: one keeps the last spans in memory, one
 * prints lines.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import type { SpanData } from "./span-data.ts";

/** Takes finished spans away. */
export interface SpanExporter {
  /**
   * Sends a batch. Called with one batch at a time, never from within a call. What it throws or rejects with is counted,
   * and the batch is lost. Its own calls must not be traced, or each batch makes the next.
   */
  export(spans: readonly SpanData[]): void | Promise<void>;
  /** Frees what the exporter holds; the last batch has been exported. */
  close?(): Promise<void>;
}

/** What a memory exporter may be given. */
export interface MemoryExporterOptions {
  /** How many spans are kept, from 1; the oldest go first. Default: 1000, some hundred traces in about a megabyte. */
  readonly maxSpans?: number | undefined;
}

/** An exporter whose spans can be looked at. */
export interface MemoryExporter extends SpanExporter {
  /** The spans kept, oldest first: a copy. */
  readonly spans: readonly SpanData[];
  /** Forgets all spans. */
  clear(): void;
}

/**
 * Keeps the last spans in memory, for tests and debug pages.
 *
 * @throws {RangeError} when `maxSpans` is not an integer of at least 1.
 *
 * @example
 * ```ts
 * import { memoryExporter, tracer } from "servicekit/trace";
 *
 * const exporter = memoryExporter({ maxSpans: 50 });
 * await tracer({ service: "add", exporter }).close();
 * exporter.spans.length; // => 0
 * ```
 */
export function memoryExporter(options: MemoryExporterOptions = {}): MemoryExporter {
  checkNames("memoryExporter", options, ["maxSpans"]);
  const maxSpans = checkNumber("maxSpans", options.maxSpans ?? 1000, { min: 1, integer: true });
  let ring: SpanData[] = [];
  let next = 0;
  return {
    export(spans) {
      for (const span of spans) {
        ring[next] = span;
        next = (next + 1) % maxSpans;
      }
    },
    get spans() {
      return ring.length < maxSpans ? ring.slice() : [...ring.slice(next), ...ring.slice(0, next)];
    },
    clear() {
      ring = [];
      next = 0;
    },
  };
}

/**
 * Prints each span as one line of JSON, without the line's end: for development, and for collectors that read files.
 *
 * @param write takes one line, e.g. `console.log`.
 *
 * @example
 * ```ts
 * import { consoleExporter, tracer } from "servicekit/trace";
 *
 * const lines: string[] = [];
 * const traces = tracer({ service: "add", exporter: consoleExporter((line) => lines.push(line)) });
 * await traces.close();
 * lines.length; // => 0
 * ```
 */
export function consoleExporter(write: (line: string) => void): SpanExporter {
  checkFunction("write", write);
  return {
    export(spans) {
      for (const span of spans) write(JSON.stringify(span));
    },
  };
}
