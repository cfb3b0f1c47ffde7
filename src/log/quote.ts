/**
 * Text as a JSON string that is safe to print: no character in it can start a line, move a terminal's cursor or turn the
 * direction of writing, and it decodes to the same text.
 *
 * @module
 */

/** Printable ASCII without `"` and `\`: nothing to escape, and as many bytes as characters. */
const PLAIN = /^[ !#-[\]-~]*$/;

// What JSON.stringify leaves as it is and a terminal or a log reader does not: DEL and C1 controls (0x9b starts an escape
// sequence), the bidirectional controls of Unicode 16 §23.2 ("Trojan Source"), line separators, the byte order mark.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The bytes of the mark that stands for what was cut: `…[+1234567890]`. */
const MARK_BYTES = 16;

/** What stands where there is no room left for anything. */
export const NO_ROOM = '"…"';

/** Tells whether a text is printable ASCII that needs no escaping. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

/** A text as a JSON string, whatever is in it. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text).replace(UNSAFE, escaped);
}

/**
 * A text as a JSON string of at most `maxBytes` bytes of UTF-8 (or `"…"`, when not even a mark fits). What is left out is
 * counted in the mark, in UTF-16 units, plus `beyond`: what the caller has already left out.
 */
export function quoteWithin(text: string, maxBytes: number, beyond: number = 0): string {
  const room = maxBytes - 2;
  if (beyond === 0 && text.length <= room) {
    if (PLAIN.test(text)) return `"${text}"`;
    if (text.length * 6 <= room || fitting(text, room) === text.length) return quote(text);
  }
  if (room < MARK_BYTES) return NO_ROOM;
  const kept = fitting(text, room - MARK_BYTES);
  return `${quote(text.slice(0, kept)).slice(0, -1)}…[+${text.length - kept + beyond}]"`;
}

/** How many bytes a well-formed text has in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Each half of a surrogate pair stands for two of its four bytes.
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** How many leading UTF-16 units fit into `maxBytes` once quoted; never ends inside a surrogate pair. */
function fitting(text: string, maxBytes: number): number {
  let bytes = 0;
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    bytes += quotedBytes(point);
    if (bytes > maxBytes) return i;
    i += point > 0xffff ? 2 : 1;
  }
  return text.length;
}

function quotedBytes(point: number): number {
  if (point < 0x20) return point === 0x0b || point < 0x08 || point > 0x0d ? 6 : 2;
  if (point < 0x7f) return point === 0x22 || point === 0x5c ? 2 : 1;
  if (point > 0xffff) return 4;
  if (isUnsafe(point)) return 6;
  return point < 0x800 ? 2 : 3;
}

function isUnsafe(unit: number): boolean {
  if (unit < 0x2000) return unit <= 0x9f || unit === 0x061c;
  if (unit < 0x2070)
    return (
      unit === 0x200e || unit === 0x200f || (unit >= 0x2028 && unit <= 0x202e) || (unit >= 0x2066 && unit <= 0x2069)
    );
  return (unit >= 0xd800 && unit <= 0xdfff) || unit === 0xfeff;
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
