/**
 * What metrics and labels may be called. Checked where a metric is defined, so that no scrape ever fails over a name.
 *
 * @module
 */
import { checkString, shown } from "../internal/check.ts";

/** The value of every label on the series that takes what is over the limit. */
export const OVERFLOW = "overflow";

// A colon marks a recording rule's result, a leading underscore what OpenMetrics keeps for itself ("Reserved names").
const METRIC = { pattern: /^[a-zA-Z][a-zA-Z0-9_]*$/, says: 'letters, digits and "_", beginning with a letter' };
const LABEL = {
  pattern: /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/,
  says: 'letters, digits and "_", not beginning with a digit or "__"',
};

// Written by the exposition itself, on histograms and summaries.
const RESERVED: readonly string[] = ["le", "quantile"];

/** Returns a name that may be a metric's. */
export function checkMetricName(what: string, name: unknown): string {
  return checkString(what, name, METRIC);
}

/** Returns the label names in the order of the alphabet, which is the order they are written in. */
export function checkLabelNames(what: string, names: readonly string[]): readonly string[] {
  for (const name of names) {
    checkString(what, name, LABEL);
    if (RESERVED.includes(name)) throw new RangeError(`${what} should not be a reserved name, got ${shown(name)}`);
  }
  const sorted = [...names].sort();
  const twice = sorted.find((name, i) => name === sorted[i + 1]);
  if (twice !== undefined) throw new RangeError(`${what} should be named once, got ${shown(twice)} twice`);
  return sorted;
}
