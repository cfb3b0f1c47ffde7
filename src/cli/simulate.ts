/**
 * `servicekit simulate`: runs the scenarios of a module in virtual time, and prints what came of them.
 *
 * @module
 */
import { readFile, writeFile } from "node:fs/promises";
import { comparison, plot, scenario, simulate, type Report, type Scenario } from "../simulate/index.ts";
import { Refusal, type Command } from "./command.ts";
import { loadModule } from "./load-service.ts";

const MOST_SEEDS = 1000;
/** As many as a plot has colours for. */
const MOST_CURVES = 4;

/** The command. */
export const simulateCommand: Command = {
  words: ["simulate"],
  takes: "<module>",
  says: "Runs scenarios in virtual time: the real policies against described back-ends.",
  more:
    "The module is a .js file, or a .ts file where Node runs those (22.18 or newer), that exports scenarios; or a .json file that holds\n" +
    "one. Without --compare each run is a table of its own. With several runs --json holds a list, and --svg draws the runs of the first\n" +
    "seed over each other, four at most.",
  options: [
    { name: "scenario", value: "<name>", says: "only the scenario of this name, or exported under it" },
    { name: "seed", value: "<1..5>", says: "one seed, or from one to another; default: the scenario's own" },
    { name: "compare", value: undefined, says: "one line for each run, instead of a table" },
    { name: "json", value: "<file>", says: "where to write all figures" },
    { name: "svg", value: "<file>", says: "where to write a plot" },
  ],
  async run({ values, positionals }, { out, note }) {
    const [module] = positionals;
    if (module === undefined) throw new Refusal("give the module that exports a scenario", true);
    if (positionals.length > 1) throw new Refusal(`one module at a time, got ${positionals.length}`, true);
    const { scenario: name, seed, compare, json, svg } = values as Values;
    const seeds = seed === undefined ? [undefined] : seedsOf(seed);
    const scenarios = chosen(module, await scenariosIn(module), name);
    const reports: Report[] = [];
    for (const one of scenarios) {
      for (const which of seeds) {
        const report = await ran(one, which);
        reports.push(report);
        if (compare !== true) out(`${reports.length === 1 ? "" : "\n"}${report.toText()}`);
      }
    }
    if (compare === true) out(comparison(reports));
    if (json !== undefined)
      await write(json, `${JSON.stringify(reports.length === 1 ? reports[0] : reports, undefined, 2)}\n`, note);
    if (svg !== undefined) await write(svg, plotted(reports, seeds.length), note);
  },
};

interface Values {
  readonly scenario?: string;
  readonly seed?: string;
  readonly compare?: boolean;
  readonly json?: string;
  readonly svg?: string;
}

function seedsOf(text: string): readonly number[] {
  const found = /^(\d{1,10})(?:\.\.(\d{1,10}))?$/.exec(text);
  if (found === null) throw new Refusal(`--seed should be a number or two with .. between them, got ${text}`, true);
  const first = Number(found[1]);
  const last = Number(found[2] ?? first);
  if (last < first || last - first >= MOST_SEEDS)
    throw new Refusal(`--seed should be 1 to ${MOST_SEEDS} seeds upwards, got ${text}`, true);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** The scenarios of a module, by the name they are exported under. */
async function scenariosIn(module: string): Promise<ReadonlyMap<string, Scenario>> {
  const exported = module.endsWith(".json") ? { scenario: await readJson(module) } : await loadModule(module);
  const found = new Map<string, Scenario>();
  for (const [name, value] of Object.entries(exported)) if (isScenario(value)) found.set(name, value);
  if (found.size > 0) return found;
  throw new Refusal(`${module} exports no scenario: export what scenario() returns`);
}

function chosen(
  module: string,
  scenarios: ReadonlyMap<string, Scenario>,
  name: string | undefined,
): readonly Scenario[] {
  // A scenario without a name has that of its export.
  const all = [...scenarios].map(([exported, one]) => ({ exported, one: { ...one, name: one.name ?? exported } }));
  if (name === undefined) return all.map(({ one }) => one);
  const found = all.filter(({ exported, one }) => exported === name || one.name === name);
  if (found.length > 0) return found.map(({ one }) => one);
  throw new Refusal(`${module} exports no scenario "${name}", it has ${all.map(({ one }) => one.name).join(", ")}`);
}

async function ran(one: Scenario, seed: number | undefined): Promise<Report> {
  try {
    return await simulate(scenario(one), { seed });
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError)
      throw new Refusal(`${one.name ?? "the scenario"}: ${error.message}`, false, error);
    throw error;
  }
}

function plotted(reports: readonly Report[], seeds: number): string {
  const firsts = reports.filter((_, i) => i % seeds === 0);
  if (firsts.length > MOST_CURVES)
    throw new Refusal(
      `--svg draws at most ${MOST_CURVES} scenarios, got ${firsts.length}: choose one by --scenario`,
      true,
    );
  return plot(firsts);
}

// Of another copy of this package than the command's own, maybe, so by its form.
function isScenario(value: unknown): value is Scenario {
  const { durationMs, backends, load } = (value ?? {}) as Partial<Scenario>;
  return typeof durationMs === "number" && Array.isArray(backends) && typeof load === "object";
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new Refusal(`cannot read ${file}: ${(error as Error).message}`, false, error);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Refusal(`${file} is not JSON: ${(error as Error).message}`, false, error);
  }
}

async function write(file: string, text: string, note: (line: string) => void): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new Refusal(`cannot write ${file}: ${(error as Error).message}`, false, error);
  }
  note(`${file} is written`);
}
