/**
 * What was counted since the last push that arrived, for back-ends that want differences.
 *
 * @module
 */
import type { MetricFamily, MetricPoint } from "../metrics/index.ts";

/** What has arrived of a series, and when it was read. */
interface Arrived {
  readonly point: MetricPoint;
  readonly endMs: number;
}

/** Remembers what has arrived. What was lost on the way comes with the next push. */
export class Deltas {
  #arrived = new Map<string, Arrived>();
  #keys = new Set<string>();
  /** By the difference that is on its way, what it makes true once it has arrived. */
  #due = new Map<MetricPoint, readonly [key: string, point: MetricPoint]>();

  /**
   * Only what has changed, as differences whose `createdMs` is when they begin. Gauges and summaries as they are: the
   * first are no counts, and for the second OTLP has no differences.
   */
  of(families: readonly MetricFamily[]): MetricFamily[] {
    this.#due = new Map();
    this.#keys = new Set();
    return families.flatMap((family) => {
      if (family.kind === "gauge" || family.kind === "summary") return [family];
      const points = family.points.flatMap((point) => {
        const key = JSON.stringify([family.name, ...Object.values(point.labels)]);
        this.#keys.add(key);
        const less = minus(point, this.#arrived.get(key));
        if (less.value === 0 && less.count === 0) return [];
        this.#due.set(less, [key, point]);
        return [less];
      });
      return points.length === 0 ? [] : [{ ...family, points }];
    });
  }

  /** These differences have arrived. */
  commit(families: readonly MetricFamily[], endMs: number): void {
    for (const { points } of families) {
      for (const less of points) {
        const due = this.#due.get(less);
        if (due !== undefined) this.#arrived.set(due[0], { point: due[1], endMs });
      }
    }
  }

  /** Forgets series that were no longer there. */
  trim(): void {
    for (const key of this.#arrived.keys()) if (!this.#keys.has(key)) this.#arrived.delete(key);
  }
}

function minus(point: MetricPoint, arrived: Arrived | undefined): MetricPoint {
  if (arrived === undefined) return { ...point };
  const { point: before, endMs } = arrived;
  // Another series under the same labels, or the same after a reset, begins at nothing.
  const isOther = before.createdMs !== point.createdMs || before.value > point.value || before.count > point.count;
  if (isOther) return { ...point };
  return {
    ...point,
    value: point.value - before.value,
    count: point.count - before.count,
    sum: point.sum - before.sum,
    buckets: point.buckets.map((count, i) => count - before.buckets[i]!),
    createdMs: endMs,
  };
}
