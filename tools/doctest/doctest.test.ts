import { describe, expect, it } from "vitest";
import { fences, type Example } from "./extract.ts";
import { equals, prints, takeReached, throws } from "./observe.ts";
import { rewrite } from "./rewrite.ts";

const example = (code: string): Example => ({ file: "x.md", line: 10, code, mode: "run", name: undefined });
const rewritten = (code: string): string => rewrite(example(code), "o").code.split("\nimport * as")[0]!;

describe("fences", () => {
  it("finds ts fences only, with the line of their first line of code", () => {
    const text = "a\n```sh\nls\n```\n```ts no-run file=a.ts\nx;\ny;\n```\n";
    const found = fences(text, { file: "x.md", line: 1 });
    expect(found).toEqual([{ file: "x.md", line: 6, code: "x;\ny;", mode: "no-run", name: "a.ts" }]);
  });

  it("does not look for a fence inside a fence", () => {
    expect(fences("````md\n```ts\nx\n```\n````\n", { file: "x.md", line: 1 })).toEqual([]);
  });

  it("takes off the indent of a fence in a list", () => {
    expect(fences("- x\n  ```ts\n  a;\n    b;\n  ```", { file: "x.md", line: 1 })[0]!.code).toBe("a;\n  b;");
  });

  it.each([["```ts norun\n```"], ["```ts\nx"]])("refuses %j", (text) => {
    expect(() => fences(text, { file: "x.md", line: 1 })).toThrow(/^x.md:1 /);
  });
});

describe("rewrite", () => {
  it("wraps the expression before the claim, on its line or the line above, and keeps the lines", () => {
    expect(rewritten("f(1); // => 2")).toBe('__doctest.equals("2", (f(1))); // => 2');
    expect(rewritten("f(\n1);\n// => 2")).toBe('__doctest.equals("2", (f(\n1)));\n// => 2');
    expect(rewritten("await f() // => 2")).toBe('__doctest.equals("2", (await f())) // => 2');
    expect(rewritten("f(() => {\n g(); // => 1\n});")).toBe('f(() => {\n __doctest.equals("1", (g())); // => 1\n});');
  });

  it("knows what prints and what throws", () => {
    expect(rewritten('console.log("a", b); // => a 1')).toBe('__doctest.prints("a 1", "a", b); // => a 1');
    expect(rewritten("f(); // throws no")).toBe('await __doctest.throws("no", async () => (f())); // throws no');
  });

  it("counts the claims", () => {
    expect(rewrite(example("a; // => 1\nb; // => 2\nc; // a remark"), "o").claims).toBe(2);
  });

  it.each([["const a = 1; // => 1"], ["// => 1"], ["f();\n\n// => 1"]])("refuses a claim of nothing: %j", (code) => {
    expect(() => rewrite(example(code), "o")).toThrow(/^x.md:1\d claims "=> 1" of nothing/);
  });
});

describe("the comparison", () => {
  it.each([
    ["3", 3],
    ["-1", -1],
    ['{ a: 1, b: ["x"] }', { a: 1, b: ["x"] }],
    ["undefined", undefined],
    ["[]", []],
    ['new Map([["a", 1]])', new Map([["a", 1]])],
    ["10n", 10n],
    ["[Function: f]", function f() {}],
    ["Map(1) { 'a' => 1 }", new Map([["a", 1]])],
  ])("takes %s for what it says", (claimed, value) => {
    expect(equals(claimed, value)).toBe(value);
  });

  it.each([
    ["3", 4],
    ['"3"', 3],
    ["{ a: 1 }", { a: 1, b: 2 }],
    ["[Function: f]", function g() {}],
    ["nonsense", 1],
    ["process.exit()", undefined],
  ])("does not take %s for something else", (claimed, value) => {
    expect(() => equals(claimed, value)).toThrow("the example's value");
  });

  it("compares what is printed", () => {
    prints("a 1", "a", 1);
    expect(() => prints("a 1", "a", 2)).toThrow("what the example prints");
  });

  it("compares a code, a reason, a name or a part of the message with what is thrown", async () => {
    const thrown = Object.assign(new RangeError("too big, got 9"), { code: "out_of_range" });
    for (const claimed of ["out_of_range", "RangeError", "got 9"]) await throws(claimed, () => Promise.reject(thrown));
    await expect(throws("got 8", () => Promise.reject(thrown))).rejects.toThrow("claims to throw got 8");
    await expect(throws("got 8", () => Promise.resolve())).rejects.toThrow("throws nothing");
  });

  it("counts the claims that were reached", () => {
    takeReached();
    equals("1", 1);
    prints("x", "x");
    expect([takeReached(), takeReached()]).toEqual([2, 0]);
  });
});
