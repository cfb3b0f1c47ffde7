/**
 * Bodies as text and as bytes, for protocols whose messages come whole.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A body as text.
 *
 * @throws {ServiceError} malformed_message when it is not UTF-8.
 */
export function textOf(body: Uint8Array): string {
  const bytes = bufferOf(body);
  const text = bytes.toString("utf8");
  // What is not UTF-8 was replaced; only then is the slower check asked whether the sender wrote the mark himself.
  if (!text.includes("\ufffd")) return text;
  try {
    return STRICT.decode(bytes);
  } catch {
    throw policyError("malformed_message", { message: "the body is not UTF-8" });
  }
}

/** A body as bytes; of bytes a view, not a copy. */
export function bufferOf(body: string | Uint8Array): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
