import { describe, expect, it } from "vitest";
import { checkFunction, checkNames, checkNumber, checkOneOf, checkString, shown } from "./check.ts";

describe("checkNumber", () => {
  it("returns a number inside the range, both ends included", () => {
    expect(checkNumber("n", 1, { min: 1, max: 3 })).toBe(1);
    expect(checkNumber("n", 3, { min: 1, max: 3 })).toBe(3);
    expect(checkNumber("n", -7)).toBe(-7);
  });

  it.each([
    [0, { min: 1 }, "n should be a number of at least 1, got 0"],
    [4, { max: 3 }, "n should be a number of at most 3, got 4"],
    [9, { min: 1, max: 3 }, "n should be a number from 1 to 3, got 9"],
    [1.5, { min: 1, max: 3, integer: true }, "n should be an integer from 1 to 3, got 1.5"],
    ["1", {}, 'n should be a number, got "1"'],
    [Number.NaN, {}, "n should be a number, got NaN"],
    [null, {}, "n should be a number, got null"],
  ])("refuses %s under %j, naming the rule and the value", (value, range, message) => {
    expect(() => checkNumber("n", value, range)).toThrow(new RangeError(message));
  });
});

describe("checkString", () => {
  it("returns a string that fits", () => {
    expect(checkString("s", "ab", { pattern: /^[a-z]+$/, says: "lower case" })).toBe("ab");
  });

  it("refuses what is empty, no string, or does not fit", () => {
    expect(() => checkString("s", "")).toThrow(new RangeError('s should be a non-empty string, got ""'));
    expect(() => checkString("s", 3)).toThrow("s should be a non-empty string, got 3");
    expect(() => checkString("s", "AB", { pattern: /^[a-z]+$/, says: "lower case" })).toThrow(
      's should be lower case, got "AB"',
    );
  });
});

describe("checkOneOf, checkFunction and checkNames", () => {
  it("accept what is known", () => {
    expect(checkOneOf("o", "a", ["a", "b"])).toBe("a");
    expect(() => checkFunction("f", () => 1)).not.toThrow();
    expect(() => checkNames("x", { a: 1 }, ["a", "b"])).not.toThrow();
  });

  it("name what is not", () => {
    expect(() => checkOneOf("o", "c", ["a", "b"])).toThrow('o should be one of "a", "b", got "c"');
    expect(() => checkFunction("f", 3)).toThrow(new TypeError("f should be a function, got 3"));
    expect(() => checkNames("x", { c: 1 }, ["a", "b"])).toThrow('x has no option "c", it has a, b');
    expect(() => checkNames("x", null as never, ["a"])).toThrow(
      new TypeError("the options of x should be an object, got null"),
    );
  });
});

describe("shown", () => {
  it("is short and safe for any value", () => {
    expect(shown("x".repeat(100))).toBe(`"${"x".repeat(60)}"…`);
    expect(shown([1, 2])).toBe("an array of 2");
    expect(shown({ password: "x" })).toBe("an object");
    expect(shown(function named() {})).toBe("function named");
    expect(shown(Symbol("s"))).toBe("Symbol(s)");
    expect(shown(undefined)).toBe("undefined");
  });
});
