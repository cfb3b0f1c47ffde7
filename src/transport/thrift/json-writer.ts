/**
 * Writes the JSON protocol of Thrift.
 *
 * @module
 */
import { byteLength, type Output } from "./output.ts";
import { bytesOf, int64Of, textOf, uuidBytes, uuidText } from "./input.ts";
import { TYPE, type ThriftWriter } from "./types.ts";

const NAMES: readonly string[] = names();

function names(): readonly string[] {
  const all: string[] = [];
  all[TYPE.BOOL] = "tf";
  all[TYPE.BYTE] = "i8";
  all[TYPE.I16] = "i16";
  all[TYPE.I32] = "i32";
  all[TYPE.I64] = "i64";
  all[TYPE.DOUBLE] = "dbl";
  all[TYPE.STRING] = "str";
  all[TYPE.STRUCT] = "rec";
  all[TYPE.MAP] = "map";
  all[TYPE.SET] = "set";
  all[TYPE.LIST] = "lst";
  all[TYPE.UUID] = "uid";
  return all;
}

/** What stands before a value: nothing in a field; a comma in a list; commas and colons in turn in a map. */
const FIELD = 0;
const LIST = 1;
const FIRST_KEY = 2;
const KEY = 3;
const VALUE = 4;

/** Writes messages. */
export class JsonWriter implements ThriftWriter {
  readonly #out: Output;
  #text = "";
  #outer: number[] = [];
  #place = FIELD;
  #begun: boolean[] = [];

  constructor(out: Output) {
    this.#out = out;
  }

  writeMessageBegin(name: string, type: number, seqid: number): void {
    // What came before may have been given up half-way.
    this.#outer = [];
    this.#begun = [];
    this.#place = FIELD;
    this.#text = `[1,${JSON.stringify(name)},${type},${seqid},`;
  }

  writeMessageEnd(): void {
    const text = `${this.#text}]`;
    this.#text = "";
    this.#out.text(text, byteLength(text));
  }

  flush(): void {}

  writeStructBegin(_name: string): void {
    this.#open(FIELD);
    this.#begun.push(false);
    this.#text += "{";
  }

  writeStructEnd(): void {
    this.#text += "}";
    this.#begun.pop();
    this.#close();
  }

  writeFieldBegin(_name: string, type: number, id: number): void {
    const top = this.#begun.length - 1;
    this.#text += `${this.#begun[top] === true ? "," : ""}"${id}":{"${NAMES[type]!}":`;
    this.#begun[top] = true;
  }

  writeFieldEnd(): void {
    this.#text += "}";
  }

  writeFieldStop(): void {}

  writeMapBegin(keyType: number, valueType: number, size: number): void {
    this.#open(FIRST_KEY);
    this.#text += `["${NAMES[keyType]!}","${NAMES[valueType]!}",${size},{`;
  }

  writeMapEnd(): void {
    this.#text += "}]";
    this.#close();
  }

  writeListBegin(type: number, size: number): void {
    this.#open(LIST);
    this.#text += `["${NAMES[type]!}",${size}`;
  }

  writeListEnd(): void {
    this.#text += "]";
    this.#close();
  }

  writeSetBegin(type: number, size: number): void {
    this.writeListBegin(type, size);
  }

  writeSetEnd(): void {
    this.writeListEnd();
  }

  writeBool(value: boolean): void {
    this.#number(value ? "1" : "0");
  }

  writeByte(value: number): void {
    this.#number(String((value << 24) >> 24));
  }

  writeI16(value: number): void {
    this.#number(String((value << 16) >> 16));
  }

  writeI32(value: number): void {
    this.#number(String(value | 0));
  }

  writeI64(value: unknown): void {
    this.#number(String(int64Of(value)));
  }

  writeDouble(value: number): void {
    if (Number.isFinite(value)) this.#number(Object.is(value, -0) ? "-0.0" : String(value));
    else this.#value(`"${value}"`);
  }

  writeString(value: unknown): void {
    this.#value(JSON.stringify(textOf(value)));
  }

  writeBinary(value: unknown): void {
    this.#value(`"${Buffer.from(bytesOf(value)).toString("base64")}"`);
  }

  writeUuid(value: string): void {
    this.#value(`"${uuidText(uuidBytes(value))}"`);
  }

  #open(place: number): void {
    this.#before();
    this.#outer.push(this.#place);
    this.#place = place;
  }

  #close(): void {
    this.#place = this.#outer.pop() ?? FIELD;
  }

  #value(text: string): void {
    this.#before();
    this.#text += text;
  }

  // Keys of JSON are strings.
  #number(text: string): void {
    const isKey = this.#place === FIRST_KEY || this.#place === KEY;
    this.#value(isKey ? `"${text}"` : text);
  }

  #before(): void {
    switch (this.#place) {
      case LIST:
        this.#text += ",";
        return;
      case FIRST_KEY:
        this.#place = VALUE;
        return;
      case KEY:
        this.#place = VALUE;
        this.#text += ",";
        return;
      case VALUE:
        this.#place = KEY;
        this.#text += ":";
    }
  }
}
