/**
 * Metric families as OTLP's metrics: what was counted since the start, or since the last push.
 *
 * @module
 */
import type { MetricFamily, MetricPoint } from "../metrics/index.ts";
import { toUnixNanos } from "../trace/index.ts";
import type { Message } from "./proto.ts";
import { keyValues } from "./values.ts";

/** One push. */
export interface Push {
  readonly endMs: number;
  /** Whether the numbers are differences; each point's `createdMs` is then when they begin. */
  readonly isDelta: boolean;
  /** Exemplars of later moments are sent: each of them once. */
  readonly exemplarsAfterMs: number;
}

const [DELTA, CUMULATIVE] = [1, 2];

/** A family as a metric; its name and labels stay as they are. */
export function metricOf(family: MetricFamily, push: Push): Message {
  const { name, help, unit, kind, points } = family;
  const common = { name, description: help, unit: unit === undefined ? undefined : (UNITS.get(unit) ?? unit) };
  const aggregationTemporality = push.isDelta ? DELTA : CUMULATIVE;
  switch (kind) {
    case "gauge":
      return { ...common, gauge: { dataPoints: points.map((point) => numberOf(point, push)) } };
    case "counter": {
      const dataPoints = points.map((point) => ({ ...startOf(point, push), ...numberOf(point, push) }));
      return { ...common, sum: { dataPoints, aggregationTemporality, isMonotonic: true } };
    }
    case "histogram": {
      const dataPoints = points.map((point) => histogramOf(family.bounds, point, push));
      return { ...common, histogram: { dataPoints, aggregationTemporality } };
    }
    case "summary":
      return { ...common, summary: { dataPoints: points.map((point) => summaryOf(point, push)) } };
  }
}

/** Our units, which are Prometheus', in the codes that OpenTelemetry asks for (UCUM). */
const UNITS: ReadonlyMap<string, string> = new Map([
  ["seconds", "s"],
  ["milliseconds", "ms"],
  ["bytes", "By"],
  ["ratio", "1"],
  ["celsius", "Cel"],
  ["meters", "m"],
  ["volts", "V"],
  ["amperes", "A"],
  ["joules", "J"],
  ["grams", "g"],
]);

function startOf(point: MetricPoint, { endMs }: Push): Message {
  return { startTimeUnixNano: toUnixNanos(Math.min(point.createdMs, endMs)) };
}

function numberOf(point: MetricPoint, { endMs }: Push): Message {
  return { timeUnixNano: toUnixNanos(endMs), asDouble: point.value, attributes: labelsOf(point) };
}

function histogramOf(bounds: readonly number[], point: MetricPoint, push: Push): Message {
  const exemplars = (point.exemplars ?? []).filter(({ dateMs }) => dateMs > push.exemplarsAfterMs);
  return {
    ...startOf(point, push),
    timeUnixNano: toUnixNanos(push.endMs),
    count: String(point.count),
    // Where observations may be negative the sum may fall, and must not be there.
    sum: bounds[0]! < 0 ? undefined : point.sum,
    bucketCounts: point.buckets.map(String),
    explicitBounds: bounds,
    exemplars: exemplars.map(({ traceId, value, dateMs }) => ({
      timeUnixNano: toUnixNanos(dateMs),
      asDouble: value,
      traceId: /^[0-9a-f]{32}$/.test(traceId) ? traceId : undefined,
    })),
    attributes: labelsOf(point),
  };
}

function summaryOf(point: MetricPoint, push: Push): Message {
  return {
    ...startOf(point, push),
    timeUnixNano: toUnixNanos(push.endMs),
    count: String(point.count),
    sum: point.sum,
    attributes: labelsOf(point),
  };
}

function labelsOf({ labels }: MetricPoint): Message[] {
  return keyValues(Object.entries(labels));
}

/** Families in parts of at most `maxPoints` points; one may be in several. */
export function partsOf(families: readonly MetricFamily[], maxPoints: number): MetricFamily[][] {
  const parts: MetricFamily[][] = [];
  let left = 0;
  for (const family of families) {
    for (let at = 0; at < family.points.length;) {
      if (left === 0) {
        parts.push([]);
        left = maxPoints;
      }
      const points = family.points.slice(at, at + left);
      parts.at(-1)!.push({ ...family, points });
      at += points.length;
      left -= points.length;
    }
  }
  return parts;
}
