import { describe, expect, expectTypeOf, it } from "vitest";
import { consoleExporter, memoryExporter, type SpanExporter } from "./exporters.ts";
import { toUnixNanos, type SpanData } from "./span-data.ts";

const span = (name: string): SpanData => ({
  service: "adder",
  traceId: "1".repeat(32),
  spanId: "2".repeat(16),
  parentSpanId: "",
  traceState: "",
  name,
  kind: "server",
  startUnixMs: 1_767_225_600_000.25,
  durationMs: 1.5,
  status: "unset",
  statusMessage: "",
  attributes: { text: 'a "quoted"\nline\u2028' },
  events: [],
  links: [],
  refused: 0,
});

describe("memoryExporter", () => {
  it("keeps the last spans, oldest first", () => {
    const exporter = memoryExporter({ maxSpans: 3 });
    const names = (): string[] => exporter.spans.map(({ name }) => name);
    void exporter.export([span("a"), span("b")]);
    expect(names()).toEqual(["a", "b"]);
    void exporter.export([span("c")]);
    expect(names()).toEqual(["a", "b", "c"]);
    void exporter.export([span("d"), span("e")]);
    expect(names()).toEqual(["c", "d", "e"]);
  });

  it("shows a copy, and forgets when told", () => {
    const exporter = memoryExporter();
    void exporter.export([span("a")]);
    const before = exporter.spans;
    void exporter.export([span("b")]);
    expect(before).toHaveLength(1);
    exporter.clear();
    expect(exporter.spans).toEqual([]);
    void exporter.export([span("c")]);
    expect(exporter.spans.map(({ name }) => name)).toEqual(["c"]);
  });

  it("refuses wrong options", () => {
    expect(() => memoryExporter({ maxSpans: 0 })).toThrow("maxSpans should be an integer of at least 1, got 0");
    expect(() => memoryExporter({ max: 1 } as object)).toThrow('memoryExporter has no option "max"');
  });
});

describe("consoleExporter", () => {
  it("writes one line a span, which reads back as the span", () => {
    const lines: string[] = [];
    void consoleExporter((line) => lines.push(line)).export([span("a"), span("b")]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).not.toContain("\n");
    expect(lines.map((line) => JSON.parse(line) as SpanData)).toEqual([span("a"), span("b")]);
  });

  it("wants a function", () => {
    expect(() => consoleExporter("stdout" as never)).toThrow('write should be a function, got "stdout"');
  });
});

describe("toUnixNanos", () => {
  it("keeps every digit a date has", () => {
    expect(toUnixNanos(0)).toBe("0000000");
    expect(BigInt(toUnixNanos(0))).toBe(0n);
    expect(toUnixNanos(1_767_225_600_000)).toBe("1767225600000000000");
    expect(toUnixNanos(1_767_225_600_000.25)).toBe("1767225600000250000");
    expect(toUnixNanos(1_767_225_600_000 + 2 ** -12)).toBe("1767225600000000244");
  });

  it("does not pass into the next millisecond by rounding", () => {
    expect(toUnixNanos(5 - 1e-9)).toBe("4999999");
  });
});

describe("an exporter", () => {
  it("needs one method", () => {
    expectTypeOf<{ export(spans: readonly SpanData[]): Promise<void> }>().toExtend<SpanExporter>();
    expectTypeOf<{ export(span: SpanData): void }>().not.toExtend<SpanExporter>();
  });
});
