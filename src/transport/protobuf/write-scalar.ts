/**
 * Single values on their way out: whether they are what their field holds, and what JSON would make of those that are not.
 *
 * @module
 */
import { jsonForm, Misfit } from "../json/misfit.ts";
import { BOOL, BYTES, DOUBLE, INT64, STRING } from "./field-kinds.ts";

/** What a field holds, for errors, by its kind. */
export const RULES: readonly string[] = [
  "should be a boolean",
  "should be an integer between -(2^53-1) and 2^53-1",
  "should be a number",
  "should be a string without lone surrogates",
  "should be bytes (a Uint8Array)",
  "",
  "should be an object",
];

/** What is asked of a value besides its kind. */
export interface Asked {
  readonly values: ReadonlySet<unknown> | undefined;
  readonly rule: string;
}

/** A value as its kind has it. @throws {Misfit} when it is none. */
export function asScalar(kind: number, value: unknown, asked: Asked | undefined): unknown {
  const values = asked?.values;
  if (isScalar(kind, value) && (values === undefined || values.has(value))) return value;
  const plain = jsonForm(value);
  if (plain !== value && isScalar(kind, plain) && (values === undefined || values.has(plain))) return plain;
  throw new Misfit(asked?.rule ?? RULES[kind]!, typeof value === "bigint" ? value : plain);
}

/** The compiler's library has no such method yet. */
interface Text {
  isWellFormed(): boolean;
}

function isScalar(kind: number, value: unknown): boolean {
  switch (kind) {
    case INT64:
      return Number.isSafeInteger(value);
    case STRING:
      return typeof value === "string" && (value as unknown as Text).isWellFormed();
    case DOUBLE:
      return Number.isFinite(value);
    case BOOL:
      return typeof value === "boolean";
    case BYTES:
      return value instanceof Uint8Array;
    default:
      return false;
  }
}
