import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical } from "./format.ts";
import { registry, type Registry } from "./index.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: { readonly labels: Readonly<Record<string, string>>; readonly value: number } | undefined;
}

interface ParsedFamily {
  readonly type: string;
  help: string | undefined;
  unit: string | undefined;
  readonly samples: Sample[];
}

type Format = "text" | "open";

const SUFFIXES: Readonly<Record<string, Readonly<Record<Format, readonly string[]>>>> = {
  counter: { text: [""], open: ["_total"] },
  gauge: { text: [""], open: [""] },
  summary: { text: ["_sum", "_count"], open: ["_sum", "_count"] },
  histogram: { text: ["_bucket", "_sum", "_count"], open: ["_bucket", "_sum", "_count"] },
};

/** A strict reader of both formats, character by character, written from their grammars: anything unusual throws. */
function parse(body: string, format: Format): Map<string, ParsedFamily> {
  const families = new Map<string, ParsedFamily>();
  const seen = new Set<string>();
  let current: { name: string; family: ParsedFamily } | undefined;
  let pendingHelp: { name: string; help: string } | undefined;
  if (!body.endsWith("\n") && body !== "") throw new Error("the last line does not end");
  const lines = body.split("\n").slice(0, -1);
  if (format === "open" && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  for (const line of lines) {
    const comment = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (comment !== null) {
      const [, what, name, rest] = comment as unknown as [string, string, string, string];
      if (what === "TYPE") {
        if (families.has(name)) throw new Error(`family ${name} is there twice`);
        if (SUFFIXES[rest] === undefined) throw new Error(`unknown type ${rest}`);
        const help = pendingHelp?.name === name ? pendingHelp.help : undefined;
        current = { name, family: { type: rest, help, unit: undefined, samples: [] } };
        families.set(name, current.family);
      } else if (what === "UNIT") {
        if (current?.name !== name || format === "text" || !name.endsWith(`_${rest}`))
          throw new Error(`bad unit: ${line}`);
        current.family.unit = rest;
      } else if (format === "text") pendingHelp = { name, help: unescapeHelp(rest) };
      else if (current?.name === name) current.family.help = unescapeHelp(rest);
      else throw new Error(`help out of place: ${line}`);
      continue;
    }
    if (current === undefined) throw new Error(`a sample before any type: ${line}`);
    const sample = parseSample(line, format);
    const { name, family } = current;
    if (!SUFFIXES[family.type]![format].some((suffix) => sample.name === name + suffix)) {
      throw new Error(`${sample.name} does not belong to the ${family.type} ${name}`);
    }
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
    if (seen.has(key)) throw new Error(`the series is there twice: ${line}`);
    seen.add(key);
    family.samples.push(sample);
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function unescapeHelp(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => (char === "n" ? "\n" : char));
}

function parseSample(line: string, format: Format): Sample {
  let at = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0].length ?? 0;
  const name = line.slice(0, at);
  if (name === "") throw new Error(`no name: ${line}`);
  const labels = readLabels();
  const value = readNumber();
  let exemplar: Sample["exemplar"];
  if (format === "open" && line.startsWith(" # ", at)) {
    at += 3;
    const of = readLabels();
    if (!name.endsWith("_bucket") || Object.entries(of).flat().join("").length > 128)
      throw new Error(`exemplar: ${line}`);
    exemplar = { labels: of, value: readNumber() };
    readNumber();
  }
  if (at !== line.length) throw new Error(`${line.length - at} characters too many: ${line}`);
  return { name, labels, value, exemplar };

  function readLabels(): Record<string, string> {
    const read: Record<string, string> = Object.create(null) as Record<string, string>;
    if (line[at] !== "{") return read;
    do {
      at++;
      const label = /^[a-zA-Z_][a-zA-Z0-9_]*="/.exec(line.slice(at))?.[0];
      if (label === undefined) throw new Error(`no label at ${at}: ${line}`);
      at += label.length;
      const of = label.slice(0, -2);
      if (of in read) throw new Error(`label ${of} is there twice: ${line}`);
      read[of] = readQuoted();
    } while (line[at] === ",");
    if (line[at++] !== "}") throw new Error(`labels do not end: ${line}`);
    return read;
  }

  function readQuoted(): string {
    let text = "";
    for (; line[at] !== '"'; at++) {
      if (at >= line.length) throw new Error(`a value does not end: ${line}`);
      if (line[at] !== "\\") text += line[at]!;
      else {
        const char = line[++at]!;
        if (!'\\"n'.includes(char)) throw new Error(`bad escape \\${char}: ${line}`);
        text += char === "n" ? "\n" : char;
      }
    }
    at++;
    return text;
  }

  function readNumber(): number {
    if (line[at] === " ") at++;
    else if (line[at - 1] !== " ") throw new Error(`no space at ${at}: ${line}`);
    const text = /^(?:[+-]Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/.exec(line.slice(at))?.[0];
    if (text === undefined) throw new Error(`no number at ${at}: ${line}`);
    at += text.length;
    return text.endsWith("Inf") ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text);
  }
}

/** Buckets rise, end with +Inf, and the last is the count. */
function checkHistogram(name: string, { samples }: ParsedFamily): void {
  let bound = -Infinity;
  let count = 0;
  for (const { name: of, labels, value } of samples) {
    if (of === `${name}_bucket`) {
      const le = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
      if (bound === Infinity) [bound, count] = [-Infinity, 0];
      if (!(le > bound) || value < count) throw new Error(`buckets of ${name} do not rise`);
      [bound, count] = [le, value];
    } else if (bound !== Infinity) throw new Error(`${name} has no bucket for +Inf`);
    else if (of === `${name}_count` && value !== count) throw new Error(`count of ${name} is not its last bucket`);
  }
}

function both(metrics: Registry): [Format, Map<string, ParsedFamily>][] {
  return [
    ["text", parse(metrics.text(), "text")],
    ["open", parse(metrics.openMetrics(), "open")],
  ];
}

function example(): Registry {
  const metrics = registry();
  const calls = metrics.counter({ name: "calls_total", help: "Calls.", labels: ["method"] });
  calls.with({ method: "sum" }).inc(3);
  calls.with({ method: "concat" }).inc();
  metrics.gauge({ name: "queue_bytes", help: 'Say "waiting",\nC:\\now.', unit: "bytes" }).set(-1.5);
  const latency = metrics.histogram({ name: "latency_seconds", help: "Latency.", unit: "seconds", buckets: [0.5, 1] });
  latency.observe(0.25);
  latency.observe(7);
  metrics.summary({ name: "size", help: "Size." }).observe(2);
  return metrics;
}

describe("the text format", () => {
  it("is written so", () => {
    expect(example().text()).toBe(`# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{method="concat"} 1
calls_total{method="sum"} 3
# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="1"} 1
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_sum 7.25
latency_seconds_count 2
# HELP queue_bytes Say "waiting",\\nC:\\\\now.
# TYPE queue_bytes gauge
queue_bytes -1.5
# HELP size Size.
# TYPE size summary
size_sum 2
size_count 1
`);
  });

  // Go kit's addsvc names its counters without _total, and its text must stay so.
  it("keeps a counter's name as it is, where OpenMetrics adds _total", () => {
    const metrics = registry();
    metrics.counter({ name: "example_addsvc_integers_summed", help: "Sums." }).inc(3);
    expect(metrics.text()).toContain("\nexample_addsvc_integers_summed 3\n");
    expect(metrics.openMetrics()).toContain("# TYPE example_addsvc_integers_summed counter\n");
    expect(metrics.openMetrics()).toContain("\nexample_addsvc_integers_summed_total 3\n");
  });

  it("is empty when nothing has been counted", () => {
    const metrics = registry();
    metrics.counter({ name: "calls_total", help: "Calls.", labels: ["method"] });
    expect(metrics.text()).toBe("");
    expect(metrics.openMetrics()).toBe("# EOF\n");
  });
});

describe("OpenMetrics", () => {
  it("is written so", () => {
    expect(example().openMetrics()).toBe(`# TYPE calls counter
# HELP calls Calls.
calls_total{method="concat"} 1
calls_total{method="sum"} 3
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
# HELP latency_seconds Latency.
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="1.0"} 1
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_sum 7.25
latency_seconds_count 2
# TYPE queue_bytes gauge
# UNIT queue_bytes bytes
# HELP queue_bytes Say \\"waiting\\",\\nC:\\\\now.
queue_bytes -1.5
# TYPE size summary
# HELP size Size.
size_sum 2
size_count 1
# EOF
`);
  });

  it("leaves out sum and count of a histogram with negative bounds, which would not be counters", () => {
    const metrics = registry();
    metrics.histogram({ name: "drift", help: "Drift.", buckets: [-1, 1] }).observe(-2);
    expect(metrics.openMetrics()).not.toMatch(/drift_(sum|count)/);
    expect(metrics.text()).toContain("drift_sum -2\n");
  });

  // The values the specification lists under "Considerations: Canonical Numbers".
  it.each([
    [0, "0.0"],
    [0.001, "0.001"],
    [0.999, "0.999"],
    [1, "1.0"],
    [1.7, "1.7"],
    [10, "10.0"],
    [1e-10, "1e-10"],
    [1e-9, "1e-09"],
    [1e-5, "1e-05"],
    [1e-4, "0.0001"],
    [100_000, "100000.0"],
    [1e6, "1e+06"],
    [1e10, "1e+10"],
    [1e23, "1e+23"],
    [1.1e23, "1.1e+23"],
    [-2, "-2.0"],
  ])("writes the bound %d as %s", (bound, text) => {
    expect(canonical(bound)).toBe(text);
  });
});

describe("both formats", () => {
  it("are read back by a strict parser", () => {
    for (const [format, families] of both(example())) {
      expect(families.size).toBe(4);
      expect(families.get("queue_bytes")!.help).toBe('Say "waiting",\nC:\\now.');
      expect(families.get(format === "text" ? "calls_total" : "calls")!.samples).toHaveLength(2);
    }
  });

  it("give back any label value", () => {
    const unit = fc.oneof(fc.constantFrom("\\", '"', "\n", "n", "\r", "{", "}", ",", "=", "#", " "), fc.constant("é"));
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit }));
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 8 }), text, (values, constant) => {
        const metrics = registry({ labels: { zone: constant } });
        const gauge = metrics.gauge({ name: "g", help: "G.", labels: ["first", "second"] });
        values.forEach((value, i) => gauge.with({ first: value, second: `${value}"` }).set(i));
        for (const [, families] of both(metrics)) {
          const samples = families.get("g")?.samples ?? [];
          expect(samples).toHaveLength(values.length);
          for (const { labels, value } of samples) {
            expect(labels["first"]).toBe(values[value]);
            expect(labels["second"]).toBe(`${values[value]}"`);
            expect(labels["zone"]).toBe(constant);
          }
        }
      }),
    );
  });

  it("give back any help and any value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.double(), (help, value) => {
        const metrics = registry();
        metrics.gauge({ name: "g", help }).set(value);
        for (const [, families] of both(metrics)) {
          expect(families.get("g")!.help).toBe(help);
          expect(families.get("g")!.samples[0]!.value).toBe(Object.is(value, -0) ? 0 : value);
        }
      }),
    );
  });

  it("give back any observations of labelled histograms, exemplars too", () => {
    const observed = fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.double({ min: 0, max: 20, noNaN: true })));
    fc.assert(
      fc.property(observed, (list) => {
        const metrics = registry();
        const histogram = metrics.histogram({ name: "h", help: "H.", labels: ["m"], buckets: [1e-5, 0.5, 1, 10] });
        for (const [m, value] of list) histogram.with({ m }).observe(value, `t"${value}`);
        for (const [format, families] of both(metrics)) {
          const samples = families.get("h")?.samples ?? [];
          const of = (labels: Sample["labels"]): number[] =>
            list.filter(([m]) => m === labels["m"]).map(([, one]) => one);
          const bound = ({ le }: Sample["labels"]): number => (le === "+Inf" ? Infinity : Number(le));
          const buckets = samples.filter(({ name }) => name === "h_bucket");
          expect(buckets.map(({ value }) => value)).toEqual(
            buckets.map(({ labels }) => of(labels).filter((one) => one <= bound(labels)).length),
          );
          const counts = samples.filter(({ name }) => name === "h_count");
          expect(counts.map(({ value }) => value)).toEqual(counts.map(({ labels }) => of(labels).length));
          const exemplars = buckets.filter(({ exemplar }) => exemplar !== undefined);
          expect(exemplars.length > 0).toBe(format === "open" && list.length > 0);
          for (const { labels, exemplar } of exemplars) {
            expect(exemplar!.labels["trace_id"]).toBe(`t"${exemplar!.value}`);
            expect(exemplar!.value).toBeLessThanOrEqual(bound(labels));
          }
        }
      }),
    );
  });

  it("do not depend on the order in which things were defined or bound", () => {
    const names = ["b_total", "a_total", "c_total"];
    const values = ["x", "", "z", "y"];
    const written = [names, [...names].reverse()].map((order) => {
      const metrics = registry();
      for (const name of order) {
        const counter = metrics.counter({ name, help: "X.", labels: ["k", "l"] });
        for (const k of order === names ? values : [...values].reverse()) counter.with({ k, l: `${k}l` }).inc();
      }
      return metrics.text();
    });
    expect(written[0]).toBe(written[1]);
    expect(written[0]!.indexOf("a_total")).toBeLessThan(written[0]!.indexOf("b_total"));
  });
});
