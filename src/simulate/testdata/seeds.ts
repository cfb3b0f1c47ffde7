/**
 * An experiment is run with five seeds, and the worst of them counts.
 *
 * @module
 */
import { simulate, type Report, type Scenario } from "../index.ts";

const SEEDS = [1, 2, 3, 4, 5];

/** What a scenario shows with each seed. */
export function withSeeds<T>(given: Scenario, look: (report: Report) => T): Promise<readonly T[]> {
  return each(SEEDS, given, look);
}

/** The same of a control: what is to fail by far need not be shown five times. */
export function control<T>(given: Scenario, look: (report: Report) => T): Promise<readonly T[]> {
  return each(SEEDS.slice(0, 2), given, look);
}

async function each<T>(seeds: readonly number[], given: Scenario, look: (report: Report) => T): Promise<readonly T[]> {
  const found: T[] = [];
  // One after the other: each is a lot of numbers.
  for (const seed of seeds) found.push(look(await simulate(given, { seed })));
  return found;
}

/** The largest of one of the figures. */
export function most<T>(all: readonly T[], figure: (one: T) => number): number {
  return Math.max(...all.map(figure));
}

/** The smallest of one of the figures. */
export function least<T>(all: readonly T[], figure: (one: T) => number): number {
  return Math.min(...all.map(figure));
}

/** Prints the figures where somebody asks for them: `FIGURES=1 npx vitest run src/simulate`. */
export function tell(what: string, figures: Readonly<Record<string, number>>): void {
  if (process.env["FIGURES"] === undefined) return;
  const texts = Object.entries(figures).map(([name, value]) => `${name} ${Number(value.toPrecision(5))}`);
  process.stderr.write(`${what}: ${texts.join(", ")}\n`);
}
