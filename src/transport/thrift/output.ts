/**
 * The bytes of a connection that are to be sent: written in place, copied out once for all that go together.
 *
 * @module
 */

const FIRST_BYTES = 4096;

/** What a connection keeps for the next message; more was for one large message and is let go. */
const KEPT_BYTES = 65_536;

/** Bytes that grow. */
export class Output {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  at = 0;

  /** Makes room, and says where it begins. */
  take(length: number): number {
    const { at } = this;
    if (at + length > this.bytes.length) this.#grow(at + length);
    this.at = at + length;
    return at;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  u8(value: number): void {
    const at = this.take(1);
    this.bytes[at] = value;
  }

  i16(value: number): void {
    const at = this.take(2);
    const { bytes } = this;
    bytes[at] = value >> 8;
    bytes[at + 1] = value;
  }

  i32(value: number): void {
    this.setI32(this.take(4), value);
  }

  setI32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value >> 24;
    bytes[at + 1] = value >> 16;
    bytes[at + 2] = value >> 8;
    bytes[at + 3] = value;
  }

  /** A number of up to 32 bits, seven to a byte. */
  varint(value: number): void {
    let rest = value;
    while ((rest & ~0x7f) !== 0) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  raw(bytes: Uint8Array): void {
    const at = this.take(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** Text as UTF-8, of a length that is known. */
  text(text: string, length: number): void {
    const at = this.take(length);
    if (length === text.length && length < 24) {
      const { bytes } = this;
      for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    } else this.bytes.write(text, at, length, "utf8");
  }

  /** All that was written, as a buffer of its own; then it begins anew. */
  flush(): Buffer {
    const sent = Buffer.allocUnsafe(this.at);
    this.bytes.copy(sent, 0, 0, this.at);
    this.at = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return sent;
  }
}

/** How many bytes a text has as UTF-8. */
export function byteLength(text: string): number {
  // Short texts are mostly ASCII, and asking the platform costs more than looking.
  if (text.length < 24) {
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
    return text.length;
  }
  return Buffer.byteLength(text);
}
