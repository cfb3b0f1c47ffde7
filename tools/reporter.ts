/**
 * Vitest's own report, then every skipped test with its reason, what the table of transports says of the run, the failed
 * tests once more (of a log often only the end is kept), then one line that a machine can read: `N passed, N failed, N skipped`.
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
    let passed = 0;
    const skipped: string[] = [];
    const failures = errors.map((error) => `outside of any test: ${error.message}`);
    for (const module of modules) {
      const before = failures.length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") passed++;
        else if (result.state === "failed") failures.push(failure(module, result.errors, test));
        else skipped.push(`${module.relativeModuleId} > ${placeOf(test)}: ${note(result)}`);
      }
      // A file that does not load has no failing test, nor has one whose hooks fail.
      if (module.state() === "failed" && failures.length === before) failures.push(failure(module, errorsOf(module)));
    }
    // With `-t` all the tests that were not asked for are skipped: no news.
    if (skipped.length > 0 && this.ctx.config.testNamePattern === undefined)
      this.log(`\nskipped\n${counted(skipped).join("\n")}`);
    failures.push(...(await this.#table(modules)));
    if (failures.length > 0) this.log(`\nfailed\n${failures.map((line) => `  ${line}`).join("\n")}`);
    this.log(`\n${passed} passed, ${failures.length} failed, ${skipped.length} skipped`);
  }

  /** Compares the page with the run, or writes it; what is wrong with it. Nothing is said of a run of some files only. */
  async #table(modules: readonly TestModule[]): Promise<readonly string[]> {
    const writes = process.env["SERVICEKIT_TRANSPORTS"] === "write";
    const isWhole =
      this.ctx.config.testNamePattern === undefined &&
      modules.length >= (await this.ctx.globTestSpecifications()).length;
    if (!writes && !isWhole) return [];
    const columns = COLUMNS.filter(({ file }) => existsSync(file));
    const committed = existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "";
    const { text, taken, wrong: cells } = transportsPage(modules.flatMap(triedIn), columns, committed);
    const wrong = [...cells];
    for (const line of taken) this.log(`taken from ${PAGE}: ${line}`);
    // Also when it is not right yet, to be looked at: what is wrong is said, and fails the run.
    if (writes) writeFileSync(PAGE, text);
    else if (wrong.length === 0 && text !== committed)
      wrong.push(`it differs: run \`npm run transports\`, and commit it`);
    if (wrong.length === 0) return [];
    process.exitCode = 1;
    return [`${PAGE} is not right: ${wrong.join("; ")}`];
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

function failure(module: TestModule, errors: readonly { readonly message: string }[], test?: TestCase): string {
  const place = test === undefined ? module.relativeModuleId : `${module.relativeModuleId} > ${test.fullName}`;
  return `${place}: ${errors.map(({ message }) => message).join("; ")}`;
}

function errorsOf(module: TestModule): readonly { readonly message: string }[] {
  return [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())];
}

// A transport without streams skips dozens of cases for one reason, and a registry without registration as well.
function placeOf(test: TestCase): string {
  const { cell } = test.meta();
  if (cell !== undefined) return `${cell.transport}, as every transport > ${cell.property}`;
  return groupOf(test) ?? test.fullName;
}

function counted(lines: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => `  ${line}${count > 1 ? ` (${count} cases)` : ""}`);
}

function note(result: object): string {
  return ("note" in result && typeof result.note === "string" && result.note) || "NO REASON GIVEN";
}
