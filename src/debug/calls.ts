/**
 * The calls of the next seconds for scripts: what the page shows of them, grouped by trace.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import type { Clock } from "../time/index.ts";
import type { SpanData } from "../trace/index.ts";
import type { Hub } from "./hub.ts";

/** The calls of some seconds. */
interface Calls {
  readonly calls: readonly {
    readonly traceId: string;
    readonly spans: readonly SpanData[];
    readonly lines: readonly string[];
  }[];
  /** Lines of the log that belong to no call. */
  readonly lines: readonly string[];
  /** Lines there was no room for. */
  readonly skipped: number;
}

/** The most spans and the most lines of one answer. */
const MAX_EACH = 5000;

/** The `seconds` of a query, 2 when it says nothing; undefined when it is not a number from 1 to 30. */
export function secondsIn(url: string): number | undefined {
  const mark = url.indexOf("?");
  const text = new URLSearchParams(mark < 0 ? "" : url.slice(mark)).get("seconds") ?? "2";
  const seconds = /^\d{1,2}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  return seconds >= 1 && seconds <= 30 ? seconds : undefined;
}

/** Looks on for some seconds, less when the one who asked leaves or the server drains. */
export function callsFor(
  clock: Clock,
  hub: Hub,
  { seconds, response }: { readonly seconds: number; readonly response: ServerResponse },
): Promise<Calls> {
  return new Promise((resolve) => {
    const traces = new Map<string, { traceId: string; spans: SpanData[]; lines: string[] }>();
    const lines: string[] = [];
    let [skipped, spanCount, lineCount] = [0, 0, 0];
    const traceOf = (traceId: string): { spans: SpanData[]; lines: string[] } => {
      let trace = traces.get(traceId);
      if (trace === undefined) traces.set(traceId, (trace = { traceId, spans: [], lines: [] }));
      return trace;
    };
    const end = (): void => {
      timer.cancel();
      response.removeListener("close", end);
      stop();
      resolve({ calls: [...traces.values()], lines, skipped });
    };
    const stop = hub.collect((news) => {
      skipped += news.skipped;
      for (const span of news.spans) if (spanCount++ < MAX_EACH) traceOf(span.traceId).spans.push(span);
      for (const { text, traceId } of news.lines) {
        if (lineCount++ >= MAX_EACH) skipped++;
        else (traceId === "" ? lines : traceOf(traceId).lines).push(text);
      }
    }, end);
    const timer = clock.after(seconds * 1000, end);
    response.once("close", end);
  });
}
