/**
 * `name=value` pairs: for people and simple tools. The quoting is go-logfmt's, as Go kit writes it, so that its readers
 * read ours; where it writes "unsupported value type", nested values are JSON.
 *
 * @module
 */
import { fieldName, Labels, type Format, type Heading, type Label } from "./format.ts";
import { quote } from "./quote.ts";
import type { Redaction } from "./redaction.ts";
import { renderJson, renderText } from "./render.ts";

// go-logfmt quotes a value with a space, "=", a quote, a control character or invalid text; we add what a terminal obeys.
const NEEDS_QUOTES = /[ "=\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|^null$/u;

const NOT_IN_NAMES = /[ "=\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

const NAME_CHARS = 80;

/** Lines as `time=… level=info msg=… name=value`. An empty message is left out. */
export class LogfmtFormat implements Format {
  readonly cutLabel: string = " cut=";
  readonly end: string = "\n";
  readonly #redaction: Redaction;
  readonly #labels: Labels;

  constructor(redaction: Redaction) {
    this.#redaction = redaction;
    this.#labels = new Labels((name) => logfmtLabel(name, redaction));
  }

  head({ time, level, message }: Heading, maxBytes: number): string {
    const head = `time=${time} level=${level}`;
    return message === "" ? head : `${head} msg=${logfmtValue(message, maxBytes, this.#redaction)}`;
  }

  label(name: string): Label {
    return this.#labels.of(name);
  }

  value(value: unknown, maxBytes: number): string {
    return logfmtValue(value, maxBytes, this.#redaction);
  }
}

/** A name without what would end it; go-logfmt drops such characters, which makes different names equal more often. */
export function logfmtLabel(name: string, redaction: Redaction, around: readonly [string, string] = [" ", "="]): Label {
  const cleaned = fieldName(name).slice(0, NAME_CHARS).replace(NOT_IN_NAMES, "_") || "_";
  return { text: around[0] + cleaned + around[1], isChanged: cleaned !== name, isSecret: redaction.isSecret(name) };
}

/** Any value as logfmt writes it. */
export function logfmtValue(value: unknown, maxBytes: number, redaction: Redaction): string {
  if (typeof value === "string") return logfmtText(value, maxBytes, redaction);
  // A nested value is quoted once more: each quote and backslash in it then takes two bytes.
  const json = renderJson(value, maxBytes >> 1, redaction);
  if (json.startsWith('"')) return logfmtText(JSON.parse(json) as string, maxBytes, redaction);
  return value !== null && NEEDS_QUOTES.test(json) ? quote(json) : json;
}

function logfmtText(text: string, maxBytes: number, redaction: Redaction): string {
  const quoted = renderText(text, maxBytes, redaction);
  const decoded = quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  return NEEDS_QUOTES.test(decoded) ? quoted : decoded;
}
