import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  trace,
  type TextMapPropagator,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { openTelemetryPropagator } from "./index.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";
type Headers = Record<string, string | string[]>;

const read = (headers: Headers, propagator: TextMapPropagator = openTelemetryPropagator()) =>
  trace.getSpanContext(propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter));

function written(propagator: TextMapPropagator, headers: Headers): Headers {
  const carrier: Headers = {};
  propagator.inject(
    openTelemetryPropagator().extract(ROOT_CONTEXT, headers, defaultTextMapGetter),
    carrier,
    defaultTextMapSetter,
  );
  return carrier;
}

describe("the propagator", () => {
  it("reads W3C and both forms of B3", () => {
    for (const headers of [
      { traceparent: `00-${TRACE}-${SPAN}-01` },
      { traceparent: [`00-${TRACE}-${SPAN}-01`] },
      { b3: `${TRACE}-${SPAN}-1` },
      { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1" },
    ] as Headers[]) {
      expect(read(headers)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    }
  });

  it("writes what it is told to, and names it", () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-03`, tracestate: "a=1" };
    expect(written(openTelemetryPropagator(), headers)).toEqual(headers);
    expect(written(openTelemetryPropagator({ write: ["b3", "b3multi"] }), headers)).toEqual({
      b3: `${TRACE}-${SPAN}-1`,
      "x-b3-traceid": TRACE,
      "x-b3-spanid": SPAN,
      "x-b3-sampled": "1",
    });
    expect(openTelemetryPropagator().fields()).toEqual(["traceparent", "tracestate"]);
    expect(openTelemetryPropagator({ write: ["b3"] }).fields()).toEqual(["b3"]);
  });

  it("leaves the context as it is where there is nothing, or no identifier", () => {
    for (const headers of [
      {},
      { b3: "0" },
      { traceparent: "no" },
      { traceparent: `00-${"0".repeat(32)}-${SPAN}-01` },
    ]) {
      expect(openTelemetryPropagator().extract(ROOT_CONTEXT, headers, defaultTextMapGetter)).toBe(ROOT_CONTEXT);
      expect(written(openTelemetryPropagator(), headers)).toEqual({});
    }
  });

  it("reads of W3C what the SDK's own propagator reads", () => {
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
    const header = fc.oneof(
      fc.tuple(hex(32), hex(16), fc.constantFrom("00", "01")).map((parts) => `00-${parts.join("-")}`),
      fc.string({ maxLength: 60 }),
    );
    fc.assert(
      fc.property(header, (traceparent) => {
        const theirs = read({ traceparent }, new W3CTraceContextPropagator());
        expect(read({ traceparent })).toEqual(theirs);
      }),
    );
  });

  it("checks its options, and is the API's by type", () => {
    expect(() => openTelemetryPropagator({ read: ["jaeger" as never] })).toThrow('read should be one of "w3c"');
    expect(() => openTelemetryPropagator({ write: "w3c" as never })).toThrow("write should be a list of formats");
    expect(() => openTelemetryPropagator({ formats: [] } as never)).toThrow('has no option "formats"');
    expectTypeOf(openTelemetryPropagator()).toEqualTypeOf<TextMapPropagator>();
  });
});
