/**
 * Where in a JSON form the mistake is that protobuf-es found: it names the field, but not the way to it. Looked for only
 * after a message was refused, and in time linear in its size: who sends such messages should not buy more of ours.
 *
 * @module
 */
import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import type { Issue } from "../../errors/index.ts";
import { isRecord } from "./declared-fields.ts";
import { isWellKnown } from "./well-known.ts";

/** Reads the JSON form of a message, or throws. */
export type Read = (desc: DescMessage, json: unknown) => unknown;

/** Finds the first issue of a JSON form that `read` refuses with `error`. The value itself is in no message. */
export type FindIssue = (desc: DescMessage, json: unknown, error: unknown) => Issue;

type Path = readonly (string | number)[];

/** Makes the finder. */
export function issueFinder(read: Read): FindIssue {
  function fails(desc: DescMessage, json: unknown): boolean {
    try {
      read(desc, json);
      return false;
    } catch {
      return true;
    }
  }

  function inMessage(desc: DescMessage, json: unknown, path: Path): Issue | undefined {
    if (isWellKnown(desc)) return fails(desc, json) ? { path, message: expected(desc) } : undefined;
    if (!isRecord(json)) return { path, message: expected(desc) };
    const fields = new Map(desc.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]));
    for (const [key, value] of Object.entries(json)) {
      const field = fields.get(key);
      const found = field === undefined ? undefined : inField(field, value, [...path, key]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function inField(field: DescField, json: unknown, path: Path): Issue | undefined {
    const key = field.jsonName;
    if (json === null && field.message?.typeName !== "google.protobuf.Value") return undefined;
    if (field.fieldKind === "message") return inMessage(field.message, json, path);
    if (field.fieldKind === "list") {
      if (!Array.isArray(json)) return { path, message: "expected an array" };
      return inEntries(field, json.map((value, index) => [index, value] as const), {
        path,
        form: (some) => ({ [key]: some.map(([, value]) => value) }),
      });
    }
    if (field.fieldKind === "map") {
      if (!isRecord(json)) return { path, message: "expected an object" };
      return inEntries(field, Object.entries(json), { path, form: (some) => ({ [key]: Object.fromEntries(some) }) });
    }
    return fails(field.parent, { [key]: json }) ? { path, message: expected(field) } : undefined;
  }

  function inEntries<K extends string | number>(
    field: DescField & { readonly fieldKind: "list" | "map" },
    entries: readonly (readonly [K, unknown])[],
    { path, form }: { readonly path: Path; form(some: readonly (readonly [K, unknown])[]): unknown },
  ): Issue | undefined {
    const { message, parent } = field;
    if (message !== undefined) {
      for (const [key, value] of entries) {
        const found = inMessage(message, value, [...path, key]);
        if (found !== undefined) return found;
      }
      return undefined;
    }
    if (!fails(parent, form(entries))) return undefined;
    const index = firstBad(entries, (some) => fails(parent, form(some)));
    return { path: [...path, entries[index]![0]], message: expected(field) };
  }

  return function findIssue(desc, json, error) {
    try {
      const found = inMessage(desc, json, []);
      if (found !== undefined) return found;
    } catch {
      // It nests deeper than the stack, and so deeper than protobuf-es reads.
    }
    // What is wrong with several fields together, such as two members of a oneof.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
    return { path: [], message: cause ?? expected(desc) };
  };
}

/** The first of the items that is bad by itself, given that some are. */
function firstBad<T>(items: readonly T[], isBad: (some: readonly T[]) => boolean): number {
  let [low, high] = [0, items.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isBad(items.slice(low, middle))) high = middle;
    else low = middle;
  }
  return low;
}

const MAX_NAMES = 20;

function expected(one: DescField | DescMessage): string {
  if (one.kind === "message") return `expected ${isWellKnown(one) ? one.typeName : "an object"}`;
  if (one.scalar !== undefined) return `expected ${ScalarType[one.scalar].toLowerCase()}`;
  const { values = [] } = one.enum ?? {};
  const more = values.length > MAX_NAMES ? ", …" : "";
  return `expected one of ${values.slice(0, MAX_NAMES).map(({ name }) => name).join(", ")}${more}`;
}
