/**
 * The field numbers of OTLP 1.x, facts of opentelemetry-proto: common, resource, trace, metrics and logs, as much as is sent.
 *
 * @module
 */
import type { Field, FieldType, Table } from "./proto.ts";

const of = (number: number, type: FieldType): Field => ({ number, type });
const packed = (number: number, type: FieldType): Field => ({ number, type, packed: true });

// Values hold lists, which hold values: the knot is tied below.
const anyValue: Record<string, Field> = {
  stringValue: of(1, "string"),
  boolValue: of(2, "bool"),
  intValue: of(3, "int"),
  doubleValue: of(4, "double"),
};
const keyValue: Table = { key: of(1, "string"), value: of(2, anyValue) };
anyValue["arrayValue"] = of(5, { values: of(1, anyValue) });
anyValue["kvlistValue"] = of(6, { values: of(1, keyValue) });

const resource: Table = { attributes: of(1, keyValue) };
const scope: Table = { name: of(1, "string"), version: of(2, "string") };

/** A request for one signal: resources, in them scopes, in them `name`. */
function request(resources: string, scopes: string, [name, type]: readonly [string, Table]): Table {
  const inScope: Table = { scope: of(1, scope), [name]: of(2, type) };
  return { [resources]: of(1, { resource: of(1, resource), [scopes]: of(2, inScope) }) };
}

const span: Table = {
  traceId: of(1, "hex"),
  spanId: of(2, "hex"),
  traceState: of(3, "string"),
  parentSpanId: of(4, "hex"),
  name: of(5, "string"),
  kind: of(6, "int"),
  startTimeUnixNano: of(7, "fixed64"),
  endTimeUnixNano: of(8, "fixed64"),
  attributes: of(9, keyValue),
  droppedAttributesCount: of(10, "int"),
  events: of(11, { timeUnixNano: of(1, "fixed64"), name: of(2, "string"), attributes: of(3, keyValue) }),
  links: of(13, { traceId: of(1, "hex"), spanId: of(2, "hex") }),
  status: of(15, { message: of(2, "string"), code: of(3, "int") }),
  flags: of(16, "fixed32"),
};

const exemplar: Table = { timeUnixNano: of(2, "fixed64"), asDouble: of(3, "double"), traceId: of(5, "hex") };

const number: Table = {
  startTimeUnixNano: of(2, "fixed64"),
  timeUnixNano: of(3, "fixed64"),
  asDouble: of(4, "double"),
  attributes: of(7, keyValue),
};

const histogram: Table = {
  startTimeUnixNano: of(2, "fixed64"),
  timeUnixNano: of(3, "fixed64"),
  count: of(4, "fixed64"),
  sum: of(5, "double"),
  bucketCounts: packed(6, "fixed64"),
  explicitBounds: packed(7, "double"),
  exemplars: of(8, exemplar),
  attributes: of(9, keyValue),
};

const summary: Table = {
  startTimeUnixNano: of(2, "fixed64"),
  timeUnixNano: of(3, "fixed64"),
  count: of(4, "fixed64"),
  sum: of(5, "double"),
  attributes: of(7, keyValue),
};

const metric: Table = {
  name: of(1, "string"),
  description: of(2, "string"),
  unit: of(3, "string"),
  gauge: of(5, { dataPoints: of(1, number) }),
  sum: of(7, { dataPoints: of(1, number), aggregationTemporality: of(2, "int"), isMonotonic: of(3, "bool") }),
  histogram: of(9, { dataPoints: of(1, histogram), aggregationTemporality: of(2, "int") }),
  summary: of(11, { dataPoints: of(1, summary) }),
};

const logRecord: Table = {
  timeUnixNano: of(1, "fixed64"),
  severityNumber: of(2, "int"),
  severityText: of(3, "string"),
  body: of(5, anyValue),
  attributes: of(6, keyValue),
  flags: of(8, "fixed32"),
  traceId: of(9, "hex"),
  spanId: of(10, "hex"),
  observedTimeUnixNano: of(11, "fixed64"),
};

/** What sets the three signals apart. */
export interface Signal {
  /** Where its requests go, below the collector's URL. */
  readonly path: string;
  readonly table: Table;
  /** What a partial success calls the items that were refused. */
  readonly rejected: string;
}

export const TRACES: Signal = {
  path: "/v1/traces",
  table: request("resourceSpans", "scopeSpans", ["spans", span]),
  rejected: "rejectedSpans",
};

export const METRICS: Signal = {
  path: "/v1/metrics",
  table: request("resourceMetrics", "scopeMetrics", ["metrics", metric]),
  rejected: "rejectedDataPoints",
};

export const LOGS: Signal = {
  path: "/v1/logs",
  table: request("resourceLogs", "scopeLogs", ["logRecords", logRecord]),
  rejected: "rejectedLogRecords",
};
