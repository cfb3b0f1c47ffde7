/**
 * Scalars to JSON text, the innermost part of every writer.
 *
 * @module
 */

import { ANY, BOOLEAN, INTEGER, NUMBER, STRING } from "./kinds.ts";

// All but the quote, the backslash, control characters, and surrogates: lone ones are escaped, pairs go that way too.
const SPECIAL = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

/** Whether a string stands in JSON as it is, between two quotes. */
export function isUnescaped(text: string): boolean {
  return !SPECIAL.test(text);
}

/** A string as JSON text, byte for byte what JSON.stringify gives. */
export function quote(text: string): string {
  return isUnescaped(text) ? '"' + text + '"' : JSON.stringify(text);
}

/** The JSON text of a scalar that is of its kind; undefined when it is not, or when the kind is no scalar. */
export function scalarText(kind: number, value: unknown): string | undefined {
  switch (kind) {
    case INTEGER:
      return Number.isInteger(value) ? "" + (value as number) : undefined;
    case NUMBER:
      return Number.isFinite(value) ? "" + (value as number) : undefined;
    case STRING:
      return typeof value === "string" ? quote(value) : undefined;
    case BOOLEAN:
      return value === true ? "true" : value === false ? "false" : undefined;
    default:
      return undefined;
  }
}

/** Whether JSON.stringify writes a value of this kind as its writer would: then it may write many of them at once. */
export function isNative(kind: number, value: unknown): boolean {
  switch (kind) {
    case INTEGER:
      return Number.isInteger(value);
    case NUMBER:
      return Number.isFinite(value);
    case STRING:
      return typeof value === "string";
    case BOOLEAN:
      return typeof value === "boolean";
    case ANY:
      return value !== undefined && typeof value !== "function" && typeof value !== "symbol";
    default:
      return false;
  }
}
