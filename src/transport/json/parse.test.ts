import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServiceError } from "../../errors/index.ts";
import { MAX_DEPTH, parseJson } from "./parse.ts";

const LIMITS = { maxDepth: 64 };

/** What a text is refused with, or "accepted". */
function refusal(text: string, maxDepth = 64): string {
  try {
    parseJson(text, { maxDepth });
    return "accepted";
  } catch (error) {
    const isOurs = ServiceError.is(error) && error.code === "invalid_argument" && error.reason === "malformed_message";
    return isOurs ? error.message : `not our error: ${String(error)}`;
  }
}

/** What `read` gives, or what is said when it throws. */
function outcome(read: () => unknown, said: string): unknown {
  try {
    return { value: read() };
  } catch {
    return said;
  }
}

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const nestedObjects = (levels: number): string => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);

describe("parseJson", () => {
  it("reads what JSON.parse reads", () => {
    const texts = [
      "1",
      "-0",
      '"x"',
      "null",
      "true",
      "[]",
      "{}",
      ' {"a" : [1, {"b":null}] }\n',
      '{"a":1,"b":2}',
      '"\\ud800"',
    ];
    for (const text of texts) expect(parseJson(text, LIMITS)).toEqual(JSON.parse(text));
  });

  it("refuses what is not JSON with one stable message", () => {
    const texts = [
      "",
      " ",
      "{",
      "{}x",
      "{} {}",
      "[1,]",
      "{'a':1}",
      "undefined",
      "NaN",
      "01",
      "\u{feff}{}",
      "[1]\0",
      '"\n"',
      '{"a"}',
    ];
    for (const text of texts) expect(refusal(text)).toBe("the body is not valid JSON");
  });

  it("does not keep the body in the error, which may be logged", () => {
    const thrown = (): unknown => parseJson('{"password":"hunter2",}', LIMITS);
    expect(thrown).toThrow(expect.not.objectContaining({ message: expect.stringContaining("hunter2") }));
    expect(thrown).toThrow(expect.objectContaining({ cause: undefined }));
  });

  it("accepts nesting up to the limit and refuses one level more", () => {
    for (const make of [nested, nestedObjects]) {
      expect(refusal(make(MAX_DEPTH))).toBe("accepted");
      expect(refusal(make(MAX_DEPTH + 1))).toBe("the JSON is nested deeper than 64");
      expect(refusal(make(3), 3)).toBe("accepted");
      expect(refusal(make(4), 3)).toBe("the JSON is nested deeper than 3");
    }
    expect(MAX_DEPTH).toBe(64);
  });

  it("uses the default depth when no limits are given", () => {
    expect(parseJson(nested(64))).toHaveLength(1);
    expect(() => parseJson(nested(65))).toThrow("nested deeper than 64");
  });

  it("refuses a body of a million brackets before building anything of it", () => {
    for (const text of [
      "[".repeat(1 << 20),
      nested(1 << 19),
      '{"a":'.repeat(200_000),
      `[${'"[",'.repeat(9)}${nested(30_000)}]`,
    ]) {
      expect(refusal(text)).toBe("the JSON is nested deeper than 64");
    }
  });

  it("accepts a large flat body, whatever brackets its strings hold", () => {
    const items = Array.from({ length: 30_000 }, (_, i) => ({ id: i, s: '[{[{\\"' }));
    expect(parseJson(JSON.stringify(items), LIMITS)).toEqual(items);
    expect(parseJson(JSON.stringify("[".repeat(100_000)), LIMITS)).toHaveLength(100_000);
  });

  it("refuses a key that occurs twice, on any level and in any spelling", () => {
    const twice: readonly (readonly [string, string])[] = [
      ['{"a":1,"a":1}', "a"],
      ['{"a":1,"\\u0061":2}', "a"],
      ['{"a" :1 , "b":2,"a"\n:3}', "a"],
      ['[1,{"x":{"y":1,"z":2,"y":3}}]', "y"],
      ['{"a":{"b":{"c":1}},"a":1}', "a"],
      ['{"":1,"":2}', ""],
      ['{"1":1,"1":2}', "1"],
      ['{"a:b":1,"c":":","a:b":2}', "a:b"],
      ['{"s":"x\\":","s":2}', "s"],
      [`{"pad":"${"x".repeat(200)}","a":1,"a":1}`, "a"],
    ];
    for (const [text, key] of twice) expect(refusal(text)).toBe(`the JSON has the key ${JSON.stringify(key)} twice`);
  });

  it("shortens and escapes the key it names", () => {
    const long = JSON.stringify(`${"k".repeat(100_000)}`);
    expect(refusal(`{${long}:1,${long}:2}`).length).toBeLessThan(120);
    expect(refusal('{"\\n\\u001b":1,"\\n\\u001b":2}')).toBe('the JSON has the key "\\n\\u001b" twice');
  });

  it("is not misled by colons, quotes and backslashes in strings and keys", () => {
    const value = {
      "a:": ":",
      '":': '":":',
      "\\": "\\\\",
      '\\":': " :",
      at: "2024-01-01T00:00:00Z",
      u: "http://[::1]:80/",
      long: `${'":\\'.repeat(50)} : `,
    };
    for (const space of [0, 1, "\t"]) {
      const text = JSON.stringify([value, { value }], null, space);
      expect(parseJson(text, LIMITS)).toEqual([value, { value }]);
    }
  });

  it("finds the end of strings of any length that end in backslashes", () => {
    for (let length = 30; length < 50; length++) {
      for (const end of ["\\", "\\\\", '\\"', '"\\', '"":"']) {
        const value = { [`${"x".repeat(length)}${end}`]: `${"y".repeat(length)}${end}`, s: ' :" :' };
        expect(parseJson(JSON.stringify(value), LIMITS)).toEqual(value);
      }
    }
  });

  it("accepts the same key in different objects", () => {
    expect(refusal('[{"a":1},{"a":{"a":2}}]')).toBe("accepted");
  });

  it("refuses __proto__ as a key, escaped or not, and takes every other name", () => {
    const texts = [
      '{"__proto__":{}}',
      '{"a":[{"__proto__":1}]}',
      '{"\\u005f_proto__":null}',
      '{"__proto\\u005f\\u005f":1}',
    ];
    for (const text of texts) expect(refusal(text)).toBe("the JSON has the key __proto__");
    const text = '{"constructor":1,"toString":2,"hasOwnProperty":{"prototype":3},"valueOf":"__proto__"}';
    expect(JSON.stringify(parseJson(text, LIMITS))).toBe(text);
  });

  it("refuses numbers that no double holds, because no JSON can say them back", () => {
    for (const text of ["1e999", "-1e999", "[1e400]", '{"a":[{"b":-1e309}]}', `[${"9".repeat(400)}]`]) {
      expect(refusal(text)).toBe("the JSON has a number out of range");
    }
    expect(parseJson("[1e308,1e-999,123456789012345678901234567890]", LIMITS)).toEqual([
      1e308, 0, 1.2345678901234568e29,
    ]);
  });

  it("still finds duplicates, and only those, after somebody has polluted Object.prototype", () => {
    const said: string[] = [];
    // Writable, and gone before anything is compared: the test runner has objects of its own.
    Object.defineProperty(Object.prototype, "polluted", {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      for (const text of ['{"a":1,"b":[{}]}', '{"a":1,"b":[{}],"a":2}']) said.push(refusal(text));
    } finally {
      delete (Object.prototype as { polluted?: number }).polluted;
    }
    expect(said).toEqual(["accepted", 'the JSON has the key "a" twice']);
  });

  it("is linear: a megabyte of any kind takes well under a second", () => {
    const many = (one: (i: number) => string): string => Array.from({ length: 100_000 }, (_, i) => one(i)).join(",");
    const texts = [
      `{${many((i) => `"k${i}":1`)},"k0":2}`,
      `{${many((i) => `"${i * 40_000}":1`)}}`,
      `{${many(() => '"k":1')}}`,
      `[${many(() => '{":":":::"}')}]`,
      JSON.stringify('"'.repeat(1 << 19)),
      JSON.stringify("\\".repeat(1 << 19)),
      `["${"\\".repeat(1 << 19)}`,
      `{"a${" ".repeat(1 << 20)}`,
      `{"a":1${" ".repeat(1 << 20)},"a":1}`,
    ];
    for (const text of texts) {
      const before = process.cpuUsage();
      refusal(text);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(800);
    }
  });
});

describe("parseJson by properties", () => {
  const value = fc
    .jsonValue({ depthSize: "medium", noUnicodeString: false })
    .filter((one) => !/__proto__/.test(JSON.stringify(one)));

  it("gives what JSON.parse gives, for any value and spacing", () => {
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1, "\t"), (one, space) => {
        const text = JSON.stringify(one, null, space);
        expect(parseJson(text, LIMITS)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("accepts a text if and only if JSON.parse does, when there is nothing to refuse in it", () => {
    const noise = fc.string({
      unit: fc.constantFrom(...Array.from('{}[]",:\\ \n\t0123e.-tfalsn/u"ab')),
      maxLength: 12,
    });
    fc.assert(
      fc.property(noise, (text) => {
        const said = refusal(text);
        const expected = outcome(() => JSON.parse(text) as unknown, "the body is not valid JSON");
        // Twice a key, or 1e99: noise has made something to refuse, which JSON.parse does not see.
        fc.pre(!/twice$|out of range$/.test(said));
        expect(outcome(() => parseJson(text, LIMITS), said)).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses exactly the texts in which one object has a key twice", () => {
    // Written by hand, so that the number of members is known whatever a parser makes of them.
    const key = fc.constantFrom("a", "b", ":", '":', "\\", " :", "é");
    interface Tree {
      readonly members: readonly (readonly [string, Tree])[];
    }
    const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; node: Tree }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, tie("leaf"), tie("node")),
      leaf: fc.constant({ members: [] }),
      node: fc.record({ members: fc.array(fc.tuple(key, tie("tree")), { maxLength: 4 }) }),
    }));
    const text = ({ members }: Tree, gap: string): string =>
      `{${members.map(([name, one]) => `${JSON.stringify(name)}${gap}:${gap}${text(one, gap)}`).join(",")}}`;
    const hasTwice = ({ members }: Tree): boolean =>
      new Set(members.map(([name]) => name)).size < members.length || members.some(([, one]) => hasTwice(one));
    fc.assert(
      fc.property(tree, fc.constantFrom("", " ", "\n"), (one, gap) => {
        expect(refusal(text(one, gap)).endsWith("twice")).toBe(hasTwice(one));
      }),
      { numRuns: 1000 },
    );
  });
});
