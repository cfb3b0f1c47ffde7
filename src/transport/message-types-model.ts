/**
 * What the messages of a contract are made of on wires whose fields have numbers and types.
 *
 * @module
 */

/** A single value. */
export interface SingleType {
  /** `int64` is a number that is a safe integer, `bytes` a Uint8Array. */
  readonly kind: "bool" | "int64" | "double" | "string" | "bytes";
  /** The only values there are, where the schema lists them. */
  readonly values?: readonly unknown[] | undefined;
}

/** Whatever has no type of its own: unions, tuples, what may be null and absent. It travels as JSON does. */
export interface JsonFieldType {
  readonly kind: "json";
  /** Writes it as JSON text, with declared fields only. @throws {Misfit} when it does not fit. */
  readonly write: (value: unknown) => string;
}

/** What a field holds. */
export type FieldType =
  | SingleType
  | JsonFieldType
  /** Of no lists and no maps: such items are `json`. */
  | { readonly kind: "list"; readonly of: FieldType }
  /** From strings; of no lists and no maps. */
  | { readonly kind: "map"; readonly of: FieldType }
  | { readonly kind: "message"; readonly message: MessageType };

/** A field of a message. */
export interface MessageField {
  readonly name: string;
  /** From 1. */
  readonly number: number;
  readonly type: FieldType;
  /** Whether it may be left out; without it, a wire that leaves zero values out means zero. */
  readonly isOptional: boolean;
  /** Whether leaving it out stands for null, which the field then holds. Only where `isOptional`; lists, maps and `json` never. */
  readonly isNullable: boolean;
}

/** A field that was once there: its number means it for ever. */
export interface RemovedField {
  readonly name: string;
  readonly number: number;
}

/** A message. */
export interface MessageType {
  /** A name of letters, digits and "_", its own within the service: `SumRequest`. */
  readonly name: string;
  /** In the schema's order, which need not be that of their numbers. */
  readonly fields: readonly MessageField[];
  readonly removed: readonly RemovedField[];
  /** Whether the schema is no object: then the one field, `value`, is the whole value. */
  readonly isWrapped: boolean;
}

/** The messages of one method. */
export interface MethodMessages {
  readonly request: MessageType;
  readonly response: MessageType;
}

/** What a field holds, in words: two fields of the same text are the same to every wire. */
export function typeText(type: FieldType): string {
  if (type.kind === "message") return type.message.name;
  return type.kind === "list" || type.kind === "map" ? `${type.kind} of ${typeText(type.of)}` : type.kind;
}
