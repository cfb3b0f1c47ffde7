import { describe, expect, it } from "vitest";
import { ActiveCall, backgroundContext, type Context, type Trace } from "../endpoint/index.ts";
import { policyError, toServiceError } from "../errors/index.ts";
import { logErrors, logger, loggerKey, logOf, type Fields, type Logger } from "./index.ts";

function capture(): { log: Logger; records: Fields[] } {
  const records: Fields[] = [];
  const write = (text: string): void => {
    for (const line of text.trimEnd().split("\n")) records.push(JSON.parse(line) as Fields);
  };
  return { records, log: logger({ batchBytes: 0, write }) };
}

class Counted extends ActiveCall {
  ids = 0;

  protected override makeRequestId(): string {
    this.ids++;
    return "id-7";
  }
}

function callOf(log: Logger | undefined, trace?: Trace): { call: Counted; context: Context } {
  const method = { ...backgroundContext().method, service: "add", name: "sum" };
  const call = new Counted(method, { startMs: 0, timeoutMs: 3000 });
  call.trace = trace;
  return { call, context: log === undefined ? call.context : call.context.with(loggerKey, log) };
}

describe("the logger of a call", () => {
  it("has the ids of the call on every line", () => {
    const { log, records } = capture();
    const { context } = callOf(log, { traceId: "t".repeat(32), spanId: "s", sampled: false, state: "" });
    logOf(context).info("hello", { a: 1 });
    logOf(context).with({ b: 2 }).warn("again");
    const ids = { request_id: "id-7", trace_id: "t".repeat(32), service: "add", method: "sum" };
    expect(records).toMatchObject([
      { msg: "hello", ...ids, a: 1 },
      { msg: "again", ...ids, b: 2 },
    ]);
  });

  it("has no trace id when there is no trace", () => {
    const { log, records } = capture();
    logOf(callOf(log).context).error("x");
    expect(records[0]).not.toHaveProperty("trace_id");
  });

  it("makes no ids for lines that are not written", () => {
    const { log, records } = capture();
    const { call, context } = callOf(log);
    const own = logOf(context);
    own.debug("x", () => ({ never: 1 }));
    expect([own.enabled("debug"), own.level, call.ids]).toEqual([false, "info", 0]);
    own.level = "debug";
    own.debug("x");
    own.debug("y");
    own.flush();
    expect([log.level, call.ids, records.length]).toEqual(["debug", 1, 2]);
  });

  it("is as quiet and as loud as the server's", () => {
    const { log, records } = capture();
    const { call, context } = callOf(log);
    const own = logOf(context);
    log.level = "off";
    for (const level of ["debug", "info", "warn", "error"] as const) own[level]("no");
    expect([records.length, call.ids]).toEqual([0, 0]);
    log.level = "debug";
    for (const level of ["debug", "info", "warn", "error"] as const) own[level]("yes");
    expect(records.map((record) => record["level"])).toEqual(["debug", "info", "warn", "error"]);
  });

  it("says nothing when the context has none", () => {
    const { call, context } = callOf(undefined);
    logOf(context).error("x");
    expect(call.ids).toBe(0);
    expect(logOf(context).enabled("error")).toBe(false);
  });
});

describe("the error handler", () => {
  it("writes what became internal in full, with the ids of its call", () => {
    const { log, records } = capture();
    const { context } = callOf(undefined);
    logErrors(log)(toServiceError(new Error("disk full", { cause: "EIO" })), context);
    expect(records[0]).toMatchObject({
      level: "error",
      msg: "unexpected error",
      request_id: "id-7",
      method: "sum",
      error: { name: "Error", message: "disk full", cause: "EIO", stack: expect.stringContaining("context.test") },
    });
  });

  it("writes whatever was thrown, without a call too", () => {
    const { log, records } = capture();
    const handle = logErrors(log);
    handle("a text");
    handle(policyError("unknown", { cause: new Error("behind") }));
    handle(undefined);
    expect(records).toMatchObject([
      { error: "a text" },
      { error: { reason: "unknown", cause: { message: "behind" } } },
      { msg: "unexpected error" },
    ]);
  });
});
