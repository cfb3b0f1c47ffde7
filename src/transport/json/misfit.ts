/**
 * What a writer throws when a value does not fit its schema, and the one conversion it knows. Says the place, the rule
 * and the type received; never the value, which may be secret.
 *
 * @module
 */

/** A value that does not fit. The place grows from the inside out while it passes through the writers. */
export class Misfit extends TypeError {
  readonly rule: string;
  place = "";

  constructor(rule: string, value: unknown) {
    super();
    this.rule = `${rule}, got ${typeName(value)}`;
  }
}

/** Adds the step that leads to the misfit, `.name` or `[0]`, and gives the error back to be thrown on. */
export function within(step: string, thrown: unknown): unknown {
  if (thrown instanceof Misfit) thrown.place = step + thrown.place;
  return thrown;
}

/** What a value is, for an error message. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return Array.isArray(value) ? "an array" : "an object";
}

/** What JSON makes of a value: the result of its `toJSON` when it has one, the number of a bigint that is a safe integer. */
export function jsonForm(value: unknown): unknown {
  // A bigint beyond 2⁵³ rounds to a number that is not safe either.
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== "object" || value === null) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value, "") as unknown) : value;
}
