import { describe, expect, it } from "vitest";
import { Metadata, noMetadata } from "../endpoint/index.ts";
import { seededRandom, type Random } from "../time/index.ts";
import { DEBUG, RANDOM, SAMPLED } from "./headers.ts";
import { flagsOf, LightTrace, type Origin } from "./light-trace.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";

/** Counts the identifiers made. */
function counting(): Random & { made: number } {
  const random = seededRandom(1);
  return {
    made: 0,
    fraction: () => random.fraction(),
    hex(bytes) {
      this.made++;
      return random.hex(bytes);
    },
  };
}

function light(from: Origin, flags = 0): { trace: LightTrace; random: Random & { made: number } } {
  const random = counting();
  return { trace: new LightTrace({ random, write: ["w3c"] }, flags, from), random };
}

function incoming(traceparent: string, tracestate = "a=1"): Metadata {
  const headers = new Metadata();
  headers.set("traceparent", traceparent);
  headers.set("tracestate", tracestate);
  return headers;
}

describe("a light trace", () => {
  it("makes no identifier before one is read, and each once", () => {
    const { trace, random } = light(undefined);
    expect(trace.sampled).toBe(false);
    expect(trace.state).toBe("");
    expect(random.made).toBe(0);
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(random.made).toBe(1);
    expect(trace.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(trace.traceId).toBe(trace.traceId);
    expect(trace.spanId).toBe(trace.spanId);
    expect(random.made).toBe(2);
  });

  it("cuts the trace id out of a traceparent, and has a span of its own", () => {
    const { trace, random } = light(incoming(`00-${TRACE}-${SPAN}-00`));
    expect(trace.traceId).toBe(TRACE);
    expect(random.made).toBe(0);
    expect(trace.spanId).not.toBe(SPAN);
    expect(trace.state).toBe("a=1");
  });

  it("begins a trace in place of a malformed traceparent, and drops its tracestate", () => {
    for (const header of [`00-${"0".repeat(32)}-${SPAN}-00`, `ff-${TRACE}-${SPAN}-00`, `00-${TRACE}x${SPAN}-00`]) {
      const { trace, random } = light(incoming(header));
      expect(trace.state).toBe("");
      expect(trace.traceId).not.toBe(TRACE);
      expect(random.made).toBe(1);
      expect(trace.random).toBe(true);
    }
  });

  it("knows the random bit of version 00 only", () => {
    for (const [version, random] of [
      ["00", true],
      ["01", false],
    ] as const) {
      const { trace } = light(incoming(`${version}-${TRACE}-${SPAN}-02`), RANDOM);
      expect(trace.traceId).toBe(TRACE);
      expect(trace.random).toBe(random);
    }
  });

  it("goes on from another trace without making that one's span", () => {
    const outer = light(incoming(`00-${TRACE}-${SPAN}-00`));
    const { trace, random } = light(outer.trace);
    expect([trace.traceId, trace.state]).toEqual([TRACE, "a=1"]);
    expect([random.made, outer.random.made]).toEqual([0, 0]);
  });

  it("begins a trace where only a decision came", () => {
    const { trace } = light({ traceId: "", spanId: "", sampled: false, state: "" });
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it("begins a trace from metadata without a traceparent", () => {
    expect(light(noMetadata).trace.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it("tells its flags", () => {
    const { trace } = light(undefined, SAMPLED | DEBUG);
    expect([trace.sampled, trace.random, trace.debug]).toEqual([true, false, true]);
    expect(flagsOf(trace)).toBe(SAMPLED | DEBUG);
    expect(flagsOf({ traceId: TRACE, spanId: SPAN, sampled: undefined, state: "" })).toBe(0);
  });
});
