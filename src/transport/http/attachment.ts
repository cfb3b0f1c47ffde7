/**
 * How a download is named (RFC 6266).
 *
 * @module
 */
import { checkString } from "../../internal/check.ts";

/**
 * The value of `Content-Disposition` that makes a browser save the answer under this name: in ASCII for those who know no
 * more, and in full (RFC 8187) where it is more.
 *
 * @throws {RangeError} when the name is empty.
 *
 * @example
 * ```ts
 * import { attachment } from "servicekit/transport/http";
 *
 * attachment("café.txt"); // => "attachment; filename=\"caf_.txt\"; filename*=UTF-8''caf%C3%A9.txt"
 * ```
 */
export function attachment(filename: string): string {
  const name = checkString("filename", filename);
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\/%]/gu, "_");
  if (plain === name) return `attachment; filename="${plain}"`;
  // Half a character cannot be encoded.
  const whole = name.replaceAll(/[\ud800-\udfff]/gu, "_");
  const full = encodeURIComponent(whole).replaceAll(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}
