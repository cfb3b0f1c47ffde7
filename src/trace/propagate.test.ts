import { describe, expect, expectTypeOf, it } from "vitest";
import { Metadata, type Trace } from "../endpoint/index.ts";
import type { TraceFormat, TraceHeaders } from "./headers.ts";
import { readTrace, writeTrace } from "./propagate.ts";

const W3C = "11111111111111111111111111111111";
const ONE = "22222222222222222222222222222222";
const MANY = "33333333333333333333333333333333";
const SPAN = "4444444444444444";

function all(): Metadata {
  const headers = new Metadata();
  headers.set("traceparent", `00-${W3C}-${SPAN}-00`);
  headers.set("b3", `${ONE}-${SPAN}-0`);
  headers.set("x-b3-traceid", MANY);
  headers.set("x-b3-spanid", SPAN);
  return headers;
}

function names(headers: TraceHeaders, formats?: readonly TraceFormat[]): string[] {
  const sent: string[] = [];
  writeTrace(headers, (name) => void sent.push(name), formats);
  return sent;
}

describe("readTrace", () => {
  it("prefers traceparent, then the one header of B3, then the many", () => {
    const headers = all();
    expect(readTrace(headers)?.traceId).toBe(W3C);
    headers.set("traceparent", "00-malformed");
    expect(readTrace(headers)?.traceId).toBe(ONE);
    headers.set("b3", "malformed");
    expect(readTrace(headers)?.traceId).toBe(MANY);
    headers.set("x-b3-spanid", "malformed");
    expect(readTrace(headers)).toBeUndefined();
  });

  it("looks for the given formats in the given order, and for no others", () => {
    expect(readTrace(all(), ["b3multi", "w3c"])?.traceId).toBe(MANY);
    expect(readTrace(all(), ["b3"])?.traceId).toBe(ONE);
    expect(readTrace(all(), [])).toBeUndefined();
  });
});

describe("writeTrace", () => {
  const headers: TraceHeaders = { traceId: W3C, spanId: SPAN, sampled: false, state: "" };

  it("writes traceparent alone by default", () => {
    expect(names(headers)).toEqual(["traceparent"]);
  });

  it("writes every format asked for", () => {
    expect(names(headers, ["w3c", "b3", "b3multi"])).toEqual([
      "traceparent",
      "b3",
      "x-b3-traceid",
      "x-b3-spanid",
      "x-b3-sampled",
    ]);
    expect(names(headers, [])).toEqual([]);
  });

  it("takes the trace of any context", () => {
    expectTypeOf<Trace>().toExtend<TraceHeaders>();
  });
});
