/**
 * Entity tags (RFC 9110 §8.8.3): what a representation is recognised by. A tag is made of a text, such as a version, or of
 * the body itself.
 *
 * @module
 */

/** One tag of a request's condition. */
export interface EntityTag {
  readonly isWeak: boolean;
  /** What stands between the quotes, as it was sent. */
  readonly opaque: string;
}

/** The tag for a text, strong and quoted; what cannot stand in a tag is percent-encoded. */
export function entityTag(text: string): string {
  const plain = text.replace(/[^\x21\x23\x24\x26-\x7e]/gu, encoded);
  // What looks like the mark of a compressed body would be taken off when the tag comes back.
  return `"${plain.replace(/--(gzip|br|zstd)$/, "-%2D$1")}"`;
}

// Half a character cannot be encoded; JSON can carry it all the same.
function encoded(one: string): string {
  return encodeURIComponent(/[\ud800-\udfff]/u.test(one) ? "\ufffd" : one);
}

/** The text a tag was made of; of somebody else's tag what it holds. */
export function tagText(opaque: string): string {
  if (!opaque.includes("%")) return opaque;
  try {
    return decodeURIComponent(opaque);
  } catch {
    return opaque;
  }
}

const TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/y;

/** Reads `If-Match` or `If-None-Match`: a list of tags, or "*" for any; undefined when it is neither. */
export function parseTags(header: string): readonly EntityTag[] | "*" | undefined {
  if (header === "*") return "*";
  const tags: EntityTag[] = [];
  let at = 0;
  for (;;) {
    while (isBetween(header.charCodeAt(at))) at++;
    if (at === header.length) return tags.length === 0 ? undefined : tags;
    TAG.lastIndex = at;
    const tag = TAG.exec(header);
    if (tag === null) return undefined;
    at = TAG.lastIndex;
    if (at < header.length && !isBetween(header.charCodeAt(at))) return undefined;
    tags.push({ isWeak: tag[1] !== undefined, opaque: tag[2]! });
  }
}

// A space, a tab, a comma.
function isBetween(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x2c;
}

/**
 * A strong tag of a body: its length and 64 bits of two unrelated sums, against chance, not against malice: who can
 * choose two bodies with one tag can only keep readers of his own text from seeing it change.
 */
export function bodyTag(body: string | Uint8Array): string {
  const { length } = body;
  let a = 0x2f1b_9d35;
  let b = 0x6c07_8965;
  const isText = typeof body === "string";
  for (let i = 0; i < length; i++) {
    const unit = isText ? body.charCodeAt(i) : body[i]!;
    a = Math.imul(a ^ unit, 0x0100_0193);
    b = Math.imul(((b << 7) | (b >>> 25)) ^ unit, 0x2545_f491);
  }
  return `"${length.toString(36)}-${mixed(a ^ length).toString(36)}${mixed(b + length).toString(36)}"`;
}

// Lets every bit of a sum reach every other, so that texts which differ little have tags that differ much.
function mixed(sum: number): number {
  let x = sum;
  for (const factor of [0x7feb_352d, 0x846c_a68b]) x = Math.imul(x ^ (x >>> 16), factor);
  return (x ^ (x >>> 15)) >>> 0;
}
