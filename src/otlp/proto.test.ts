import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeProto, encodeProto, type Message, type Table } from "./proto.ts";
import { LOGS, METRICS, TRACES } from "./schema.ts";
import { AnswerSchema, LogsSchema, MetricsSchema, TracesSchema } from "./testdata/gen/otlp_pb.ts";
import { decode } from "./testdata/strict.ts";
import { anyValue } from "./values.ts";

/** A message that has every field of a table, with values that no default is. */
function filled(table: Table, depth = 0): Message {
  const message: Record<string, Message[string]> = {};
  for (const [name, { type, packed }] of Object.entries(table)) {
    if (typeof type === "object") {
      // A value is one of its kinds; lists of values end somewhere.
      if (name === "arrayValue" || name === "kvlistValue" || depth > 9) continue;
      const isOne = ["resource", "scope", "status", "value", "body", "gauge", "sum", "histogram", "summary"].includes(
        name,
      );
      const inner = name === "value" || name === "body" ? { stringValue: "é" } : filled(type, depth + 1);
      message[name] = isOne ? inner : [inner, inner];
    } else if (packed === true) message[name] = type === "double" ? [0.5, -1, 1e300] : ["1", "18446744073709551615"];
    else if (type === "hex")
      message[name] = name === "traceId" ? "4bf92f3577b34da6a3ce929d0e0e4736" : "00f067aa0ba902b7";
    else
      message[name] = {
        string: "ü",
        bool: true,
        int: 300,
        fixed32: 4_000_000_000,
        fixed64: "1767225600000250000",
        double: -0.25,
      }[type];
  }
  return message;
}

/** A metric has one kind of data. */
function eachMetric(): Message[] {
  const all = filled(METRICS.table);
  const scopes = (all["resourceMetrics"] as Message[])[0]!["scopeMetrics"] as Message[];
  const { gauge, sum, histogram, summary, ...common } = (scopes[0]!["metrics"] as Message[])[0]!;
  const metrics = [{ gauge }, { sum }, { histogram }, { summary }].map((data) => ({ ...common, ...data }));
  return [{ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }];
}

describe("encodeProto", () => {
  it.each([
    ["traces", TRACES, TracesSchema, [filled(TRACES.table)]],
    ["metrics", METRICS, MetricsSchema, eachMetric()],
    ["logs", LOGS, LogsSchema, [filled(LOGS.table)]],
  ] as const)("writes every field of %s as another library reads it", (_, { table }, schema, messages) => {
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) expect(decode(schema, encodeProto(table, message))).toEqual(message);
  });

  it("writes any nested value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string({ unit: "grapheme" }), (value, key) => {
        const logRecords = [{ body: anyValue(value), attributes: [{ key, value: anyValue([value]) }] }];
        const message = JSON.parse(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })) as Message;
        const read = decode(LogsSchema, encodeProto(LOGS.table, message));
        expect(sameNumbers(read)).toEqual(sameNumbers(withoutDefaults(message)));
      }),
    );
  });

  it("writes integers of any size and sign", () => {
    const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(integers, (integer) => {
        const message = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { intValue: String(integer) } }] }] }] };
        expect(decode(LogsSchema, encodeProto(LOGS.table, message))).toEqual(message);
      }),
    );
  });

  it("grows with what it writes", () => {
    const text = "x".repeat(100_000);
    const logRecords = [text, text].map((stringValue) => ({ body: { stringValue } }));
    const message = { resourceLogs: [{ scopeLogs: [{ logRecords }] }] };
    expect(decode(LogsSchema, encodeProto(LOGS.table, message))).toEqual(message);
  });

  it("refuses a field that it has no number for, which would be lost in silence", () => {
    expect(() => encodeProto(TRACES.table, { resourceSpan: [] })).toThrow('OTLP has no field "resourceSpan" here');
  });
});

describe("decodeProto", () => {
  it("reads the answer that another library wrote", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.string({ unit: "grapheme" }),
        (rejected, errorMessage) => {
          const bytes = toBinary(AnswerSchema, create(AnswerSchema, { partialSuccess: { rejected, errorMessage } }));
          const partial = decodeProto(decodeProto(bytes).get(1) as Uint8Array);
          expect(partial.get(1) ?? 0n).toBe(rejected);
          expect(new TextDecoder().decode((partial.get(2) as Uint8Array | undefined) ?? new Uint8Array())).toBe(
            errorMessage,
          );
        },
      ),
    );
  });

  it("reads any bytes or throws a RangeError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeProto(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

/** As the reader leaves it: an absent text, list or number is the empty one. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, one]) => !((name === "key" && one === "") || (Array.isArray(one) && one.length === 0)),
  );
  return Object.fromEntries(kept.map(([name, one]) => [name, withoutDefaults(one)]));
}

// JSON has no -0, and writes some integers as doubles.
function sameNumbers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
