/**
 * Looking on: spans of some calls for whoever watches now, whatever the exporter gets and whatever travels.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import type { SpanData } from "./span-data.ts";

/** The most calls that are watched in one second: more than eyes follow, and a bound on what looking costs. */
const CALLS_PER_SECOND = 50;

/** The most spans shown in one second: a handler may make many in one call. */
const SPANS_PER_SECOND = 1000;

/** Who watches a tracer, and how much of it they see. It exists only while somebody does. */
export class SpanWatch {
  readonly #clock: Clock;
  readonly #watchers = new Set<(span: SpanData) => void>();
  #secondMs = -Infinity;
  #calls = 0;
  #spans = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#watchers.size;
  }

  add(onSpan: (span: SpanData) => void): void {
    this.#watchers.add(onSpan);
  }

  delete(onSpan: (span: SpanData) => void): void {
    this.#watchers.delete(onSpan);
  }

  /** Whether a call that begins now is among those that are shown. */
  admits(): boolean {
    this.#turn();
    return this.#calls++ < CALLS_PER_SECOND;
  }

  show(span: SpanData): void {
    this.#turn();
    if (this.#spans++ >= SPANS_PER_SECOND) return;
    for (const onSpan of this.#watchers) {
      try {
        onSpan(span);
      } catch {
        // Whoever looks on must not fail the call that is looked at.
      }
    }
  }

  #turn(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#secondMs < 1000) return;
    this.#secondMs = nowMs;
    this.#calls = 0;
    this.#spans = 0;
  }
}
