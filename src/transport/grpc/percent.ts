/**
 * The text of `grpc-message`: UTF-8 with everything but visible ASCII percent-encoded (gRPC over HTTP/2, "Status-Message").
 *
 * @module
 */

/** The most bytes of UTF-8 a message is sent with: three times as many characters at worst. */
const MAX_BYTES = 1024;

const PLAIN = /^[\x20-\x24\x26-\x7e]*$/;

/** Writes a message, cut at 1 KiB where it is longer. */
export function encodeMessage(message: string): string {
  if (message.length <= MAX_BYTES && PLAIN.test(message)) return message;
  const bytes = Buffer.from(message, "utf8");
  let end = Math.min(bytes.length, MAX_BYTES);
  // Not in the middle of a character.
  if (end < bytes.length) while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  let text = "";
  for (let i = 0; i < end; i++) {
    const byte = bytes[i]!;
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += isPlain ? String.fromCharCode(byte) : `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
  }
  return text;
}

/** Reads one: what is no valid escape stays as it stands, and what is no UTF-8 becomes U+FFFD, as gRPC asks. */
export function decodeMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text.charCodeAt(i) === 0x25 ? text.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else bytes.push(text.charCodeAt(i) & 0xff);
  }
  return Buffer.from(bytes).toString("utf8");
}
