import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServiceError, toServiceError } from "../errors/index.ts";
import { Redaction } from "./redaction.ts";
import { MAX_DEPTH, read, renderJson, threw } from "./render.ts";

const redaction = new Redaction();
const ROOMY = 1_000_000;

function rendered(value: unknown, maxBytes: number = ROOMY): unknown {
  return JSON.parse(renderJson(value, maxBytes, redaction));
}

describe("a value that JSON can hold", () => {
  it("decodes to the same value", () => {
    const json = fc
      .jsonValue({ maxDepth: 4, stringUnit: "binary" })
      .filter((value) => !/[:=]/.test(JSON.stringify(value).replace(/":/g, "")));
    fc.assert(
      fc.property(json, (value) => {
        expect(rendered(value)).toEqual(value);
      }),
    );
  });

  it("keeps __proto__ as a name like any other", () => {
    const value = JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as object;
    const back = rendered(value) as object;
    expect(Object.keys(back)).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("a value that JSON cannot hold", () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular["self"] = circular;
  it.each<[string, unknown, unknown]>([
    ["a bigint", 12345678901234567890n, "12345678901234567890"],
    ["a bigint too long to print", 1n << 100_000n, "[bigint]"],
    ["not a number", NaN, "NaN"],
    ["infinity", -Infinity, "-Infinity"],
    ["undefined", undefined, null],
    ["undefined in an object", { a: undefined, b: 1 }, { b: 1 }],
    ["undefined in a list", [undefined, 1], [null, 1]],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["a function", function sum() {}, "[function sum]"],
    ["a function without a name", () => 1, "[function (anonymous)]"],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["a date that is none", new Date(NaN), "[invalid date]"],
    [
      "a map",
      new Map<unknown, unknown>([
        ["a", 1],
        [{ k: 2 }, new Set([3])],
      ]),
      [
        ["a", 1],
        [{ k: 2 }, [3]],
      ],
    ],
    ["bytes", new Uint8Array(1000), "[Uint8Array of 1000 bytes]"],
    ["a buffer", new ArrayBuffer(5), "[ArrayBuffer of 5 bytes]"],
    ["a regular expression", /a"b/g, '/a"b/g'],
    ["a promise", Promise.resolve(1), "[Promise]"],
    ["headers", new Headers({ a: "1" }), [["a", "1"]]],
    ["what has toJSON", { toJSON: () => ({ b: 2 }) }, { b: 2 }],
    ["a URL", new URL("http://a.b/c"), "http://a.b/c"],
    ["a cycle", circular, { a: 1, self: "[circular]" }],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ])("is shown all the same: %s", (_, value, shown) => {
    expect(rendered(value)).toEqual(shown);
  });

  it("is followed only so deep", () => {
    let deep: unknown = "bottom";
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(renderJson(deep, ROOMY, redaction)).toBe(`${"[".repeat(MAX_DEPTH)}"[too deep]"${"]".repeat(MAX_DEPTH)}`);
  });

  it("may be there twice, when it is no cycle", () => {
    const shared = { a: 1 };
    expect(rendered([shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
  });
});

describe("a value that throws when it is looked at", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const thrower = (): never => {
    throw new Error("no");
  };
  it.each<[string, unknown, unknown]>([
    [
      "a getter",
      {
        get a() {
          return thrower();
        },
        b: 1,
      },
      { a: "[threw: no]", b: 1 },
    ],
    ["a getter of a list", Object.defineProperty([1, 2], 0, { get: thrower }), ["[threw: no]", 2]],
    ["toJSON", [{ toJSON: thrower }, 1], ["[threw: no]", 1]],
    ["an iterator", Object.assign(new Set([1]), { [Symbol.iterator]: thrower }), "[threw: no]"],
    [
      "a tag",
      {
        get [Symbol.toStringTag]() {
          return thrower();
        },
      },
      "[threw: no]",
    ],
    ["the name of a function", Object.defineProperty(() => 1, "name", { get: thrower }), "[threw: no]"],
    [
      "a thrown value without a text",
      {
        get a() {
          throw Object.create(null);
        },
      },
      { a: "[threw]" },
    ],
  ])("is a mark: %s", (_, value, shown) => {
    expect(rendered(value)).toEqual(shown);
  });

  it("is a mark, also when nothing can be asked of it", () => {
    expect(rendered(revoked.proxy)).toMatch(/^\[threw: .*revoked/);
    expect(read(revoked.proxy, "a")).toMatch(/^\[threw: /);
    expect(threw(revoked.proxy)).toBe("[threw]");
  });

  it("is rendered within its bytes and decodes, whatever it is", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(anything, fc.integer({ min: 64, max: 4096 }), (value, maxBytes) => {
        const text = renderJson(value, maxBytes, redaction);
        JSON.parse(text);
        expect(text).not.toContain("\n");
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes + 256);
      }),
    );
  });
});

describe("an error", () => {
  it("has name, message, stack and its causes", () => {
    const error = new TypeError("outer", { cause: new RangeError("inner", { cause: "root" }) });
    expect(rendered(error)).toEqual({
      name: "TypeError",
      message: "outer",
      stack: error.stack,
      cause: { name: "RangeError", message: "inner", stack: (error.cause as Error).stack, cause: "root" },
    });
  });

  it("has code and reason, and no stack that says nothing", () => {
    const shown = rendered(toServiceError(new Error("boom"))) as Record<string, unknown>;
    expect(shown).toMatchObject({
      name: "ServiceError",
      message: "internal error",
      code: "internal",
      reason: "internal",
      cause: { message: "boom" },
    });
    expect(shown).not.toHaveProperty("stack");
    expect(rendered(new ServiceError("x", { code: "aborted" }))).toHaveProperty("stack");
  });

  it("has the errors of an aggregate", () => {
    expect(rendered(new AggregateError([new Error("one"), "two"], "all"))).toMatchObject({
      errors: [{ message: "one" }, "two"],
    });
  });

  it("has a chain of causes only so long, also when it is a ring", () => {
    const ring = new Error("ring");
    ring.cause = ring;
    expect(rendered(ring)).toMatchObject({ cause: "[circular]" });
    let chain = new Error("0");
    for (let i = 1; i < 1000; i++) chain = new Error(String(i), { cause: chain });
    expect(renderJson(chain, ROOMY, redaction).match(/"message"/g)).toHaveLength(MAX_DEPTH);
  });

  it("survives a message and a stack that throw", () => {
    const getter = {
      get(): never {
        throw new Error("no");
      },
    };
    const broken = Object.defineProperty(Object.defineProperty(new Error("x"), "stack", getter), "message", getter);
    expect(rendered(broken)).toEqual({ name: "Error", message: "[threw: no]", stack: "[threw: no]" });
  });
});

describe("a secret", () => {
  it("is not shown, however deep it is, nor in errors", () => {
    const request = {
      headers: { Authorization: "Bearer s3cr3t", cookie: ["s3cr3t"], accept: "x" },
      nested: [{ api_key: { a: "s3cr3t" } }],
    };
    const error = Object.assign(
      new Error("failed: password=s3cr3t", { cause: Object.assign(new Error("inner"), { token: "s3cr3t" }) }),
      { request },
    );
    const text = renderJson({ error }, ROOMY, redaction);
    expect(text).not.toContain("s3cr3t");
    expect(text).toContain('"accept":"x"');
    expect(text.match(/\[redacted\]/g)!.length).toBeGreaterThanOrEqual(5);
  });

  it("is not shown in lists of header names and values", () => {
    expect(rendered(["host", "a", "Cookie", "s3cr3t", "accept", "x"])).toEqual([
      "host",
      "a",
      "Cookie",
      "[redacted]",
      "accept",
      "x",
    ]);
    expect(rendered(["x-a", "token", "Cookie", "s3cr3t"])).not.toContain("s3cr3t");
    expect(rendered(new Map([["authorization", "s3cr3t"]]))).toEqual([["authorization", "[redacted]"]]);
    expect(rendered(new Headers({ authorization: "s3cr3t", "set-cookie": "s3cr3t" }))).toEqual([
      ["authorization", "[redacted]"],
      ["set-cookie", "[redacted]"],
    ]);
  });

  it("is not read when it is a getter", () => {
    let reads = 0;
    rendered({
      get password() {
        return reads++;
      },
    });
    expect(reads).toBe(0);
  });

  it("is not shown when the text is cut in the middle of it", () => {
    for (let before = 0; before < 120; before++) {
      const text = renderJson(`${"x".repeat(before)} postgres://ada:s3cr3ts3cr3ts3cr3t@db/`, 100, redaction);
      expect(text).not.toContain("s3c");
    }
  });
});

describe("a large value", () => {
  it("is cut: a text of 1 MB", () => {
    const text = renderJson({ a: "x".repeat(1_000_000), b: "here" }, 4096, redaction);
    expect(text.length).toBeLessThan(4096);
    expect(JSON.parse(text)).toMatchObject({ a: expect.stringMatching(/^x{1000,}…\[\+99\d{4}\]$/), b: "here" });
  });

  it("is cut: a list of a million items, most of which are never looked at", () => {
    let reads = 0;
    const list = new Proxy(
      Array.from({ length: 1_000_000 }, (_, i) => i),
      {
        get: (target, name, receiver) => (
          typeof name === "string" && /^\d+$/.test(name) && reads++,
          Reflect.get(target, name, receiver) as unknown
        ),
      },
    );
    const back = rendered(list, 1024) as unknown[];
    expect(back.slice(0, 3)).toEqual([0, 1, 2]);
    expect(back.at(-1)).toBe(`… ${1_000_000 - (back.length - 1)} more`);
    expect(reads).toBeLessThan(1000);
  });

  it("is cut: an object with many names, and names without end", () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`name${i}`, i]));
    expect(rendered(many, 1024)).toMatchObject({ name0: 0, "…": expect.stringMatching(/^\d+ more$/) });
    const long = { ["n".repeat(1000)]: 1, ["n".repeat(1001)]: 2, ["n".repeat(999) + "m"]: 3 };
    expect(Object.values(rendered(long) as object)).toEqual([1, 2, 3]);
  });

  it("does not crowd out its neighbours", () => {
    const value = {
      first: "x".repeat(10_000),
      second: "y".repeat(10_000),
      third: { deep: "z".repeat(10_000) },
      last: "end",
    };
    expect(rendered(value, 4096)).toMatchObject({ last: "end" });
  });
});
