/**
 * Writes messages of a contract made in TypeScript: from values in their schema's input form to bytes, declared fields and
 * nothing else, compiled once per message. Takes and refuses what the JSON writer does.
 *
 * @module
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { jsonForm, Misfit, within } from "../json/misfit.ts";
import { isInherited, type Wire } from "../json/own.ts";
import { listed } from "../json/write-scalar.ts";
import type { FieldType, MessageField, MessageType } from "../message-types.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  INT64,
  JSON_VALUE,
  kindOf,
  LIST,
  MAP,
  MESSAGE,
  STRING,
  tagOf,
  wireTypeOf,
} from "./field-kinds.ts";
import { writeJson } from "./write-json.ts";
import { asScalar, RULES } from "./write-scalar.ts";

/** How deep a value may nest: a cycle must end. */
const MAX_DEPTH = 512;

/** What messages are written to. */
export class Output extends BinaryWriter {
  /** How many levels may still be below. */
  levels: number = MAX_DEPTH;
}

/** Writes the fields of one message. After an error the output is of no use. */
export interface WriteMessage {
  (value: unknown, to: Output): void;
}

/** Compiles writers of messages; what messages have in common is compiled once. */
export function messageWriters(): (type: MessageType) => WriteMessage {
  const known = new Map<MessageType, MessageWriter>();
  function writerOf(type: MessageType): MessageWriter {
    const before = known.get(type);
    if (before !== undefined) return before;
    const made = new MessageWriter();
    // Before its fields are looked at: one of them may lead back here.
    known.set(type, made);
    made.fields = type.fields.toSorted((a, b) => a.number - b.number).map((field) => new FieldWriter(field, writerOf));
    return made;
  }
  return function compiled(type) {
    const writer = writerOf(type);
    return (value, to) => writer.write(value, to);
  };
}

/** One field, or what a list or map is made of. */
class FieldWriter {
  readonly name: string;
  readonly kind: number;
  readonly tag: number;
  readonly inherited: boolean;
  readonly isOptional: boolean;
  readonly isNullable: boolean;
  /** Of a list's item or a map's value, what this is of anything else. */
  readonly itemKind: number;
  readonly itemTag: number;
  readonly isPacked: boolean;
  readonly values: ReadonlySet<unknown> | undefined;
  readonly rule: string;
  readonly json: ((value: unknown) => string) | undefined;
  readonly message: MessageWriter | undefined;

  constructor(field: MessageField, writerOf: (type: MessageType) => MessageWriter) {
    const { type } = field;
    const item: FieldType = type.kind === "list" || type.kind === "map" ? type.of : type;
    this.name = field.name;
    this.inherited = isInherited(field.name);
    this.isOptional = field.isOptional;
    this.isNullable = field.isNullable;
    this.kind = kindOf(type);
    this.itemKind = kindOf(item);
    this.tag = tagOf(field.number, wireTypeOf(this.kind));
    this.itemTag = tagOf(2, wireTypeOf(this.itemKind));
    this.isPacked = this.kind === LIST && wireTypeOf(this.itemKind) !== 2;
    const values = "values" in item ? item.values : undefined;
    this.values = values === undefined ? undefined : new Set(values);
    this.rule = values === undefined ? RULES[this.itemKind]! : `should be ${listed(values)}`;
    this.json = item.kind === "json" ? item.write : undefined;
    this.message = item.kind === "message" ? writerOf(item.message) : undefined;
  }
}

class MessageWriter {
  fields: readonly FieldWriter[] = [];

  write(value: unknown, to: Output): void {
    if (--to.levels < 0) throw new Misfit(`should not nest deeper than ${MAX_DEPTH}`, value);
    const from = objectOf(value);
    const { fields } = this;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      const one = field.inherited && !Object.hasOwn(from, field.name) ? undefined : from[field.name];
      if (one === undefined && field.isOptional && !field.isNullable) continue;
      if (one === null && field.isNullable) continue;
      try {
        writeField(field, one, to);
      } catch (thrown) {
        throw within(`.${field.name}`, thrown);
      }
    }
    to.levels++;
  }
}

function writeField(field: FieldWriter, value: unknown, to: Output): void {
  const { kind } = field;
  if (kind === LIST) return writeList(field, value, to);
  if (kind === MAP) return writeMap(field, value, to);
  if (kind >= JSON_VALUE) {
    to.uint32(field.tag);
    return writeItem(field, value, to);
  }
  const one = asScalar(kind, value, field);
  // What has no presence on the wire is left out when it is zero.
  if (!field.isOptional && isZero(kind, one)) return;
  to.uint32(field.tag);
  writeScalar(kind, one, to);
}

function isZero(kind: number, value: unknown): boolean {
  if (kind === DOUBLE) return Object.is(value, 0);
  return kind === BYTES ? (value as Uint8Array).length === 0 : value === 0 || value === "" || value === false;
}

function writeScalar(kind: number, value: unknown, to: Output): void {
  switch (kind) {
    case INT64:
      // The way for all others goes through a bigint.
      if ((value as number) >= 0 && (value as number) <= 0xffff_ffff) to.uint32(value as number);
      else to.int64(value as number);
      return;
    case STRING:
      to.string(value as string);
      return;
    case BOOL:
      to.bool(value as boolean);
      return;
    case DOUBLE:
      to.double(value as number);
      return;
    default:
      to.bytes(value as Uint8Array);
  }
}

/** A value after its tag. */
function writeItem(field: FieldWriter, value: unknown, to: Output): void {
  const kind = field.itemKind;
  if (kind < JSON_VALUE) return writeScalar(kind, asScalar(kind, value, field), to);
  to.fork();
  if (kind === MESSAGE) field.message!.write(value, to);
  else writeJson(JSON.parse(field.json!(value)), to);
  to.join();
}

function writeList(field: FieldWriter, value: unknown, to: Output): void {
  const list = Array.isArray(value) && !("toJSON" in value) ? (value as readonly unknown[]) : arrayOf(value);
  if (list.length === 0) return;
  if (field.isPacked) {
    to.uint32(field.tag);
    to.fork();
  }
  let i = 0;
  try {
    for (; i < list.length; i++) {
      if (!field.isPacked) to.uint32(field.tag);
      writeItem(field, list[i], to);
    }
  } catch (thrown) {
    throw within(`[${i}]`, thrown);
  }
  if (field.isPacked) to.join();
}

function writeMap(field: FieldWriter, value: unknown, to: Output): void {
  const map = objectOf(value);
  try {
    for (const key of Object.keys(map)) {
      const one = map[key];
      if (one === undefined) continue;
      to.uint32(field.tag);
      to.fork();
      to.uint32(KEY);
      to.string(asScalar(STRING, key, undefined) as string);
      to.uint32(field.itemTag);
      writeItem(field, one, to);
      to.join();
    }
  } catch (thrown) {
    // The name of an entry is data, and data stays out of errors.
    throw within(".*", thrown);
  }
}

/** The tag of an entry's key. */
const KEY = tagOf(1, 2);

function objectOf(value: unknown): Wire {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && (value as Wire)["toJSON"] === undefined)
    return value as Wire;
  const plain = jsonForm(value);
  if (typeof plain === "object" && plain !== null && !Array.isArray(plain)) return plain as Wire;
  throw new Misfit("should be an object", plain);
}

function arrayOf(value: unknown): readonly unknown[] {
  const plain = jsonForm(value);
  if (Array.isArray(plain)) return plain;
  throw new Misfit("should be an array", plain);
}
