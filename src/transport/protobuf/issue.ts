/**
 * Where in a JSON form the mistake is that protobuf-es found: it names the field, but not the way to it. Looked for only
 * after a message was refused, and in time linear in its size: who sends such messages should not buy more of ours.
 *
 * @module
 */
import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import type { Issue } from "../../errors/index.ts";
import { isRecord, type Fields } from "./declared-fields.ts";
import { isWellKnown } from "./well-known.ts";

/** Reads the JSON form of a message, or throws. */
export type Read = (desc: DescMessage, json: unknown) => unknown;

/** Finds the first issue of a JSON form that was refused with `error`. Its message holds no value: it may end in a log. */
export type FindIssue = (desc: DescMessage, json: unknown, error: unknown) => Issue;

type Path = readonly (string | number)[];
type Entry = readonly [key: string | number, value: unknown];

/** Makes the finder for what `read` refuses. */
export function issueFinder(read: Read, fieldsOf: Fields): FindIssue {
  function fails(desc: DescMessage, json: unknown): boolean {
    try {
      read(desc, json);
      return false;
    } catch {
      return true;
    }
  }

  function inMessage(desc: DescMessage, json: unknown, path: Path): Issue | undefined {
    if (isWellKnown(desc)) return fails(desc, json) ? { path, message: `expected ${formOf(desc)}` } : undefined;
    if (!isRecord(json)) return { path, message: `expected ${formOf(desc)}` };
    const fields = fieldsOf(desc);
    const filled = new Map<object, string>();
    for (const [key, value] of Object.entries(json)) {
      const field = fields.get(key);
      if (field === undefined || (value === null && field.message?.typeName !== VALUE)) continue;
      const place = field.oneof ?? field;
      const other = filled.get(place);
      if (other !== undefined) return { path: [...path, key], message: `expected not together with ${other}` };
      filled.set(place, key);
      const found = inField(field, value, [...path, key]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function inField(field: DescField, json: unknown, path: Path): Issue | undefined {
    const { fieldKind, jsonName, parent } = field;
    if (fieldKind === "message") return inMessage(field.message, json, path);
    if (fieldKind === "list") {
      if (!Array.isArray(json)) return { path, message: "expected an array" };
      const entries = json.map((value, index): Entry => [index, value]);
      return inEntries(field, entries, { path, whole: (some) => ({ [jsonName]: some.map(([, value]) => value) }) });
    }
    if (fieldKind === "map") {
      if (!isRecord(json)) return { path, message: "expected an object" };
      const whole = (some: readonly Entry[]): unknown => ({ [jsonName]: Object.fromEntries(some) });
      return inEntries(field, Object.entries(json), { path, whole });
    }
    return fails(parent, { [jsonName]: json }) ? { path, message: `expected ${formOf(field)}` } : undefined;
  }

  function inEntries(field: DescField, entries: readonly Entry[], { path, whole }: Whole): Issue | undefined {
    const { message, parent } = field;
    if (message !== undefined) {
      for (const [key, value] of entries) {
        const found = inMessage(message, value, [...path, key]);
        if (found !== undefined) return found;
      }
    }
    const areBad = (some: readonly Entry[]): boolean => fails(parent, whole(some));
    if (!areBad(entries)) return undefined;
    const [key] = entries[firstBad(entries, areBad)]!;
    const under = field.fieldKind === "map" ? ` under a key of ${scalarName(field.mapKey)}` : "";
    return { path: [...path, key], message: `expected ${formOf(field)}${under}` };
  }

  return function findIssue(desc, json, error) {
    try {
      const found = inMessage(desc, json, []);
      if (found !== undefined) return found;
    } catch {
      // It nests deeper than the stack, and so deeper than protobuf-es reads.
    }
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
    return { path: [], message: cause ?? `expected a ${desc.typeName} in its JSON form` };
  };
}

const VALUE = "google.protobuf.Value";

interface Whole {
  readonly path: Path;
  /** The message with some of the entries and nothing else. */
  whole(some: readonly Entry[]): unknown;
}

/** The first of the items that is bad by itself, given that some are. */
function firstBad<T>(items: readonly T[], areBad: (some: readonly T[]) => boolean): number {
  let [low, high] = [0, items.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (areBad(items.slice(low, middle))) high = middle;
    else low = middle;
  }
  return low;
}

const MAX_NAMES = 20;

function formOf(one: DescField | DescMessage): string {
  if (one.kind === "message") return isWellKnown(one) ? one.typeName : "an object";
  if (one.message !== undefined) return formOf(one.message);
  if (one.scalar !== undefined) return scalarName(one.scalar);
  const { values } = one.enum!;
  const names = values.slice(0, MAX_NAMES).map(({ name }) => name);
  return `one of ${names.join(", ")}${values.length > MAX_NAMES ? ", …" : ""}`;
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}
