import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANY, MAX_SEGMENTS, pathOf, Router } from "./router.ts";

/** A route as the naive matcher sees it. */
interface Entry {
  readonly verb: string;
  readonly template: string;
}

function routerOf(entries: readonly Entry[]): Router<string> {
  const router = new Router<string>();
  for (const { verb, template } of entries) router.add(verb, template, `${verb} ${template}`);
  return router;
}

/** The values when a template fits a path: segment by segment, and nothing clever. */
function fit(template: string, path: string): readonly string[] | undefined {
  const [wanted, given] = [template.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const values: string[] = [];
  for (const [i, segment] of wanted.entries()) {
    if (segment.startsWith("{")) {
      if (given[i] === "") return undefined;
      values.push(given[i]!);
    } else if (segment !== given[i]) return undefined;
  }
  return values;
}

/** Exact segments first, from the left. */
const precision = (template: string): string =>
  template
    .split("/")
    .map((segment) => (segment.startsWith("{") ? "1" : "0"))
    .join("");

/** A template without the names of its parameters, which make no difference. */
const unnamed = (template: string): string => template.replaceAll(/\{[^}]*\}/g, "{}");

/** All that fits a path, the most exact first. */
function naive(
  entries: readonly Entry[],
  path: string,
): readonly { readonly verbs: readonly string[]; readonly values: readonly string[] }[] {
  const fitting = entries.filter(({ template }) => fit(template, path) !== undefined);
  const templates = [...new Set(fitting.map(({ template }) => unnamed(template)))].toSorted((a, b) => {
    // A path without parameters is a path of its own, before all templates.
    if (a.includes("{") !== b.includes("{")) return a.includes("{") ? 1 : -1;
    return precision(a) < precision(b) ? -1 : 1;
  });
  return templates.map((template) => ({
    verbs: [...new Set(fitting.filter((one) => unnamed(one.template) === template).map(({ verb }) => verb))].toSorted(),
    values: fit(template, path)!,
  }));
}

const literal = fc.constantFrom("a", "b", "c", "", "constructor", "__proto__", "a%2Fb");
const parameter = fc.constantFrom("{x}", "{y}", "{constructor}");
const template = fc
  .array(fc.oneof({ weight: 2, arbitrary: literal }, { weight: 1, arbitrary: parameter }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((segments) => `/${segments.join("/")}`);
const entry = fc.record({ verb: fc.constantFrom("GET", "POST", ANY), template });
const path = fc
  .array(fc.oneof(literal, fc.constantFrom("z", "{x}", "toString", ".")), { minLength: 1, maxLength: 5 })
  .map((segments) => `/${segments.join("/")}`);

describe("the router", () => {
  it("finds exactly what a naive matcher finds, in the order of exactness, with the same values", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), path, (entries, asked) => {
        const router = routerOf(entries);
        const all = router.all(asked).map(({ verbs, values }) => ({ verbs: [...verbs.keys()].toSorted(), values }));
        expect(all).toEqual(naive(entries, asked));
        expect(router.find(asked)).toEqual(router.all(asked)[0]);
      }),
      { numRuns: 3000 },
    );
  });

  it("finds the same with a query behind the path, whatever is in it, and in the absolute form", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), path, fc.string({ maxLength: 12 }), (entries, asked, query) => {
        const router = routerOf(entries);
        const found = router.find(asked);
        expect(router.find(`${asked}?${query}`)).toEqual(found);
        expect(router.find(`http://host:80${asked}?${query}`)).toEqual(found);
        expect(router.all(`${asked}?${query}`)).toEqual(router.all(asked));
      }),
      { numRuns: 1000 },
    );
  });

  it("finds nothing and throws nothing for whatever else a target may be", () => {
    const router = routerOf([{ verb: "GET", template: "/a/{x}" }]);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (asked) => {
        const found = router.find(asked);
        expect(found === undefined || /^(https?:\/\/[^/?]*)?\/a\/[^/?]+(\?|$)/i.test(asked)).toBe(true);
      }),
    );
  });

  it("takes a route once, and templates that differ by a name only are one", () => {
    const router = new Router<number>();
    expect(router.add("GET", "/a/{x}", 1)).toBe(true);
    expect(router.add("GET", "/a/{y}", 2)).toBe(false);
    expect(router.add("POST", "/a/{y}", 3)).toBe(true);
    expect(router.add("GET", "/a", 4)).toBe(true);
    expect(router.add("GET", "/a", 5)).toBe(false);
    expect([...router.find("/a/1")!.verbs]).toEqual([
      ["GET", 1],
      ["POST", 3],
    ]);
  });

  it("keeps a reserved path from templates", () => {
    const router = new Router<number>();
    router.add("GET", "/{x}", 1);
    router.reserve("/a");
    expect(router.find("/a")?.verbs.size).toBe(0);
    expect(router.find("/b")?.verbs.size).toBe(1);
  });

  it("serves templates of as many segments as are allowed, and takes no longer path for one of them", () => {
    const router = new Router<number>();
    router.add("GET", "/{x}".repeat(MAX_SEGMENTS), 1);
    expect(router.find("/s".repeat(MAX_SEGMENTS))?.values.length).toBe(MAX_SEGMENTS);
    for (const more of [1, 2, 3, 100]) expect(router.find("/s".repeat(MAX_SEGMENTS + more))).toBeUndefined();
  });

  it("walks no further than the templates go, however they branch and however long the path is", () => {
    const router = new Router<number>();
    // Every level both ways: 2^10 templates, and a path that fits all of them but for its end.
    for (let i = 0; i < 1024; i++) {
      const segments = Array.from({ length: 10 }, (_, bit) => ((i >> bit) & 1 ? "{p}" : "a"));
      router.add("GET", `/${segments.join("/")}/end`, i);
    }
    const begun = process.hrtime.bigint();
    for (let i = 0; i < 100; i++) expect(router.find(`${"/a".repeat(10)}/nope`)).toBeUndefined();
    expect(router.find("/a".repeat(500_000))).toBeUndefined();
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(2000);
    expect(router.all(`${"/a".repeat(10)}/end`).length).toBe(1024);
  });
});

describe("the path of a target", () => {
  it("is what stands before the query, of the absolute form too", () => {
    const cases: Readonly<Record<string, string>> = {
      "/": "/",
      "/a?b": "/a",
      "/a?b?c/d": "/a",
      "?x": "",
      "*": "*",
      "": "",
      "http://h": "/",
      "http://h?x/y": "/",
      "http://h:1/a/b?c": "/a/b",
      "HTTP://h/A": "/A",
      "https://user@h/": "/",
      "/http://h/a": "/http://h/a",
      "ftp://h/a": "ftp://h/a",
      "//h/a": "//h/a",
    };
    for (const [url, expected] of Object.entries(cases)) expect([url, pathOf(url)]).toEqual([url, expected]);
  });
});
