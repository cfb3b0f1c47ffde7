/**
 * Structs: fields by their numbers, read and written as compiled once. Fields that are not known are passed over.
 *
 * @module
 */
import { jsonForm, Misfit, within } from "../json/misfit.ts";
import { isInherited, type Wire } from "../json/own.ts";
import { TYPE, type ThriftReader, type ThriftWriter } from "./types.ts";
import type { Value } from "./value.ts";

/** One field of a struct. */
export interface RecordField {
  readonly name: string;
  readonly id: number;
  readonly value: Value;
  /** Whether it may be left out; else writing without it is an error, or writes its zero value. */
  readonly isOptional: boolean;
  /** What it is read as when it was left out; undefined for nothing. */
  readonly absent?: (() => unknown) | undefined;
  /** What is left out in writing besides nothing. Default: nothing. */
  readonly isNullable?: boolean | undefined;
}

interface Compiled extends RecordField {
  readonly inherited: boolean;
}

/** How deep a value may nest: a cycle must end. */
const MAX_DEPTH = 512;

/** Numbers of fields up to which they are found without a map. */
const FEW = 256;

/** A struct, whose fields may be given later: one of them may lead back to it. */
export class RecordValue implements Value {
  readonly type: number = TYPE.STRUCT;
  readonly text: string;
  /** What writing does when a field that must be there is not: its zero, or an error. */
  readonly #fills: boolean;
  #fields: readonly Compiled[] = [];
  #few: readonly (Compiled | undefined)[] = [];
  #many: ReadonlyMap<number, Compiled> = new Map();
  #absent: readonly Compiled[] = [];
  #depth = 0;

  constructor(text: string, { fills }: { readonly fills: boolean }) {
    this.text = text;
    this.#fills = fills;
  }

  /** The fields in the order of their numbers. */
  get fields(): readonly RecordField[] {
    return this.#fields;
  }

  set fields(fields: readonly RecordField[]) {
    const sorted = fields.toSorted((a, b) => a.id - b.id);
    this.#fields = sorted.map((field) => ({ ...field, inherited: isInherited(field.name) }));
    const few: Compiled[] = [];
    for (const field of this.#fields) if (field.id >= 0 && field.id < FEW) few[field.id] = field;
    this.#few = few;
    this.#many = new Map(this.#fields.map((field) => [field.id, field]));
    this.#absent = this.#fields.filter(({ absent }) => absent !== undefined);
  }

  zero(): unknown {
    const made: Record<string, unknown> = {};
    for (const { name, absent } of this.#absent) made[name] = absent!();
    return made;
  }

  read(reader: ThriftReader): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    reader.readStructBegin();
    for (;;) {
      const { ftype, fid } = reader.readFieldBegin();
      if (ftype === TYPE.STOP) break;
      const field = this.#few[fid] ?? this.#many.get(fid);
      if (field !== undefined && field.value.type === ftype) made[field.name] = field.value.read(reader);
      else reader.skip(ftype);
      reader.readFieldEnd();
    }
    reader.readStructEnd();
    for (const { name, inherited, absent } of this.#absent)
      if (inherited ? !Object.hasOwn(made, name) : made[name] === undefined) made[name] = absent!();
    return made;
  }

  write(writer: ThriftWriter, value: unknown): void {
    const from = objectOf(value);
    if (++this.#depth > MAX_DEPTH) {
      this.#depth = 0;
      throw new Misfit(`should not nest deeper than ${MAX_DEPTH}`, value);
    }
    try {
      this.#write(writer, from);
    } finally {
      this.#depth = Math.max(0, this.#depth - 1);
    }
  }

  #write(writer: ThriftWriter, from: Wire): void {
    writer.writeStructBegin(this.text);
    for (const field of this.#fields) {
      const { name, value: of } = field;
      let one = field.inherited && !Object.hasOwn(from, name) ? undefined : from[name];
      if (one === undefined || (one === null && field.isNullable === true)) {
        if (field.isOptional) continue;
        if (!this.#fills) throw within(`.${name}`, new Misfit("should be there", one));
        one = of.zero();
      }
      writer.writeFieldBegin(name, of.type, field.id);
      try {
        of.write(writer, one);
      } catch (thrown) {
        throw within(`.${name}`, thrown);
      }
      writer.writeFieldEnd();
    }
    writer.writeFieldStop();
    writer.writeStructEnd();
  }
}

function objectOf(value: unknown): Wire {
  const plain = jsonForm(value);
  if (typeof plain === "object" && plain !== null && !Array.isArray(plain)) return plain as Wire;
  throw new Misfit("should be an object", plain);
}
