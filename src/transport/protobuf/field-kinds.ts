/**
 * Kinds of fields as readers and writers switch over them: plain numbers, because they are compared for every field of every
 * message.
 *
 * @module
 */
import type { FieldType } from "../message-types.ts";

export const BOOL = 0;
export const INT64 = 1;
export const DOUBLE = 2;
export const STRING = 3;
export const BYTES = 4;
/** A `google.protobuf.Value`. */
export const JSON_VALUE = 5;
export const MESSAGE = 6;
export const LIST = 7;
export const MAP = 8;

const KINDS: Readonly<Record<FieldType["kind"], number>> = {
  bool: BOOL,
  int64: INT64,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  json: JSON_VALUE,
  message: MESSAGE,
  list: LIST,
  map: MAP,
};

/** The kind of a type. */
export function kindOf(type: FieldType): number {
  return KINDS[type.kind];
}

/** How a kind stands on the wire: 0 varint, 1 eight bytes, 2 with its length in front. */
export function wireTypeOf(kind: number): number {
  if (kind === DOUBLE) return 1;
  return kind === BOOL || kind === INT64 ? 0 : 2;
}

/** The number and the wire type of a field, as they stand in front of it. */
export function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType;
}
