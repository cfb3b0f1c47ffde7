// The plots of docs/outages.md are what its scenarios give today. `npx vitest run src/simulate/outages -u` draws them.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findExamples } from "../../tools/doctest/extract.ts";
import { root } from "../../tools/source.ts";
import { plot, simulate, type Report, type Scenario } from "./index.ts";

const TITLES: Readonly<Record<string, string>> = {
  "retry-storm": "A retry storm: everything fails for ten seconds",
  metastable: "A state that keeps itself alive: a third of the workers for five seconds",
  "fast-failure": "One of ten instances fails fast",
};

const folder = `${root}.cache/outages-${process.pid}`;
const modules = findExamples().filter(({ file, name }) => file === "docs/outages.md" && name !== undefined);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const { name, code } of modules) writeFileSync(`${folder}/${name}`, code);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the plots of the outages", () => {
  it("are of all scenarios on the page", () => {
    expect(modules.map(({ name }) => name!.replace(".ts", "")).toSorted()).toEqual(Object.keys(TITLES).toSorted());
  });

  it.each(Object.entries(TITLES))("show what %s gives", async (name, title) => {
    const url = pathToFileURL(`${folder}/${name}.ts`).href;
    const scenarios = Object.values((await import(/* @vite-ignore */ url)) as Record<string, Scenario>);
    const reports: Report[] = [];
    for (const one of scenarios) reports.push(await simulate(one));
    await expect(plot(reports, title)).toMatchFileSnapshot(`${root}docs/plots/${name}.svg`);
  });
});
