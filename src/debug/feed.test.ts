import { describe, expect, it } from "vitest";
import type { SpanData } from "../trace/index.ts";
import type { App } from "../transport/index.ts";
import { Feed, traceIdIn } from "./feed.ts";

const idOf = (n: number): string => n.toString(16).padStart(32, "0");
const lineOf = (n: number, text = ""): string => `{"msg":"x${text}","trace_id":"${idOf(n)}"}\n`;

function feed() {
  let onSpan: (span: SpanData) => void = () => undefined;
  let onLine: (line: string) => void = () => undefined;
  const stopped: string[] = [];
  const app = {
    watchSpans: (on: typeof onSpan) => ((onSpan = on), () => void stopped.push("spans")),
    watchLines: (on: typeof onLine) => ((onLine = on), () => void stopped.push("lines")),
  } as unknown as App;
  const made = new Feed(app);
  return {
    made,
    stopped,
    span: (n: number) => onSpan({ traceId: idOf(n) } as SpanData),
    line: (text: string) => onLine(text),
  };
}

describe("the last calls", () => {
  it("get the lines of their trace, those before the span and those after it, and no others'", () => {
    const { made, span, line } = feed();
    line(lineOf(1));
    line(lineOf(2));
    span(1);
    line(lineOf(1, "y"));
    const { spans, lines } = made.take();
    expect([spans.length, lines.map(({ text }) => text)]).toEqual([1, [lineOf(1).trimEnd(), lineOf(1, "y").trimEnd()]]);
    expect(made.take()).toEqual({ spans: [], lines: [], skipped: 0 });
    span(2);
    expect(made.take().lines).toHaveLength(1);
  });

  it("show lines of no call at once", () => {
    const { made, line } = feed();
    line('{"msg":"started"}\n');
    expect(made.take().lines).toEqual([{ text: '{"msg":"started"}', traceId: "" }]);
  });

  it("hold lines that wait in bounded number, the newest of them", () => {
    const { made, span, line } = feed();
    for (let n = 1; n <= 5000; n++) line(lineOf(n));
    span(1);
    span(5000);
    expect(made.take().lines.map(({ traceId }) => traceId)).toEqual([idOf(5000)]);
  });

  it("cut a line that is long, and count those there is no room for", () => {
    const { made, line } = feed();
    line(`${"x".repeat(10_000)}\n`);
    for (let i = 0; i < 2000; i++) line("another\n");
    const { lines, skipped } = made.take();
    expect([lines[0]!.text.length, lines.length, skipped]).toEqual([4097, 1000, 1001]);
  });

  it("are let go of at the end", () => {
    const { made, stopped } = feed();
    made.close();
    expect(stopped).toEqual(["spans", "lines"]);
  });
});

describe("the trace of a line", () => {
  it.each([
    [`{"msg":"x","trace_id":"${idOf(7)}","sampled":true}`, idOf(7)],
    [`time=1 msg=x trace_id=${idOf(7)} status=200`, idOf(7)],
    [`12:00 INFO x \u001b[2mtrace_id=\u001b[0m${idOf(7)}`, idOf(7)],
    [`{"msg":"\\"trace_id\\":\\"${idOf(7)}\\""}`, ""],
    [`{"trace_id":"${idOf(7)}0"}`, ""],
    ["plain", ""],
  ])("is read in every format: %s", (line, expected) => {
    expect(traceIdIn(line)).toBe(expected);
  });
});
