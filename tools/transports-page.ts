/**
 * Writes docs/transports.md from what the tests of a run said of their cells.
 *
 * @module
 */
import { ROWS, type Cell, type Column } from "./transports.ts";
import { AFTER, BEFORE } from "./transports-text.ts";

/** What became of one test that belongs to a cell. */
export interface Tried {
  readonly cell: Cell;
  readonly state: "passed" | "failed" | "skipped";
  /** What it stands under, where several tests belong together. */
  readonly group?: string | undefined;
}

/** A page, and what is to be said of it. */
export interface Page {
  readonly text: string;
  /** Cells whose number is that of the committed page, and why. */
  readonly taken: readonly string[];
  /** What keeps the page from being right: cells that failed or are empty. */
  readonly wrong: readonly string[];
}

/** Writes the page; `committed` is the one that is there, "" when there is none. */
export function transportsPage(tried: readonly Tried[], columns: readonly Column[], committed: string): Page {
  const taken: string[] = [];
  const wrong: string[] = [];
  const notes = new Notes();
  const known = numbersIn(committed);
  const cellText = (row: string, { name }: Column): string => {
    const all = tried.filter(({ cell }) => cell.transport === name && cell.property === row);
    const where = `${name}, ${row}`;
    const sentences = bySentence(all);
    const failed = sentences.filter((one) => one.some(({ state }) => state === "failed"));
    const left = sentences.filter(([first]) => first!.cell.skip !== undefined);
    const missing = sentences.filter((one) =>
      one.some(({ cell, state }) => state === "skipped" && cell.skip === undefined),
    );
    const count = sentences.length - failed.length - left.length;
    for (const [first] of failed) wrong.push(`${where}: failed "${first!.cell.sentence}"`);
    if (sentences.length === 0 && tried.some(({ cell }) => cell.transport === name))
      wrong.push(`${where}: there is no test of it, and no reason why`);
    if (missing.length > 0) {
      const why = missing[0]![0]!.cell.missing ?? "a peer is missing";
      const before = known.get(where);
      if (before === count) taken.push(`${where}: ${why}`);
      else wrong.push(`${where}: cannot be tried here (${why}), and the page has ${before ?? "nothing"} for ${count}`);
    }
    const reasons = [...new Set(left.map(([first]) => notes.mark(first!.cell)))];
    return [...(count > 0 ? [`${count}`] : []), ...reasons].join(" ");
  };
  for (const { name, file } of columns)
    if (!tried.some(({ cell }) => cell.transport === name)) wrong.push(`${name}: ${file} has run no case for it`);
  const table = [
    ["", ...columns.map(({ name }) => name)],
    ["---", ...columns.map(() => "---:")],
    ...Object.keys(ROWS).map((row) => [`[${row}](#${row})`, ...columns.map((column) => cellText(row, column))]),
  ].map((line) => `| ${line.join(" | ")} |`);
  const rows = Object.entries(ROWS).flatMap(([row, says]) => [
    `### ${row}`,
    "",
    `${says}.`,
    "",
    ...cases(row, tried, columns),
    "",
  ]);
  const text = [BEFORE, table.join("\n"), notes.text(), "## The cases", rows.join("\n").trimEnd(), AFTER].join("\n\n");
  return { text: `${text.trimEnd()}\n`, taken, wrong };
}

/** The lists under the table: the suite's sentences, or for the bytes those of each column. */
function cases(row: string, tried: readonly Tried[], columns: readonly Column[]): readonly string[] {
  if (row !== "bytes") {
    const all = tried.filter(({ cell }) => cell.property === row).map(({ cell }) => `- ${cell.sentence}`);
    return [...new Set(all)];
  }
  return columns.flatMap(({ name }) => {
    const all = tried.filter(({ cell }) => cell.transport === name && cell.property === row && cell.skip === undefined);
    const groups = grouped(all, ({ cell, group }) => group ?? cell.sentence);
    return [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([group, all]) => `- ${name}: ${all.length > 1 ? `${group} (${all.length})` : all[0]!.cell.sentence}`);
  });
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

function bySentence(all: readonly Tried[]): readonly (readonly Tried[])[] {
  return [...grouped(all, ({ cell, group = "" }) => `${group} ${cell.sentence}`).values()];
}

/** Reasons under the table, each once, with who gave it. */
class Notes {
  readonly #reasons = new Map<string, Set<string>>();

  mark({ transport, skip = "" }: Cell): string {
    const by = this.#reasons.get(skip) ?? new Set();
    this.#reasons.set(skip, by.add(transport));
    return `[^${[...this.#reasons.keys()].indexOf(skip) + 1}]`;
  }

  text(): string {
    return [...this.#reasons].map(([reason, by], i) => `[^${i + 1}]: ${[...by].join(", ")}: ${reason}.`).join("\n");
  }
}

/** The number in each cell of a page, by "column, row"; 0 where a reason stands alone. */
function numbersIn(page: string): ReadonlyMap<string, number> {
  const lines = page.split("\n").filter((line) => line.startsWith("|"));
  const [head = [], , ...rows] = lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((one) => one.trim()),
  );
  const numbers = new Map<string, number>();
  for (const [title = "", ...values] of rows) {
    const row = /^\[(.+)\]/.exec(title)?.[1] ?? title;
    values.forEach((value, i) => {
      if (value !== "") numbers.set(`${head[i + 1]}, ${row}`, Number(/^\d+/.exec(value)?.[0] ?? 0));
    });
  }
  return numbers;
}
