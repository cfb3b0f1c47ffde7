/**
 * Codecs for what stands inside a JSON-RPC message: JSON text that is read and written its own way.
 *
 * @module
 */
import { checkCodec, json, type Codec } from "../codec.ts";

/** The codec of the option; throws, naming it, when it is none or its bodies are no text. */
export function textCodec(codec: Codec = json): Codec {
  checkCodec("codec", codec);
  if (codec.form === "text") return codec;
  throw new RangeError(`codec should read and write text, got one of ${codec.mediaType}`);
}
