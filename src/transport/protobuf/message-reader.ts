/**
 * Reads messages of a contract made in TypeScript: from bytes to plain objects in their schema's input form, compiled once
 * per message.
 *
 * @module
 */
import { isInherited } from "../json/own.ts";
import type { FieldType, MessageField, MessageType } from "../message-types.ts";
import { BOOL, BYTES, DOUBLE, INT64, kindOf, LIST, MAP, MESSAGE, STRING, tagOf, wireTypeOf } from "./field-kinds.ts";
import { readJson, setEntry } from "./read-json.ts";
import { Malformed, WireReader } from "./wire-reader.ts";

type Plain = Record<string, unknown>;

/** Reads one message up to the reader's end, on top of what is there. */
export interface ReadMessage {
  (reader: WireReader, onto: Plain): Plain;
}

/** Compiles the reader of a message, or finds the one that was made before. */
export function messageReaders(): (type: MessageType) => ReadMessage {
  const known = new Map<MessageType, MessageReader>();
  function readerOf(type: MessageType): MessageReader {
    const before = known.get(type);
    if (before !== undefined) return before;
    const made = new MessageReader();
    // Before its fields are looked at: one of them may lead back here.
    known.set(type, made);
    made.fields = type.fields
      .toSorted((a, b) => a.number - b.number)
      .map((field, at) => new FieldReader(field, at, readerOf));
    for (const field of made.fields) made.byNumber.set(field.number, field);
    return made;
  }
  return function compiled(type) {
    const reader = readerOf(type);
    return (from, onto) => reader.read(from, onto);
  };
}

/** One field, or what a list or map is made of. */
class FieldReader {
  readonly name: string;
  readonly number: number;
  /** Its place among the fields. */
  readonly at: number;
  readonly kind: number;
  readonly tag: number;
  /** The tag of a list of numbers in its other form; -1 where there is none. */
  readonly otherTag: number;
  readonly inherited: boolean;
  /** What the field holds when it is not on the wire; of a map, what an entry without a value holds. */
  readonly zero: unknown;
  readonly isFilled: boolean;
  /** Of a list's item or a map's value, what this is of anything else. */
  readonly itemKind: number;
  readonly itemTag: number;
  readonly message: MessageReader | undefined;

  constructor(field: MessageField, at: number, readerOf: (type: MessageType) => MessageReader) {
    const { name, number, type, isOptional, isNullable } = field;
    const item = type.kind === "list" || type.kind === "map" ? type.of : type;
    this.at = at;
    this.name = name;
    this.number = number;
    this.kind = kindOf(type);
    this.itemKind = kindOf(item);
    const isPacked = this.kind === LIST && wireTypeOf(this.itemKind) !== 2;
    this.tag = tagOf(number, wireTypeOf(this.kind));
    this.otherTag = isPacked ? tagOf(number, wireTypeOf(this.itemKind)) : -1;
    this.itemTag = tagOf(2, wireTypeOf(this.itemKind));
    this.inherited = isInherited(name);
    this.zero = isNullable ? null : zeroOf(item);
    this.isFilled = isNullable || (!isOptional && type.kind !== "message" && type.kind !== "json");
    this.message = item.kind === "message" ? readerOf(item.message) : undefined;
  }

  get(from: Plain): unknown {
    return this.inherited && !Object.hasOwn(from, this.name) ? undefined : from[this.name];
  }

  /** A list, a map, or nothing yet: made when it is first met. */
  fresh(): unknown {
    if (this.kind === LIST) return [];
    return this.kind === MAP ? {} : this.zero;
  }
}

function zeroOf({ kind }: FieldType): unknown {
  if (kind === "bool") return false;
  if (kind === "int64" || kind === "double") return 0;
  if (kind === "bytes") return new Uint8Array();
  return kind === "string" ? "" : undefined;
}

class MessageReader {
  fields: readonly FieldReader[] = [];
  readonly byNumber = new Map<number, FieldReader>();

  read(reader: WireReader, onto: Plain): Plain {
    const { fields } = this;
    let at = 0;
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      // Fields mostly come in order, and lists one item after the other.
      let field = fields[at];
      if (field === undefined || field.tag !== tag) {
        field = fields[++at];
        if (field === undefined || field.tag !== tag) {
          field = this.byNumber.get(tag >>> 3);
          if (field === undefined) {
            reader.skip();
            at = 0;
            continue;
          }
          if (field.tag !== tag && field.otherTag !== tag) throw new Malformed(`${field.name} has a wrong wire type`);
          at = field.at;
        }
      }
      if (field.kind < MESSAGE) onto[field.name] = readOne(field, field.kind, reader);
      else readMany(field, reader, onto);
    }
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      if (field.isFilled && field.get(onto) === undefined) onto[field.name] = field.fresh();
    }
    return onto;
  }
}

function readOne(field: FieldReader, kind: number, reader: WireReader): unknown {
  switch (kind) {
    case INT64:
      return reader.int64();
    case STRING:
      return reader.string();
    case BOOL:
      return reader.bool();
    case DOUBLE:
      return reader.double();
    case BYTES:
      return reader.bytesField();
    case MESSAGE:
      return readInto(field.message!, reader, {});
    default: {
      const outer = reader.into();
      const value = readJson(reader);
      reader.end = outer;
      return value;
    }
  }
}

function readInto(message: MessageReader, reader: WireReader, onto: Plain): Plain {
  reader.down();
  const outer = reader.into();
  message.read(reader, onto);
  reader.end = outer;
  reader.up();
  return onto;
}

/** What is not read at once: a message, which is joined with what came of it before, an item of a list, an entry of a map. */
function readMany(field: FieldReader, reader: WireReader, onto: Plain): void {
  const before = field.get(onto);
  if (field.kind === MESSAGE) {
    onto[field.name] = readInto(field.message!, reader, (before as Plain | undefined) ?? {});
    return;
  }
  const holder = before ?? (onto[field.name] = field.fresh());
  if (field.kind === MAP) return readEntry(field, reader, holder as Plain);
  const list = holder as unknown[];
  if (field.otherTag === -1 || field.otherTag === reader.last) {
    list.push(readOne(field, field.itemKind, reader));
    return;
  }
  const outer = reader.into();
  while (reader.pos < reader.end) list.push(readOne(field, field.itemKind, reader));
  reader.end = outer;
}

function readEntry(field: FieldReader, reader: WireReader, map: Plain): void {
  const outer = reader.into();
  let key = "";
  let value: unknown;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) key = reader.string();
    else if (tag === field.itemTag) value = readOne(field, field.itemKind, reader);
    else if (tag >>> 3 <= 2) throw new Malformed("an entry has a wrong wire type");
    else reader.skip();
  }
  reader.end = outer;
  if (value === undefined) value = field.message?.read(NOTHING, {}) ?? field.zero;
  if (value === undefined) throw new Malformed("a value is none");
  setEntry(map, key, value);
}

/** What a message is read from that is not there. */
const NOTHING = new WireReader(new Uint8Array(), 1);
