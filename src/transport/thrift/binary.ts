/**
 * The binary protocol (thrift-binary-protocol.md): strict when writing, and also what older peers send when reading.
 *
 * @module
 */
import type { Output } from "./output.ts";
import { byteLength } from "./output.ts";
import { beyondSafe, bytesOf, Input, int64Of, textOf, uuidBytes, uuidText } from "./input.ts";
import { skipHolder } from "./skip.ts";
import {
  isType,
  malformed,
  TYPE,
  type CollectionHead,
  type FieldHead,
  type MessageHead,
  type ThriftReader,
  type ThriftWriter,
} from "./types.ts";

/** The version in the first half of a message's first word. */
const VERSION = 0x8001_0000;

/** The least bytes a value of each type has. */
export const LEAST: readonly number[] = [0, 0, 1, 1, 8, 0, 2, 0, 4, 0, 8, 4, 1, 6, 5, 5, 16];

const STRUCT = { fname: "" };

/** Reads a message. */
export class BinaryReader extends Input implements ThriftReader {
  readMessageBegin(): MessageHead {
    const first = this.readI32();
    if (first >= 0) {
      const fname = this.utf8(first);
      return { fname, mtype: this.readByte(), rseqid: this.readI32() };
    }
    if ((first & 0xffff_0000) !== (VERSION | 0)) throw malformed("the version of the protocol is not known");
    return { mtype: first & 0xff, fname: this.readString(), rseqid: this.readI32() };
  }

  readStructBegin(): { readonly fname: string } {
    this.enter();
    return STRUCT;
  }

  readStructEnd(): void {
    this.leave();
  }

  readFieldBegin(): FieldHead {
    const { field } = this;
    if ((field.ftype = this.readByte()) === TYPE.STOP) field.fid = 0;
    else field.fid = this.readI16();
    return field;
  }

  readFieldEnd(): void {}

  readMapBegin(): CollectionHead {
    const { collection } = this;
    collection.ktype = this.readByte();
    collection.vtype = this.readByte();
    const size = (collection.size = this.readI32());
    this.#collection(collection.ktype, size);
    this.#collection(collection.vtype, size);
    this.checkSize(size, (LEAST[collection.ktype] ?? 0) + (LEAST[collection.vtype] ?? 0));
    this.enter();
    return collection;
  }

  readListBegin(): CollectionHead {
    const { collection } = this;
    const type = (collection.etype = this.readByte());
    const size = (collection.size = this.readI32());
    this.#collection(type, size);
    this.checkSize(size, LEAST[type] ?? 0);
    this.enter();
    return collection;
  }

  // Of an empty one the type may be anything.
  #collection(type: number, size: number): void {
    if (size !== 0 && !isType(type)) throw malformed("a type is not known");
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
    return this.bytes[this.take(1)] !== 0;
  }

  readByte(): number {
    return (this.bytes[this.take(1)]! << 24) >> 24;
  }

  readI16(): number {
    const at = this.take(2);
    return ((this.bytes[at]! << 24) >> 16) | this.bytes[at + 1]!;
  }

  readI32(): number {
    const at = this.take(4);
    const { bytes } = this;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  readI64(): number | bigint {
    if (this.bigints) return this.bytes.readBigInt64BE(this.take(8));
    const high = this.readI32();
    const value = high * 0x1_0000_0000 + (this.readI32() >>> 0);
    if (!Number.isSafeInteger(value)) throw beyondSafe();
    return value;
  }

  readDouble(): number {
    return this.bytes.readDoubleBE(this.take(8));
  }

  readString(): string {
    return this.utf8(this.#length());
  }

  readBinary(): Buffer {
    return this.copied(this.#length());
  }

  #length(): number {
    const length = this.readI32();
    if (length < 0) throw malformed("a size is negative");
    return length;
  }

  readUuid(): string {
    return uuidText(this.copied(16));
  }

  skip(type: number): void {
    switch (type) {
      case TYPE.BOOL:
      case TYPE.BYTE:
      case TYPE.I16:
      case TYPE.I32:
      case TYPE.I64:
      case TYPE.DOUBLE:
      case TYPE.UUID:
        this.take(LEAST[type]!);
        return;
      case TYPE.STRING:
        this.take(this.#length());
        return;
      default:
        return skipHolder(this, type);
    }
  }
}

/** Writes messages. */
export class BinaryWriter implements ThriftWriter {
  readonly #out: Output;

  constructor(out: Output) {
    this.#out = out;
  }

  writeMessageBegin(name: string, type: number, seqid: number): void {
    this.#out.i32(VERSION | type);
    this.writeString(name);
    this.#out.i32(seqid);
  }

  writeMessageEnd(): void {}
  writeStructBegin(_name: string): void {}
  writeStructEnd(): void {}
  writeFieldEnd(): void {}
  writeMapEnd(): void {}
  writeListEnd(): void {}
  writeSetEnd(): void {}
  flush(): void {}

  writeFieldBegin(_name: string, type: number, id: number): void {
    const at = this.#out.take(3);
    const { bytes } = this.#out;
    bytes[at] = type;
    bytes[at + 1] = id >> 8;
    bytes[at + 2] = id;
  }

  writeFieldStop(): void {
    this.#out.u8(TYPE.STOP);
  }

  writeMapBegin(keyType: number, valueType: number, size: number): void {
    this.#out.u8(keyType);
    this.#out.u8(valueType);
    this.#out.i32(size);
  }

  writeListBegin(type: number, size: number): void {
    this.#out.u8(type);
    this.#out.i32(size);
  }

  writeSetBegin(type: number, size: number): void {
    this.writeListBegin(type, size);
  }

  writeBool(value: boolean): void {
    this.#out.u8(value ? 1 : 0);
  }

  writeByte(value: number): void {
    this.#out.u8(value);
  }

  writeI16(value: number): void {
    this.#out.i16(value);
  }

  writeI32(value: number): void {
    this.#out.i32(value);
  }

  writeI64(given: unknown): void {
    const value = int64Of(given);
    const out = this.#out;
    if (typeof value === "bigint") {
      // The bytes may move when room is made.
      const at = out.take(8);
      out.bytes.writeBigInt64BE(value, at);
    } else {
      out.i32(Math.floor(value / 0x1_0000_0000));
      out.i32(value);
    }
  }

  writeDouble(value: number): void {
    const at = this.#out.take(8);
    this.#out.bytes.writeDoubleBE(value, at);
  }

  writeString(given: unknown): void {
    const text = textOf(given);
    const length = byteLength(text);
    this.#out.i32(length);
    this.#out.text(text, length);
  }

  writeBinary(given: unknown): void {
    const bytes = bytesOf(given);
    this.#out.i32(bytes.length);
    this.#out.raw(bytes);
  }

  writeUuid(value: string): void {
    this.#out.raw(uuidBytes(value));
  }
}
