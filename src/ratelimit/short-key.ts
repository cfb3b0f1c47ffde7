/**
 * Keys come from callers: what is longer than any honest key is stored as a short stand-in, so that a table of buckets
 * stays small whatever is sent.
 *
 * @module
 */

/** The longest key that is kept as it is. */
export const MAX_KEY_CHARS = 256;

/**
 * The key itself, or for a long one its length and a 64-bit sum of its first and last 256 characters: a token's signature
 * is at its end. Two long keys with the same stand-in share a bucket.
 */
export function shortKey(key: string): string {
  const { length } = key;
  if (length <= MAX_KEY_CHARS) return key;
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < length; i++) {
    if (i === MAX_KEY_CHARS) i = Math.max(i, length - MAX_KEY_CHARS);
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul((b << 13) | (b >>> 19), 0x85ebca6b) ^ code;
  }
  // Built of numbers: a slice of the key would keep the whole of it in memory.
  return `long:${length}:${(a >>> 0).toString(36)}:${(b >>> 0).toString(36)}`;
}
