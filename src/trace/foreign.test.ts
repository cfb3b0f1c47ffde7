import { describe, expect, it } from "vitest";
import { ActiveCall, backgroundContext, type Context } from "../endpoint/index.ts";
import { annotate, ForeignTrace, injectTrace, noteEvent, span, type SetHeader } from "./index.ts";

/** A tracer of somebody else that tells what it is asked to do. */
class Told extends ForeignTrace {
  readonly traceId = "12345678901234567890123456789012";
  readonly spanId: string;
  readonly sampled: boolean;
  readonly state = "";
  readonly call: Told;
  readonly told: string[];

  constructor(spanId: string, sampled: boolean, call?: Told) {
    super();
    this.spanId = spanId;
    this.sampled = sampled;
    this.call = call ?? this;
    this.told = call?.told ?? [];
  }

  inject(set: SetHeader): void {
    set("x-span", this.spanId);
  }

  annotate(name: string): void {
    this.told.push(`${this.spanId} ${name}`);
  }

  addEvent(name: string): void {
    this.told.push(`${this.spanId} event ${name}`);
  }

  open(name: string): Told {
    return new Told(name, true, this);
  }

  close(failed: boolean, error: unknown): void {
    this.told.push(`${this.spanId} ${failed ? (error as Error).message : "ok"}`);
  }
}

function begun(sampled: boolean): { context: Context; told: string[] } {
  const call = new ActiveCall(backgroundContext().method, { startMs: 0, timeoutMs: 10 });
  const place = new Told("call", sampled);
  call.trace = place;
  return { context: call.context, told: place.told };
}

function sent(context: Context, formats?: readonly "w3c"[]): string[] {
  const headers: string[] = [];
  injectTrace(context, (name, value) => headers.push(`${name} ${value}`), formats);
  return headers;
}

describe("a trace of another tracer", () => {
  it("is told what a handler notes, on the innermost span", async () => {
    const { context, told } = begun(true);
    annotate(context, "a", 1);
    const answer = span(context, "work", async (inside) => {
      await Promise.resolve();
      noteEvent(inside, "b");
      expect(sent(inside)).toEqual(["x-span work"]);
      return 7;
    });
    expect(await answer).toBe(7);
    expect(() =>
      span(context, "bad", () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(told).toEqual(["call a", "work event b", "work ok", "bad no"]);
  });

  it("opens nothing in a call that is not sampled", () => {
    const { context, told } = begun(false);
    expect(span(context, "work", (inside) => inside === context)).toBe(true);
    expect(told).toEqual([]);
  });

  it("writes its own headers, unless a format is asked for", () => {
    const { context } = begun(true);
    expect(sent(context)).toEqual(["x-span call"]);
    expect(sent(context, ["w3c"])).toEqual(["traceparent 00-12345678901234567890123456789012-call-01"]);
  });
});
