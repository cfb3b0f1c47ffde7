/**
 * What the three formats have in common: how a line begins, how a field is written, how a line ends.
 *
 * @module
 */
import type { Level } from "./level.ts";

/** A field's name as a format writes it. */
export interface Label {
  /** With everything that stands around it, e.g. `,"port":`. Two names with the same label are one field. */
  readonly text: string;
  /** Whether it is written otherwise than it was given: then two names may have the same label. */
  readonly isChanged: boolean;
  /** Whether its value must not be written. */
  readonly isSecret: boolean;
}

/** What every line says first. */
export interface Heading {
  /** The date in ISO 8601. */
  readonly time: string;
  readonly level: Level;
  readonly message: string;
}

/** How lines are written. */
export interface Format {
  /** Everything up to the fields, in about `maxBytes` bytes. */
  head(heading: Heading, maxBytes: number): string;
  label(name: string): Label;
  /** Any value in about `maxBytes` bytes. */
  value(value: unknown, maxBytes: number): string;
  /** What stands before the number of fields that were left out. */
  readonly cutLabel: string;
  /** What ends the line. */
  readonly end: string;
}

/** The names a line uses itself, and the one that counts the fields for which there was no room. */
const RESERVED: ReadonlySet<string> = new Set(["time", "level", "msg", "cut"]);

/** The name under which a field is written: nobody's field may pass for the line's own time, level or message. */
export function fieldName(name: string): string {
  return RESERVED.has(name) ? `${name}_` : name;
}

/** Field names are few and come again; names made from input are many and must not fill the memory. */
const MAX_LABELS = 1000;

/** Remembers labels: most lines have the same few names. */
export class Labels {
  readonly #made = new Map<string, Label>();
  readonly #make: (name: string) => Label;

  constructor(make: (name: string) => Label) {
    this.#make = make;
  }

  of(name: string): Label {
    const found = this.#made.get(name);
    if (found !== undefined) return found;
    const label = this.#make(name);
    if (this.#made.size < MAX_LABELS && name.length <= 128) this.#made.set(name, label);
    return label;
  }
}
