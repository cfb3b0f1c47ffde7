/**
 * Any value as JSON text: bounded in size and depth, without secrets, and whatever the value does when it is looked at
 * (getters that throw, cycles, revoked proxies), never an exception.
 *
 * @module
 */
import { LOOK_AHEAD, REDACTED, type Redaction } from "./redaction.ts";
import { NO_ROOM, quote, quoteWithin, utf8Length } from "./quote.ts";

/** How many objects deep a value is followed, causes of errors included. */
export const MAX_DEPTH = 8;

/** Room that each list or object keeps for the mark that says how much of it was left out. */
const MORE_BYTES = 32;

/** Names of members are cut at this many bytes. */
const NAME_BYTES = 128;

// A number of a million digits would take seconds to print.
const BIGGEST = 1n << 4096n;

const QUOTED_REDACTED = `"${REDACTED}"`;

/** Renders any value in about `maxBytes` bytes of UTF-8: a few marks of 5 bytes may come on top. */
export function renderJson(value: unknown, maxBytes: number, redaction: Redaction): string {
  if (typeof value === "string") return renderText(value, maxBytes, redaction);
  if (typeof value === "number") return numeral(value);
  return new Walk(maxBytes, redaction).value(value);
}

/** Renders a text without its secrets in at most `maxBytes` bytes of UTF-8, quotes included. */
export function renderText(text: string, maxBytes: number, redaction: Redaction): string {
  const size = maxBytes + LOOK_AHEAD;
  if (text.length <= size) return quoteWithin(redaction.scrub(text), maxBytes);
  return quoteWithin(redaction.scrub(text.slice(0, size)), maxBytes, text.length - size);
}

/** Reads a member; what the reading throws becomes the value. */
export function read(from: object, name: PropertyKey): unknown {
  try {
    return (from as Record<PropertyKey, unknown>)[name];
  } catch (error) {
    return threw(error);
  }
}

/** A text that says what was thrown, whatever it was. */
export function threw(error: unknown): string {
  try {
    const message = isError(error) ? error.message : error;
    return `[threw: ${String(message).slice(0, 256)}]`;
  } catch {
    return "[threw]";
  }
}

class Walk {
  #left: number;
  readonly #redaction: Redaction;
  readonly #path: object[] = [];

  constructor(maxBytes: number, redaction: Redaction) {
    this.#left = maxBytes;
    this.#redaction = redaction;
  }

  value(value: unknown): string {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#spent(numeral(value));
      case "boolean":
        return this.#spent(value ? "true" : "false");
      case "bigint":
        return this.#spent(value < BIGGEST && value > -BIGGEST ? `"${value}"` : '"[bigint]"');
      case "undefined":
        return this.#spent("null");
      case "symbol":
        return this.#text(String(value));
      case "function":
        return this.#guarded(value);
      default:
        return value === null ? this.#spent("null") : this.#guarded(value as object);
    }
  }

  #spent(text: string): string {
    this.#left -= text.length;
    return text;
  }

  /** A text takes at most half of what is left, so that one long text does not crowd out its neighbours. */
  #text(text: string): string {
    const maxBytes = this.#left >= 64 ? this.#left >> 1 : this.#left;
    const quoted = renderText(text, maxBytes, this.#redaction);
    this.#left -= utf8Length(quoted);
    return quoted;
  }

  #guarded(value: object): string {
    if (this.#path.includes(value)) return this.#spent('"[circular]"');
    if (this.#path.length === MAX_DEPTH) return this.#spent('"[too deep]"');
    const before = this.#left;
    this.#path.push(value);
    try {
      return this.#object(value);
    } catch (error) {
      this.#left = before;
      return this.#text(threw(error));
    } finally {
      this.#path.pop();
    }
  }

  #object(value: object): string {
    if (typeof value === "function")
      return this.#text(`[function ${String((value as { name?: unknown }).name) || "(anonymous)"}]`);
    if (Array.isArray(value)) return this.#list(value, value.length);
    if (isError(value)) return this.#members(value, namesOfError(value));
    if (value instanceof Date)
      return this.#spent(Number.isNaN(value.getTime()) ? '"[invalid date]"' : `"${value.toISOString()}"`);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
      return this.#text(`[${tagOf(value)} of ${value.byteLength} bytes]`);
    if (value instanceof RegExp) return this.#text(String(value));
    const own = (value as { toJSON?: unknown }).toJSON;
    if (typeof own === "function") return this.value(own.call(value, ""));
    if (value instanceof Map) return this.#list(value, value.size);
    if (value instanceof Set) return this.#list(value, value.size);
    const tag = tagOf(value);
    if (tag === "Headers" || tag === "URLSearchParams") return this.#list(value as Iterable<unknown>, NaN);
    const names = Object.keys(value);
    if (names.length === 0 && !isPlainObject(value)) return this.#text(`[${nameOfClass(value)}]`);
    return this.#members(value, names);
  }

  /** Items in their order. A name of a secret is followed by its value in lists of pairs and in Node's raw headers. */
  #list(items: Iterable<unknown>, size: number): string {
    if (this.#left < MORE_BYTES) return this.#spent(NO_ROOM);
    this.#left -= MORE_BYTES;
    let text = "[";
    let count = 0;
    let secret = false;
    const indexed = Array.isArray(items) ? items.keys() : undefined;
    for (const each of indexed ?? items) {
      if (count > 0) text += ",";
      if (this.#left < MORE_BYTES) {
        text += `"… ${Number.isNaN(size) ? "more" : `${size - count} more`}"`;
        break;
      }
      const item = indexed === undefined ? each : read(items as unknown[], each as number);
      text += secret ? this.#spent(QUOTED_REDACTED) : this.value(item);
      secret = typeof item === "string" && item.length <= 64 && this.#redaction.isSecret(item);
      this.#left--;
      count++;
    }
    return `${text}]`;
  }

  #members(value: object, names: readonly string[]): string {
    if (this.#left < MORE_BYTES) return this.#spent(NO_ROOM);
    this.#left -= MORE_BYTES;
    let text = "";
    for (const [index, name] of names.entries()) {
      if (this.#left < MORE_BYTES) {
        text += `,"…":"${names.length - index} more"`;
        break;
      }
      const isSecret = this.#redaction.isSecret(name);
      const member = isSecret ? REDACTED : read(value, name);
      if (member === undefined) continue;
      const label = nameText(name, index);
      this.#left -= utf8Length(label) + 2;
      text += `,${label}:${isSecret ? this.#spent(QUOTED_REDACTED) : this.value(member)}`;
    }
    return `{${text.slice(1)}}`;
  }
}

function numeral(value: number): string {
  if (value === 0) return Object.is(value, 0) ? "0" : "-0";
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

// Names too long to be printed whole must not become equal to each other.
function nameText(name: string, index: number): string {
  return name.length <= NAME_BYTES / 6 ? quote(name) : quoteLong(name, index);
}

function quoteLong(name: string, index: number): string {
  const whole = quoteWithin(name, NAME_BYTES);
  return whole.endsWith(']"') && whole !== quote(name) ? `${whole.slice(0, -1)}#${index}"` : whole;
}

function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

// What explains most comes first, before the room is used up. The causes of an aggregate are its `errors`.
const TELLING = ["name", "message", "code", "reason", "stack", "cause", "errors"];

function namesOfError(error: Error): string[] {
  const names = [...TELLING, ...Object.keys(error).filter((name) => !TELLING.includes(name))];
  const saysNothing = read(error, "stack") === `${String(read(error, "name"))}: ${String(read(error, "message"))}`;
  return saysNothing ? names.filter((name) => name !== "stack") : names;
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function nameOfClass(value: object): string {
  const { name } = (value.constructor ?? Object) as { name?: unknown };
  return typeof name === "string" && name !== "" ? name : "object";
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
