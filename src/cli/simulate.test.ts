// The program is bundled here, as it is for the tests of `generate proto`; the scenario's module needs nothing of the toolkit.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../tools/source.ts";

const folder = `${root}.cache/simulate-${process.pid}`;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [`${folder}/program/main.js`, "simulate", ...args], { cwd: folder }, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
  });
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, '{"type":"module"}');
  const small = '{ durationMs: 2000, backends: [{ name: "pet", count: 2 }], load: { perSecond: 50 } }';
  writeFileSync(
    `${folder}/two.js`,
    `export const well = ${small};\nexport const ill = { ...well, name: "very ill", backends: [{ name: "pet", faults: [{ down: true }] }] };\nexport const other = 1;\n`,
  );
  writeFileSync(`${folder}/one.json`, small.replaceAll(/(\w+):/g, '"$1":'));
  writeFileSync(`${folder}/none.js`, "export const nothing = 1;\n");
  writeFileSync(`${folder}/wrong.js`, `export const wrong = { ...${small}, load: { perSecond: -1 } };\n`);
  const made = await rolldown({
    input: { main: `${root}src/cli/main.ts` },
    external: /^(@|node:|zod)/,
    platform: "node",
  });
  await made.write({ dir: `${folder}/program`, format: "esm" });
  await made.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("servicekit simulate", () => {
  it("prints a table for each scenario, under the name of its export", async () => {
    const { code, out, err } = await run("two.js");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    // In the order of the exports' names, which is the platform's.
    expect(out).toMatch(/^very ill, seed 1\n/);
    expect(out).toContain("\nwell, seed 1\n");
    expect(out).toContain("pet: down");
  });

  it("runs one of them only, with several seeds, and compares in a line each", async () => {
    const { code, out } = await run("two.js", "--scenario", "ill", "--seed", "3..5", "--compare");
    expect(code).toBe(0);
    expect(
      out
        .split("\n")
        .slice(1, 4)
        .map((line) =>
          line
            .trim()
            .split(/\s{2,}/)
            .slice(0, 2),
        ),
    ).toEqual([
      ["very ill", "3"],
      ["very ill", "4"],
      ["very ill", "5"],
    ]);
  });

  it("takes a file of JSON, and writes figures and a plot", async () => {
    const { code, err } = await run("one.json", "--json", "figures.json", "--svg", "plot.svg");
    expect({ code, err }).toEqual({ code: 0, err: "figures.json is written\nplot.svg is written\n" });
    expect(JSON.parse(readFileSync(`${folder}/figures.json`, "utf8"))).toMatchObject({
      seed: 1,
      total: { successRatio: 1 },
    });
    expect(readFileSync(`${folder}/plot.svg`, "utf8")).toContain("<title>scenario</title>");
  });

  it.each<[string[], number, string]>([
    [[], 2, "give the module that exports a scenario\nusage: servicekit simulate <module>"],
    [["a.js", "b.js"], 2, "one module at a time, got 2"],
    [["two.js", "--seed", "x"], 2, "--seed should be a number or two with .. between them, got x"],
    [["two.js", "--seed", "5..1"], 2, "--seed should be 1 to 1000 seeds upwards, got 5..1"],
    [["two.js", "--scenario", "none"], 1, 'two.js exports no scenario "none", it has very ill, well'],
    [["none.js"], 1, "none.js exports no scenario: export what scenario() returns"],
    [["missing.js"], 1, "cannot run missing.js: "],
    [["missing.json"], 1, "cannot read missing.json: ENOENT"],
    [["wrong.js"], 1, "wrong: load.perSecond should be a number from 0.001 to 1000000, got -1"],
    [["one.json", "--svg", "/none/x.svg"], 1, "cannot write /none/x.svg: ENOENT"],
  ])("refuses %j with %i", async (args, code, says) => {
    const ended = await run(...args);
    expect(ended.code).toBe(code);
    expect(ended.err).toContain(says);
    expect(ended.err).not.toContain("    at ");
  });
});
