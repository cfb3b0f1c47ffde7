import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { doors, packageJson, programs, root } from "../tools/doors.mjs";
import { doorNames } from "../tools/exported.ts";
import { packedFiles } from "../tools/pack.mjs";

describe("the package", () => {
  it("has a source and built files behind every key of exports", () => {
    expect(doors.length).toBeGreaterThan(10);
    const files = doors.flatMap(({ name, types, code }) => [`src/${name}.ts`, types, code]);
    expect(files.filter((file) => !existsSync(root + file))).toEqual([]);
  });

  it("names each door like its folder", () => {
    for (const { key, name, types, code } of doors) {
      expect(name).toBe(key === "." ? "index" : `${key.slice(2)}/index`);
      expect([types, code]).toEqual([`./dist/${name}.d.ts`, `./dist/${name}.js`]);
    }
    expect(packageJson.exports["./package.json"]).toBe("./package.json");
  });

  it("has a source and a built file that a shell can start behind every program", () => {
    expect(programs.map(({ program }) => program)).toEqual([packageJson.name]);
    for (const { name, code } of programs) {
      expect(existsSync(`${root}src/${name}.ts`)).toBe(true);
      expect(readFileSync(root + code, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });

  it("exports exactly the names written down in exported-names.txt", async () => {
    const lines = doorNames().flatMap(({ door, names }) => [
      door,
      ...names.map(({ name, typeOnly }) => `  ${typeOnly ? "type " : ""}${name}`),
    ]);
    expect(lines.length).toBeGreaterThan(20);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("exported-names.txt");
  });

  it("is packed without tests, tools, sources or examples, and with everything that is built", () => {
    const files = packedFiles();
    const allowed = /^(dist\/.+\.(js|d\.ts)|package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/;
    expect(files.filter((file) => !allowed.test(file) || /\.test\./.test(file))).toEqual([]);
    const built = [
      ...doors.flatMap(({ types, code }) => [types.slice(2), code.slice(2)]),
      ...programs.map(({ code }) => code),
    ];
    expect(built.filter((file) => !files.includes(file))).toEqual([]);
  });
});

describe("the built doors", () => {
  it.each(doorNames())("$door exports what its source does, and nothing else", async ({ room, names }) => {
    const file = pathToFileURL(`${root}dist/${room === "" ? "" : `${room}/`}index.js`).href;
    const built = (await import(/* @vite-ignore */ file)) as object;
    expect(Object.keys(built).toSorted()).toEqual(names.filter(({ typeOnly }) => !typeOnly).map(({ name }) => name));
  });
});
