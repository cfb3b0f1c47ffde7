import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const here = new URL("./", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, here), "utf8");
const linesOf = (file: string): number => read(file).split("\n").length - 1;

describe("the table of lines in README.md", () => {
  const rows = [...read("README.md").matchAll(/^\| ([\w/.]+\.ts|together) \| ([\d,]+) \|/gm)];
  const table = new Map(rows.map(([, file = "", lines = ""]) => [file, Number(lines.replace(",", ""))]));
  const total = table.get("together");
  table.delete("together");

  it("counts each file as it is", () => {
    const counted = [...table.keys()].map((file) => [file, linesOf(file)]);
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(table));
  });

  it("has every file that addsvc is made of", () => {
    const isProgram = (name: string): boolean => name.endsWith(".ts") && !/^test-|\.test\.ts$/.test(name);
    const files = readdirSync(new URL("addsvc/", here))
      .filter(isProgram)
      .map((name) => `addsvc/${name}`);
    expect(new Set(table.keys())).toEqual(new Set([...files, "flags.ts"]));
  });

  it("adds up", () => {
    expect(total).toBe([...table.values()].reduce((sum, lines) => sum + lines, 0));
  });
});
