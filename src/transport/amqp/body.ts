/**
 * Bodies of messages: whether they may be read.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { Codec } from "../codec.ts";
import type { Limits } from "../limits.ts";
import { textOf } from "../text.ts";

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
