/**
 * Protobuf's wire form, as much of it as OTLP needs: a writer driven by tables of fields, and a reader for the two fields
 * of an answer. OTLP's messages are few and settled, so a table of some sixty numbers stands in for a library.
 * (protobuf.dev, "Encoding".)
 *
 * @module
 */

/** What a message is made of: the names and forms of protobuf's JSON, but identifiers in hex, as OTLP has it. */
export interface Message {
  readonly [name: string]: Value;
}

/** A value of a field; undefined is not written. 64-bit integers are decimal texts. */
export type Value = string | number | boolean | Message | readonly Value[] | undefined;

/** How a field is written. `hex` is bytes, `int` any integer as a varint. */
export type FieldType = "string" | "hex" | "bool" | "int" | "fixed32" | "fixed64" | "double" | Table;

/** A field's number and type; a packed one is a list of fixed64 or double in one piece. */
export interface Field {
  readonly number: number;
  readonly type: FieldType;
  readonly packed?: boolean;
}

/** The fields of a message by their names. */
export interface Table {
  readonly [name: string]: Field;
}

const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];

/** A message in protobuf's wire form. */
export function encodeProto(table: Table, message: Message): Uint8Array {
  const writer = new ProtoWriter();
  writer.message(table, message);
  return writer.bytes;
}

// From the last field to the first, since a message's length stands before it and is known only behind it.
class ProtoWriter {
  #buffer = new Uint8Array(4096);
  #view = new DataView(this.#buffer.buffer);
  #start = this.#buffer.length;
  readonly #encoder = new TextEncoder();

  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start);
  }

  message(table: Table, message: Message): void {
    for (const name of Object.keys(message).reverse()) {
      const field = table[name];
      if (field === undefined) throw new TypeError(`OTLP has no field "${name}" here`);
      const value = message[name];
      if (value === undefined) continue;
      if (field.packed === true) this.#packed(field, value as readonly Value[]);
      else if (!Array.isArray(value)) this.#field(field, value);
      else for (let i = value.length - 1; i >= 0; i--) this.#field(field, (value as readonly Value[])[i]!);
    }
  }

  #field({ number, type }: Field, value: Value): void {
    if (typeof type === "object") {
      const end = this.#buffer.length - this.#start;
      this.message(type, value as Message);
      return this.#headed(number, this.#buffer.length - this.#start - end);
    }
    switch (type) {
      case "string":
        return this.#headed(number, this.#put(this.#encoder.encode(value as string)));
      case "hex":
        return this.#headed(number, this.#put(bytesOf(value as string)));
      case "double":
      case "fixed64":
        this.#eight(type, value);
        return this.#tag(number, FIXED64!);
      case "fixed32":
        this.#reserve(4);
        this.#view.setUint32(this.#start, value as number, true);
        return this.#tag(number, FIXED32!);
      case "bool":
      case "int":
        this.#varint(BigInt.asUintN(64, BigInt(value as string | number | boolean)));
        return this.#tag(number, VARINT!);
    }
  }

  #packed({ number, type }: Field, values: readonly Value[]): void {
    if (values.length === 0) return;
    for (let i = values.length - 1; i >= 0; i--) this.#eight(type, values[i]);
    this.#headed(number, values.length * 8);
  }

  #eight(type: FieldType, value: Value): void {
    this.#reserve(8);
    if (type === "double") this.#view.setFloat64(this.#start, value as number, true);
    else this.#view.setBigUint64(this.#start, BigInt(value as string), true);
  }

  #headed(number: number, length: number): void {
    this.#varint(BigInt(length));
    this.#tag(number, LENGTH!);
  }

  #tag(number: number, wire: number): void {
    this.#varint(BigInt(number * 8 + wire));
  }

  #varint(value: bigint): void {
    const groups: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      const more = rest > 0x7fn;
      groups.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
      if (!more) break;
    }
    this.#put(Uint8Array.from(groups));
  }

  #put(bytes: Uint8Array): number {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#start);
    return bytes.length;
  }

  #reserve(length: number): void {
    if (length > this.#start) {
      const used = this.bytes;
      const grown = new Uint8Array(Math.max(this.#buffer.length * 2, used.length + length));
      grown.set(used, grown.length - used.length);
      this.#start = grown.length - used.length;
      this.#buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#start -= length;
  }
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length >> 1 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
}

/**
 * The fields of a message that came from outside: varints as numbers, what has a length as bytes, by field number; the
 * last of each counts, others are passed over.
 *
 * @throws {RangeError} when it is no protobuf.
 */
export function decodeProto(bytes: Uint8Array): ReadonlyMap<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>();
  let at = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("the message ends too early");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new RangeError("a number is too long");
  }
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === VARINT) fields.set(tag >>> 3, varint());
    else if (wire === FIXED64 || wire === FIXED32) at += wire === FIXED64 ? 8 : 4;
    else if (wire === LENGTH) {
      const length = Number(varint());
      if (length < 0 || length > bytes.length - at) throw new RangeError("a field is longer than the message");
      fields.set(tag >>> 3, bytes.subarray(at, (at += length)));
    } else throw new RangeError("a field has no known form");
  }
  return fields;
}
