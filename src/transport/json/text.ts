/**
 * Scalars to JSON text, the innermost part of every writer.
 *
 * @module
 */

/** What a field holds when that can be written without a call: the numbers are compared on the hot path. */
export const OTHER = 0;
export const INTEGER = 1;
export const NUMBER = 2;
export const STRING = 3;
export const BOOLEAN = 4;
export const ANY = 5;

// Everything JSON must escape, and surrogates, of which lone ones must be; pairs go the slower way too.
const UNPLAIN = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A string as JSON text, byte for byte what JSON.stringify gives. */
export function quote(text: string): string {
  return UNPLAIN.test(text) ? JSON.stringify(text) : '"' + text + '"';
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
