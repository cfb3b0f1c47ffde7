import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Metadata, type Carrier } from "../endpoint/index.ts";
import type { TraceHeaders } from "./headers.ts";
import { flagsIn, readW3c, unsampledFlags, writeW3c } from "./w3c.ts";

const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 80 });

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";

function carrier(headers: Record<string, string>): Carrier {
  return { get: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined) };
}

function written(headers: TraceHeaders): Record<string, string> {
  const sent: Record<string, string> = {};
  writeW3c(headers, (name, value) => void (sent[name] = value));
  return sent;
}

// The cases of the W3C's own test suite, by what they try: [header, whether it is read, what].
const vectors: readonly [header: string, isRead: boolean, what: string][] = [
  [`00-${TRACE}-${SPAN}-00`, true, "not sampled"],
  [`00-${TRACE}-${SPAN}-01`, true, "sampled"],
  [`00-${TRACE}-${SPAN}-02`, true, "random"],
  [`00-${TRACE}-${SPAN}-ff`, true, "every flag"],
  [`00-${TRACE}-${SPAN}-01.`, false, "version 00 with a character more"],
  [`00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, false, "version 00 with a field more"],
  [`cc-${TRACE}-${SPAN}-01`, true, "a later version"],
  [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true, "a later version with a field more"],
  [`cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`, false, "a later version, no dash after the flags"],
  [`01-${TRACE}-${SPAN}-01-`, true, "a later version with an empty field more"],
  [`ff-${TRACE}-${SPAN}-01`, false, "the forbidden version"],
  [`.0-${TRACE}-${SPAN}-01`, false, "illegal first character of the version"],
  [`0.-${TRACE}-${SPAN}-01`, false, "illegal second character of the version"],
  [`CC-${TRACE}-${SPAN}-01`, false, "upper case in the version"],
  [`000-${TRACE}-${SPAN}-01`, false, "version of three digits"],
  [`0000-${TRACE}-${SPAN}-01`, false, "version of four digits"],
  [`0-${TRACE}-${SPAN}-01`, false, "version of one digit"],
  [`00-${"0".repeat(32)}-${SPAN}-01`, false, "trace id of zeros"],
  [`cc-${"0".repeat(32)}-${SPAN}-01`, false, "trace id of zeros in a later version"],
  [`00-.${TRACE.slice(1)}-${SPAN}-01`, false, "illegal first character of the trace id"],
  [`00-${TRACE.slice(0, 31)}.-${SPAN}-01`, false, "illegal last character of the trace id"],
  [`00-${TRACE.slice(0, 31)}A-${SPAN}-01`, false, "upper case in the trace id"],
  [`00-${TRACE}3-${SPAN}-01`, false, "trace id too long"],
  [`00-${TRACE.slice(1)}-${SPAN}-01`, false, "trace id too short"],
  [`00-${TRACE}-${"0".repeat(16)}-01`, false, "span id of zeros"],
  [`00-${TRACE}-.${SPAN.slice(1)}-01`, false, "illegal first character of the span id"],
  [`00-${TRACE}-${SPAN.slice(0, 15)}.-01`, false, "illegal last character of the span id"],
  [`00-${TRACE}-${SPAN}7-01`, false, "span id too long"],
  [`00-${TRACE}-${SPAN.slice(1)}-01`, false, "span id too short"],
  [`00-${TRACE}-${SPAN}-.0`, false, "illegal first character of the flags"],
  [`00-${TRACE}-${SPAN}-0.`, false, "illegal last character of the flags"],
  [`00-${TRACE}-${SPAN}-001`, false, "flags too long"],
  [`00-${TRACE}-${SPAN}-1`, false, "flags too short"],
  [`00-${TRACE}-${SPAN}`, false, "no flags"],
  [`00_${TRACE}_${SPAN}_01`, false, "other dashes"],
  [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, false, "the header twice"],
  [`00-${TRACE}-${SPAN}-01\n`, false, "a line break at the end"],
  ["", false, "nothing"],
];

describe("reading traceparent", () => {
  it.each(vectors)("%s: %s (%s)", (header, isRead) => {
    const headers = readW3c(carrier({ traceparent: header }));
    expect(headers?.traceId).toBe(isRead ? TRACE : undefined);
    expect(headers?.spanId).toBe(isRead ? SPAN : undefined);
    expect(flagsIn(header) >= 0).toBe(isRead);
  });

  it("finds nothing where there is no header", () => {
    expect(readW3c(carrier({}))).toBeUndefined();
    expect(flagsIn(undefined)).toBe(-1);
  });

  it("understands the sampled and random bits of every flag byte, and no other bit", () => {
    for (let flags = 0; flags < 256; flags++) {
      const byte = flags.toString(16).padStart(2, "0");
      const headers = readW3c(carrier({ traceparent: `00-${TRACE}-${SPAN}-${byte}` }));
      expect([headers?.sampled, headers?.random]).toEqual([(flags & 1) === 1, (flags & 2) === 2]);
    }
  });

  it("understands only the sampled bit of a later version", () => {
    const headers = readW3c(carrier({ traceparent: `01-${TRACE}-${SPAN}-03-more` }));
    expect([headers?.sampled, headers?.random]).toEqual([true, false]);
  });

  it("reads tracestate only beside a good traceparent", () => {
    const good = { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: "foo=1,bar=2" };
    expect(readW3c(carrier(good))?.state).toBe("foo=1,bar=2");
    expect(readW3c(carrier({ ...good, traceparent: "00-bad" }))).toBeUndefined();
    expect(readW3c(carrier({ ...good, tracestate: "FOO=1" }))?.state).toBe("");
  });

  it("never throws, whatever the header", () => {
    const near = fc.tuple(fc.nat(56), fc.string({ maxLength: 3 })).map(([at, put]) => {
      const header = `00-${TRACE}-${SPAN}-01`;
      return header.slice(0, at) + put + header.slice(at + put.length);
    });
    fc.assert(
      fc.property(fc.oneof(anyText, near), (header) => {
        const headers = readW3c(carrier({ traceparent: header, tracestate: header }));
        if (headers === undefined) return;
        expect(headers.traceId).toMatch(/^[0-9a-f]{32}$/);
        expect(headers.spanId).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });
});

describe("the first look at a traceparent", () => {
  it("finds the flags of one that says not sampled", () => {
    expect(unsampledFlags(`00-${TRACE}-${SPAN}-00`)).toBe(0);
    expect(unsampledFlags(`00-${TRACE}-${SPAN}-02`)).toBe(2);
  });

  it("never takes a sampled one for unsampled, nor one of another length", () => {
    for (const end of ["01", "03", "0b", "0f", "ff", "0.", "0-"]) {
      expect(unsampledFlags(`00-${TRACE}-${SPAN}-${end}`)).toBe(-1);
    }
    for (const header of ["", "0", `00-${TRACE}-${SPAN}-000`, `00-${TRACE}-${SPAN}-`]) {
      expect(unsampledFlags(header)).toBe(-1);
    }
  });

  it("agrees with the whole reading on every well-formed header", () => {
    const header = fc.record({ version: fc.nat(254), flags: fc.nat(255) }).map(({ version, flags }) => {
      const [v, f] = [version, flags].map((byte) => byte.toString(16).padStart(2, "0"));
      return `${v}-${TRACE}-${SPAN}-${f}`;
    });
    fc.assert(
      fc.property(header, (text) => {
        expect(unsampledFlags(text) >= 0 && (flagsIn(text) & 1) === 1).toBe(false);
      }),
    );
  });
});

describe("writing traceparent", () => {
  const headers: TraceHeaders = { traceId: TRACE, spanId: SPAN, sampled: true, state: "" };

  it("writes version 00 and the known flags", () => {
    expect(written(headers)).toEqual({ traceparent: `00-${TRACE}-${SPAN}-01` });
    expect(written({ ...headers, sampled: false, random: true })["traceparent"]).toBe(`00-${TRACE}-${SPAN}-02`);
    expect(written({ ...headers, sampled: undefined, debug: true })["traceparent"]).toBe(`00-${TRACE}-${SPAN}-00`);
  });

  it("adds tracestate when there is one", () => {
    expect(written({ ...headers, state: "a=1" })["tracestate"]).toBe("a=1");
  });

  it("writes nothing without identifiers", () => {
    expect(written({ ...headers, traceId: "", spanId: "" })).toEqual({});
  });

  it("is undone by reading", () => {
    const id = (digits: number) =>
      fc
        .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits })
        .filter((text) => /[^0]/.test(text));
    const any = fc.record({
      traceId: id(32),
      spanId: id(16),
      sampled: fc.boolean(),
      random: fc.boolean(),
      state: fc.constantFrom("", "a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    });
    fc.assert(
      fc.property(any, (trace) => {
        const sent = new Metadata();
        writeW3c(trace, (name, value) => sent.set(name, value));
        expect(readW3c(sent)).toEqual(trace);
      }),
    );
  });
});
