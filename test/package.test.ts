import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { doors, packageJson, programs, root } from "../tools/doors.mjs";
import { doorNames } from "../tools/exported.ts";
import { packedFiles } from "../tools/pack.mjs";

const exported = doorNames();

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
    const lines = exported.flatMap(({ door, names }) => [
      door,
      ...names.map(({ name, typeOnly }) => `  ${typeOnly ? "type " : ""}${name}`),
    ]);
    expect(lines.length).toBeGreaterThan(20);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("exported-names.txt");
  });
});

describe("the tarball", () => {
  let files: readonly string[];
  beforeAll(() => {
    files = packedFiles();
  });

  it("has no tests, tools, sources or examples, and everything that is built", () => {
    const allowed = /^(dist\/.+\.(js|d\.ts)|docs\/.+\.(md|svg)|package\.json|LICENSE|[A-Z]+\.md)$/;
    expect(files.filter((file) => !allowed.test(file) || /\.test\./.test(file))).toEqual([]);
    const built = [
      ...doors.flatMap(({ types, code }) => [types.slice(2), code.slice(2)]),
      ...programs.map(({ code }) => code),
    ];
    expect(built.filter((file) => !files.includes(file))).toEqual([]);
  });

  it("has every document and heading that one of its documents links to", () => {
    const documents = files.filter((file) => file.endsWith(".md"));
    const links = documents.flatMap((file) => {
      const found = prose(file).matchAll(/\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)/g);
      return [...found].map(([, to = "", heading = ""]) => {
        return { file, target: to === "" ? file : posix.join(posix.dirname(file), to), heading };
      });
    });
    expect(links.length).toBeGreaterThan(100);
    const broken = links.filter(({ file, target, heading }) => {
      // Where a name is declared is of use to those who have the sources.
      if (file.startsWith("docs/api/") && target.startsWith("src/")) return !existsSync(root + target);
      return !files.includes(target) || (heading !== "" && !headings(target).has(heading));
    });
    expect(broken).toEqual([]);
  });
});

const prose = (file: string): string => readFileSync(root + file, "utf8").replaceAll(/^ *```[^]*?^ *```$/gm, "");

/** The anchors that sites which show Markdown make of a document's headings. */
function headings(file: string): ReadonlySet<string> {
  const made = new Set<string>();
  for (const [, title = ""] of prose(file).matchAll(/^#+ (.*)$/gm)) {
    const slug = title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "");
    const anchor = slug.replaceAll(" ", "-");
    let [unique, count] = [anchor, 0];
    while (made.has(unique)) unique = `${anchor}-${++count}`;
    made.add(unique);
  }
  return made;
}

describe("the built doors", () => {
  it.each(exported)("$door exports what its source does, and nothing else", async ({ room, names }) => {
    const file = pathToFileURL(`${root}dist/${room === "" ? "" : `${room}/`}index.js`).href;
    const built = (await import(/* @vite-ignore */ file)) as object;
    expect(Object.keys(built).toSorted()).toEqual(names.filter(({ typeOnly }) => !typeOnly).map(({ name }) => name));
  });
});
