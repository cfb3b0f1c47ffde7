import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { systemClock } from "../time/index.ts";
import { virtualClock } from "../testing/index.ts";
import {
  logger,
  nopLogger,
  type Fields,
  type Level,
  type Logger,
  type LoggerOptions,
  type Threshold,
} from "./index.ts";

interface Captured {
  readonly log: Logger;
  readonly clock: ReturnType<typeof virtualClock>;
  readonly texts: () => string[];
  readonly lines: () => string[];
  readonly records: () => Record<string, unknown>[];
}

function capture(options: LoggerOptions = {}): Captured {
  const texts: string[] = [];
  const clock = virtualClock();
  const log = logger({ clock, format: "json", write: (text) => texts.push(text), ...options });
  const lines = (): string[] => {
    log.flush();
    return texts.join("").split("\n").slice(0, -1);
  };
  return {
    log,
    clock,
    texts: () => texts,
    lines,
    records: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe("a line", () => {
  it("has time, level, message, bound fields and its own, in this order", () => {
    const { log, lines } = capture({ fields: { service: "add" } });
    log.with({ version: 2 }).info("started", { port: 8081, tls: false });
    expect(lines()).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","msg":"started","service":"add","version":2,"port":8081,"tls":false}',
    ]);
  });

  it("has the time at which it was written", async () => {
    const { log, clock, records } = capture();
    log.info("a");
    await clock.advance(61_234);
    log.info("b");
    expect(records().map(({ time }) => time)).toEqual(["2026-01-01T00:00:00.000Z", "2026-01-01T00:01:01.234Z"]);
  });

  it("leaves out what is undefined", () => {
    const { log, records } = capture();
    log.with({ a: undefined }).info("x", { b: undefined, c: null });
    expect(Object.keys(records()[0]!)).toEqual(["time", "level", "msg", "c"]);
  });

  it("is one line that decodes to what was given, whatever it is", () => {
    const names = fc
      .string({ unit: "binary", maxLength: 20 })
      .filter((name) => !["time", "level", "msg", "cut"].includes(name));
    const values = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.integer()),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.dictionary(names, values), (message, fields) => {
        const plain = ![message, ...Object.values(fields)].some(
          (text) => typeof text === "string" && /[:=]/.test(text),
        );
        fc.pre(plain);
        const { log, lines } = capture();
        log.info(message, fields);
        expect(lines()).toHaveLength(1);
        const { time, level, msg, ...rest } = JSON.parse(lines()[0]!) as Fields;
        expect([time, level, msg]).toEqual(["2026-01-01T00:00:00.000Z", "info", message]);
        const shown = Object.entries(fields).map(([name, value]) => [
          name,
          typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
        ]);
        expect(Object.entries(rest)).toEqual(shown.sort(byPosition(Object.keys(rest))));
      }),
    );
  });

  it("is one line for any value, in every format, and never longer than allowed", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    const fields = fc.dictionary(fc.string({ unit: "binary", maxLength: 200 }), anything, { maxKeys: 30 });
    fc.assert(
      fc.property(fields, fields, fc.constantFrom("json", "logfmt", "pretty"), (bound, own, format) => {
        const { log, lines } = capture({ format, maxLineBytes: 1024 });
        log.with(bound).info("x".repeat(2000), own);
        expect(lines()).toHaveLength(1);
        expect(Buffer.byteLength(lines()[0]!)).toBeLessThan(1024);
        expect(lines()[0]).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      }),
    );
  });

  it("has no room for everything: what is left out is counted", () => {
    const { log, records } = capture({ maxLineBytes: 1024 });
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`name${i}`, i]));
    log.info("own", many);
    log.with(many).info("bound", { last: 1 });
    log
      .with(many)
      .with({ name0: () => 7 })
      .info("computed", many);
    for (const record of records()) {
      const shown = Object.keys(record).filter((name) => name.startsWith("name")).length;
      expect(shown).toBeGreaterThan(10);
      expect(record["cut"]).toBeGreaterThanOrEqual(200 - shown);
    }
    expect(records()[1]).toMatchObject({ last: 1 });
  });

  it("keeps its short fields beside a long one", () => {
    const { log, records } = capture({ maxLineBytes: 2048 });
    log.info("m".repeat(100_000), { body: "b".repeat(1_000_000), status: 200 });
    expect(records()[0]).toMatchObject({
      msg: expect.stringMatching(/^m+…\[\+\d+\]$/),
      body: expect.stringMatching(/^b+…\[\+\d+\]$/),
      status: 200,
    });
  });

  it("never holds a secret, in whatever place it stands", () => {
    const secret = "hunter2";
    const fields = {
      password: secret,
      headers: { authorization: secret, "x-custom": secret },
      error: Object.assign(new Error(`token=${secret}`), { config: { cookie: secret } }),
      url: `https://ada:${secret}@db/?api_key=${secret}`,
    };
    for (const format of ["json", "logfmt", "pretty"] as const) {
      const { log, lines } = capture({ format, redact: ["X-Custom"], fields: { secret } });
      log.with({ apiKey: () => secret, token: secret }).error(`password=${secret}`, fields);
      expect(lines()[0]).not.toContain(secret);
      expect(lines()[0]!.match(/\[redacted\]/g)!.length).toBeGreaterThanOrEqual(9);
    }
  });
});

describe("a name that is there twice", () => {
  it("is written once: the last one wins", () => {
    const { log, lines } = capture();
    const child = log.with({ a: 1, b: 2 }).with({ a: 3 });
    child.info("x", { c: 4 });
    child.info("x", { b: 5, c: 6 });
    expect(lines().map((line) => line.slice(line.indexOf('"msg"')))).toEqual([
      '"msg":"x","a":3,"b":2,"c":4}',
      '"msg":"x","a":3,"b":5,"c":6}',
    ]);
  });

  it("never replaces time, level or message", () => {
    const { log, records } = capture();
    log.info("real", { msg: "fake", level: "error", time: 0, cut: 1, msg_: "other" });
    expect(records()[0]).toEqual({
      time: "2026-01-01T00:00:00.000Z",
      level: "info",
      msg: "real",
      msg_: "other",
      level_: "error",
      time_: 0,
      cut_: 1,
    });
  });

  it("may be called like a member of every object", () => {
    const { log, records } = capture();
    log.with(JSON.parse('{"__proto__":1}') as Fields).info("x", { constructor: 2, toString: 3, hasOwnProperty: 4 });
    expect(Object.entries(records()[0]!).slice(3)).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
      ["toString", 3],
      ["hasOwnProperty", 4],
    ]);
  });
});

describe("levels", () => {
  const all: readonly Level[] = ["debug", "info", "warn", "error"];

  it.each<[Threshold, readonly Level[]]>([
    ["debug", all],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
    ["off", []],
  ])("from %s on", (level, written) => {
    const { log, records } = capture({ level });
    for (const one of all) log[one]("x");
    expect(records().map((record) => record["level"])).toEqual(written);
    expect(all.filter((one) => log.enabled(one))).toEqual(written);
  });

  it("change while running, for parents, children and siblings alike", () => {
    const { log, records } = capture();
    const child = log.with({ a: 1 });
    const sibling = log.with({ b: 1 });
    child.level = "warn";
    expect([log.level, sibling.level]).toEqual(["warn", "warn"]);
    sibling.info("no");
    log.level = "debug";
    child.debug("yes");
    expect(records().map(({ msg }) => msg)).toEqual(["yes"]);
  });

  it("are looked at first: fields of a line that is not written are not computed", () => {
    const { log, records } = capture();
    let computed = 0;
    const fields = (): Fields => ({ computed: ++computed });
    const child = log.with({ each: () => ++computed });
    child.debug("no", fields);
    expect(computed).toBe(0);
    child.info("yes", fields);
    expect(records()[0]).toMatchObject({ computed: 1, each: 2 });
  });

  it("must exist", () => {
    const { log } = capture();
    expect(() => (log.level = "loud" as Level)).toThrow(
      'level should be one of "debug", "info", "warn", "error", "off", got "loud"',
    );
    expect(log.level).toBe("info");
  });
});

describe("bound fields", () => {
  it("are computed for each line when they are functions, unless the line has its own", () => {
    let count = 0;
    const { log, records } = capture({ fields: { count: () => ++count, fixed: 1 } });
    log.info("a");
    log.info("b", { x: 1 });
    log.info("c", { count: "own" });
    log.with({ count: 0 }).info("d");
    expect(records().map((record) => record["count"])).toEqual([1, 2, "own", 0]);
    expect(count).toBe(2);
  });

  it("are rendered when they are bound, not when they are written", () => {
    const { log, records } = capture();
    const state = { phase: "before" };
    const child = log.with({ state });
    state.phase = "after";
    child.info("x");
    expect(records()[0]).toMatchObject({ state: { phase: "before" } });
  });

  it("of one child are not those of another", () => {
    const { log, records } = capture();
    const parent = log.with({ p: 1 });
    parent.with({ a: 1 }).info("a");
    parent.with({ b: 1 }).info("b");
    parent.info("p");
    expect(records().map((record) => Object.keys(record).slice(3))).toEqual([["p", "a"], ["p", "b"], ["p"]]);
  });
});

describe("what throws", () => {
  const thrower = (): never => {
    throw new Error("no");
  };

  it("is a mark on the line, and never gets out", () => {
    const { log, records } = capture();
    const proxy = Proxy.revocable({}, {});
    proxy.revoke();
    log.info("fields", thrower);
    log.with({ valuer: thrower }).info("valuer");
    log.info("getter", {
      get a() {
        return thrower();
      },
    });
    log.info("proxy", proxy.proxy as Fields);
    const shown = records().map(({ time: _time, level: _level, ...rest }) => rest);
    expect(shown).toEqual([
      { msg: "fields", fields: "[threw: no]" },
      { msg: "valuer", valuer: "[threw: no]" },
      { msg: "getter", a: "[threw: no]" },
      { msg: "proxy", fields: expect.stringMatching(/^\[threw: .*revoked/) },
    ]);
  });

  it("is on the line also when callers without types pass something else", () => {
    const { log, records } = capture();
    const loose = log as unknown as Record<string, (...args: unknown[]) => void>;
    loose["info"]!("error", new Error("boom"));
    loose["info"]!("text", "just this");
    loose["info"]!("list", [1]);
    loose["info"]!("null", null);
    loose["info"]!({ not: "a text" });
    expect(records()).toMatchObject([
      { error: { message: "boom" } },
      { value: "just this" },
      { value: [1] },
      { msg: "null" },
      { msg: '{"not":"a text"}' },
    ]);
  });

  it("may be the clock: the call goes on", () => {
    const { log, lines } = capture({ clock: { ...systemClock, date: () => NaN } });
    log.info("x");
    expect(JSON.parse(lines()[0]!)).toMatchObject({
      msg: "a line could not be made",
      error: expect.stringContaining("Invalid time"),
    });
  });

  it("may be the destination: lines wait, and those that had no room are counted", async () => {
    let broken = true;
    const texts: string[] = [];
    const { log, clock } = capture({
      write(text) {
        if (broken) throw new Error("disk full");
        texts.push(text);
      },
    });
    for (let i = 0; i < 200; i++) log.error("x", { body: "b".repeat(15_000) });
    broken = false;
    await clock.advance(100);
    const records = texts
      .join("")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Fields);
    const lost = records.at(-1)!;
    expect(lost).toMatchObject({ level: "warn", msg: "log lines lost" });
    expect(records.length - 1 + (lost["count"] as number)).toBe(200);
  });
});

describe("writing", () => {
  it("gathers lines, and does not let errors wait", async () => {
    const { log, clock, texts } = capture();
    log.info("a");
    log.warn("b");
    expect(texts()).toHaveLength(0);
    log.error("c");
    expect(texts()).toHaveLength(1);
    log.info("d");
    await clock.advance(100);
    expect(texts()).toHaveLength(2);
    log.info("e");
    log.with({ a: 1 }).flush();
    expect(texts()).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });
});

describe("options", () => {
  it.each<[string, unknown, string]>([
    ["level", "loud", 'level should be one of "debug", "info", "warn", "error", "off", got "loud"'],
    ["format", "xml", 'format should be one of "json", "logfmt", "pretty", got "xml"'],
    ["write", 1, "write should be a function, got 1"],
    ["redact", [""], 'redact should be a non-empty string, got ""'],
    ["batchBytes", -1, "batchBytes should be an integer from 0 to 1048576, got -1"],
    ["flushMs", 0, "flushMs should be a number from 1 to 60000, got 0"],
    ["maxLineBytes", 1023, "maxLineBytes should be an integer from 1024 to 1048576, got 1023"],
    ["colour", true, 'logger has no option "colour"'],
  ])("%s: wrong ones throw", (name, value, message) => {
    expect(() => logger({ write: () => undefined, [name]: value })).toThrow(message);
  });

  it("may be undefined", () => {
    const { log, records } = capture({ level: undefined, fields: undefined, redact: undefined, batchBytes: undefined });
    log.info("x");
    expect(records()).toHaveLength(1);
  });

  it("default to JSON where nobody looks", () => {
    const { log, records } = capture({ format: undefined });
    log.info("x");
    expect(records()[0]).toMatchObject({ msg: "x" });
  });
});

it("the logger that says nothing does so for good", () => {
  nopLogger.level = "debug";
  expect(nopLogger.level).toBe("off");
  let computed = 0;
  nopLogger.with({ a: () => ++computed }).error("x", () => ({ b: ++computed }));
  nopLogger.flush();
  expect(computed).toBe(0);
  expect(nopLogger.enabled("error")).toBe(false);
});

it("types: levels, fields and options are what they say", () => {
  expectTypeOf(logger()).toEqualTypeOf<Logger>();
  expectTypeOf<Logger["level"]>().toEqualTypeOf<Threshold>();
  const { log } = capture();
  log.info("x", { any: Symbol("value") });
  // @ts-expect-error a level, not a threshold
  log.enabled("off");
  // @ts-expect-error the message comes first
  expect(() => log.info({ a: 1 }, "message")).not.toThrow();
  // @ts-expect-error fields are an object
  log.info("x", 1);
  // @ts-expect-error no such format
  expect(() => logger({ format: "xml" })).toThrow("format should be one of");
});

function byPosition(names: readonly string[]): (a: unknown[], b: unknown[]) => number {
  return ([a], [b]) => names.indexOf(a as string) - names.indexOf(b as string);
}
