import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { until } from "../../test/until.ts";
import { logger } from "../log/index.ts";
import type { Runnable } from "../run/index.ts";
import { virtualClock } from "../testing/index.ts";
import { systemRandom } from "../time/index.ts";
import { otlpLogs, type OtlpLogsOptions } from "./index.ts";
import { encodeProto, type Message } from "./proto.ts";
import { recordOf } from "./records.ts";
import { LOGS } from "./schema.ts";
import { LogsSchema } from "./testdata/gen/otlp_pb.ts";
import { decode, strictCollector, type Decoded } from "./testdata/strict.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

const records = ({ resourceLogs }: Decoded): Decoded[] => resourceLogs[0].scopeLogs[0].logRecords;

function attributes(record: Message | Decoded): Record<string, unknown> {
  const pairs = record["attributes"] as { key: string; value: unknown }[];
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

const line = (fields: object): Message => recordOf({ text: JSON.stringify(fields), dateMs: 1 });

describe("otlpLogs", () => {
  it.each(["protobuf", "json"] as const)("sends the lines of a logger, as %s", async (encoding) => {
    await using collector = await strictCollector();
    const clock = virtualClock();
    const logs = otlpLogs({ url: collector.url, service: "add", encoding, clock });
    const log = logger({ write: logs.write, clock, fields: { zone: "a" } });
    log.info("started", {
      port: 8081,
      ratio: 0.5,
      on: true,
      none: null,
      trace_id: TRACE,
      span_id: SPAN,
      sampled: true,
    });
    log.warn("slow");
    log.flush();
    await logs.flush();
    const { resourceLogs } = collector.decoded[0]!;
    expect(resourceLogs[0].resource.attributes).toEqual([{ key: "service.name", value: { stringValue: "add" } }]);
    expect(resourceLogs[0].scopeLogs[0].scope).toEqual({ name: "servicekit" });
    const time = "1767225600000000000";
    expect(records(collector.decoded[0]!)).toEqual([
      {
        timeUnixNano: time,
        observedTimeUnixNano: time,
        severityNumber: 9,
        severityText: "info",
        body: { stringValue: "started" },
        attributes: [
          { key: "zone", value: { stringValue: "a" } },
          { key: "port", value: { intValue: "8081" } },
          { key: "ratio", value: { doubleValue: 0.5 } },
          { key: "on", value: { boolValue: true } },
          { key: "none", value: {} },
        ],
        traceId: TRACE,
        spanId: SPAN,
        flags: 1,
      },
      {
        timeUnixNano: time,
        observedTimeUnixNano: time,
        severityNumber: 13,
        severityText: "warn",
        body: { stringValue: "slow" },
        attributes: [{ key: "zone", value: { stringValue: "a" } }],
      },
    ]);
    expect(logs.stats).toEqual({ sent: 2, dropped: 0, requests: 1, retries: 0, failures: 0 });
  });

  it("tells an error in OpenTelemetry's words, and keeps what these do not have", async () => {
    await using collector = await strictCollector();
    const logs = otlpLogs({ url: collector.url, service: "add" });
    const log = logger({ write: logs.write });
    log.error("failed", { error: Object.assign(new RangeError("too far"), { code: "E_FAR" }) });
    await logs.flush();
    const found = attributes(records(collector.decoded[0]!)[0]!);
    expect(found["exception.type"]).toEqual({ stringValue: "RangeError" });
    expect(found["exception.message"]).toEqual({ stringValue: "too far" });
    expect(found["exception.stacktrace"]).toMatchObject({ stringValue: expect.stringContaining("logs.test") });
    expect(found["error"]).toMatchObject({
      kvlistValue: { values: [{ key: "code", value: { stringValue: "E_FAR" } }] },
    });
  });

  it("sends when enough lines wait, or a line has waited long enough", async () => {
    await using collector = await strictCollector();
    const clock = virtualClock();
    const logs = otlpLogs({ url: collector.url, service: "add", clock, batchSize: 3, flushMs: 1000 });
    logs.write("one\n");
    await clock.advance(999);
    expect(collector.received.length).toBe(0);
    await clock.advance(1);
    await until(() => logs.stats.sent === 1);
    logs.write("two\nthree\nfour\nfive\n\n");
    await clock.advance(0);
    await until(() => logs.stats.sent === 4);
    await clock.advance(1000);
    await until(() => logs.stats.sent === 5);
    expect(collector.decoded.map((one) => records(one).map(({ body }) => body.stringValue))).toEqual([
      ["one"],
      ["two", "three", "four"],
      ["five"],
    ]);
    await logs.close();
    expect(clock.pending).toBe(0);
  });

  it("drops and counts what has no room, by number and by size, and what is no text", async () => {
    await using collector = await strictCollector();
    const logs = otlpLogs({ url: collector.url, service: "add", maxQueue: 3, maxQueueChars: 1024 });
    logs.write("1\n2\n3\n4\n5\n");
    expect(logs.stats.dropped).toBe(2);
    await logs.flush();
    logs.write(`${"x".repeat(1025)}\n`);
    logs.write(`${"y".repeat(1000)}\n${"z".repeat(100)}\n`);
    expect(logs.stats.dropped).toBe(4);
    logs.write(7 as unknown as string);
    expect(logs.stats.dropped).toBe(5);
    await logs.flush();
    logs.write(`${"z".repeat(1000)}\n`);
    await logs.flush();
    expect(logs.stats).toMatchObject({ sent: 5, dropped: 5 });
  });

  it("never throws into the logger, whatever becomes of the lines", async () => {
    await using collector = await strictCollector((i) => (i === 0 ? { status: 400 } : "reset"));
    const reported: string[] = [];
    const logs = otlpLogs({
      url: collector.url,
      service: "add",
      random: { ...systemRandom, fraction: () => 0 },
      report: (error) => reported.push(String(error)),
    });
    logs.write("a\n");
    await logs.flush();
    logs.write("b\n");
    await logs.flush();
    expect(reported).toHaveLength(2);
    expect(reported[0]).toContain("answered 400");
    expect(reported[1]).toContain("cannot be reached");
    expect(logs.stats).toMatchObject({ sent: 0, dropped: 2, failures: 2, requests: 6, retries: 4 });
  });

  it("sends what waits when it is closed, and counts what comes after", async () => {
    await using collector = await strictCollector();
    const logs = otlpLogs({ url: collector.url, service: "add", batchSize: 2 });
    logs.start();
    logs.write("1\n2\n3\n4\n5\n");
    const closed = logs.close();
    logs.write("late\n");
    await closed;
    await logs.close();
    expect(logs.stats).toMatchObject({ sent: 5, dropped: 1, requests: 3 });
    expect(collector.mostAtOnce).toBe(1);
  });

  it("drops what a hanging collector has no time for when it is closed", async () => {
    await using collector = await strictCollector(() => "hang");
    const clock = virtualClock();
    const logs = otlpLogs({ url: collector.url, service: "add", batchSize: 2, closeMs: 100, clock });
    logs.write("1\n2\n3\n");
    const closed = logs.close();
    await until(() => collector.received.length === 1);
    await clock.advance(100);
    await closed;
    await until(() => logs.stats.failures === 1);
    expect(logs.stats).toMatchObject({ sent: 0, dropped: 3 });
    expect(clock.pending).toBe(0);
  });

  it("drains until the deadline", async () => {
    await using collector = await strictCollector(() => "hang");
    const logs = otlpLogs({ url: collector.url, service: "add" });
    await logs.drain();
    logs.write("1\n");
    const deadline = new AbortController();
    const drained = logs.drain(deadline.signal);
    await until(() => collector.received.length === 1);
    deadline.abort();
    await drained;
  });

  it("is a member of a group by its shape, and refuses wrong options", () => {
    expectTypeOf(otlpLogs).returns.toExtend<Runnable>();
    const wrong = (more: object) => () => otlpLogs({ service: "add", ...more } as OtlpLogsOptions);
    expect(wrong({ maxQueue: 0 })).toThrow("maxQueue should be an integer of at least 1, got 0");
    expect(wrong({ maxQueue: 5, batchSize: 6 })).toThrow("batchSize should be an integer from 1 to 5, got 6");
    expect(wrong({ maxQueueChars: 1 })).toThrow("maxQueueChars should be");
    expect(wrong({ flushMs: 0 })).toThrow("flushMs should be");
    expect(wrong({ service: "" })).toThrow("service should be");
    expect(wrong({ level: "info" })).toThrow('otlpLogs has no option "level"');
  });
});

describe("a line as a record", () => {
  it("is its body when it is no JSON object", () => {
    for (const text of ["plain text", '"text"', "[1]", "{broken", "null"]) {
      expect(recordOf({ text, dateMs: 1 })).toEqual({ body: { stringValue: text }, observedTimeUnixNano: "1000000" });
    }
  });

  it("keeps as attributes what is not what its name says", () => {
    const record = line({ time: "yesterday", level: "loud", trace_id: "0".repeat(32), span_id: SPAN, sampled: true });
    expect(Object.keys(attributes(record))).toEqual(["time", "level", "trace_id", "span_id", "sampled"]);
    expect(record["severityNumber"]).toBeUndefined();
    expect(attributes(line({ trace_id: TRACE, span_id: "x" }))).toHaveProperty("span_id");
    expect(attributes(line({ error: "text" }))["error"]).toEqual({ stringValue: "text" });
    expect(line({ level: "debug", msg: { a: 1 } })["body"]).toHaveProperty("kvlistValue");
  });

  it("writes what is nested deep as text", () => {
    const deep = JSON.parse("[".repeat(30) + "]".repeat(30)) as unknown;
    expect(JSON.stringify(line({ deep }))).toContain(JSON.stringify("[".repeat(22) + "]".repeat(22)).slice(1, -1));
    const text = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    expect(recordOf({ text, dateMs: 1 })["body"]).toBeDefined();
  });

  it("can always be sent, whatever the line is", () => {
    const any = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
      fc
        .dictionary(
          fc.constantFrom("time", "level", "msg", "trace_id", "span_id", "sampled", "error", "__proto__", "x"),
          fc.oneof(
            fc.jsonValue({ maxDepth: 3 }),
            fc.constantFrom(TRACE, SPAN, "error", "2026-01-01T00:00:00.000Z", "+275760-09-13T00:00:00Z"),
          ),
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(any, (text) => {
        const message = { resourceLogs: [{ scopeLogs: [{ logRecords: [recordOf({ text, dateMs: 1 })] }] }] };
        expect(records(decode(LogsSchema, encodeProto(LOGS.table, message)))).toHaveLength(1);
      }),
      { numRuns: 60 },
    );
  });
});
