import { describe, expect, it } from "vitest";
import type { Page, Pages, PlainAnswer, Served } from "./page.ts";
import { pageAnswer, PageTable } from "./page-table.ts";

function tableOf(...paths: string[]): PageTable {
  const made = paths.map((path): Page => ({ path, answer: () => ({ status: 200, headers: [] }) }));
  const all: Pages = { "~pages": true, pages: () => made };
  return new PageTable([all], {} as Served, () => false);
}

describe("the pages of a server", () => {
  it.each([
    ["/docs", "/docs"],
    ["/docs/", "/docs/*"],
    ["/docs/a/b", "/docs/*"],
    ["/docs/api", "/docs/api"],
    ["/docs/api/x", "/docs/api/*"],
    ["/docsx", undefined],
    ["/", undefined],
  ])("are found at %s: %s", (path, found) => {
    expect(tableOf("/docs", "/docs/*", "/docs/api", "/docs/api/*").find(path)?.path).toBe(found);
  });

  it.each<[string, PlainAnswer]>([
    ["a header of two lines", { status: 200, headers: ["location", "/\nset-cookie: a=b"] }],
    ["a header that frames the message", { status: 200, headers: ["content-length", "1"] }],
    ["no status", { status: 99, headers: [] }],
    ["no body", { status: 200, headers: [], body: 1 as never }],
  ])("answer with 500 where they give %s", async (_, given) => {
    const answer = await pageAnswer({ path: "/", answer: () => given }, { verb: "GET", url: "/", headers: {} });
    expect(answer).toMatchObject({ status: 500, body: "500 the page cannot be made\n" });
  });

  it("are looked for in a path of nothing but slashes in no time", () => {
    const table = tableOf("/docs/*");
    const begun = process.hrtime.bigint();
    for (let i = 0; i < 5; i++) expect(table.find("/".repeat(16_000))).toBeUndefined();
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(300);
  });
});
