/**
 * What two schemas that hold at once (`allOf`, or a `$ref` with neighbours) say together about writing. A property that
 * either declares is declared; extra ones may be written when one of them says so and none forbids it.
 *
 * @module
 */
import { ANYTHING, type JsonType, type Plain } from "./plain.ts";
import type { JsonSchema } from "./schema.ts";

/** Both schemas as one; undefined when no value can fit both. */
export function merge(left: Plain, right: Plain): Plain | undefined {
  if (left === ANYTHING) return right;
  if (right === ANYTHING) return left;
  const types = commonTypes(left.types, right.types);
  const values = commonValues(left.values, right.values);
  if (types?.length === 0 || values?.length === 0) return undefined;
  return {
    types,
    values,
    properties: union(left.properties, right.properties),
    required: new Set([...left.required, ...right.required]),
    patterns: union(left.patterns, right.patterns),
    names: both(left.names, right.names),
    extra: both(left.extra, right.extra),
    ...items(left, right),
    minItems: Math.max(left.minItems, right.minItems),
    text: [...left.text, ...right.text],
    excludes: left.excludes || right.excludes,
  };
}

/** Whether two JSON values say the same, whatever the order of keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  const same = (key: string): boolean =>
    Object.hasOwn(b, key) && sameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]);
  return keys.length === Object.keys(b).length && keys.every(same);
}

function both(left: JsonSchema | undefined, right: JsonSchema | undefined): JsonSchema | undefined {
  if (left === undefined || left === right) return right;
  if (right === undefined) return left;
  if (left === false || right === false) return false;
  return { allOf: [left, right] };
}

function union(
  left: ReadonlyMap<string, JsonSchema> | undefined,
  right: ReadonlyMap<string, JsonSchema> | undefined,
): ReadonlyMap<string, JsonSchema> | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  const all = new Map(left);
  for (const [name, one] of right) all.set(name, both(all.get(name), one)!);
  return all;
}

function items(left: Plain, right: Plain): Pick<Plain, "prefix" | "items"> {
  const rest = both(left.items, right.items);
  if (left.prefix === undefined && right.prefix === undefined) return { prefix: undefined, items: rest };
  const length = Math.max(left.prefix?.length ?? 0, right.prefix?.length ?? 0);
  const at = ({ prefix, items: others }: Plain, i: number): JsonSchema | undefined => prefix?.[i] ?? others;
  return { prefix: Array.from({ length }, (_, i) => both(at(left, i), at(right, i)) ?? true), items: rest };
}

function commonTypes(
  left: readonly JsonType[] | undefined,
  right: readonly JsonType[] | undefined,
): readonly JsonType[] | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  const within = (one: JsonType, types: readonly JsonType[]): boolean =>
    types.includes(one) || (one === "integer" && types.includes("number"));
  return [
    ...left.filter((one) => within(one, right)),
    ...right.filter((one) => within(one, left) && !left.includes(one)),
  ];
}

function commonValues(
  left: readonly unknown[] | undefined,
  right: readonly unknown[] | undefined,
): readonly unknown[] | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return left.filter((one) => right.some((other) => sameJson(one, other)));
}
