/**
 * Finds the examples in our documentation: every fence marked `ts` in the doc comments of `src/`, in README.md and in docs/
 * (but docs/api, which repeats the doc comments).
 *
 * What may stand after `ts` on the fence: `no-run` (type-checked only), `fragment` (only counted), `file=name.ts` (the
 * example is also a module that the same document's other examples may import).
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { filesIn, isDoc, isTest, lineOf, plain, readSource, root } from "../source.ts";

/** One example as it stands in the documentation. */
export interface Example {
  /** The file that holds it, relative to the root. */
  readonly file: string;
  /** The line of its first line of code in that file. */
  readonly line: number;
  readonly code: string;
  readonly mode: "run" | "no-run" | "fragment";
  /** The file name it was given, if any. */
  readonly name: string | undefined;
}

/** Every example there is, in the order of the files. */
export function findExamples(): Example[] {
  const found: Example[] = [];
  for (const name of filesIn("src", /\.ts$/).filter((file) => !isTest(file))) {
    const source = readSource(`src/${name}`);
    for (const comment of source.parsed.comments.filter(isDoc)) {
      found.push(...fences(plain(comment), { file: source.file, line: lineOf(source.text, comment.start) }));
    }
  }
  for (const file of documents()) found.push(...fences(readFileSync(root + file, "utf8"), { file, line: 1 }));
  return found;
}

function documents(): string[] {
  const docs = existsSync(`${root}docs`)
    ? filesIn("docs", /\.md$/)
        .filter((file) => !file.startsWith("api/"))
        .map((file) => `docs/${file}`)
    : [];
  return existsSync(`${root}README.md`) ? ["README.md", ...docs] : docs;
}

/** The fences marked `ts` in a text whose first line is line `start.line` of `start.file`. */
export function fences(text: string, start: { readonly file: string; readonly line: number }): Example[] {
  const found: Example[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const opened = /^(\s*)(`{3,})(.*)$/.exec(lines[at]!);
    if (opened === null) continue;
    const [, indent = "", ticks = "", info = ""] = opened;
    const end = lines.findIndex((line, index) => index > at && line.trim() === ticks);
    if (end === -1) throw new Error(`${start.file}:${start.line + at} opens a fence that is never closed`);
    const code = lines.slice(at + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const words = info.trim().split(/\s+/);
    if (words[0] === "ts" || words[0] === "typescript") {
      found.push({
        file: start.file,
        line: start.line + at + 1,
        code: code.join("\n"),
        ...modeOf(words.slice(1), start, at),
      });
    }
    at = end;
  }
  return found;
}

function modeOf(
  words: readonly string[],
  start: { file: string; line: number },
  at: number,
): Pick<Example, "mode" | "name"> {
  let [mode, name]: [Example["mode"], string | undefined] = ["run", undefined];
  for (const word of words) {
    if (word === "no-run" || word === "fragment") mode = word;
    else if (/^file=[\w.-]+\.ts$/.test(word)) name = word.slice("file=".length);
    else throw new Error(`${start.file}:${start.line + at} marks a fence "${word}", which means nothing`);
  }
  return { mode, name };
}
