/**
 * Protobuf's wire, read from bytes nobody trusts: protobuf-es's reader makes a bigint of each integer and an array of each
 * tag, and lets a message read beyond its own end.
 *
 * @module
 */

/** What is wrong with bytes, said to logs only. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

const BITS_28 = 0x1000_0000;
/** The longest text that is put together here: a decoder costs 200 ns however short a text is. */
const SHORT = 24;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one message and what is in it. */
export class WireReader {
  readonly bytes: Uint8Array;
  pos = 0;
  /** Where what is being read ends. */
  end: number;
  /** The tag that was read last. */
  last = 0;
  /** How many levels may still be below. */
  #levels: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, maxDepth: number) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.#levels = maxDepth - 1;
  }

  /** One level down; `up` follows, unless something is wrong. */
  down(): void {
    if (--this.#levels < 0) throw new Malformed("it nests too deep");
  }

  up(): void {
    this.#levels++;
  }

  /** A tag or a length. */
  uint32(): number {
    const { bytes } = this;
    const first = bytes[this.pos++]!;
    if (first < 0x80 && this.pos <= this.end) return first;
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 5; i++) {
      if (this.pos >= this.end) throw new Malformed("it ends within a number");
      const byte = bytes[this.pos++]!;
      if (i === 4 && byte > 0x0f) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new Malformed("a tag or length is too long");
  }

  /** The end of what has a length in front; goes on inside it. */
  into(): number {
    const length = this.uint32();
    const outer = this.end;
    if (length > outer - this.pos) throw new Malformed("a length leads past the end");
    this.end = this.pos + length;
    return outer;
  }

  /** A number that is a safe integer. */
  int64(): number {
    const { bytes } = this;
    const first = bytes[this.pos]!;
    if (first < 0x80 && this.pos < this.end) {
      this.pos++;
      return first;
    }
    const low = this.#septets(4);
    if (low >= 0) return low;
    const middle = this.#septets(4);
    if (middle >= 0) return checked(middle * BITS_28 + (low + BITS_28));
    if (this.pos >= this.end) throw new Malformed("it ends within a number");
    const ninth = bytes[this.pos++]!;
    const tenth = ninth < 0x80 ? 0 : bytes[this.pos++]!;
    if (this.pos > this.end || tenth > 1) throw new Malformed("a number is too long");
    const high = (ninth & 0x7f) + tenth * 0x80;
    if (high !== 0 && high !== 0xff) throw new Malformed("an integer is not safe");
    return checked((middle + (high === 0 ? BITS_28 : 0)) * BITS_28 + (low + BITS_28));
  }

  /** Up to `most` bytes of a varint; when it goes on, 2^28 less. */
  #septets(most: number): number {
    const { bytes } = this;
    let value = 0;
    for (let i = 0; i < most; i++) {
      if (this.pos >= this.end) throw new Malformed("it ends within a number");
      const byte = bytes[this.pos++]!;
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    return value - BITS_28;
  }

  bool(): boolean {
    const first = this.bytes[this.pos];
    if (this.pos >= this.end) throw new Malformed("it ends within a number");
    if (first! < 0x80) {
      this.pos++;
      return first !== 0;
    }
    return this.#varint();
  }

  /** Goes past a varint; whether it is not zero. */
  #varint(): boolean {
    let isSet = false;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= this.end) throw new Malformed("it ends within a number");
      const byte = this.bytes[this.pos++]!;
      isSet ||= (byte & 0x7f) !== 0;
      if (byte < 0x80) return isSet;
    }
    throw new Malformed("a number is too long");
  }

  /** A number as JSON has them. */
  double(): number {
    const { bytes } = this;
    this.#pass(8);
    this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const value = this.#view.getFloat64(this.pos - 8, true);
    if (!Number.isFinite(value)) throw new Malformed("a number is not finite");
    return value;
  }

  string(): string {
    const { bytes, pos } = this;
    const length = this.uint32();
    const start = this.pos;
    this.#pass(length);
    if (length <= SHORT) {
      const text = ascii(bytes, start, this.pos);
      if (text !== undefined) return text;
    }
    try {
      return decoder.decode(bytes.subarray(start, this.pos));
    } catch {
      throw new Malformed(`a text at ${pos} is not UTF-8`);
    }
  }

  /** A copy: what was received may be reused. */
  bytesField(): Uint8Array {
    const length = this.uint32();
    this.#pass(length);
    // Of a Buffer, which is one too, `slice` gives a Buffer.
    return new Uint8Array(this.bytes.subarray(this.pos - length, this.pos));
  }

  /** Goes past a field that is not declared. */
  skip(): void {
    const { last } = this;
    switch (last & 7) {
      case 0:
        this.#varint();
        return;
      case 1:
        return this.#pass(8);
      case 2:
        return this.#pass(this.uint32());
      case 3:
        return this.#skipGroup();
      case 5:
        return this.#pass(4);
      default:
        throw new Malformed(`there is no wire type ${last & 7} here`);
    }
  }

  #skipGroup(): void {
    const start = this.last;
    this.down();
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) !== 4) this.skip();
      else if (tag - 1 === start) return this.up();
      else throw new Malformed("a group ends that did not begin");
    }
  }

  tag(): number {
    const tag = this.uint32();
    if (tag < 8) throw new Malformed("there is no field 0");
    return (this.last = tag);
  }

  #pass(length: number): void {
    if (length > this.end - this.pos) throw new Malformed("a length leads past the end");
    this.pos += length;
  }
}

/** A short text in ASCII; undefined when it is not. Four letters at a time: one by one it takes three times as long. */
function ascii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const [a, b, c, d] = [bytes[i]!, bytes[i + 1]!, bytes[i + 2]!, bytes[i + 3]!];
    if ((a | b | c | d) > 0x7f) return undefined;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function checked(value: number): number {
  if (!Number.isSafeInteger(value)) throw new Malformed("an integer is not safe");
  return value;
}
