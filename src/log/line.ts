/**
 * Puts lines together: head, bound fields, own fields, within the bytes a line may have.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import type { Format } from "./format.ts";
import type { Level } from "./level.ts";
import type { Fields } from "./logger.ts";
import { utf8Length } from "./quote.ts";
import { REDACTED } from "./redaction.ts";
import { read, threw } from "./render.ts";
import { Stamp } from "./stamp.ts";

/** Computes a bound field for each line. */
export type Valuer = () => unknown;

/** The fields a logger has bound: by label, the whole field as text, or what computes its value. */
export interface Bound {
  readonly fields: ReadonlyMap<string, string | Valuer>;
  /** All of them as text; only what is fixed, when some are computed. */
  readonly text: string;
  readonly bytes: number;
  readonly isComputed: boolean;
  /** How many fields had no room. */
  readonly cut: number;
}

/** What a line is made of besides the bound fields; message and fields may be anything. */
export interface Event {
  readonly level: Level;
  readonly message: unknown;
  readonly fields: unknown;
}

/** Nothing bound. */
export const unbound: Bound = { fields: new Map(), text: "", bytes: 0, isComputed: false, cut: 0 };

/** Room for the end of a line, the count of the fields left out, and the marks that may come on top of a value's limit. */
const RESERVE = 384;

/** A field with less room than this is left out. */
const LEAST = 24;

/** Makes the lines of one format. */
export class LineMaker {
  readonly #format: Format;
  readonly #stamp: Stamp;
  readonly #maxBytes: number;

  constructor(format: Format, clock: Clock, maxBytes: number) {
    this.#format = format;
    this.#stamp = new Stamp(clock);
    this.#maxBytes = maxBytes;
  }

  /** A whole line with its newline. */
  line(bound: Bound, { level, message, fields }: Event): string {
    const left = this.#maxBytes - RESERVE - bound.bytes;
    const text = typeof message === "string" ? message : this.#format.value(message, left >> 1);
    const head = this.#format.head({ time: this.#stamp.text(), level, message: text }, left >> 1);
    const room = left - utf8Length(head);
    const own = asFields(fields);
    const merge = bound.isComputed || this.#clashes(bound, own);
    const rest = merge ? this.#merged(bound, own, room + bound.bytes) : bound.text + this.#plain(bound, own, room);
    return head + rest + this.#format.end;
  }

  /** The bound fields of a child: its parent's and its own, which replace those of the same name. */
  bind(parent: Bound, fields: Fields): Bound {
    const all = new Map(parent.fields);
    // Half of a line at most, so that there is room for what it has to say itself.
    let left = (this.#maxBytes >> 1) - parent.bytes;
    let cut = parent.cut;
    const own = asFields(fields);
    for (const name of Object.keys(own)) {
      const field = this.#bindable(own, name, left);
      const bytes = typeof field === "string" ? utf8Length(field) : 0;
      if (field === "") continue;
      if (bytes > left) cut++;
      else all.set(this.#format.label(name).text, field);
      left -= bytes > left ? 0 : bytes;
    }
    const fixed = [...all.values()].filter((field) => typeof field === "string");
    const text = fixed.join("");
    return { fields: all, text, bytes: utf8Length(text), isComputed: fixed.length < all.size, cut };
  }

  #bindable(fields: object, name: string, left: number): string | Valuer {
    const value = this.#format.label(name).isSecret ? REDACTED : read(fields, name);
    return typeof value === "function" ? (value as Valuer) : this.#field(name, value, left);
  }

  #clashes(bound: Bound, fields: object): boolean {
    for (const name of Object.keys(fields)) {
      const label = this.#format.label(name);
      if (label.isChanged || bound.fields.has(label.text)) return true;
    }
    return false;
  }

  #plain(bound: Bound, fields: object, room: number): string {
    const names = Object.keys(fields);
    let text = "";
    let left = room;
    for (let i = 0; i < names.length; i++) {
      if (left < LEAST) return text + this.#cut(bound.cut + names.length - i);
      const field = this.#field(names[i]!, read(fields, names[i]!), left);
      left -= utf8Length(field);
      text += field;
    }
    return text + this.#cut(bound.cut);
  }

  /** The slow way: some names are there twice, or bound fields have to be computed. */
  #merged(bound: Bound, fields: object, room: number): string {
    const own = new Map<string, string>();
    for (const name of Object.keys(fields)) own.set(this.#format.label(name).text, name);
    let text = "";
    let left = room;
    let cut = bound.cut;
    const add = (field: string): void => {
      const bytes = utf8Length(field);
      if (bytes > left) cut++;
      else text += field;
      left -= bytes > left ? 0 : bytes;
    };
    for (const [label, field] of bound.fields) {
      if (own.has(label)) continue;
      add(typeof field === "string" ? field : this.#text(label, computed(field), left));
    }
    for (const name of own.values()) {
      if (left < LEAST) cut++;
      else add(this.#field(name, read(fields, name), left));
    }
    return text + this.#cut(cut);
  }

  #field(name: string, value: unknown, left: number): string {
    const label = this.#format.label(name);
    return this.#text(label.text, label.isSecret ? REDACTED : value, left);
  }

  #text(label: string, value: unknown, left: number): string {
    return value === undefined ? "" : label + this.#format.value(value, left >> 1);
  }

  #cut(count: number): string {
    return count === 0 ? "" : this.#format.cutLabel + String(count);
  }
}

function computed(valuer: Valuer): unknown {
  try {
    return valuer();
  } catch (error) {
    return threw(error);
  }
}

const NO_FIELDS: object = Object.freeze({});

/** Fields, whatever was passed: callers without types pass anything, the error itself most of all. */
export function asFields(fields: unknown): object {
  if (fields === undefined || fields === null) return NO_FIELDS;
  try {
    if (fields instanceof Error) return { error: fields };
    if (typeof fields !== "object" || Array.isArray(fields)) return { value: fields };
    Object.keys(fields);
    return fields;
  } catch (error) {
    return { fields: threw(error) };
  }
}
