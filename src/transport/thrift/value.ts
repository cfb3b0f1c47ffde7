/**
 * How values of each type are read and written, as closures that are made once.
 *
 * @module
 */
import { jsonForm, Misfit } from "../json/misfit.ts";
import { malformed, TYPE, type ThriftReader, type ThriftWriter } from "./types.ts";

/** How values of one type cross the wire. */
export interface Value {
  /** The number of the type. */
  readonly type: number;
  /** Its name in an IDL. */
  readonly text: string;
  read(reader: ThriftReader): unknown;
  /** Writes a value; throws a Misfit when it is none of the type. */
  write(writer: ThriftWriter, value: unknown): void;
  /** What stands for a value that is not there. */
  zero(): unknown;
}

/** A list or a set, which is an array here too. */
export function listOf(of: Value, kind: "list" | "set" = "list"): Value {
  const type = kind === "list" ? TYPE.LIST : TYPE.SET;
  return {
    type,
    text: `${kind}<${of.text}>`,
    zero: () => [],
    read(reader) {
      const { etype, size } = type === TYPE.LIST ? reader.readListBegin() : reader.readSetBegin();
      if (size > 0 && etype !== of.type) throw malformed("a list holds values of another type");
      const list: unknown[] = [];
      for (let i = 0; i < size; i++) list.push(of.read(reader));
      if (type === TYPE.LIST) reader.readListEnd();
      else reader.readSetEnd();
      return list;
    },
    write(writer, value) {
      const list = value instanceof Set ? [...(value as Set<unknown>)] : jsonForm(value);
      if (!Array.isArray(list)) throw new Misfit("should be an array", list);
      const { length } = list as readonly unknown[];
      if (type === TYPE.LIST) writer.writeListBegin(of.type, length);
      else writer.writeSetBegin(of.type, length);
      for (let i = 0; i < length; i++) of.write(writer, list[i]);
      if (type === TYPE.LIST) writer.writeListEnd();
      else writer.writeSetEnd();
    },
  };
}

/** A map from strings, which is an object here. */
export function mapOf(of: Value): Value {
  return {
    type: TYPE.MAP,
    text: `map<string, ${of.text}>`,
    zero: () => ({}),
    read(reader) {
      const { ktype, vtype, size } = reader.readMapBegin();
      if (size > 0 && (ktype !== TYPE.STRING || vtype !== of.type)) throw malformed("a map holds other types");
      const map: Record<string, unknown> = {};
      for (let i = 0; i < size; i++) {
        const key = reader.readString();
        // As in JSON: two parsers that disagree about a message are a hole.
        if (key === "__proto__" || Object.hasOwn(map, key)) throw malformed("a map has a key twice, or `__proto__`");
        map[key] = of.read(reader);
      }
      reader.readMapEnd();
      return map;
    },
    write(writer, value) {
      const map = jsonForm(value);
      if (typeof map !== "object" || map === null || Array.isArray(map)) throw new Misfit("should be an object", map);
      const entries = Object.entries(map).filter(([, one]) => one !== undefined);
      writer.writeMapBegin(TYPE.STRING, of.type, entries.length);
      for (const [key, one] of entries) {
        writer.writeString(key);
        of.write(writer, one);
      }
      writer.writeMapEnd();
    },
  };
}

/** The types that hold no others, by their names in an IDL; `bigint` is an i64 that is one here too. */
export const SCALARS: Readonly<Record<ScalarName, Value>> = {
  bool: scalar(TYPE.BOOL, "bool", {
    zero: false,
    read: (reader) => reader.readBool(),
    write(writer, value) {
      if (typeof value !== "boolean") throw new Misfit("should be a boolean", value);
      writer.writeBool(value);
    },
  }),
  byte: whole(TYPE.BYTE, "byte", { bits: 8, read: "readByte", write: "writeByte" }),
  i16: whole(TYPE.I16, "i16", { bits: 16, read: "readI16", write: "writeI16" }),
  i32: whole(TYPE.I32, "i32", { bits: 32, read: "readI32", write: "writeI32" }),
  i64: scalar(TYPE.I64, "i64", {
    zero: 0,
    read: (reader) => reader.readI64(),
    write(writer, given) {
      const value = jsonForm(given);
      if (!Number.isSafeInteger(value)) throw new Misfit("should be a safe integer", value);
      writer.writeI64(value);
    },
  }),
  bigint: scalar(TYPE.I64, "i64", {
    zero: 0n,
    read(reader) {
      const before = reader.bigints;
      reader.bigints = true;
      const value = reader.readI64();
      reader.bigints = before;
      return value;
    },
    write(writer, value) {
      if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value)
        throw new Misfit("should be a bigint of 64 bits", value);
      writer.writeI64(value);
    },
  }),
  double: scalar(TYPE.DOUBLE, "double", {
    zero: 0,
    read: (reader) => reader.readDouble(),
    write(writer, given) {
      const value = jsonForm(given);
      if (typeof value !== "number") throw new Misfit("should be a number", value);
      writer.writeDouble(value);
    },
  }),
  string: scalar(TYPE.STRING, "string", {
    zero: "",
    read: (reader) => reader.readString(),
    write(writer, given) {
      const value = typeof given === "string" ? given : jsonForm(given);
      if (typeof value !== "string") throw new Misfit("should be a string", value);
      // A lone surrogate has no bytes; the platform would write another character in its place.
      if (!(value as unknown as Text).isWellFormed()) throw new Misfit("should be well-formed text", value);
      writer.writeString(value);
    },
  }),
  binary: scalar(TYPE.STRING, "binary", {
    zero: new Uint8Array(),
    read: (reader) => reader.readBinary(),
    write(writer, value) {
      if (!(value instanceof Uint8Array)) throw new Misfit("should be bytes", value);
      writer.writeBinary(value);
    },
  }),
  uuid: scalar(TYPE.UUID, "uuid", {
    zero: "00000000-0000-0000-0000-000000000000",
    read: (reader) => reader.readUuid(),
    write(writer, value) {
      if (typeof value !== "string") throw new Misfit("should be a uuid", value);
      writer.writeUuid(value);
    },
  }),
};

/** The names of the types that hold no others. */
export type ScalarName = "bool" | "byte" | "i16" | "i32" | "i64" | "bigint" | "double" | "string" | "binary" | "uuid";

/** What strings can do since Node 20, and the library's types do not know yet. */
interface Text {
  isWellFormed(): boolean;
}

interface Scalar {
  readonly zero: unknown;
  read(reader: ThriftReader): unknown;
  write(writer: ThriftWriter, value: unknown): void;
}

function scalar(type: number, text: string, { zero, read, write }: Scalar): Value {
  return { type, text, zero: () => zero, read, write };
}

interface Whole {
  readonly bits: number;
  readonly read: "readByte" | "readI16" | "readI32";
  readonly write: "writeByte" | "writeI16" | "writeI32";
}

function whole(type: number, text: string, { bits, read, write }: Whole): Value {
  const max = 2 ** (bits - 1);
  return scalar(type, text, {
    zero: 0,
    read: (reader) => reader[read](),
    write(writer, given) {
      const value = jsonForm(given);
      if (!Number.isInteger(value) || (value as number) < -max || (value as number) >= max)
        throw new Misfit(`should be an integer of ${bits} bits`, value);
      writer[write](value as number);
    },
  });
}
