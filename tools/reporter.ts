/**
 * Vitest's own report, then every skipped test with its reason, then one line that a machine can read:
 * `N passed, N failed, N skipped`.
 *
 * @module
 */
import type { SerializedError } from "vitest";
import { DefaultReporter, type TestModule, type TestRunEndReason } from "vitest/node";

export default class ClosingLineReporter extends DefaultReporter {
  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    let [passed, failed] = [0, errors.length];
    const skipped: string[] = [];
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") passed++;
        else if (result.state === "failed") failedHere++;
        else skipped.push(`${module.relativeModuleId} > ${test.fullName}: ${note(result)}`);
      }
      // A file that does not load has no failing test, nor has one whose hooks fail.
      failed += failedHere > 0 || module.state() !== "failed" ? failedHere : 1;
    }
    // With `-t` all the tests that were not asked for are skipped: no news.
    if (skipped.length > 0 && this.ctx.config.testNamePattern === undefined)
      this.log(`\nskipped\n${skipped.map((line) => `  ${line}`).join("\n")}`);
    this.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }
}

function note(result: object): string {
  return ("note" in result && typeof result.note === "string" && result.note) || "NO REASON GIVEN";
}
