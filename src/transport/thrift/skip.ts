/**
 * Passing over what holds other values, the same in every protocol that reads bytes.
 *
 * @module
 */
import { malformed, TYPE, type ThriftReader } from "./types.ts";

/** Skips a struct, map, set or list. */
export function skipHolder(reader: ThriftReader, type: number): void {
  switch (type) {
    case TYPE.STRUCT:
      reader.readStructBegin();
      for (let field = reader.readFieldBegin(); field.ftype !== TYPE.STOP; field = reader.readFieldBegin())
        reader.skip(field.ftype);
      return reader.readStructEnd();
    case TYPE.MAP: {
      const { ktype, vtype, size } = reader.readMapBegin();
      for (let i = 0; i < size; i++) {
        reader.skip(ktype);
        reader.skip(vtype);
      }
      return reader.readMapEnd();
    }
    case TYPE.SET:
    case TYPE.LIST: {
      const { etype, size } = reader.readListBegin();
      for (let i = 0; i < size; i++) reader.skip(etype);
      return reader.readListEnd();
    }
    default:
      throw malformed("a type is not known");
  }
}
