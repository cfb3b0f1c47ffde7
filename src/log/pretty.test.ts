import { afterEach, describe, expect, it, vi } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { logger, type LoggerOptions } from "./index.ts";
import { PrettyFormat } from "./pretty.ts";
import { Redaction } from "./redaction.ts";

function capture(options: LoggerOptions = {}): { log: ReturnType<typeof logger>; texts: string[] } {
  const texts: string[] = [];
  return {
    texts,
    log: logger({
      format: "pretty",
      write: (text) => texts.push(text),
      clock: virtualClock(),
      batchBytes: 0,
      ...options,
    }),
  };
}

describe("pretty lines", () => {
  it("are aligned: time, level, message, fields", () => {
    const { log, texts } = capture({ level: "debug" });
    log.info("started", { port: 8081, name: "a b", at: new Date(0), tags: ["a b"] });
    log.error("failed to start the server", { code: null });
    log.debug("");
    expect(texts).toEqual([
      '00:00:00.000 INFO  started                  port=8081 name="a b" at=1970-01-01T00:00:00.000Z tags=["a b"]\n',
      "00:00:00.000 ERROR failed to start the server code=null\n",
      "00:00:00.000 DEBUG                         \n",
    ]);
  });

  it("quote a message that would pass for something else", () => {
    const { log, texts } = capture();
    log.info("ok user=root");
    log.info("a\u001b[2Jb\nc");
    expect(texts[0]).toContain('"ok user=root"');
    expect(texts[1]).toContain('"a\\u001b[2Jb\\nc"');
  });

  it("have no colour where no terminal is", () => {
    const { log, texts } = capture();
    log.warn("x", { a: 1 });
    expect(texts[0]).not.toContain("\u001b");
  });

  it("have a colour for each level on a terminal, and nothing from outside adds another", () => {
    const format = new PrettyFormat(new Redaction(), true);
    const heads = (["debug", "info", "warn", "error"] as const).map((level) =>
      format.head({ time: "2026-01-01T00:00:00.000Z", level, message: "m" }, 99),
    );
    expect(new Set(heads.map((head) => /\[(\d+)m[A-Z]/.exec(head)![1]))).toEqual(new Set(["90", "32", "33", "31"]));
    expect(format.label("a\u001b[31m").text).toBe(" \u001b[2ma_[31m=\u001b[0m");
    expect(format.value("\u001b[31m", 99)).toBe('"\\u001b[31m"');
  });
});

describe("the default destination", () => {
  afterEach(() => void vi.restoreAllMocks());

  it("is the standard output, where the rest is written when the process exits", () => {
    const exits: (() => void)[] = [];
    const chunks: string[] = [];
    vi.spyOn(process, "on").mockImplementation((event, run) => {
      if (event === "exit") exits.push(run as () => void);
      return process;
    });
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      chunks.push(typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk));
      return true;
    });
    const log = logger({ format: "pretty", clock: virtualClock() });
    log.info("a");
    log.with({ b: 1 }).info("last words");
    expect(chunks).toEqual([]);
    expect(exits).toHaveLength(1);
    exits[0]!();
    expect(chunks.join("")).toMatch(/ a +\n.* last words +.*b=.*1\n$/);
  });

  it("is asked for nothing when there is another", () => {
    const on = vi.spyOn(process, "on");
    capture().log.info("x");
    expect(on).not.toHaveBeenCalled();
  });
});
