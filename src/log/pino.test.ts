import { describe, expect, expectTypeOf, it } from "vitest";
import { pinoLogger, type Fields, type PinoLike } from "./index.ts";

type Line = [level: string, message: string, fields: object];

const ranks = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** A logger of pino's shape. */
function fakePino(): PinoLike & { lines: Line[]; flushed: number } {
  const lines: Line[] = [];
  const write = (level: string) => (fields: object, message: string) => void lines.push([level, message, fields]);
  return {
    lines,
    flushed: 0,
    level: "info",
    isLevelEnabled(level) {
      return ranks.indexOf(level) >= ranks.indexOf(this.level);
    },
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    flush() {
      this.flushed++;
    },
  };
}

describe("a logger over pino", () => {
  it("writes level, fields and message", () => {
    const pino = fakePino();
    const log = pinoLogger(pino).with({ service: "add" });
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]("x", { a: 1 });
    const fields = { service: "add", a: 1 };
    expect(pino.lines).toEqual([
      ["info", "x", fields],
      ["warn", "x", fields],
      ["error", "x", fields],
    ]);
  });

  it("follows pino's level and sets it", () => {
    const pino = fakePino();
    const log = pinoLogger(pino);
    const child = log.with({});
    const seen = ["trace", "debug", "info", "fatal", "silent", "custom"].map((level) => {
      pino.level = level;
      return log.level;
    });
    expect(seen).toEqual(["debug", "debug", "info", "error", "off", "info"]);
    child.level = "off";
    expect([pino.level, log.enabled("error")]).toEqual(["silent", false]);
    log.level = "warn";
    expect([pino.level, child.enabled("info"), child.enabled("warn")]).toEqual(["warn", false, true]);
    expect(() => (log.level = "silent" as "off")).toThrow("level should be one of");
  });

  it("writes only what pino's level lets through", () => {
    const pino = fakePino();
    const log = pinoLogger(pino);
    log.level = "off";
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]("no");
    log.level = "debug";
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]("yes");
    expect(pino.lines.map(([level]) => level)).toEqual(["debug", "info", "warn", "error"]);
  });

  it("computes fields late, and gives each name once", () => {
    const pino = fakePino();
    let count = 0;
    const log = pinoLogger(pino).with({ count: () => ++count, name: "a" });
    log.debug("no", () => ({ never: ++count }));
    log.info("x", () => ({ name: "b" }));
    expect(pino.lines).toEqual([["info", "x", { count: 1, name: "b" }]]);
  });

  it("hands on values that are safe: without secrets, errors in full, nothing that throws", () => {
    const pino = fakePino();
    const error = Object.assign(new Error("boom"), { headers: { cookie: "s3cr3t" } });
    const cyclic: Record<string, unknown> = { password: "s3cr3t" };
    cyclic["self"] = cyclic;
    const fields = {
      error,
      cyclic,
      token: "s3cr3t",
      big: 1n,
      fn: (): void => undefined,
      nil: null,
      gone: undefined,
      msg: "fake",
      get bad() {
        throw new Error("no");
      },
    };
    pinoLogger(pino).with({ secret: "s3cr3t" }).info("password=s3cr3t", fields);
    expect(JSON.stringify(pino.lines)).not.toContain("s3cr3t");
    expect(pino.lines[0]![2]).toMatchObject({
      error: { name: "Error", message: "boom", stack: error.stack, headers: { cookie: "[redacted]" } },
      cyclic: { self: "[circular]" },
      big: "1",
      fn: "[function fn]",
      nil: null,
      msg_: "fake",
      bad: "[threw: no]",
    });
    expect(pino.lines[0]![2]).not.toHaveProperty("gone");
    expect(pino.lines[0]![1]).toBe("password=[redacted]");
  });

  it("never throws, whatever it is given", () => {
    const pino = fakePino();
    const log = pinoLogger(pino);
    log.info("computed", () => {
      throw new Error("no");
    });
    log
      .with({
        a: () => {
          throw new Error("no");
        },
      })
      .info("valuer");
    log.info("error", new Error("boom") as unknown as Fields);
    log.info({ not: "a text" } as unknown as string);
    log.info("proto", JSON.parse('{"__proto__":{"x":1}}') as Fields);
    expect(pino.lines.map(([, message, fields]) => [message, JSON.parse(JSON.stringify(fields))])).toMatchObject([
      ["computed", { value: "[threw: no]" }],
      ["valuer", { a: "[threw: no]" }],
      ["error", { error: { message: "boom" } }],
      ['{"not":"a text"}', {}],
      ["proto", {}],
    ]);
    expect(Object.getPrototypeOf(pino.lines[4]![2])).toBe(Object.prototype);
    pino.info = () => {
      throw new Error("the transport is gone");
    };
    expect(() => log.info("x")).not.toThrow();
  });

  it("flushes pino, where it can", () => {
    const pino = fakePino();
    pinoLogger(pino).flush();
    expect(pino.flushed).toBe(1);
    const without = Object.fromEntries(Object.entries(fakePino()).filter(([name]) => name !== "flush"));
    expect(() => pinoLogger(without as unknown as PinoLike).flush()).not.toThrow();
  });
});

it("types: what has the overloads of pino's methods fits", () => {
  interface LogFn {
    <T extends object>(fields: T, message?: string, ...args: unknown[]): void;
    (fields: unknown, message?: string, ...args: unknown[]): void;
    (message: string, ...args: unknown[]): void;
  }
  interface Shape {
    level: "info" | "silent" | (string & {});
    isLevelEnabled(level: "info" | "silent" | (string & {})): boolean;
    debug: LogFn;
    info: LogFn;
    warn: LogFn;
    error: LogFn;
    flush(done?: (error?: Error) => void): void;
    child(bindings: Record<string, unknown>): Shape;
  }
  expectTypeOf<Shape>().toExtend<PinoLike>();
  expectTypeOf<Console>().not.toExtend<PinoLike>();
});
