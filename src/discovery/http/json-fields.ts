/**
 * Reading JSON of which nothing is known: what is not as expected is left out, and nothing throws.
 *
 * @module
 */
import type { Range } from "../../internal/check.ts";

/** An object of any shape. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value if it is an object, else one without fields. */
export function record(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** The value if it is a text that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The fields that are texts. */
export function texts(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(record(value)).filter(([, one]) => typeof one === "string");
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The value if it is a number in range, or a text of one. */
export function number(
  value: unknown,
  { min = -Infinity, max = Infinity, integer = false }: Range,
): number | undefined {
  const read = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof read === "number" && read >= min && read <= max && (!integer || Number.isInteger(read))
    ? read
    : undefined;
}
