/**
 * The API reference: a page for each door, made of the doc comments and signatures of the names behind it.
 *
 * @module
 */
import type { ClassElement, Statement } from "oxc-parser";
import { doorNames, type DoorNames } from "./exported.ts";
import { commentBefore, plain, readSource, type Declared, type Source } from "./source.ts";

/** A page of the reference. */
export interface Page {
  /** Below docs/api/. */
  readonly file: string;
  readonly text: string;
}

/** All pages, the index first. */
export function apiPages(): Page[] {
  const doors = doorNames();
  return [
    { file: "README.md", text: indexOf(doors) },
    ...doors.map((one) => ({ file: fileOf(one), text: pageOf(one) })),
  ];
}

const fileOf = ({ room }: DoorNames): string => `${room === "" ? "servicekit" : room.replaceAll("/", "-")}.md`;

const NOTE = "Made from the doc comments by `npx vitest run test/api -u`; do not edit.";

function indexOf(doors: readonly DoorNames[]): string {
  const rows = doors.map((one) => `| [\`${one.door}\`](${fileOf(one)}) | ${firstSentence(moduleOf(one))} |`);
  return ["# API reference", "", NOTE, "", "| door | what for |", "|---|---|", ...rows, ""].join("\n");
}

function pageOf(one: DoorNames): string {
  const values = one.names.filter(({ kind }) => kind !== "type");
  const types = one.names.filter(({ kind }) => kind === "type");
  // As GitHub and others make them: the second heading of the same letters gets a number.
  const anchors = new Map<Declared, string>();
  const times = new Map<string, number>();
  for (const one of [...values, ...types]) {
    const anchor = one.name.toLowerCase();
    const before = times.get(anchor) ?? 0;
    times.set(anchor, before + 1);
    anchors.set(one, before === 0 ? anchor : `${anchor}-${before}`);
  }
  const list = (names: readonly Declared[]): string =>
    names.map((declared) => `[\`${declared.name}\`](#${anchors.get(declared)})`).join(", ");
  const head = [`# \`${one.door}\``, NOTE, moduleOf(one)];
  if (values.length > 0) head.push(`Values: ${list(values)}`);
  if (types.length > 0) head.push(`Types: ${list(types)}`);
  return `${[...head, ...values.map(entryOf), ...types.map(entryOf)].join("\n\n")}\n`;
}

function moduleOf({ room }: DoorNames): string {
  const source = readSource(room === "" ? "src/index.ts" : `src/${room}/index.ts`);
  const [first] = source.parsed.comments;
  return first === undefined ? "" : plain(first).replace("@module", "").trim();
}

function entryOf(declared: Declared): string {
  const { name, file } = declared;
  const { about, tags, example } = partsOf(declared.comment ?? "");
  const parts = [`## ${name}`, about, fence(signatureOf(declared)), ...tags, example];
  return [...parts, `[${file}](../../${file})`].filter((part) => part !== "").join("\n\n");
}

const fence = (code: string): string => `\`\`\`ts\n${code}\n\`\`\``;

interface Parts {
  readonly about: string;
  readonly tags: readonly string[];
  readonly example: string;
}

function partsOf(comment: string): Parts {
  const [about = "", ...rest] = comment.split(/^(?=@\w+)/m);
  const tags = rest.filter((tag) => !tag.startsWith("@example") && !tag.startsWith("@module"));
  const example = rest.find((tag) => tag.startsWith("@example")) ?? "";
  return {
    about: about.trim(),
    tags: tags.map((tag) =>
      tag
        .replace(/^@throws\s+\{([^}]*)\}/, "Throws `$1`")
        .replace(/^@(\w+)/, "$1:")
        .trim(),
    ),
    example: example.replace("@example", "").trim(),
  };
}

function firstSentence(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ");
  return /^.*?[.:](?=\s|$)/.exec(flat)?.[0].replace(/:$/, ".") ?? flat;
}

/** The declaration as it stands, without bodies and what is private. */
function signatureOf({ file, line }: Declared): string {
  const source = readSource(file);
  const at = source.parsed.program.body.find(
    (statement) => source.text.slice(0, statement.start).split("\n").length === line,
  );
  if (at === undefined) throw new Error(`${file}:${line} has no declaration`);
  const inner = at.type === "ExportNamedDeclaration" && at.declaration ? at.declaration : at;
  return printed(source, inner as Statement);
}

function printed(source: Source, statement: Statement): string {
  const { text } = source;
  switch (statement.type) {
    case "FunctionDeclaration":
      return text.slice(statement.start, statement.body?.start ?? statement.end).trim();
    case "ClassDeclaration": {
      const head = text.slice(statement.start, statement.body.start).trim();
      const members = statement.body.body.flatMap((member) => memberOf(source, member));
      return [`${head} {`, ...members, "}"].join("\n");
    }
    case "VariableDeclaration": {
      const [one] = statement.declarations;
      const { init } = one!;
      const end = init === null ? statement.end : init.start;
      return text
        .slice(statement.start, end)
        .replace(/\s*=\s*$/, "")
        .trim();
    }
    default:
      return text.slice(statement.start, statement.end);
  }
}

function memberOf(source: Source, member: ClassElement): string[] {
  const { text } = source;
  if (!("key" in member) || member.key.type === "PrivateIdentifier") return [];
  if ("accessibility" in member && member.accessibility !== null && member.accessibility !== "public") return [];
  const comment = commentBefore(source, member.start);
  const doc = comment === undefined ? [] : [`  /** ${comment.trim().replaceAll("\n", "\n   * ")} */`];
  if (member.type === "MethodDefinition" || member.type === "TSAbstractMethodDefinition")
    return [...doc, `  ${text.slice(member.start, member.value.body?.start ?? member.end).trim()};`];
  const hasValue = "value" in member && member.value !== null && "start" in member.value;
  const end = hasValue ? (member.value as { readonly start: number }).start : member.end;
  return [
    ...doc,
    `  ${text
      .slice(member.start, end)
      .replace(/\s*=\s*$/, "")
      .replace(/;$/, "")
      .trim()};`,
  ];
}
