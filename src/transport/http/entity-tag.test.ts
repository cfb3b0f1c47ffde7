import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainValidators } from "./compression.ts";
import { parseDate, verdictOf } from "./conditional.ts";
import { bodyTag, entityTag, parseTags, tagText, type EntityTag } from "./entity-tag.ts";

describe("an entity tag", () => {
  it("holds any text, and gives it back", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (texts) => {
        const tags = parseTags(texts.map(entityTag).join(", "));
        expect((tags as readonly EntityTag[]).map(({ opaque }) => tagText(opaque))).toEqual(texts);
      }),
    );
    expect(entityTag('1"%,é')).toBe('"1%22%25,%C3%A9"');
  });

  it("is made of half a character too, which JSON can carry", () => {
    expect(entityTag("a\ud800")).toBe('"a%EF%BF%BD"');
    expect(entityTag("😀")).toBe('"%F0%9F%98%80"');
  });

  it("keeps an end that looks like the mark of a compressed body", () => {
    for (const text of ["v--gzip", "v--br", "v--zstd"]) {
      const headers = { "if-match": entityTag(text) };
      plainValidators(headers);
      const [tag] = parseTags(headers["if-match"]) as readonly EntityTag[];
      expect(tagText(tag!.opaque)).toBe(text);
    }
  });

  const rows: readonly (readonly [string, unknown])[] = [
    ["*", "*"],
    ['"a"', [{ isWeak: false, opaque: "a" }]],
    ['W/"a"', [{ isWeak: true, opaque: "a" }]],
    [
      '"a", W/"b",,"c,d"',
      [
        { isWeak: false, opaque: "a" },
        { isWeak: true, opaque: "b" },
        { isWeak: false, opaque: "c,d" },
      ],
    ],
    ['""', [{ isWeak: false, opaque: "" }]],
    ["", undefined],
    [", ,", undefined],
    ["a", undefined],
    ['"a', undefined],
    ['w/"a"', undefined],
    ['"a"b', undefined],
    [
      '"a" "b"',
      [
        { isWeak: false, opaque: "a" },
        { isWeak: false, opaque: "b" },
      ],
    ],
    ['*, "a"', undefined],
    ['"a b"', undefined],
  ];
  for (const [header, tags] of rows) {
    it(`is read as it should from ${JSON.stringify(header)}`, () => expect(parseTags(header)).toEqual(tags));
  }

  it("is read from whatever comes, in a time that grows with its length", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (header) => void parseTags(header)));
    for (const one of [" ", ",", '"', 'W/"', '"a",']) expect(() => parseTags(one.repeat(100_000))).not.toThrow();
  });

  it("keeps what is no encoding of ours as it is", () => {
    expect([tagText("%zz"), tagText("100%"), tagText("%41")]).toEqual(["%zz", "100%", "A"]);
  });
});

describe("the tag of a body", () => {
  it("is the same for the same body, and another for any other", () => {
    const seen = new Map<string, string>();
    const add = (text: string): void => {
      const tag = bodyTag(text);
      expect([tag, seen.get(tag) ?? text]).toEqual([tag, text]);
      seen.set(tag, text);
    };
    for (let i = 0; i < 50_000; i++) add(`{"id":${i},"v":${i % 7}}`);
    fc.assert(fc.property(fc.string(), add));
    expect(seen.size).toBeGreaterThan(50_000);
  });

  it("changes with a single character, wherever, and with two that change places", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 2, maxLength: 300 }), fc.nat(), (text, at) => {
        const i = at % (text.length - 1);
        const other = text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ 1) + text.slice(i + 1);
        expect(bodyTag(other)).not.toBe(bodyTag(text));
        const swapped = text.slice(0, i) + text[i + 1]! + text[i]! + text.slice(i + 2);
        if (swapped !== text) expect(bodyTag(swapped)).not.toBe(bodyTag(text));
      }),
    );
  });

  it("can stand in a header, also that of bytes and of nothing", () => {
    for (const body of ["", "a", new Uint8Array(0), Uint8Array.of(0, 255)]) {
      expect(parseTags(bodyTag(body))).toHaveLength(1);
    }
    expect(bodyTag(Uint8Array.of(97, 98))).toBe(bodyTag("ab"));
  });
});

describe("a date of HTTP", () => {
  it("is read in any of its three forms", () => {
    const ms = Date.UTC(1994, 10, 6, 8, 49, 37);
    for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
      expect(parseDate(text)).toBe(ms);
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "1994",
      "0",
      "yesterday",
      "1994-11-06T08:49:37Z",
      "Sun, 99 Nov 1994 08:49:37 GMT",
      "Sun, ".repeat(99),
    ])
      expect(parseDate(text)).toBeUndefined();
  });
});

describe("a condition", () => {
  const none = { etag: undefined, modifiedMs: undefined };
  it("fails where there is nothing it could hold for, but for any version of what is there", () => {
    expect(verdictOf({ "if-match": '"1"' }, none)).toBe("failed");
    expect(verdictOf({ "if-match": "*" }, none)).toBe("holds");
    expect(verdictOf({ "if-match": "nonsense" }, { ...none, etag: '"1"' })).toBe("failed");
    expect(verdictOf({ "if-none-match": '"1"' }, none)).toBe("holds");
    expect(verdictOf({ "if-none-match": "*" }, none)).toBe("not modified");
    expect(verdictOf({ "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT" }, none)).toBe("holds");
  });
});
