import { describe, expect, it } from "vitest";
import { transportsPage, type Tried } from "./transports-page.ts";
import { COLUMNS, ROWS, type Cell, type Column } from "./transports.ts";

const columns: readonly Column[] = [
  { name: "http", file: "http.test.ts" },
  { name: "nats", file: "nats.test.ts" },
];

const cell = (transport: string, property: string, more: Partial<Cell> = {}): Cell => ({
  transport,
  property,
  sentence: `${property} are as they should be`,
  ...more,
});

/** Every cell with one case that passed. */
const all: readonly Tried[] = columns.flatMap(({ name }) =>
  Object.keys(ROWS).map((row): Tried => ({ cell: cell(name, row), state: "passed" })),
);
const without = (transport: string, property: string): readonly Tried[] =>
  all.filter((one) => one.cell.transport !== transport || one.cell.property !== property);

const line = (text: string, row: string): string => text.split("\n").find((one) => one.startsWith(`| [${row}]`))!;

describe("the page of transports", () => {
  it("has a row for each property, a column for each transport, and the number of cases in each cell", () => {
    const more: Tried = { cell: cell("nats", "streams", { sentence: "and in order" }), state: "passed" };
    const { text, taken, wrong } = transportsPage([...all, more], columns, "");
    expect([taken, wrong]).toEqual([[], []]);
    expect(text).toContain("|  | http | nats |");
    expect(line(text, "streams")).toBe("| [streams](#streams) | 1 | 2 |");
    expect(text).toContain("- streams are as they should be\n- and in order\n");
  });

  it("counts a case once that ran in two ways, and only when it passed both ways", () => {
    const again: Tried = { cell: cell("http", "hooks"), state: "passed" };
    expect(line(transportsPage([...all, again], columns, "").text, "hooks")).toBe("| [hooks](#hooks) | 1 | 1 |");
    const { wrong } = transportsPage([...all, { ...again, state: "failed" }], columns, "");
    expect(wrong).toEqual(['http, hooks: failed "hooks are as they should be"']);
  });

  it("gives reasons as notes, each once, with those who gave it", () => {
    const skip = "there are no streams";
    const cells = columns.map(({ name }): Tried => ({
      cell: cell(name, "streams", { skip, sentence: "both ways" }),
      state: "skipped",
    }));
    const { text, wrong } = transportsPage([...without("nats", "streams"), ...cells], columns, "");
    expect(wrong).toEqual([]);
    expect(line(text, "streams")).toBe("| [streams](#streams) | 1 [^1] | [^1] |");
    expect(text).toContain("[^1]: http, nats: there are no streams.");
  });

  it("has no empty cell, and no column that ran nothing", () => {
    expect(transportsPage(without("nats", "drain"), columns, "").wrong).toEqual([
      "nats, drain: there is no test of it, and no reason why",
    ]);
    const http = all.filter((one) => one.cell.transport === "http");
    expect(transportsPage(http, columns, "").wrong).toEqual(["nats: nats.test.ts has run no case for it"]);
  });

  it("takes from the page what cannot be tried here, when the number is the same, and says so", () => {
    const { text } = transportsPage(all, columns, "");
    const missing = "there is no nats-server";
    const here = all.map((one): Tried =>
      one.cell.transport === "nats" ? { cell: { ...one.cell, missing }, state: "skipped" } : one,
    );
    const again = transportsPage(here, columns, text);
    expect(again.text).toBe(text);
    expect(again.wrong).toEqual([]);
    expect(again.taken).toHaveLength(Object.keys(ROWS).length);
    expect(again.taken[0]).toBe("nats, hooks: there is no nats-server");
    expect(transportsPage(here, columns, "").wrong[0]).toBe(
      "nats, hooks: cannot be tried here (there is no nats-server), and the page has nothing for 1",
    );
    const one = here.concat({ cell: cell("nats", "hooks", { missing, sentence: "a new one" }), state: "skipped" });
    expect(transportsPage(one, columns, text).wrong).toEqual([
      "nats, hooks: cannot be tried here (there is no nats-server), and the page has 1 for 2",
    ]);
  });

  it("takes a foreign peer that is not there from the page as well", () => {
    const { text } = transportsPage(all, columns, "");
    const here = [...without("http", "bytes"), { cell: cell("http", "bytes"), state: "skipped" } as const];
    expect(transportsPage(here, columns, text)).toEqual({ text, taken: ["http, bytes: a peer is missing"], wrong: [] });
  });

  it("lists foreign peers by transport, several cases of one kind as one line", () => {
    const peers = ["a", "b"].map((sentence): Tried => ({
      cell: cell("nats", "bytes", { sentence }),
      state: "passed",
      group: "its own client",
    }));
    const { text } = transportsPage([...all, ...peers], columns, "");
    expect(line(text, "bytes")).toBe("| [bytes](#bytes) | 1 | 3 |");
    expect(text).toContain("- nats: its own client (2)");
  });
});

describe("the columns", () => {
  it("have names of their own", () => {
    expect(new Set(COLUMNS.map(({ name }) => name)).size).toBe(COLUMNS.length);
    expect(Object.keys(ROWS)).toHaveLength(12);
  });
});
