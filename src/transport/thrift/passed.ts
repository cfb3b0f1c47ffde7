/**
 * What generated code is given as its protocol and its transport: it reads and writes structs, while the heads of messages
 * and what stands around them are not its business.
 *
 * @module
 */
import { TYPE, type FieldHead, type ThriftReader, type ThriftWriter } from "./types.ts";

const READS: readonly string[] = [
  "readStructBegin",
  "readStructEnd",
  "readFieldBegin",
  "readFieldEnd",
  "readMapBegin",
  "readMapEnd",
  "readListBegin",
  "readListEnd",
  "readSetBegin",
  "readSetEnd",
  "readBool",
  "readByte",
  "readI16",
  "readI32",
  "readI64",
  "readDouble",
  "readString",
  "readBinary",
  "readUuid",
  "skip",
];

const WRITES: readonly string[] = [
  "writeStructBegin",
  "writeStructEnd",
  "writeFieldBegin",
  "writeFieldEnd",
  "writeFieldStop",
  "writeMapBegin",
  "writeMapEnd",
  "writeListBegin",
  "writeListEnd",
  "writeSetBegin",
  "writeSetEnd",
  "writeBool",
  "writeByte",
  "writeI16",
  "writeI32",
  "writeI64",
  "writeDouble",
  "writeString",
  "writeBinary",
  "writeUuid",
];

const STOP: FieldHead = { fname: "", ftype: TYPE.STOP, fid: 0 };

type Method = (a?: unknown, b?: unknown, c?: unknown) => unknown;

/** Passes calls on to the reader or writer of the moment; without a reader there is a struct without fields. */
export class Passed {
  reader: ThriftReader | undefined = undefined;
  writer: ThriftWriter | undefined = undefined;

  readMessageEnd(): void {}
  writeMessageBegin(): void {}
  writeMessageEnd(): void {}
  flush(): void {}
  incrementRecursionDepth(): void {}
  decrementRecursionDepth(): void {}
  setCurrSeqId(): void {}
}

for (const name of READS) {
  define(name, function read(this: Passed, a) {
    if (this.reader !== undefined) return (this.reader as unknown as Record<string, Method>)[name]!(a);
    return name === "readFieldBegin" ? STOP : undefined;
  });
}

for (const name of WRITES) {
  // oxlint-disable-next-line max-params -- `this` is counted as one
  define(name, function write(this: Passed, a, b, c) {
    return (this.writer as unknown as Record<string, Method>)[name]!(a, b, c);
  });
}

function define(name: string, value: (this: Passed, ...args: unknown[]) => unknown): void {
  Object.defineProperty(Passed.prototype, name, { value });
}
