/**
 * Reads JSON strictly: what two readers could understand differently (a key twice, a `__proto__`, a number no double
 * holds) is refused, and so is what nests without bound. For bodies from outside; not for files of one's own, where
 * JSON.parse will do.
 *
 * The work stays with JSON.parse. Beside it there is one walk over the result, which counts the keys, and one search of
 * the text for the colons that may follow a key: an object that lost a member to a duplicate has fewer keys than colons.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { countMembers, isDeep, keyTwice, mayHoldMore } from "./scan.ts";

/** How deep a body may nest unless somebody says otherwise: objects and arrays inside each other. */
export const MAX_DEPTH = 64;

/** What `parseJson` holds to. */
export interface ParseLimits {
  /** How many objects and arrays may stand inside each other, from 1. */
  readonly maxDepth: number;
}

const DEFAULT: ParseLimits = { maxDepth: MAX_DEPTH };

/**
 * Nested arrays cost JSON.parse 380 ns a level, siblings 35: a text that holds fewer openers than this is left to
 * JSON.parse (8 ms at worst) and measured by the walk, any other is measured before anything is built from it.
 */
const MANY_OPENERS = 20_000;

/**
 * Reads a JSON text (RFC 8259) as JSON.parse does, lone surrogates included, but refuses duplicate keys, keys named
 * `__proto__`, numbers out of the range of a double, and nesting deeper than `maxDepth`.
 *
 * @throws {ServiceError} invalid_argument, reason `malformed_message`, when the text is refused; the message says why
 * and is stable, the text itself is not part of it except for a key that occurs twice.
 */
export function parseJson(text: string, limits: ParseLimits = DEFAULT): unknown {
  const { maxDepth } = limits;
  if (text.length > MANY_OPENERS && isDeep(text, { many: MANY_OPENERS, maxDepth })) throw tooDeep(maxDepth);
  const value = parsed(text);
  if (typeof value !== "object") return value === Infinity || value === -Infinity ? outOfRange() : value;
  if (value === null) return value;
  const keys = walk(value as Nested, maxDepth, maxDepth);
  if (isPolluted() || (mayHoldMore(text, keys) && countMembers(text) !== keys)) refuseTwice(text);
  return value;
}

const NOTHING: object = {};

/** Whether somebody has added an enumerable name to Object.prototype: then for-in counts more keys than there are. */
function isPolluted(): boolean {
  for (const name in NOTHING) return name !== undefined;
  return false;
}

type Nested = readonly unknown[] | Readonly<Record<string, unknown>>;

// The engine's own error is not kept as the cause: it quotes the body, which may hold secrets, and causes are logged.
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("the body is not valid JSON");
  }
}

/** Counts the keys of a value and refuses what must not be in it. `left` is how many levels may still begin. */
function walk(value: Nested, left: number, maxDepth: number): number {
  if (left === 0) throw tooDeep(maxDepth);
  if (Array.isArray(value)) return walkArray(value, left, maxDepth);
  let keys = 0;
  // for-in reads through the enumeration cache, which Object.keys and Object.values copy.
  const record = value as Readonly<Record<string, unknown>>;
  for (const key in record) {
    keys++;
    if (key === "__proto__") throw malformed("the JSON has the key __proto__");
    const one = record[key];
    if (typeof one === "object") {
      if (one !== null) keys += walk(one as Nested, left - 1, maxDepth);
    } else if (one === Infinity || one === -Infinity) outOfRange();
  }
  return keys;
}

function walkArray(values: readonly unknown[], left: number, maxDepth: number): number {
  let keys = 0;
  for (let i = 0; i < values.length; i++) {
    const one = values[i];
    if (typeof one === "object") {
      if (one !== null) keys += walk(one as Nested, left - 1, maxDepth);
    } else if (one === Infinity || one === -Infinity) outOfRange();
  }
  return keys;
}

function refuseTwice(text: string): void {
  const key = keyTwice(text);
  if (key !== undefined) throw malformed(`the JSON has the key ${shown(key)} twice`);
}

function outOfRange(): never {
  throw malformed("the JSON has a number out of range");
}

function tooDeep(maxDepth: number): ServiceError {
  return malformed(`the JSON is nested deeper than ${maxDepth}`);
}

function malformed(message: string): ServiceError {
  return policyError("malformed_message", { message });
}
