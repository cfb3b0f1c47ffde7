import { describe, expect, it } from "vitest";
import { Visitor } from "oxc-parser";
import { doorNames } from "../tools/exported.ts";
import { commentBefore, filesIn, isDoc, isTest, lineOf, plain, readSource, type Declared } from "../tools/source.ts";

const sources = filesIn("src", /\.ts$/)
  .filter((file) => !isTest(file))
  .map((file) => readSource(`src/${file}`));
const exported = doorNames().flatMap(({ names }) => names);
/** Each declaration once, although several doors may show it. */
const declared = [...new Map(exported.map((one) => [`${one.file}:${one.line}`, one])).values()];

const where = ({ file, line, name }: Declared): string => `${file}:${line} ${name}`;

describe("the documentation of the public names", () => {
  it("is looked at: there are names behind the doors", () => {
    expect(declared.length).toBeGreaterThan(20);
  });

  it("exists for each of them", () => {
    expect(declared.filter(({ comment }) => (comment ?? "").trim() === "").map(where)).toEqual([]);
  });

  it("has an example that can be run for each function and class", () => {
    const wanted = declared.filter(({ kind, typeOnly }) => (kind === "function" || kind === "class") && !typeOnly);
    expect(wanted.length).toBeGreaterThan(5);
    expect(wanted.filter(({ comment }) => !/@example\s+```ts\n/.test(comment ?? "")).map(where)).toEqual([]);
  });

  it("says for each option what it is", () => {
    let seen = 0;
    const undocumented: string[] = [];
    const files = new Set(declared.map((one) => one.file));
    for (const source of sources.filter(({ file }) => files.has(file))) {
      const { file, parsed, text } = source;
      new Visitor({
        TSInterfaceDeclaration({ id, body }) {
          if (!id.name.endsWith("Options")) return;
          for (const member of body.body) {
            if (member.type !== "TSPropertySignature" && member.type !== "TSMethodSignature") continue;
            seen++;
            if (commentBefore(source, member.start) === undefined) {
              undocumented.push(`${file}:${lineOf(text, member.start)} ${id.name}`);
            }
          }
        },
      }).visit(parsed.program);
    }
    expect(seen).toBeGreaterThan(0);
    expect(undocumented).toEqual([]);
  });

  it("begins each file, with @module", () => {
    // What a generator wrote is its own affair.
    const written = sources.filter(({ file }) => !file.includes("/gen/"));
    const without = written.filter(({ parsed: { comments } }) => {
      const [first] = comments;
      return !first || !isDoc(first) || !/^@module$/m.test(plain(first).trimEnd());
    });
    expect(written.length).toBeGreaterThan(20);
    expect(without.map(({ file }) => file)).toEqual([]);
  });

  it("never repeats types in braces", () => {
    const wrong = sources.flatMap(({ file, parsed, text }) => {
      const bad = parsed.comments.filter((one) => isDoc(one) && /@(param|returns|type)\s+\{/.test(one.value));
      return bad.map(({ start }) => `${file}:${lineOf(text, start)}`);
    });
    expect(wrong).toEqual([]);
  });
});
