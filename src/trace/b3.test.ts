import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Metadata, type Carrier } from "../endpoint/index.ts";
import { readB3, readB3Multi, writeB3, writeB3Multi } from "./b3.ts";
import type { TraceHeaders } from "./headers.ts";

const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 80 });

const TRACE = "80f198ee56343ba864fe8b2a57d3eff7";
const SHORT = "64fe8b2a57d3eff7";
const PADDED = `0000000000000000${SHORT}`;
const SPAN = "05e3ac9a4f6e3b90";
const PARENT = "e457b5a2e4d86bd1";

function carrier(headers: Record<string, string>): Carrier {
  return { get: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined) };
}

function read(traceId: string, rest: Partial<TraceHeaders> = {}): TraceHeaders {
  const spanId = traceId === "" ? "" : SPAN;
  return { traceId, spanId, sampled: undefined, state: "", parentSpanId: "", debug: false, ...rest };
}

const single: readonly [header: string, headers: TraceHeaders | undefined][] = [
  [`${TRACE}-${SPAN}`, read(TRACE)],
  [`${TRACE}-${SPAN}-1`, read(TRACE, { sampled: true })],
  [`${TRACE}-${SPAN}-0`, read(TRACE, { sampled: false })],
  [`${TRACE}-${SPAN}-d`, read(TRACE, { sampled: true, debug: true })],
  [`${TRACE}-${SPAN}-1-${PARENT}`, read(TRACE, { sampled: true, parentSpanId: PARENT })],
  [`${TRACE}-${SPAN}-d-${PARENT}`, read(TRACE, { sampled: true, debug: true, parentSpanId: PARENT })],
  [`${TRACE}-${SPAN}-${PARENT}`, read(TRACE, { parentSpanId: PARENT })],
  [`${SHORT}-${SPAN}-1`, read(PADDED, { sampled: true })],
  [`${SHORT}-${SPAN}`, read(PADDED)],
  [`${PADDED}-${SPAN}`, read(PADDED)],
  ["0", read("", { sampled: false })],
  ["1", read("", { sampled: true })],
  ["d", read("", { sampled: true, debug: true })],
  ["", undefined],
  ["2", undefined],
  ["-", undefined],
  ["true", undefined],
  [TRACE, undefined],
  [`${TRACE}-`, undefined],
  [`${TRACE}-${SPAN}-`, undefined],
  [`${TRACE}-${SPAN}--`, undefined],
  [`${TRACE}-${SPAN}-2`, undefined],
  [`${TRACE}-${SPAN}-01`, undefined],
  [`${TRACE}-${SPAN}-1-`, undefined],
  [`${TRACE}-${SPAN}-1-${PARENT}-`, undefined],
  [`${TRACE}-${SPAN}-1-${PARENT}0`, undefined],
  [`${TRACE}-${SPAN}-1-${PARENT.slice(1)}`, undefined],
  [`${TRACE}-${SPAN}-1-${PARENT}-1`, undefined],
  [`${TRACE}-${SPAN}-${PARENT}-1`, undefined],
  [`${TRACE}-${SPAN}1`, undefined],
  [`${TRACE}-${SPAN.slice(1)}-1`, undefined],
  [`${TRACE.slice(1)}-${SPAN}-1`, undefined],
  [`${TRACE}0-${SPAN}-1`, undefined],
  [`${TRACE}-${SPAN}-1\n`, undefined],
  [`${TRACE.slice(8)}-${SPAN}-1`, undefined],
  [`${TRACE.toUpperCase()}-${SPAN}-1`, undefined],
  [`${"0".repeat(32)}-${SPAN}-1`, undefined],
  [`${"0".repeat(16)}-${SPAN}-1`, undefined],
  [`${TRACE}-${"0".repeat(16)}-1`, undefined],
  [`${TRACE}-${SPAN}-1-${"0".repeat(16)}`, read(TRACE, { sampled: true })],
  [`${TRACE}-${SPAN}-${"1-".repeat(5000)}`, undefined],
];

describe("the header b3", () => {
  it.each(single)("reads %s", (header, headers) => {
    expect(readB3(carrier({ b3: header }))).toEqual(headers);
  });

  it("is not there", () => {
    expect(readB3(carrier({}))).toBeUndefined();
  });

  it.each([
    [read(TRACE), `${TRACE}-${SPAN}`],
    [read(TRACE, { sampled: false }), `${TRACE}-${SPAN}-0`],
    [read(TRACE, { sampled: true, debug: true, parentSpanId: PARENT }), `${TRACE}-${SPAN}-d-${PARENT}`],
    [read("", { sampled: false }), "0"],
  ] as const)("writes %o as %s", (headers, text) => {
    const sent: [string, string][] = [];
    writeB3(headers, (name, value) => void sent.push([name, value]));
    expect(sent).toEqual([["b3", text]]);
  });

  it("is not written when there is nothing to say", () => {
    const sent: string[] = [];
    writeB3(read(""), (name) => void sent.push(name));
    expect(sent).toEqual([]);
  });
});

const ids = { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN };

const multi: readonly [what: string, headers: Record<string, string>, read: TraceHeaders | undefined][] = [
  ["identifiers alone", ids, read(TRACE)],
  ["sampled 1", { ...ids, "x-b3-sampled": "1" }, read(TRACE, { sampled: true })],
  ["sampled 0", { ...ids, "x-b3-sampled": "0" }, read(TRACE, { sampled: false })],
  ["sampled true", { ...ids, "x-b3-sampled": "true" }, read(TRACE, { sampled: true })],
  ["sampled false", { ...ids, "x-b3-sampled": "false" }, read(TRACE, { sampled: false })],
  ["sampled anything", { ...ids, "x-b3-sampled": "yes" }, read(TRACE)],
  ["debug", { ...ids, "x-b3-flags": "1" }, read(TRACE, { sampled: true, debug: true })],
  [
    "debug against sampled",
    { ...ids, "x-b3-flags": "1", "x-b3-sampled": "0" },
    read(TRACE, { sampled: true, debug: true }),
  ],
  ["flags 0", { ...ids, "x-b3-flags": "0" }, read(TRACE)],
  ["64 bits", { ...ids, "x-b3-traceid": SHORT }, read(PADDED)],
  ["a parent", { ...ids, "x-b3-parentspanid": PARENT }, read(TRACE, { parentSpanId: PARENT })],
  ["a parent of zeros", { ...ids, "x-b3-parentspanid": "0".repeat(16) }, read(TRACE)],
  ["a decision alone", { "x-b3-sampled": "0" }, read("", { sampled: false })],
  ["debug alone", { "x-b3-flags": "1" }, read("", { sampled: true, debug: true })],
  ["nothing", {}, undefined],
  ["a span alone", { "x-b3-spanid": SPAN }, undefined],
  ["no span", { "x-b3-traceid": TRACE, "x-b3-sampled": "1" }, undefined],
  ["a trace id of 20 digits", { ...ids, "x-b3-traceid": TRACE.slice(12) }, undefined],
  ["a trace id of zeros", { ...ids, "x-b3-traceid": "0".repeat(32) }, undefined],
  ["a span id of zeros", { ...ids, "x-b3-spanid": "0".repeat(16) }, undefined],
  ["upper case", { ...ids, "x-b3-spanid": SPAN.toUpperCase() }, undefined],
];

describe("the headers x-b3-…", () => {
  it.each(multi)("read: %s", (_, headers, expected) => {
    expect(readB3Multi(carrier(headers))).toEqual(expected);
  });

  it("are written with debug in place of sampled", () => {
    const sent: Record<string, string> = {};
    writeB3Multi(read(TRACE, { sampled: true, debug: true, parentSpanId: PARENT }), (name, value) => {
      sent[name] = value;
    });
    expect(sent).toEqual({ ...ids, "x-b3-parentspanid": PARENT, "x-b3-flags": "1" });
  });

  it("are written as a decision alone, and not at all without one", () => {
    const sent: [string, string][] = [];
    writeB3Multi(read("", { sampled: false }), (name, value) => void sent.push([name, value]));
    writeB3Multi(read(""), (name, value) => void sent.push([name, value]));
    expect(sent).toEqual([["x-b3-sampled", "0"]]);
  });
});

describe("both forms of B3", () => {
  const hex = (digits: number) =>
    fc
      .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits })
      .filter((text) => /[^0]/.test(text));
  const decision = fc.constantFrom(
    { sampled: undefined, debug: false },
    { sampled: true, debug: false },
    { sampled: false, debug: false },
    { sampled: true, debug: true },
  );
  const any = fc
    .record({ traceId: hex(32), spanId: hex(16), parentSpanId: fc.oneof(fc.constant(""), hex(16)), decision })
    .map(({ decision: decided, ...rest }): TraceHeaders => ({ ...rest, ...decided, state: "" }));

  it.each([
    ["b3", readB3, writeB3],
    ["b3multi", readB3Multi, writeB3Multi],
  ] as const)("%s: reading undoes writing", (_, reader, writer) => {
    fc.assert(
      fc.property(any, (headers) => {
        const sent = new Metadata();
        writer(headers, (name, value) => sent.set(name, value));
        expect(reader(sent)).toEqual(headers);
      }),
    );
  });

  it("never throw, and give well-formed identifiers or none", () => {
    const near = fc.tuple(fc.nat(70), fc.string({ maxLength: 3 })).map(([at, put]) => {
      const header = `${TRACE}-${SPAN}-1-${PARENT}`;
      return header.slice(0, at) + put + header.slice(at + put.length);
    });
    fc.assert(
      fc.property(fc.oneof(anyText, near), (text) => {
        const all = { b3: text, "x-b3-traceid": text, "x-b3-spanid": text, "x-b3-sampled": text, "x-b3-flags": text };
        for (const headers of [readB3(carrier(all)), readB3Multi(carrier(all))]) {
          if (headers === undefined) continue;
          expect(headers.traceId).toMatch(/^(?:[0-9a-f]{32})?$/);
          expect(headers.spanId).toMatch(/^(?:[0-9a-f]{16})?$/);
        }
      }),
    );
  });
});
