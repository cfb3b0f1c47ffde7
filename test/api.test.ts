// docs/api is what the doc comments say today. `npx vitest run test/api -u` writes it.
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { apiPages } from "../tools/api.ts";
import { root } from "../tools/doors.mjs";

const pages = apiPages();

describe("the API reference", () => {
  it.each(pages)("says in $file what the sources say", async ({ file, text }) => {
    await expect(text).toMatchFileSnapshot(`${root}docs/api/${file}`);
  });

  it("has a page for each door, and no other", () => {
    expect(pages.length).toBeGreaterThan(15);
    expect(readdirSync(`${root}docs/api`).toSorted()).toEqual(pages.map(({ file }) => file).toSorted());
  });
});
