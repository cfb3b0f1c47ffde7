/**
 * Reads a `google.protobuf.Value` into the plain JSON value it stands for.
 *
 * @module
 */
import { Malformed, type WireReader } from "./wire-reader.ts";

const NULL = 8;
const NUMBER = 17;
const STRING = 26;
const BOOL = 32;
const STRUCT = 42;
const LIST = 50;

/** Reads a value up to the reader's end. The last of its fields counts, as of any `oneof`. */
export function readJson(reader: WireReader): unknown {
  let value: unknown;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case NULL:
        reader.bool();
        value = null;
        break;
      case NUMBER:
        value = reader.double();
        break;
      case STRING:
        value = reader.string();
        break;
      case BOOL:
        value = reader.bool();
        break;
      case STRUCT:
        value = nested(reader, readStruct);
        break;
      case LIST:
        value = nested(reader, readList);
        break;
      default:
        if (tag >>> 3 <= 6) throw new Malformed("a value has a wrong wire type");
        reader.skip();
    }
  }
  if (value === undefined) throw new Malformed("a value is none");
  return value;
}

function nested<T>(reader: WireReader, read: (reader: WireReader) => T): T {
  reader.down();
  const outer = reader.into();
  const value = read(reader);
  reader.end = outer;
  reader.up();
  return value;
}

function readList(reader: WireReader): unknown[] {
  const list: unknown[] = [];
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) list.push(readItem(reader));
    else skipOther(reader, tag);
  }
  return list;
}

function readStruct(reader: WireReader): Record<string, unknown> {
  const struct: Record<string, unknown> = {};
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag !== 10) {
      skipOther(reader, tag);
      continue;
    }
    const outer = reader.into();
    let key = "";
    let value: unknown;
    while (reader.pos < reader.end) {
      const part = reader.tag();
      if (part === 10) key = reader.string();
      else if (part === 18) value = readItem(reader);
      else if (part >>> 3 <= 2) throw new Malformed("an entry has a wrong wire type");
      else reader.skip();
    }
    reader.end = outer;
    if (value === undefined) throw new Malformed("a value is none");
    setEntry(struct, key, value);
  }
  return struct;
}

function readItem(reader: WireReader): unknown {
  const outer = reader.into();
  const value = readJson(reader);
  reader.end = outer;
  return value;
}

function skipOther(reader: WireReader, tag: number): void {
  if (tag >>> 3 === 1) throw new Malformed("a list or object has a wrong wire type");
  reader.skip();
}

/** Sets an entry whose key came from outside: `__proto__` is data. */
export function setEntry(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}
