import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { Visitor } from "oxc-parser";
import { describe, expect, it } from "vitest";
import { packageJson } from "../tools/doors.mjs";
import { INDEX, layers, layersTable, mayImport, packages, roomOf } from "../tools/layers.ts";
import { filesIn, importsOf, isTest, lineOf, readSource, root, type Import } from "../tools/source.ts";

interface Arrow extends Import {
  readonly file: string;
}

const all = filesIn("src", /\.ts$/);
const sources = all.filter((file) => !isTest(file)).map((file) => ({ file, source: readSource(`src/${file}`) }));
const arrows: Arrow[] = sources.flatMap(({ file, source }) => importsOf(source).map((one) => ({ ...one, file })));
const inside = arrows.filter(({ specifier }) => specifier.startsWith("."));
const outside = arrows.filter(({ specifier }) => !specifier.startsWith(".") && !specifier.startsWith("node:"));

const at = ({ file, line, specifier }: Arrow): string => `src/${file}:${line} imports ${specifier}`;
const target = ({ file, specifier }: Arrow): string => posix.join(posix.dirname(file), specifier.replace(/\?raw$/, ""));

describe("the rooms of src", () => {
  it("are looked at: there are files, and imports between them", () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(inside.length).toBeGreaterThan(sources.length / 2);
  });

  it("hold every file", () => {
    expect(all.filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  it("import only what their layer may use, types too", () => {
    const wrong = inside.filter((arrow) => !mayImport(roomOf(arrow.file) ?? "?", roomOf(target(arrow)) ?? "?"));
    expect(wrong.map(at)).toEqual([]);
  });

  it("import files that exist", () => {
    expect(inside.filter((arrow) => !existsSync(`${root}src/${target(arrow)}`)).map(at)).toEqual([]);
  });

  it("import no package but the optional peers of their door", () => {
    const wrong = outside.filter((arrow) => {
      const allowed = packages[roomOf(arrow.file) ?? "?"] ?? [];
      return !allowed.some((name) => arrow.specifier === name || arrow.specifier.startsWith(`${name}/`));
    });
    expect(wrong.map(at)).toEqual([]);
  });

  it("read time and chance in internal only, in ways that the linter does not see too", () => {
    const found: string[] = [];
    for (const { file, source } of sources.filter((one) => roomOf(one.file) !== "internal")) {
      const place = (start: number): string => `src/${file}:${lineOf(source.text, start)}`;
      new Visitor({
        NewExpression({ callee, arguments: given, start }) {
          if (callee.type === "Identifier" && callee.name === "Date" && given.length === 0) found.push(place(start));
        },
        MemberExpression({ object, property, start }) {
          const names = [object, property].map((one) => (one.type === "Identifier" ? one.name : "?")).join(".");
          if (/^(process\.(hrtime|uptime)|crypto\.(random\w+|getRandomValues))$/.test(names)) found.push(place(start));
        },
      }).visit(source.parsed.program);
    }
    expect(found).toEqual([]);
  });

  it("import nothing for its side effect alone: bundlers drop such an import of ours", () => {
    expect(arrows.filter(({ bare }) => bare).map(at)).toEqual([]);
  });
});

describe("the layers", () => {
  it("never let a lower room import a higher one, anybody import testing, or the whole core by its index", () => {
    const height = new Map(layers.flatMap(({ layer, rooms }) => rooms.map((room) => [room, layer] as const)));
    const rooms = [...height.keys()];
    const wrong = rooms.flatMap((from) =>
      rooms
        .filter((to) => from !== to && mayImport(from, to))
        .filter((to) => (height.get(to) ?? 0) > (height.get(from) ?? 0) || to === "testing" || to === INDEX)
        .map((to) => `${from} -> ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it("refuse what they should", () => {
    expect(mayImport("resilience", "transport")).toBe(false);
    expect(mayImport("client", "transport/http")).toBe(false);
    expect(mayImport("transport/http", "transport/jsonrpc")).toBe(false);
    expect(mayImport("transport/jsonrpc", "transport/http")).toBe(true);
    expect(roomOf("transport/http/json/parse.ts")).toBe("transport/http");
    expect(roomOf("nowhere/x.ts")).toBe(undefined);
  });

  it("are the table in ARCHITECTURE.md", () => {
    const written = tableAfter(readFileSync(`${root}ARCHITECTURE.md`, "utf8"), "| layer | rooms | may use |");
    expect(written, `the table should read:\n\n${layersTable()}\n`).toEqual(cells(layersTable()));
  });
});

describe("the glossary in ARCHITECTURE.md", () => {
  const words = tableAfter(readFileSync(`${root}ARCHITECTURE.md`, "utf8"), "| word | means |")
    .slice(1)
    .map(([word]) => word!);

  it("has each word once, in order", () => {
    expect(words.length).toBeGreaterThan(10);
    expect(words).toEqual([...new Set(words)].toSorted());
  });

  it("has no word that the sources do not use", () => {
    const text = sources
      .map(({ source }) => source.text)
      .join("\n")
      .toLowerCase();
    expect(words.filter((word) => !text.includes(word.toLowerCase()))).toEqual([]);
  });
});

describe("what stands outside src", () => {
  const folders = ["examples", "bench"].filter((folder) => existsSync(root + folder));
  const outsiders = folders.flatMap((folder) =>
    filesIn(folder, /\.(ts|mts|mjs|js)$/).map((file) => `${folder}/${file}`),
  );

  // The tests of examples may start the servers that ours start.
  const isServer = (file: string, target: string): boolean =>
    /^examples\/.*(\.test\.ts$|\/interop\/)/.test(file) && target.startsWith("tools/servers/");

  const doors = Object.keys(packageJson.exports).map((key) => key.replace(/^\./, packageJson.name));
  const found = outsiders.flatMap((file) => importsOf(readSource(file)).map((one) => ({ ...one, file })));

  it("imports public doors only", () => {
    expect(outsiders.length).toBeGreaterThan(0);
    const wrong = found.filter(({ file, specifier }) => {
      if (/^servicekit(\/|$)/.test(specifier)) return !doors.includes(specifier);
      const target = posix.join(posix.dirname(file), specifier);
      return specifier.startsWith(".") && /^(src|dist|test|tools)\//.test(target) && !isServer(file, target);
    });
    expect(wrong.map(({ file, line, specifier }) => `${file}:${line} imports ${specifier}`)).toEqual([]);
  });
});

/** The rows of the first table whose heading is `heading`, cell by cell; spaces and column widths do not matter. */
function tableAfter(text: string, heading: string): string[][] {
  const lines = text.split("\n");
  const squeeze = (line: string): string => line.replace(/\s+/g, " ").trim();
  const start = lines.findIndex((line) => squeeze(line) === heading);
  expect(start, `ARCHITECTURE.md should have a table headed ${heading}`).toBeGreaterThan(-1);
  const end = lines.findIndex((line, index) => index > start && !line.trimStart().startsWith("|"));
  return cells(lines.slice(start, end === -1 ? undefined : end).join("\n"));
}

function cells(table: string): string[][] {
  const rows = table.split("\n").map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/\s+/g, " ")),
  );
  return rows.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
}
