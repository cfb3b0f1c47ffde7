// Every example in the documentation is a module: type-checked, run, and its claims (`expr; // => value`) compared.
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findExamples, type Example } from "../tools/doctest/extract.ts";
import { takeReached } from "../tools/doctest/observe.ts";
import { rewrite, type Rewritten } from "../tools/doctest/rewrite.ts";
import { root } from "../tools/source.ts";

const folder = `${root}.cache/doctest/${process.pid}`;
const all = findExamples();
const checked = all.filter(({ mode }) => mode !== "fragment");

const title = ({ file, line }: Example): string => `${file}:${line}`;

/** Examples of one document share a folder, so that one may import another by the name on its fence. */
const moduleOf = ({ file, line, name }: Example): string =>
  `${folder}/${file.replace(/\.\w+$/, "")}/${name ?? `line-${line}.ts`}`;

const modules = new Map<Example, Rewritten | Error>();
let typeErrors = new Map<string, string[]>();

beforeAll(async () => {
  const config = { extends: "../../../tsconfig.json", compilerOptions: { rootDir: "../../.." }, include: ["**/*.ts"] };
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  for (const example of checked) {
    const path = moduleOf(example);
    mkdirSync(dirname(path), { recursive: true });
    const made = attempt(() => rewrite(example, relative(dirname(path), `${root}tools/doctest/observe.ts`)));
    modules.set(example, made);
    if (!(made instanceof Error)) writeFileSync(path, made.code);
  }
  typeErrors = await compile();
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the examples in the documentation", () => {
  it(`are found: ${all.length}, of which ${all.length - checked.length} are fragments`, () => {
    expect(checked.length).toBeGreaterThan(0);
    expect(new Set(checked.map(moduleOf)).size, "two examples of one document have the same name").toBe(checked.length);
  });

  it.each(checked.map((example) => [title(example), example] as const))("%s", async (_, example) => {
    const made = modules.get(example);
    if (made instanceof Error || made === undefined) throw made ?? new Error("was not written");
    expect(typeErrors.get(moduleOf(example)) ?? []).toEqual([]);
    if (example.mode === "no-run") return;
    takeReached();
    const printed = vi.spyOn(console, "log").mockReturnValue();
    try {
      await import(/* @vite-ignore */ pathToFileURL(moduleOf(example)).href);
    } finally {
      printed.mockRestore();
    }
    // An example with a name may have been loaded, and checked, by the one that imports it.
    const expected = example.name === undefined ? made.claims : 0;
    expect(takeReached(), "claims reached").toBeGreaterThanOrEqual(expected);
  });
});

function attempt<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    return error as Error;
  }
}

/** The type errors of all modules in one run of tsc, by module, told in lines of the documentation. */
async function compile(): Promise<Map<string, string[]>> {
  const args = [`${root}node_modules/typescript/bin/tsc`, "--noEmit", "--pretty", "false", "-p", folder, "--listFiles"];
  const tsc = spawn(process.execPath, args, { cwd: folder });
  let output = "";
  tsc.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise((resolve) => tsc.once("close", resolve));
  const written = [...modules].filter(([, made]) => !(made instanceof Error)).map(([example]) => example);
  const missing = written.filter((example) => !output.includes(moduleOf(example)));
  if (missing.length > 0)
    throw new Error(`tsc did not read ${missing.map(title).join(", ")}:\n${output.slice(0, 2000)}`);
  const found = new Map<string, string[]>();
  for (const [, path, line, message] of output.matchAll(/^(.+?)\((\d+),\d+\): error (TS.*)$/gm)) {
    const example = written.find((one) => moduleOf(one).endsWith(`/${path}`));
    const where = example ? `${example.file}:${example.line + Number(line) - 1}` : `${path}:${line}`;
    const key = example ? moduleOf(example) : path!;
    found.set(key, [...(found.get(key) ?? []), `${where} ${message}`]);
  }
  return found;
}
