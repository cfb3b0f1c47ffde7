/**
 * Checks of options at construction. Each throws with the option's name, the rule and the value received, so that a
 * wrong option never becomes a wrong service. Not for input from outside: that is a schema's work.
 *
 * @module
 */

/** The allowed range of a number; both ends are included. */
export interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly integer?: boolean | undefined;
}

/** Returns `value` when it is a number inside `range`; else throws a RangeError that names the option. */
export function checkNumber(name: string, value: unknown, range: Range = {}): number {
  const { min = -Infinity, max = Infinity, integer = false } = range;
  const fits = typeof value === "number" && value >= min && value <= max && (!integer || Number.isInteger(value));
  if (fits) return value as number;
  throw new RangeError(
    `${name} should be ${integer ? "an integer" : "a number"}${span(min, max)}, got ${shown(value)}`,
  );
}

/** Returns `value` when it is a non-empty string that fits `pattern`; else throws a RangeError that names the option. */
export function checkString(
  name: string,
  value: unknown,
  rule?: { readonly pattern: RegExp; readonly says: string },
): string {
  if (typeof value === "string" && value !== "" && (rule === undefined || rule.pattern.test(value))) return value;
  throw new RangeError(`${name} should be ${rule?.says ?? "a non-empty string"}, got ${shown(value)}`);
}

/** Returns `value` when it is one of `allowed`; else throws a RangeError that lists them. */
export function checkOneOf<const T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw new RangeError(`${name} should be one of ${allowed.map((one) => `"${one}"`).join(", ")}, got ${shown(value)}`);
}

/** Throws a TypeError unless `value` is a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new TypeError(`${name} should be a function, got ${shown(value)}`);
}

/** Throws a RangeError when `options` holds a name that is not in `known`: a misspelt option is a silent default; a TypeError when it is no object. */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new TypeError(`the options of ${what} should be an object, got ${shown(options)}`);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new RangeError(`${what} has no option "${name}", it has ${known.join(", ")}`);
  }
}

/** A short, safe rendering of any value for an error message. */
export function shown(value: unknown): string {
  if (typeof value === "string")
    return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}…` : JSON.stringify(value);
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? `an array of ${value.length}` : "an object";
  return String(value);
}

function span(min: number, max: number): string {
  if (min === -Infinity && max === Infinity) return "";
  if (max === Infinity) return ` of at least ${min}`;
  if (min === -Infinity) return ` of at most ${max}`;
  return ` from ${min} to ${max}`;
}
