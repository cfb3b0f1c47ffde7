/**
 * Vitest's own report, then every skipped test with its reason, then what the table of transports says of the run, then one
 * line that a machine can read: `N passed, N failed, N skipped`.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import { DefaultReporter, type TestCase, type TestModule, type TestRunEndReason } from "vitest/node";
import { transportsPage, type Tried } from "./transports-page.ts";
import { COLUMNS, EXAMPLES } from "./transports.ts";

const PAGE = "docs/transports.md";

export default class ClosingLineReporter extends DefaultReporter {
  override async onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
    // oxlint-disable-next-line typescript/no-misused-promises -- vitest waits for it, whatever its own class says
  ): Promise<void> {
    super.onTestRunEnd(modules, errors, reason);
    let [passed, failed] = [0, errors.length];
    const skipped: string[] = [];
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") passed++;
        else if (result.state === "failed") failedHere++;
        else skipped.push(`${module.relativeModuleId} > ${placeOf(test)}: ${note(result)}`);
      }
      // A file that does not load has no failing test, nor has one whose hooks fail.
      failed += failedHere > 0 || module.state() !== "failed" ? failedHere : 1;
    }
    // With `-t` all the tests that were not asked for are skipped: no news.
    if (skipped.length > 0 && this.ctx.config.testNamePattern === undefined)
      this.log(`\nskipped\n${counted(skipped).join("\n")}`);
    failed += await this.#table(modules);
    this.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }

  /** Compares the page with the run, or writes it; a count of what is wrong. Nothing is said of a run of some files only. */
  async #table(modules: readonly TestModule[]): Promise<number> {
    const writes = process.env["SERVICEKIT_TRANSPORTS"] === "write";
    const isWhole =
      this.ctx.config.testNamePattern === undefined &&
      modules.length >= (await this.ctx.globTestSpecifications()).length;
    if (!writes && !isWhole) return 0;
    const columns = COLUMNS.filter(({ file }) => existsSync(file));
    const committed = existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "";
    const { text, taken, wrong: cells } = transportsPage(modules.flatMap(triedIn), columns, committed);
    const wrong = [...cells];
    for (const line of taken) this.log(`taken from ${PAGE}: ${line}`);
    // Also when it is not right yet, to be looked at: what is wrong is said, and fails the run.
    if (writes) writeFileSync(PAGE, text);
    else if (wrong.length === 0 && text !== committed)
      wrong.push(`it differs: run \`npm run transports\`, and commit it`);
    if (wrong.length === 0) return 0;
    this.error(`\n${PAGE} is not right\n${wrong.map((line) => `  ${line}`).join("\n")}`);
    process.exitCode = 1;
    return 1;
  }
}

function triedIn(module: TestModule): readonly Tried[] {
  return [...module.children.allTests()].flatMap((test): readonly Tried[] => {
    const { cell, bytes = examples(module, test) } = test.meta();
    const { state } = test.result();
    if (state === "pending") return [];
    if (cell !== undefined) return [{ cell, state }];
    return bytes.map((transport) => ({
      cell: { transport, property: "bytes", sentence: test.name },
      state,
      group: groupOf(test),
    }));
  });
}

function examples({ relativeModuleId }: TestModule, { fullName }: TestCase): readonly string[] {
  const all = EXAMPLES.filter(({ file, named }) => file.test(relativeModuleId) && named.test(fullName));
  return all.map(({ transport }) => transport);
}

function groupOf({ parent }: TestCase): string | undefined {
  return parent.type === "suite" ? parent.name : undefined;
}

// A transport without streams skips dozens of cases for one reason.
function placeOf(test: TestCase): string {
  const { cell } = test.meta();
  return cell === undefined ? test.fullName : `${cell.transport}, as every transport > ${cell.property}`;
}

function counted(lines: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => `  ${line}${count > 1 ? ` (${count} cases)` : ""}`);
}

function note(result: object): string {
  return ("note" in result && typeof result.note === "string" && result.note) || "NO REASON GIVEN";
}
