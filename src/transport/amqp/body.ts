/**
 * Bodies of messages: whether they may be read, and their text.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { Codec } from "../codec.ts";
import type { Limits } from "../limits.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What stands in for bytes that are no UTF-8. */
const REPLACEMENT = "\uFFFD";

/** What some libraries write into `content_encoding`, which is for compression, and means no compression. */
const PLAIN: ReadonlySet<string> = new Set(["", "identity", "utf-8", "utf8"]);

/** A message as far as its body goes. */
export interface Received {
  readonly content: Buffer;
  readonly properties: { readonly contentType?: unknown; readonly contentEncoding?: unknown };
}

/**
 * What a codec reads of a message's body.
 *
 * @throws {ServiceError} too_large, unsupported_media_type, malformed_message.
 */
export function bodyOf({ content, properties }: Received, codec: Codec, limits: Limits): string | Uint8Array {
  if (content.length > limits.maxBodyBytes) throw policyError("too_large");
  const { contentType, contentEncoding } = properties;
  if (
    !mayRead(codec, contentType) ||
    (typeof contentEncoding === "string" && !PLAIN.has(contentEncoding.toLowerCase()))
  )
    throw policyError("unsupported_media_type");
  return codec.form === "bytes" ? content : textOf(content);
}

/** Who says no type leaves it to the reader. */
function mayRead({ mediaType }: Codec, given: unknown): boolean {
  if (typeof given !== "string" || given === "" || given === mediaType || mediaType === "*/*") return true;
  const mark = given.indexOf(";");
  return (mark < 0 ? given : given.slice(0, mark)).trim().toLowerCase() === mediaType;
}

/** @throws {ServiceError} malformed_message when it is no UTF-8. */
export function textOf(content: Buffer): string {
  const text = content.toString("utf8");
  if (!text.includes(REPLACEMENT)) return text;
  try {
    return STRICT.decode(content);
  } catch {
    throw policyError("malformed_message", { message: "the body should be UTF-8" });
  }
}

/** A body as the library takes it. */
export function bufferOf(body: string | Uint8Array): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
