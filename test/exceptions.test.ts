import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { filesIn, root } from "../tools/source.ts";

const files = ["src", "test", "tools", "examples"]
  .flatMap((folder) => filesIn(folder, /\.(ts|mjs)$/).map((file) => `${folder}/${file}`))
  .filter((file) => !file.includes("/gen/"));

it("every exception from a lint rule carries its reason", () => {
  expect(files.length).toBeGreaterThan(20);
  const bare = files.flatMap((file) =>
    readFileSync(root + file, "utf8")
      .split("\n")
      .map((line, index) => ({ line, place: `${file}:${index + 1}` }))
      .filter(({ line }) => /\/[/*] *(oxlint|eslint)-disable/.test(line) && !/disable[\w-]* [\w/, -]+ -- \S/.test(line))
      .map(({ place }) => place),
  );
  expect(bare).toEqual([]);
});

it("no type error is silenced outright", () => {
  const silenced = files.filter((file) => /@ts-(ignore|nocheck)/.test(readFileSync(root + file, "utf8")));
  expect(silenced.filter((file) => file !== "test/exceptions.test.ts")).toEqual([]);
});
