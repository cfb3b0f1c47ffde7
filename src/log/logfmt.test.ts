import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { logger, type Fields } from "./index.ts";

function line(message: string, fields: Fields): string {
  const texts: string[] = [];
  const log = logger({ format: "logfmt", write: (text) => texts.push(text), clock: virtualClock(), batchBytes: 0 });
  log.info(message, fields);
  expect(texts).toHaveLength(1);
  expect(texts[0]!.endsWith("\n")).toBe(true);
  return texts[0]!.slice(0, -1);
}

/** A reader of logfmt, written from the grammar: name, "=", a bare or a quoted value. */
function decode(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  let rest = text;
  while (rest !== "") {
    const match = /^([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s="]*)(?: |$)/u.exec(rest);
    if (match === null) throw new Error(`not logfmt: ${rest}`);
    pairs.push([match[1]!, match[2]!.startsWith('"') ? (JSON.parse(match[2]!) as string) : match[2]!]);
    rest = rest.slice(match[0].length);
  }
  return pairs;
}

describe("logfmt", () => {
  it("begins with time, level and message", () => {
    expect(line("started", { port: 8081 })).toBe("time=2026-01-01T00:00:00.000Z level=info msg=started port=8081");
  });

  it("leaves an empty message out, as lines of Go kit have none", () => {
    expect(line("", { transport: "HTTP", addr: ":8081" })).toBe(
      "time=2026-01-01T00:00:00.000Z level=info transport=HTTP addr=:8081",
    );
  });

  // The table of go-logfmt's own encoder, plus what a terminal obeys.
  it.each<[string, unknown, string]>([
    ["a word", "v", "k=v"],
    ["nothing", "", "k="],
    ["a space", "a b", 'k="a b"'],
    ["an equals sign", "a=b", 'k="a=b"'],
    ["a quote", 'say "hi"', 'k="say \\"hi\\""'],
    ["a backslash", "C:\\dir", "k=C:\\dir"],
    ["a newline", "a\nb", 'k="a\\nb"'],
    ["an escape sequence", "\u001b[31m", 'k="\\u001b[31m"'],
    ["the word null", "null", 'k="null"'],
    ["null", null, "k=null"],
    ["a number", 1.5, "k=1.5"],
    ["no number", NaN, "k=NaN"],
    ["a bigint", 5n, "k=5"],
    ["a boolean", true, "k=true"],
    ["a date", new Date(0), "k=1970-01-01T00:00:00.000Z"],
    ["letters of other scripts", "世界", "k=世界"],
    ["right-to-left override", "a\u202eb", 'k="a\\u202eb"'],
    ["a lone surrogate", "\udfff", 'k="\\udfff"'],
    ["a list", [1, 2], "k=[1,2]"],
    ["an object", { a: 1 }, 'k="{\\"a\\":1}"'],
  ])("writes %s", (_, value, pair) => {
    expect(line("x", { k: value }).split(" msg=x ")[1]).toBe(pair);
  });

  it("makes names that its readers can read, and writes equal ones once", () => {
    expect(line("x", { "a b": 1, "c=d": 2, 'e"': 3, "\n": 4, "": 5, a_b: 6 })).toMatch(/ msg=x a_b=6 c_d=2 e_=3 _=5$/);
  });

  it("decodes to the texts that were given, whatever is in them", () => {
    const texts = fc.string({ unit: "binary" }).filter((text) => !/[:=]/.test(text));
    fc.assert(
      fc.property(
        texts,
        fc.dictionary(fc.stringMatching(/^[a-j]{1,3}$/), fc.oneof(texts, fc.constantFrom("a=b", "c:d", 'a="', "\\"))),
        (message, fields) => {
          const [time, level, ...rest] = decode(line(`m${message}`, fields));
          expect([time![0], level]).toEqual(["time", ["level", "info"]]);
          expect(rest).toEqual([["msg", `m${message}`], ...Object.entries(fields)]);
        },
      ),
    );
  });

  it("decodes to JSON of nested values", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.jsonValue({ maxDepth: 3 })), fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))),
        (value) => {
          fc.pre(!/[:=]/.test(JSON.stringify(value).replace(/":/g, "")));
          const [, , , pair] = decode(line("x", { value }));
          expect(JSON.parse(pair![1])).toEqual(value);
        },
      ),
    );
  });
});
