/**
 * Reads the JSON protocol of Thrift: `[1,"sum",1,7,{"1":{"i64":3}}]`. As a text that is read from left to right, since its
 * types stand before its values and an i64 must not go through a double.
 *
 * @module
 */
import { beyondSafe, uuidBytes, uuidText } from "./input.ts";
import { JsonInput } from "./json-input.ts";
import {
  cutShort,
  malformed,
  TYPE,
  type CollectionHead,
  type FieldHead,
  type MessageHead,
  type ThriftReader,
} from "./types.ts";

/** The names of types. */
const TYPE_NAMES: Readonly<Record<string, number>> = Object.assign(Object.create(null) as object, {
  tf: TYPE.BOOL,
  i8: TYPE.BYTE,
  i16: TYPE.I16,
  i32: TYPE.I32,
  i64: TYPE.I64,
  dbl: TYPE.DOUBLE,
  str: TYPE.STRING,
  rec: TYPE.STRUCT,
  map: TYPE.MAP,
  set: TYPE.SET,
  lst: TYPE.LIST,
  uid: TYPE.UUID,
});

/** What stands before a value: nothing in a field; a comma in a list; commas and colons in turn in a map. */
const FIELD = 0;
const LIST = 1;
const FIRST_KEY = 2;
const KEY = 3;
const VALUE = 4;

const STRUCT = { fname: "" };
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const INTEGER = /-?\d{1,19}/y;

/** Reads a message. */
export class JsonReader extends JsonInput implements ThriftReader {
  readonly #outer: number[] = [];
  #place = FIELD;
  /** For each struct that is open, whether a field of it was read. */
  readonly #begun: boolean[] = [];

  readMessageBegin(): MessageHead {
    this.expect("[");
    if (this.#integer() !== 1) throw malformed("the version of the protocol is not known");
    this.expect(",");
    const fname = this.string();
    this.expect(",");
    const mtype = this.#integer();
    this.expect(",");
    const rseqid = this.#integer() | 0;
    this.expect(",");
    return { fname, mtype, rseqid };
  }

  override readMessageEnd(): void {
    this.expect("]");
  }

  readStructBegin(): { readonly fname: string } {
    this.#before();
    this.expect("{");
    this.#open(FIELD);
    this.#begun.push(false);
    return STRUCT;
  }

  readStructEnd(): void {
    this.expect("}");
    this.#begun.pop();
    this.#close();
  }

  readFieldBegin(): FieldHead {
    const { field } = this;
    if (this.peek() === "}") {
      field.ftype = TYPE.STOP;
      field.fid = 0;
      return field;
    }
    const top = this.#begun.length - 1;
    if (this.#begun[top]!) this.expect(",");
    this.#begun[top] = true;
    field.fid = this.#quoted();
    this.expect(":");
    this.expect("{");
    field.ftype = this.#type();
    this.expect(":");
    return field;
  }

  readFieldEnd(): void {
    this.expect("}");
  }

  readListBegin(): CollectionHead {
    const { collection } = this;
    this.#before();
    this.expect("[");
    collection.etype = this.#type();
    this.expect(",");
    collection.size = this.#integer();
    this.#fits(collection.size, 2);
    this.#open(LIST);
    return collection;
  }

  readSetBegin(): CollectionHead {
    return this.readListBegin();
  }

  readListEnd(): void {
    this.expect("]");
    this.#close();
  }

  readSetEnd(): void {
    this.readListEnd();
  }

  readMapBegin(): CollectionHead {
    const { collection } = this;
    this.#before();
    this.expect("[");
    collection.ktype = this.#type();
    this.expect(",");
    collection.vtype = this.#type();
    this.expect(",");
    collection.size = this.#integer();
    this.#fits(collection.size, 4);
    this.expect(",");
    this.expect("{");
    this.#open(FIRST_KEY);
    return collection;
  }

  readMapEnd(): void {
    this.expect("}");
    this.expect("]");
    this.#close();
  }

  readBool(): boolean {
    return this.#whole() !== 0;
  }

  readByte(): number {
    return (this.#whole() << 24) >> 24;
  }

  readI16(): number {
    return (this.#whole() << 16) >> 16;
  }

  readI32(): number {
    return this.#whole() | 0;
  }

  readI64(): number | bigint {
    const digits = this.#digits();
    if (this.bigints) {
      const value = BigInt(digits);
      if (BigInt.asIntN(64, value) !== value) throw malformed("a number is too long");
      return value;
    }
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) throw beyondSafe();
    return value;
  }

  readDouble(): number {
    this.#before();
    if (this.peek() !== '"') return Number(this.match(NUMBER));
    const text = this.string();
    if (text === "NaN" || text === "Infinity" || text === "-Infinity") return Number(text);
    if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
    throw malformed("a number is not one");
  }

  readString(): string {
    this.#before();
    return this.string();
  }

  readBinary(): Buffer {
    return Buffer.from(this.readString(), "base64");
  }

  readUuid(): string {
    try {
      return uuidText(uuidBytes(this.readString()));
    } catch {
      throw malformed("a uuid is not one");
    }
  }

  /** What a value that is not wanted holds is looked at only so far as to find its end. */
  skip(_type: number): void {
    this.#before();
    let depth = 0;
    const text = this.text;
    do {
      const next = this.peek();
      if (next === '"') this.string();
      else {
        if (next === "{" || next === "[") {
          this.enter();
          depth++;
        } else if (next === "}" || next === "]") {
          this.leave();
          depth--;
        } else if (next === undefined) throw cutShort();
        this.pos++;
        // Numbers, and what stands between values.
        if (depth === 0) while (this.pos < text.length && /[\d.eE+-]/.test(text[this.pos]!)) this.pos++;
      }
      if (depth < 0) throw malformed("the message is no JSON");
    } while (depth > 0);
  }

  #open(place: number): void {
    this.enter();
    this.#outer.push(this.#place);
    this.#place = place;
  }

  #close(): void {
    this.#place = this.#outer.pop() ?? FIELD;
    this.leave();
  }

  /** Takes what stands before a value. */
  #before(): void {
    switch (this.#place) {
      case LIST:
        return this.expect(",");
      case FIRST_KEY:
        this.#place = VALUE;
        return;
      case KEY:
        this.#place = VALUE;
        return this.expect(",");
      case VALUE:
        this.#place = KEY;
        return this.expect(":");
    }
  }

  #fits(size: number, charsEach: number): void {
    if (size < 0) throw malformed("a size is negative");
    if (size * charsEach > this.text.length - this.pos) throw cutShort();
  }

  #type(): number {
    const type = TYPE_NAMES[this.string()];
    if (type === undefined) throw malformed("a type is not known");
    return type;
  }

  #whole(): number {
    const value = Number(this.#digits());
    if (!Number.isSafeInteger(value)) throw malformed("a number is too long");
    return value;
  }

  // Numbers that are keys stand in quotes.
  #digits(): string {
    this.#before();
    if (this.peek() !== '"') return this.match(INTEGER);
    this.pos++;
    const digits = this.match(INTEGER);
    if (this.text[this.pos++] !== '"') throw malformed("a number is not one");
    return digits;
  }

  #quoted(): number {
    const text = this.string();
    if (!/^-?\d{1,5}$/.test(text)) throw malformed("a field has no number");
    return (Number(text) << 16) >> 16;
  }

  #integer(): number {
    const value = Number(this.match(INTEGER));
    if (!Number.isSafeInteger(value)) throw malformed("a number is too long");
    return value;
  }
}
