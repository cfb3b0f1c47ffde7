/**
 * Writes a plain JSON value as a `google.protobuf.Value`.
 *
 * @module
 */
import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import { asScalar } from "./write-scalar.ts";
import { STRING } from "./field-kinds.ts";

/** Writes the fields of the value's message. What JSON.parse gives is all it takes. */
export function writeJson(value: unknown, to: BinaryWriter): void {
  if (value === null) to.uint32(8).uint32(0);
  else if (typeof value === "number") to.uint32(17).double(value);
  else if (typeof value === "string") to.uint32(26).string(text(value));
  else if (typeof value === "boolean") to.uint32(32).bool(value);
  else if (Array.isArray(value)) writeList(value, to);
  else writeStruct(value as Readonly<Record<string, unknown>>, to);
}

function writeStruct(struct: Readonly<Record<string, unknown>>, to: BinaryWriter): void {
  to.uint32(42).fork();
  for (const key of Object.keys(struct)) {
    to.uint32(10).fork();
    to.uint32(10).string(text(key));
    to.uint32(18).fork();
    writeJson(struct[key], to);
    to.join().join();
  }
  to.join();
}

function writeList(list: readonly unknown[], to: BinaryWriter): void {
  to.uint32(50).fork();
  for (const one of list) {
    to.uint32(10).fork();
    writeJson(one, to);
    to.join();
  }
  to.join();
}

function text(value: string): string {
  return asScalar(STRING, value, undefined) as string;
}
