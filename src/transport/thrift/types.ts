/**
 * What the protocols of Thrift share: the numbers of types and messages, and how messages are read and written. The method
 * names are those of the Apache libraries, so that code of their compiler reads and writes here.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";

/** The numbers of types, in the binary protocol and in every generated program. */
export const TYPE = {
  STOP: 0,
  VOID: 1,
  BOOL: 2,
  BYTE: 3,
  DOUBLE: 4,
  I16: 6,
  I32: 8,
  I64: 10,
  STRING: 11,
  STRUCT: 12,
  MAP: 13,
  SET: 14,
  LIST: 15,
  UUID: 16,
} as const;

/** The kinds of messages. */
export const MESSAGE = { CALL: 1, REPLY: 2, EXCEPTION: 3, ONEWAY: 4 } as const;

/** How a message begins. */
export interface MessageHead {
  readonly fname: string;
  readonly mtype: number;
  readonly rseqid: number;
}

/** How a field begins. The same object is given each time: it is to be read before the next field. */
export interface FieldHead {
  fname: string;
  ftype: number;
  fid: number;
}

/** How a collection begins; as with fields, to be read at once. */
export interface CollectionHead {
  etype: number;
  ktype: number;
  vtype: number;
  size: number;
}

/** Reads one message. Everything it refuses is a ServiceError: what it is given is never trusted. */
export interface ThriftReader {
  readMessageBegin(): MessageHead;
  readMessageEnd(): void;
  readStructBegin(): { readonly fname: string };
  readStructEnd(): void;
  readFieldBegin(): FieldHead;
  readFieldEnd(): void;
  readMapBegin(): CollectionHead;
  readMapEnd(): void;
  readListBegin(): CollectionHead;
  readListEnd(): void;
  readSetBegin(): CollectionHead;
  readSetEnd(): void;
  readBool(): boolean;
  readByte(): number;
  readI16(): number;
  readI32(): number;
  readI64(): number | bigint;
  readDouble(): number;
  readString(): string;
  readBinary(): Buffer;
  readUuid(): string;
  skip(type: number): void;
  /** What generated code of newer compilers calls around structs; depth is counted here in any case. */
  incrementRecursionDepth(): void;
  decrementRecursionDepth(): void;
  /** Whether an i64 is read as bigint; by default it is a number, and refused beyond 2⁵³−1. */
  bigints: boolean;
  /** Whether every byte was read. */
  readonly isAtEnd: boolean;
}

/** Writes messages, one after the other. */
export interface ThriftWriter {
  writeMessageBegin(name: string, type: number, seqid: number): void;
  writeMessageEnd(): void;
  writeStructBegin(name: string): void;
  writeStructEnd(): void;
  writeFieldBegin(name: string, type: number, id: number): void;
  writeFieldEnd(): void;
  writeFieldStop(): void;
  writeMapBegin(keyType: number, valueType: number, size: number): void;
  writeMapEnd(): void;
  writeListBegin(type: number, size: number): void;
  writeListEnd(): void;
  writeSetBegin(type: number, size: number): void;
  writeSetEnd(): void;
  writeBool(value: boolean): void;
  writeByte(value: number): void;
  writeI16(value: number): void;
  writeI32(value: number): void;
  writeI64(value: unknown): void;
  writeDouble(value: number): void;
  writeString(value: unknown): void;
  writeBinary(value: unknown): void;
  writeUuid(value: string): void;
  /** Nothing: what is written is sent by its connection. */
  flush(): void;
}

/** The error for a message that cannot be read. */
export function malformed(message: string): ServiceError {
  return policyError("malformed_message", { message });
}

/** The error for a message that ends before it should. */
export function cutShort(): ServiceError {
  return malformed("the message ends too early");
}

/** The error for a message that nests too deep. */
export function tooDeep(maxDepth: number): ServiceError {
  return malformed(`the message nests deeper than ${maxDepth}`);
}

/** Whether a number stands for a type of values. */
export function isType(type: number): boolean {
  return (0b1_1111_1101_0101_1100 & (1 << type)) !== 0 && type <= TYPE.UUID && type >= 0;
}
