/**
 * The protocols by their names, and by the bytes their messages begin with.
 *
 * @module
 */
import { BinaryReader, BinaryWriter } from "./binary.ts";
import { COMPACT, CompactReader } from "./compact.ts";
import { CompactWriter } from "./compact-writer.ts";
import { JsonReader } from "./json-reader.ts";
import { JsonWriter } from "./json-writer.ts";
import type { Output } from "./output.ts";
import type { ThriftReader, ThriftWriter } from "./types.ts";

/** How messages are written: `binary` is what every peer speaks, `compact` is smaller, `json` can be read by eye. */
export type ThriftProtocol = "binary" | "compact" | "json";

/** The protocols there are. */
export const PROTOCOLS: readonly ThriftProtocol[] = ["binary", "compact", "json"];

/** The first byte of a JSON message. */
const BRACKET = 0x5b;

/** The protocol whose messages begin so; undefined when none does. */
export function protocolOf(first: number | undefined): ThriftProtocol | undefined {
  if (first === COMPACT) return "compact";
  if (first === BRACKET) return "json";
  // Strict ones begin with a version, others with the length of a name.
  return first === 0x80 || first === 0 ? "binary" : undefined;
}

/** Makes the reader of one message. */
export function readerOf(protocol: ThriftProtocol, bytes: Buffer, maxDepth: number): ThriftReader {
  if (protocol === "binary") return new BinaryReader(bytes, maxDepth);
  return protocol === "compact" ? new CompactReader(bytes, maxDepth) : new JsonReader(bytes, maxDepth);
}

/** Makes a writer of messages. */
export function writerOf(protocol: ThriftProtocol, out: Output): ThriftWriter {
  if (protocol === "binary") return new BinaryWriter(out);
  return protocol === "compact" ? new CompactWriter(out) : new JsonWriter(out);
}
