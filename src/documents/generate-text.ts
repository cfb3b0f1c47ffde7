/**
 * Text of TypeScript from text that somebody else wrote: literals, keys and comments that say it and cannot become code.
 *
 * @module
 */

/** How wide a line of what is generated may be. */
export const WIDTH = 120;

/** A text as a literal in double quotes; whatever an editor would not show stands there as an escape. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNSEEN, escaped);
}

// Line separators, which end a line for some readers, and signs that turn the direction of writing, under which code
// looks like something else than it is; and what no editor shows.
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

function escaped(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A name as the key of a type's member. */
export function memberKey(name: string): string {
  return IDENTIFIER.test(name) ? name : quoted(name);
}

/** A name as the key of an object literal, where a plain `__proto__` would set the prototype. */
function literalKey(name: string): string {
  return name === "__proto__" ? '["__proto__"]' : memberKey(name);
}

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** A JSON value as a literal: on one line where it fits, what stands before it counted; else a line for each part. */
export function literal(value: unknown, indent: string, used = 0): string {
  const flat = flatLiteral(value);
  const isWhole = typeof value !== "object" || value === null || value instanceof Code;
  if (isWhole || indent.length + used + flat.length < WIDTH) return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((one) => `${inner}${literal(one, inner)},\n`).join("")}${indent}]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([name, one]) => {
    const key = literalKey(name);
    if (one instanceof Code && one.text === name) return `${inner}${name},\n`;
    return `${inner}${key}: ${literal(one, inner, key.length + 3)},\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

function flatLiteral(value: unknown): string {
  if (value instanceof Code) return value.text;
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  if (Array.isArray(value)) return `[${value.map(flatLiteral).join(", ")}]`;
  const entries = Object.entries(value).map(([name, one]) => {
    if (one instanceof Code && one.text === name) return name;
    return `${literalKey(name)}: ${flatLiteral(one)}`;
  });
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** A name of the generated file within a literal. Made by the generator only. */
export class Code {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const MAX_COMMENT = 2000;

/** A doc comment of these paragraphs with a line break at its end; nothing when there is nothing to say. */
export function docComment(paragraphs: readonly (string | undefined)[], indent: string, isDeprecated = false): string {
  const said = paragraphs.map((one) => (one === undefined ? [] : commentLines(one))).filter(({ length }) => length > 0);
  if (isDeprecated) said.push(["@deprecated"]);
  const lines = said.flatMap((one, i) => (i === 0 ? one : ["", ...one]));
  if (lines.length === 0) return "";
  if (lines.length === 1 && indent.length + lines[0]!.length < WIDTH - 7) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`).join("")}${indent} */\n`;
}

/** Comment lines with slashes. */
export function lineComment(text: string, indent: string): string {
  return commentLines(text)
    .map((line) => `${indent}// ${line}\n`)
    .join("");
}

function commentLines(text: string): string[] {
  const short = text.length > MAX_COMMENT ? `${text.slice(0, MAX_COMMENT)} …` : text;
  return short
    .split(/[\n\r\u2028\u2029]+/)
    .map((line) => inert(line).trimEnd())
    .filter((line) => line.trim() !== "")
    .flatMap(wrapped);
}

// No end of a comment, no tag that a compiler, a linter or an editor would follow, nothing that is not seen.
function inert(line: string): string {
  return line
    .replaceAll("*/", "* /")
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, " ")
    .replaceAll("\t", "  ")
    .replace(UNSEEN, "")
    .replaceAll(/\p{Surrogate}/gu, "?")
    .replaceAll(/(^|[^\w.@\\])@(?=[A-Za-z])/g, "$1\\@")
    .replaceAll(/\b(eslint|oxlint|biome|prettier|deno|v8|c8|istanbul)-(?=\w)/gi, "$1 ")
    .replaceAll(/sourceMappingURL|sourceURL/gi, "source map");
}

function wrapped(line: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > WIDTH - 10) {
    const at = rest.lastIndexOf(" ", WIDTH - 10);
    if (at <= 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...lines, rest];
}
