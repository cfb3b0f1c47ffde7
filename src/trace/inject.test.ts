import { describe, expect, it } from "vitest";
import {
  ActiveCall,
  backgroundContext,
  Metadata,
  type Carrier,
  type Context,
  type MethodInfo,
  type Side,
  type Trace,
} from "../endpoint/index.ts";
import type { TraceFormat } from "./headers.ts";
import { injectTrace } from "./inject.ts";

const trace: Trace = {
  traceId: "12345678901234567890123456789012",
  spanId: "1234567890123456",
  sampled: true,
  state: "a=1",
};

function info(side: Side): MethodInfo {
  return { service: "add", name: "sum", kind: "unary", side, idempotent: false, errors: [], timeoutMs: 3000 };
}

function call(side: Side, incoming: Record<string, string> = {}, parent?: Context): ActiveCall {
  const carrier: Carrier = { get: (name) => (Object.hasOwn(incoming, name) ? incoming[name] : undefined) };
  return new ActiveCall(info(side), { startMs: 0, timeoutMs: 3000, incoming: carrier, parent });
}

function sent(context: Context, formats?: readonly TraceFormat[]): Record<string, string> {
  const metadata = new Metadata();
  injectTrace(context, (name, value) => metadata.set(name, value), formats);
  return Object.fromEntries(metadata);
}

describe("injectTrace", () => {
  it("writes any trace as traceparent and tracestate, or as asked", () => {
    const outgoing = call("client");
    outgoing.trace = trace;
    expect(sent(outgoing.context)).toEqual({
      traceparent: `00-${trace.traceId}-${trace.spanId}-01`,
      tracestate: "a=1",
    });
    expect(sent(outgoing.context, ["b3"])).toEqual({ b3: `${trace.traceId}-${trace.spanId}-1` });
    expect(sent(outgoing.context, [])).toEqual({});
  });

  it("writes the trace of the call around a client that does not trace", () => {
    const around = call("server");
    around.trace = trace;
    const outgoing = call("client", {}, around.context);
    expect(sent(outgoing.context)["traceparent"]).toContain(trace.traceId);
  });

  it("hands the headers on as they came where nobody traces", () => {
    const headers = {
      traceparent: "cc-from-the-future",
      tracestate: "a=1, b=2",
      b3: "0",
      "x-b3-traceid": "1",
      "x-b3-flags": "1",
    };
    const around = call("server", { ...headers, cookie: "secret" });
    expect(sent(call("client", {}, around.context).context)).toEqual(headers);
    expect(sent(around.context)).toEqual(headers);
  });

  it("does not take the headers of an answer for those of a request", () => {
    expect(sent(call("client", { traceparent: "00-from-the-response" }).context)).toEqual({});
  });

  it("leaves out headers that could not be sent", () => {
    const around = call("server", {
      traceparent: "00-\u00e9",
      tracestate: "x".repeat(513),
      b3: "1\r\nevil: 1",
      "x-b3-sampled": "",
      "x-b3-traceid": "1",
    });
    expect(sent(around.context)).toEqual({ "x-b3-traceid": "1" });
  });

  it("takes any context, also one that is no view of a call", () => {
    const own = { ...Object.create(null), "~context": true, method: info("client"), trace } as Context;
    expect(sent(own)["traceparent"]).toContain(trace.traceId);
    expect(sent({ ...own, trace: undefined })).toEqual({});
  });

  it("writes nothing outside any call", () => {
    expect(sent(backgroundContext())).toEqual({});
  });
});
