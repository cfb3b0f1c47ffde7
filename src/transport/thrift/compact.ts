/**
 * Reads the compact protocol (thrift-compact-protocol.md): numbers seven bits to a byte, fields by their distance.
 *
 * @module
 */
import { beyondSafe, Input, uuidText } from "./input.ts";
import { skipHolder } from "./skip.ts";
import { malformed, TYPE, type CollectionHead, type FieldHead, type MessageHead, type ThriftReader } from "./types.ts";

/** What every message begins with. */
export const COMPACT = 0x82;

/** The version in the second byte. */
export const VERSION = 1;
const TRUE = 1;
const FALSE = 2;

/** The type a number of this protocol stands for. */
export const TYPE_OF: readonly (number | undefined)[] = [
  TYPE.STOP,
  TYPE.BOOL,
  TYPE.BOOL,
  TYPE.BYTE,
  TYPE.I16,
  TYPE.I32,
  TYPE.I64,
  TYPE.DOUBLE,
  TYPE.STRING,
  TYPE.LIST,
  TYPE.SET,
  TYPE.MAP,
  TYPE.STRUCT,
  TYPE.UUID,
];

/** The least bytes a value of each type has. */
export const LEAST: readonly number[] = [0, 0, 1, 1, 8, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 16];

const STRUCT = { fname: "" };

/** Reads a message. */
export class CompactReader extends Input implements ThriftReader {
  /** The last field of each struct that is open. */
  readonly #outer: number[] = [];
  #last = 0;
  /** The value of a field of type bool, which is part of its head. */
  #bool: boolean | undefined = undefined;

  readMessageBegin(): MessageHead {
    const id = this.bytes[this.take(1)];
    const versionAndType = this.bytes[this.take(1)]!;
    if (id !== COMPACT || (versionAndType & 0x1f) !== VERSION)
      throw malformed("the version of the protocol is not known");
    const rseqid = this.#varint() | 0;
    return { fname: this.readString(), mtype: (versionAndType >> 5) & 7, rseqid };
  }

  readStructBegin(): { readonly fname: string } {
    this.enter();
    this.#outer.push(this.#last);
    this.#last = 0;
    return STRUCT;
  }

  readStructEnd(): void {
    this.#last = this.#outer.pop() ?? 0;
    this.leave();
  }

  readFieldBegin(): FieldHead {
    const { field } = this;
    const head = this.bytes[this.take(1)]!;
    const number = head & 0x0f;
    if (number === 0) {
      field.ftype = TYPE.STOP;
      field.fid = 0;
      return field;
    }
    const delta = head >> 4;
    this.#last = field.fid = delta === 0 ? this.readI16() : this.#last + delta;
    field.ftype = typeOf(number);
    this.#bool = number === TRUE ? true : number === FALSE ? false : undefined;
    return field;
  }

  readFieldEnd(): void {}

  readMapBegin(): CollectionHead {
    const { collection } = this;
    const size = (collection.size = this.#varint());
    this.enter();
    collection.ktype = collection.vtype = TYPE.STOP;
    if (size === 0) return collection;
    const types = this.bytes[this.take(1)]!;
    collection.ktype = elementOf(types >> 4);
    collection.vtype = elementOf(types & 0x0f);
    this.checkSize(size, LEAST[collection.ktype]! + LEAST[collection.vtype]!);
    this.#bool = undefined;
    return collection;
  }

  readListBegin(): CollectionHead {
    const { collection } = this;
    const head = this.bytes[this.take(1)]!;
    const size = (collection.size = head >> 4 === 15 ? this.#varint() : head >> 4);
    collection.etype = size === 0 ? (TYPE_OF[head & 0x0f] ?? 0) : elementOf(head & 0x0f);
    this.checkSize(size, LEAST[collection.etype]!);
    this.enter();
    this.#bool = undefined;
    return collection;
  }

  readSetBegin(): CollectionHead {
    return this.readListBegin();
  }

  readMapEnd(): void {
    this.leave();
  }

  readListEnd(): void {
    this.leave();
  }

  readSetEnd(): void {
    this.leave();
  }

  readBool(): boolean {
    const given = this.#bool;
    if (given === undefined) return this.bytes[this.take(1)] === TRUE;
    this.#bool = undefined;
    return given;
  }

  readByte(): number {
    return (this.bytes[this.take(1)]! << 24) >> 24;
  }

  readI16(): number {
    return (this.readI32() << 16) >> 16;
  }

  readI32(): number {
    const zigzag = this.#varint();
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  /** 28 bits each, and what is left: a double holds them all exactly. */
  readI64(): number | bigint {
    const low = this.#bits(4);
    const middle = this.#more ? this.#bits(4) : 0;
    const high = this.#more ? this.#bits(2) : 0;
    if (this.#more || high > 0xff) throw malformed("a number is too long");
    if (this.bigints) {
      const zigzag = (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low);
      return BigInt.asIntN(64, (zigzag >> 1n) ^ -(zigzag & 1n));
    }
    const half = (low >>> 1) + middle * 0x800_0000 + high * 0x80_0000_0000_0000;
    const value = (low & 1) === 0 ? half : -half - 1;
    if (!Number.isSafeInteger(value)) throw beyondSafe();
    return value;
  }

  #more = false;

  #bits(most: number): number {
    let value = 0;
    let shift = 0;
    for (let i = 0; i < most; i++) {
      const byte = this.bytes[this.take(1)]!;
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) {
        this.#more = false;
        return value;
      }
    }
    this.#more = true;
    return value;
  }

  /** Up to 32 bits, without a sign. */
  #varint(): number {
    const first = this.bytes[this.take(1)]!;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.bytes[this.take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break;
        return value >>> 0;
      }
    }
    throw malformed("a number is too long");
  }

  readDouble(): number {
    return this.bytes.readDoubleLE(this.take(8));
  }

  readString(): string {
    return this.utf8(this.#varint());
  }

  readBinary(): Buffer {
    return this.copied(this.#varint());
  }

  readUuid(): string {
    return uuidText(this.copied(16));
  }

  skip(type: number): void {
    switch (type) {
      case TYPE.BOOL:
        return void this.readBool();
      case TYPE.BYTE:
      case TYPE.DOUBLE:
      case TYPE.UUID:
        return void this.take(LEAST[type]!);
      case TYPE.I16:
      case TYPE.I32:
        return void this.#varint();
      case TYPE.I64:
        return this.#skipLong();
      case TYPE.STRING:
        return void this.take(this.#varint());
      default:
        return skipHolder(this, type);
    }
  }

  #skipLong(): void {
    for (let i = 0; i < 10; i++) if (this.bytes[this.take(1)]! < 0x80) return;
    throw malformed("a number is too long");
  }
}

function typeOf(number: number): number {
  const type = TYPE_OF[number];
  if (type === undefined) throw malformed("a type is not known");
  return type;
}

function elementOf(number: number): number {
  const type = typeOf(number);
  if (type === TYPE.STOP) throw malformed("a type is not known");
  return type;
}
