/**
 * Writes the compact protocol of Thrift.
 *
 * @module
 */
import { COMPACT, VERSION } from "./compact.ts";
import { byteLength, type Output } from "./output.ts";
import { bytesOf, int64Of, textOf, uuidBytes } from "./input.ts";
import { TYPE, type ThriftWriter } from "./types.ts";

const TRUE = 1;
const FALSE = 2;

/** The number of each type in this protocol. */
const NUMBER_OF: readonly number[] = [0, 0, 1, 3, 7, 0, 4, 0, 5, 0, 6, 8, 12, 11, 10, 9, 13];

/** Writes messages. */
export class CompactWriter implements ThriftWriter {
  readonly #out: Output;
  #outer: number[] = [];
  #last = 0;
  /** A field of type bool whose head waits for its value. */
  #boolField = 0;
  #isBool = false;

  constructor(out: Output) {
    this.#out = out;
  }

  writeMessageBegin(name: string, type: number, seqid: number): void {
    // What came before may have been given up half-way.
    this.#outer = [];
    this.#last = 0;
    this.#isBool = false;
    this.#out.u8(COMPACT);
    this.#out.u8(VERSION | (type << 5));
    this.#out.varint(seqid);
    this.writeString(name);
  }

  writeMessageEnd(): void {}
  writeFieldEnd(): void {}
  writeMapEnd(): void {}
  writeListEnd(): void {}
  writeSetEnd(): void {}
  flush(): void {}

  writeStructBegin(_name: string): void {
    this.#outer.push(this.#last);
    this.#last = 0;
  }

  writeStructEnd(): void {
    this.#last = this.#outer.pop() ?? 0;
  }

  writeFieldBegin(_name: string, type: number, id: number): void {
    if (type === TYPE.BOOL) {
      this.#boolField = id;
      this.#isBool = true;
    } else this.#field(NUMBER_OF[type]!, id);
  }

  #field(number: number, id: number): void {
    const delta = id - this.#last;
    this.#last = id;
    if (delta > 0 && delta <= 15) this.#out.u8((delta << 4) | number);
    else {
      this.#out.u8(number);
      this.writeI16(id);
    }
  }

  writeFieldStop(): void {
    this.#out.u8(0);
  }

  writeMapBegin(keyType: number, valueType: number, size: number): void {
    if (size === 0) return this.#out.u8(0);
    this.#out.varint(size);
    this.#out.u8((NUMBER_OF[keyType]! << 4) | NUMBER_OF[valueType]!);
  }

  writeListBegin(type: number, size: number): void {
    if (size < 15) return this.#out.u8((size << 4) | NUMBER_OF[type]!);
    this.#out.u8(0xf0 | NUMBER_OF[type]!);
    this.#out.varint(size);
  }

  writeSetBegin(type: number, size: number): void {
    this.writeListBegin(type, size);
  }

  writeBool(value: boolean): void {
    if (!this.#isBool) return this.#out.u8(value ? TRUE : FALSE);
    this.#isBool = false;
    this.#field(value ? TRUE : FALSE, this.#boolField);
  }

  writeByte(value: number): void {
    this.#out.u8(value);
  }

  writeI16(value: number): void {
    this.writeI32(value);
  }

  writeI32(value: number): void {
    this.#out.varint((value << 1) ^ (value >> 31));
  }

  writeI64(given: unknown): void {
    const value = int64Of(given);
    const out = this.#out;
    if (typeof value === "bigint") {
      let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
      for (; zigzag > 0x7fn; zigzag >>= 7n) out.u8(Number(zigzag & 0x7fn) | 0x80);
      return out.u8(Number(zigzag));
    }
    const isNegative = value < 0;
    // Of the value doubled only the half is a safe integer.
    const half = isNegative ? -value - 1 : value;
    const first = ((half % 64) << 1) | (isNegative ? 1 : 0);
    let rest = Math.floor(half / 64);
    if (rest === 0) return out.u8(first);
    out.u8(first | 0x80);
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) out.u8((rest % 128) | 0x80);
    out.u8(rest);
  }

  writeDouble(value: number): void {
    const at = this.#out.take(8);
    this.#out.bytes.writeDoubleLE(value, at);
  }

  writeString(given: unknown): void {
    const text = textOf(given);
    const length = byteLength(text);
    this.#out.varint(length);
    this.#out.text(text, length);
  }

  writeBinary(given: unknown): void {
    const bytes = bytesOf(given);
    this.#out.varint(bytes.length);
    this.#out.raw(bytes);
  }

  writeUuid(value: string): void {
    this.#out.raw(uuidBytes(value));
  }
}
