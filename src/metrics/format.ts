/**
 * How numbers and text are written in both exposition formats.
 *
 * @module
 */

/** A sample's value. */
export function formatValue(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

/**
 * A bucket's bound as OpenMetrics wants it ("Considerations: Canonical Numbers"): a point or an exponent in every
 * number, so that all clients write the same label.
 */
export function canonical(bound: number): string {
  const size = Math.abs(bound);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) {
    return bound.toExponential().replace(/([+-])(\d)$/, "$10$2");
  }
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** A label's value between its quotes, and the help of OpenMetrics. */
export function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => ESCAPES[char]!);
}

/** The help of the text format, where a quote stays as it is. */
export function escapeHelp(help: string): string {
  return help.replace(/[\\\n]/g, (char) => ESCAPES[char]!);
}

/** `name="value"` pairs with commas between. */
export function formatLabels(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escapeValue(values[i]!)}"`).join(",");
}
