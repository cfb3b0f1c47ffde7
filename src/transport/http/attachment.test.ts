import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attachment } from "./index.ts";

describe("the name of a download", () => {
  it.each([
    ["a b.txt", 'attachment; filename="a b.txt"'],
    ["é.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A9.txt"],
    ['a"b\\c', "attachment; filename=\"a_b_c\"; filename*=UTF-8''a%22b%5Cc"],
    ["100%", "attachment; filename=\"100_\"; filename*=UTF-8''100%25"],
    ["a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"],
    ["it's (1)*é", "attachment; filename=\"it's (1)*_\"; filename*=UTF-8''it%27s%20%281%29%2A%C3%A9"],
    ["\ud800x", "attachment; filename=\"_x\"; filename*=UTF-8''_x"],
  ])("%j", (name, value) => {
    expect(attachment(name)).toBe(value);
  });

  it("is a header, whatever it is, and says the whole name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (name) => {
        const value = attachment(name);
        expect(value).toMatch(/^[\x20-\x7e]+$/);
        const full = /filename\*=UTF-8''(.*)$/.exec(value)?.[1];
        expect(full === undefined ? /filename="(.*)"$/.exec(value)![1] : decodeURIComponent(full)).toBe(name);
      }),
    );
  });

  it("should be there", () => {
    expect(() => attachment("")).toThrow("filename should be a non-empty string");
  });
});
