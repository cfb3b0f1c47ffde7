/**
 * The messages of a contract for wires whose fields have numbers and types (Protocol Buffers, Thrift): worked out of the
 * schemas, with the numbers a lock file keeps.
 *
 * @module
 */

/** What a field holds. `json` is whatever has no type of its own: unions, tuples, what may be null and absent. */
export type FieldType =
  | { readonly kind: "bool" | "int64" | "double" | "string" | "json" }
  | { readonly kind: "list"; readonly of: FieldType }
  /** From strings. */
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
}

/** A message. */
export interface MessageType {
  /** A name of letters, digits and "_", its own within the service: `SumRequest`. */
  readonly name: string;
  readonly fields: readonly MessageField[];
  /** Whether the schema is no object: then the one field, `value`, is the whole value. */
  readonly isWrapped: boolean;
}

/** The messages of one method. */
export interface MethodMessages {
  readonly request: MessageType;
  readonly response: MessageType;
}
