/**
 * Reading our own sources: which files there are, what a file imports, what it exports and what is said about it.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor, type Comment, type ParseResult, type Statement } from "oxc-parser";

/** The repository's root, with a slash at the end. */
export const root: string = fileURLToPath(new URL("../", import.meta.url));

/** Whether a file is a test, or of types. */
export const isTest = (file: string): boolean => /\.test(-d)?\.ts$/.test(file) || file.includes("/testdata/");

/** The files below `folder` (relative to the root) that `wanted` names, sorted, relative to `folder`. */
export function filesIn(folder: string, wanted: RegExp): string[] {
  return below(root + folder, "")
    .filter((file) => wanted.test(file))
    .toSorted();
}

// Not by `recursive`: that follows links, and a package installed from here leads back to the root.
function below(folder: string, path: string): string[] {
  return readdirSync(`${folder}/${path}`, { withFileTypes: true }).flatMap((one) => {
    if (one.isFile()) return [path + one.name];
    return one.isDirectory() && one.name !== "node_modules" && !one.name.startsWith(".")
      ? below(folder, `${path}${one.name}/`)
      : [];
  });
}

/** A file, read and parsed. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly parsed: ParseResult;
}

/** Reads a file (relative to the root); throws when it cannot be parsed: a file nobody could read must not pass. */
export function readSource(file: string, text: string = readFileSync(root + file, "utf8")): Source {
  const parsed = parseSync(file, text, { preserveParens: false });
  if (parsed.errors.length > 0) throw new Error(`${file} cannot be parsed: ${parsed.errors[0]!.message}`);
  return { file, text, parsed };
}

/** The line of an offset, from 1. */
export const lineOf = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

/** One place that names another module. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `import "./x.ts"`: nothing is taken from it. */
  readonly bare: boolean;
  /** `import("./x.ts")`: not loaded with the file. */
  readonly lazy: boolean;
}

/** Every module that a file names, in whatever way: import, export from, `import()` and the type `import("…")`. */
export function importsOf({ text, parsed }: Source): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, at: number, how: { bare?: boolean; lazy?: boolean } = {}): void => {
    found.push({ specifier, line: lineOf(text, at), bare: how.bare ?? false, lazy: how.lazy ?? false });
  };
  for (const one of parsed.module.staticImports) {
    const bare = !text.slice(one.start, one.moduleRequest.start).includes("from");
    add(one.moduleRequest.value, one.start, { bare });
  }
  for (const { entries } of parsed.module.staticExports) {
    const from = entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest;
    if (from) add(from.value, from.start);
  }
  new Visitor({
    ImportExpression({ source, start }) {
      if (source.type !== "Literal") {
        // What a user names is none of our rooms; whoever loads it says so within the brackets.
        if (text.slice(start, source.start).includes("/* the user's */")) return;
        throw new Error(`import() of something computed at line ${lineOf(text, start)}`);
      }
      add(String(source.value), start, { lazy: true });
    },
    TSImportType({ source, start }) {
      add(source.value, start);
    },
  }).visit(parsed.program);
  return found;
}

/** A name as a door exports it, followed to where it is declared. */
export interface Declared {
  readonly name: string;
  readonly typeOnly: boolean;
  /** The file that declares it, relative to the root. */
  readonly file: string;
  readonly line: number;
  readonly kind: "function" | "class" | "value" | "type";
  /** Its doc comment, without the asterisks; undefined when there is none. */
  readonly comment: string | undefined;
}

/** Every name that the module at `file` exports, through its re-exports. */
export function exportsOf(file: string): Declared[] {
  const source = readSource(file);
  const found: Declared[] = [];
  for (const { entries } of source.parsed.module.staticExports) {
    for (const entry of entries) {
      const name = entry.exportName.name;
      if (name === null) throw new Error(`${file} has an export without a name: export by name`);
      const original = entry.importName.name ?? name;
      const declared = entry.moduleRequest
        ? exportsOf(posix.join(posix.dirname(file), entry.moduleRequest.value)).find((one) => one.name === original)
        : declarationOf(source, entry.localName.name ?? name);
      if (!declared) throw new Error(`${file} exports ${name}, which is not to be found`);
      found.push({ ...declared, name, typeOnly: entry.isType || declared.typeOnly });
    }
  }
  return found;
}

function declarationOf(source: Source, name: string): Declared | undefined {
  for (const statement of source.parsed.program.body) {
    const inner =
      statement.type === "ExportNamedDeclaration" && statement.declaration ? statement.declaration : statement;
    const kind = kindOf(inner as Statement, name);
    if (kind === undefined) continue;
    const comment = commentBefore(source, statement.start);
    const line = lineOf(source.text, statement.start);
    return { name, typeOnly: kind === "type", file: source.file, line, kind, comment };
  }
  // What is imported and exported again in two steps.
  const imported = source.parsed.module.staticImports.find((one) =>
    one.entries.some((entry) => entry.localName.value === name),
  );
  if (!imported) return undefined;
  const original = imported.entries.find((entry) => entry.localName.value === name)!.importName.name;
  const from = posix.join(posix.dirname(source.file), imported.moduleRequest.value);
  return exportsOf(from).find((one) => one.name === original);
}

function kindOf(statement: Statement, name: string): Declared["kind"] | undefined {
  switch (statement.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
      return statement.id?.name === name ? "function" : undefined;
    case "ClassDeclaration":
      return statement.id?.name === name ? "class" : undefined;
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return statement.id.name === name ? "type" : undefined;
    case "VariableDeclaration": {
      const one = statement.declarations.find(({ id }) => id.type === "Identifier" && id.name === name);
      if (!one) return undefined;
      const closure = one.init?.type === "ArrowFunctionExpression" || one.init?.type === "FunctionExpression";
      return closure ? "function" : "value";
    }
    default:
      return undefined;
  }
}

/** The doc comment that ends right before `offset`, as plain text. */
export function commentBefore({ text, parsed }: Source, offset: number): string | undefined {
  const before = parsed.comments.filter((comment) => comment.end <= offset);
  const last = before.at(-1);
  if (!last || !isDoc(last) || text.slice(last.end, offset).trim() !== "") return undefined;
  return plain(last);
}

/** Whether a comment is a doc comment. */
export const isDoc = (comment: Comment): boolean => comment.type === "Block" && comment.value.startsWith("*");

/** A doc comment's text: line by line, without the asterisks, so that line n is line n of the comment. */
export const plain = (comment: Comment): string =>
  comment.value
    .slice(1)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n");
