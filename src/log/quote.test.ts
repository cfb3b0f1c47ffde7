import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlain, NO_ROOM, quote, quoteWithin, utf8Length } from "./quote.ts";

/** What may stand in a line: nothing that ends it or that a terminal obeys. */
const HARMLESS = /^[^\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]*$/u;

const anyText = fc.string({ unit: "binary" });
const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

describe("quote", () => {
  it("decodes to the same text, whatever is in it", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyUnits), (text) => {
        expect(JSON.parse(quote(text))).toBe(text);
      }),
    );
  });

  it("holds no character that ends a line or that a terminal obeys, for every UTF-16 unit there is", () => {
    const units = Array.from({ length: 0x1_0000 }, (_, unit) => unit);
    expect(units.filter((unit) => !HARMLESS.test(quote(`a${String.fromCharCode(unit)}b`)))).toEqual([]);
  });

  it("leaves letters of other scripts and emoji as they are", () => {
    expect(quote("Grüße, 世界 👋")).toBe('"Grüße, 世界 👋"');
  });

  it.each([
    ["ESC", "\u001b[31m", '"\\u001b[31m"'],
    ["the C1 control that starts an escape sequence", "\u009b31m", '"\\u009b31m"'],
    ["right-to-left override", "\u202eabc", '"\\u202eabc"'],
    ["NUL and newline", "\0\n", '"\\u0000\\n"'],
    ["a lone surrogate", "\ud800", '"\\ud800"'],
  ])("escapes %s", (_, text, quoted) => {
    expect(quote(text)).toBe(quoted);
  });
});

describe("quoteWithin", () => {
  it("never takes more bytes than it may, or is the mark for no room", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyUnits), fc.integer({ min: 0, max: 80 }), (text, maxBytes) => {
        const quoted = quoteWithin(text, maxBytes);
        expect(Buffer.byteLength(quoted) <= maxBytes || quoted === NO_ROOM).toBe(true);
        JSON.parse(quoted);
      }),
    );
  });

  it("is the whole text exactly when it fits", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyUnits), fc.integer({ min: 0, max: 60 }), (text, maxBytes) => {
        const whole = quote(text);
        expect(quoteWithin(text, maxBytes) === whole).toBe(Buffer.byteLength(whole) <= maxBytes || whole === NO_ROOM);
      }),
    );
  });

  it("counts what it left out", () => {
    const text = JSON.parse(quoteWithin("x".repeat(1000), 100)) as string;
    const [, kept, more] = /^(x+)…\[\+(\d+)\]$/.exec(text)!;
    expect(kept!.length + Number(more)).toBe(1000);
    expect(kept!.length).toBeGreaterThan(70);
  });

  it("counts what the caller has left out already", () => {
    expect(quoteWithin("abc", 100, 7)).toBe('"abc…[+7]"');
  });

  it("never cuts a surrogate pair in two", () => {
    for (let maxBytes = 18; maxBytes < 40; maxBytes++) {
      expect(JSON.parse(quoteWithin("👋".repeat(50), maxBytes))).toMatch(/^(👋)*…\[\+\d+\]$/u);
    }
  });
});

it("utf8Length is the length in bytes of a well-formed text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text));
    }),
  );
});

it("a plain text is printable ASCII without quotes and backslashes", () => {
  expect(["", "add sum", "~!#[]"].map(isPlain)).toEqual([true, true, true]);
  expect(['"', "\\", "\n", "é", "\u007f"].map(isPlain)).toEqual([false, false, false, false, false]);
});
