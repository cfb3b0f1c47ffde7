/**
 * The messages of a contract as structs: what `messageTypesOf` says of them, in types of Thrift.
 *
 * @module
 */
import { Misfit } from "../json/misfit.ts";
import { listed } from "../json/write-scalar.ts";
import { parseJson } from "../json/parse.ts";
import type { FieldType, MessageType } from "../message-types.ts";
import { RecordValue } from "./record.ts";
import { listOf, mapOf, SCALARS, type Value } from "./value.ts";

/** The highest number of a field: they have 16 bits. */
const MAX_ID = 32_767;

/** How deep a value may nest that travels as JSON. */
const MAX_JSON_DEPTH = 64;

/** Makes structs of messages; what messages have in common is made once. */
export function recordsOf(): (message: MessageType) => RecordValue {
  const known = new Map<MessageType, RecordValue>();
  function recordOf(message: MessageType): RecordValue {
    const before = known.get(message);
    if (before !== undefined) return before;
    const made = new RecordValue(message.name, { fills: false });
    // Before its fields are looked at: one of them may lead back here.
    known.set(message, made);
    for (const { name, number } of message.fields) {
      if (number > MAX_ID)
        throw new TypeError(
          `${message.name}.${name} should have a number up to ${MAX_ID}, as Thrift has them, got ${number}`,
        );
    }
    made.fields = message.fields.map(({ name, number: id, type, isOptional, isNullable }) => ({
      name,
      id,
      value: valueOf(type, recordOf),
      isOptional,
      isNullable,
      absent: isNullable ? () => null : undefined,
    }));
    return made;
  }
  return recordOf;
}

function valueOf(type: FieldType, recordOf: (message: MessageType) => RecordValue): Value {
  switch (type.kind) {
    case "list":
      return listOf(valueOf(type.of, recordOf));
    case "map":
      return mapOf(valueOf(type.of, recordOf));
    case "message":
      return recordOf(type.message);
    case "json":
      return jsonValue(type.write);
    case "int64":
      return oneOf(SCALARS.i64, type.values);
    case "bytes":
      return SCALARS.binary;
    default:
      return oneOf(SCALARS[type.kind], type.values);
  }
}

/** What has no type travels as JSON in a string. */
function jsonValue(write: (value: unknown) => string): Value {
  return {
    ...SCALARS.string,
    read: (reader) => parseJson(reader.readString(), { maxDepth: MAX_JSON_DEPTH }),
    write(writer, value) {
      writer.writeString(write(value));
    },
  };
}

function oneOf(of: Value, values: readonly unknown[] | undefined): Value {
  if (values === undefined) return of;
  const allowed = new Set(values);
  const rule = `should be ${listed(values)}`;
  return {
    ...of,
    write(writer, value) {
      if (!allowed.has(value)) throw new Misfit(rule, value);
      of.write(writer, value);
    },
  };
}
