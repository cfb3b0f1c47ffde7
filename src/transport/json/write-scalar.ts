/**
 * Writes what is neither object nor array. The common case is written in the loops of objects and arrays; these are for
 * the rest: a Date where a string is asked for, a bigint, a constant, and the error when nothing fits.
 *
 * @module
 */
import type { Compiled, Write } from "./compiled.ts";
import type { ScalarForm, ValuesForm } from "./form.ts";
import { ANY, BOOLEAN, INTEGER, NUMBER, OTHER, STRING } from "./kinds.ts";
import { sameJson } from "./merge.ts";
import { jsonForm, Misfit } from "./misfit.ts";
import { scalarText } from "./text.ts";

/** What a form is called in an error. */
export const NAMES = {
  any: "a JSON value",
  string: "a string",
  number: "a number",
  integer: "an integer",
  boolean: "a boolean",
  null: "null",
} as const;

const KINDS = { string: STRING, number: NUMBER, integer: INTEGER, boolean: BOOLEAN } as const;

/** Compiles the writer of a single type. */
export function scalarWriter({ kind: name }: ScalarForm): Compiled {
  if (name === "any") return { kind: ANY, write: writeAny };
  if (name === "null") return { kind: OTHER, write: writeNull };
  const kind = KINDS[name];
  const rule = `should be ${NAMES[name]}`;
  function writeScalar(value: unknown): string {
    const text = scalarText(kind, value);
    if (text !== undefined) return text;
    const plain = jsonForm(value);
    const converted = plain === value ? undefined : scalarText(kind, plain);
    if (converted === undefined) throw new Misfit(rule, typeof value === "bigint" ? value : plain);
    return converted;
  }
  return { kind, write: writeScalar };
}

function writeAny(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new Misfit("should be a JSON value", value);
  return text;
}

function writeNull(value: unknown): string {
  if (value === null || jsonForm(value) === null) return "null";
  throw new Misfit("should be null", value);
}

/** Compiles the writer of constants. */
export function valuesWriter({ values }: ValuesForm): Write {
  const [only] = values;
  const onlyText = JSON.stringify(only);
  const texts = new Map(values.map((one) => [one, JSON.stringify(one)]));
  const others = values.filter((one) => typeof one === "object" && one !== null);
  const rule = `should be ${listed(values)}`;
  function writeValue(value: unknown): string {
    if (value === only) return onlyText;
    const text = texts.get(value) ?? texts.get(jsonForm(value));
    if (text !== undefined) return text;
    const plain = jsonForm(value);
    const same = others.find((one) => sameJson(one, plain));
    if (same === undefined) throw new Misfit(rule, plain);
    return JSON.stringify(same);
  }
  return writeValue;
}

/** Some constants for an error: they are the contract's, not the value's. */
export function listed(values: readonly unknown[]): string {
  const texts = values.slice(0, 10).map((one) => JSON.stringify(one));
  return values.length === 1 ? texts[0]! : `one of ${texts.join(", ")}${values.length > 10 ? ", …" : ""}`;
}
