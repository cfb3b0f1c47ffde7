import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanState } from "./trace-state.ts";

const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 80 });

const members = (count: number): string =>
  Array.from({ length: count }, (_, i) => `bar${String(i + 1).padStart(2, "0")}=${i + 1}`).join(",");

const KEY = `abcdefghijklmnopqrstuvwxyz0123456789_-*/`;
const VALUE = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i))
  .filter((c) => c !== "," && c !== "=")
  .join("");

// The cases of the W3C's own test suite, by what they try: [what came, what goes on, what].
const vectors: readonly [text: string | undefined, kept: string, what: string][] = [
  [undefined, "", "none"],
  ["", "", "empty"],
  ["foo=1", "foo=1", "one member"],
  ["foo=1,bar=2,rojo=1,congo=2,baz=3", "foo=1,bar=2,rojo=1,congo=2,baz=3", "the order is kept"],
  ["foo=1,", "foo=1", "an empty member last"],
  [",foo=1", "foo=1", "an empty member first"],
  ["foo=1, \t ,bar=2", "foo=1,bar=2", "a blank member"],
  ["foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3", "white space around commas"],
  ["\t foo=1 \t", "foo=1", "white space around the list"],
  ["foo= 1", "foo= 1", "spaces that begin a value belong to it"],
  [`${KEY}=${VALUE}~`, `${KEY}=${VALUE}~`, "every legal character"],
  [`${KEY}@a-z0-9_-*/=${VALUE}~`, `${KEY}@a-z0-9_-*/=${VALUE}~`, "every legal character, with a tenant"],
  ["0foo=1", "0foo=1", "a key that begins with a digit"],
  ["foo=1,foo=1", "", "a key twice"],
  ["foo=1,foo=2", "", "a key twice with two values"],
  ["foo =1", "", "a space in the key"],
  ["FOO=1", "", "upper case in the key"],
  ["foo.bar=1", "", "an illegal character in the key"],
  ["@foo=1,bar=2", "", "a key that begins with @"],
  ["=1", "", "no key"],
  ["foo=", "", "no value"],
  ["foo=,bar=3", "", "no value, and another member"],
  ["foo", "", "no equals sign"],
  ["foo=bar=baz", "", "two equals signs"],
  ["foo=\u00e9", "", "not ASCII"],
  ["foo=a\u0001", "", "a control character"],
  [`foo=1,${"z".repeat(256)}=1`, `foo=1,${"z".repeat(256)}=1`, "a key of 256"],
  [`foo=1,${"z".repeat(257)}=1`, "", "a key of 257"],
  [`foo=${"v".repeat(256)}`, `foo=${"v".repeat(256)}`, "a value of 256"],
  [`foo=${"v".repeat(257)}`, "", "a value of 257"],
  [members(32), members(32), "32 members"],
  [members(33), "", "33 members"],
  [" ".repeat(5000), "", "5000 spaces"],
];

describe("cleanState", () => {
  it.each(vectors)("%s -> %s (%s)", (text, kept) => {
    expect(cleanState(text)).toBe(kept);
  });

  it("leaves out members of more than 128 characters first, where the list is too long, and keeps the order", () => {
    const long = (key: string): string => `${key}=${"x".repeat(200)}`;
    const text = ["a=1", long("b"), "c=2", long("d"), long("e"), "f=3"].join(",");
    expect(cleanState(text)).toBe(["a=1", long("b"), "c=2", long("d"), "f=3"].join(","));
  });

  it("then leaves out members from the end", () => {
    const short = Array.from({ length: 6 }, (_, i) => `k${i}=${"y".repeat(100)}`);
    expect(cleanState(short.join(","))).toBe(short.slice(0, 4).join(","));
  });

  it("does not look at more than 4096 characters", () => {
    expect(cleanState(`a=1,${",".repeat(4093)}`)).toBe("");
    expect(cleanState(`a=1,${",".repeat(4092)}`)).toBe("a=1");
  });

  it("never throws, never passes 512 characters, and changes nothing the second time", () => {
    const like = fc.string({ unit: fc.constantFrom(..."ab=, \t@1Z"), maxLength: 700 });
    const list = fc
      .array(fc.tuple(fc.nat(999), fc.nat(250)), { maxLength: 33 })
      .map((all) => all.map(([key, size]) => `k${key}=${"v".repeat(size + 1)}`).join(","));
    fc.assert(
      fc.property(fc.oneof(anyText, like, list), (text) => {
        const kept = cleanState(text);
        expect(kept.length).toBeLessThanOrEqual(512);
        expect(kept).toMatch(/^[\x20-\x7e]*$/);
        expect(cleanState(kept)).toBe(kept);
      }),
    );
  });
});
