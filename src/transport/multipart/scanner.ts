/**
 * Finds the parts of a multipart body (RFC 2046 §5.1) in bytes that come in pieces of any size. It holds back no more than
 * could be the begin of a boundary, and the headers of one part.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";

const CR = 13;
const LF = 10;
const DASH = 45;
const NONE = new Uint8Array(0);

/** What may stand before the first boundary or after the last, in bytes: nobody reads it. */
const MAX_IDLE_BYTES = 65_536;

/** Reads a body step by step; each step asks for as many pieces as it needs. */
export class Scanner {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #delimiter: Uint8Array;
  // As if the body began with a line's end, so that the first boundary is one like all others.
  #held: Uint8Array = new Uint8Array([CR, LF]);
  #isClosed = false;

  constructor(pieces: AsyncIterator<Uint8Array>, boundary: string) {
    this.#pieces = pieces;
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  }

  /** The next bytes before a boundary, which it passes over; undefined when there are none left. */
  async content(): Promise<Uint8Array | undefined> {
    for (;;) {
      const at = this.#find();
      if (at > 0) return this.#take(at);
      if (at === 0 && this.#held.length >= this.#delimiter.length) {
        this.#held = this.#held.subarray(this.#delimiter.length);
        return undefined;
      }
      await this.#more();
    }
  }

  /** After a boundary: whether another part follows; false at the end. */
  async hasPart(): Promise<boolean> {
    let blanks = 0;
    for (;;) {
      const held = this.#held;
      if (blanks === 0 && held[0] === DASH && held[1] === DASH) return false;
      // RFC 2046 §5.1.1: spaces and tabs may pad the line.
      while (held[blanks] === 32 || held[blanks] === 9) blanks++;
      if (held[blanks] === CR && held[blanks + 1] === LF) {
        // The line's end stays: a part without headers has its empty line right here.
        this.#held = held.subarray(blanks);
        return true;
      }
      const isOpen =
        held.length < blanks + 2 &&
        (held.length === blanks || held[blanks] === CR || (blanks === 0 && held[0] === DASH));
      if (!isOpen || blanks > 256) throw malformed("a boundary is followed by something else");
      await this.#more();
    }
  }

  /** The lines of a part's head. */
  async head(maxBytes: number): Promise<readonly Uint8Array[]> {
    const lines: Uint8Array[] = [];
    let bytes = 0;
    let from = 2;
    for (;;) {
      const end = indexOfLineEnd(this.#held, from);
      if (end < 0) {
        if (bytes + this.#held.length > maxBytes) throw tooLarge("the head of a part");
        await this.#more();
        continue;
      }
      const line = this.#held.subarray(from, end);
      bytes += line.length + 2;
      if (bytes > maxBytes) throw tooLarge("the head of a part");
      this.#held = this.#held.subarray(end);
      from = 2;
      if (line.length === 0) break;
      lines.push(line);
    }
    // The empty line's end belongs to the head, unless the boundary begins with it: then the part is empty.
    while (this.#held.length < this.#delimiter.length && isBeginOf(this.#delimiter, this.#held)) await this.#more();
    if (!isBeginOf(this.#delimiter, this.#held)) this.#held = this.#held.subarray(2);
    return lines;
  }

  /** Passes over what stands before the next boundary. */
  async skip(maxBytes: number, what: string): Promise<void> {
    let bytes = 0;
    for (let piece = await this.content(); piece !== undefined; piece = await this.content()) {
      bytes += piece.length;
      if (bytes > maxBytes) throw tooLarge(what);
    }
  }

  /** Passes over what stands before the first part. */
  preamble(): Promise<void> {
    return this.skip(MAX_IDLE_BYTES, "what stands before the first part");
  }

  /** Reads what comes after the last part, which is little, to its end: then the connection can go on. */
  async epilogue(): Promise<void> {
    let bytes = this.#held.length;
    this.#held = NONE;
    for (;;) {
      if (bytes > MAX_IDLE_BYTES) throw tooLarge("what stands after the last part");
      const { done, value } = await this.#pieces.next();
      if (done === true) return;
      bytes += value.length;
    }
  }

  /** Nobody reads on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pieces.return?.();
  }

  #take(bytes: number): Uint8Array {
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** How many bytes from here are certainly before a boundary. */
  #find(): number {
    const held = this.#held;
    for (let at = held.indexOf(CR); at >= 0; at = held.indexOf(CR, at + 1)) {
      if (isBeginOf(this.#delimiter, held, at)) return at;
    }
    return held.length;
  }

  async #more(): Promise<void> {
    const { done, value } = this.#isClosed ? { done: true, value: NONE } : await this.#pieces.next();
    if (done === true) throw malformed("the body ends before its last boundary");
    if (this.#held.length === 0) this.#held = value;
    else {
      const joined = new Uint8Array(this.#held.length + value.length);
      joined.set(this.#held);
      joined.set(value, this.#held.length);
      this.#held = joined;
    }
  }
}

/** Whether the bytes from `at` on are `whole`, as far as they go. */
function isBeginOf(whole: Uint8Array, bytes: Uint8Array, at = 0): boolean {
  const length = Math.min(whole.length, bytes.length - at);
  for (let i = 0; i < length; i++) if (bytes[at + i] !== whole[i]) return false;
  return true;
}

function indexOfLineEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at >= 0; at = bytes.indexOf(CR, at + 1)) if (bytes[at + 1] === LF) return at;
  return -1;
}

/** The error for a body that is not multipart as it should be. */
export function malformed(message: string): ServiceError {
  return policyError("malformed_message", { message: `multipart: ${message}` });
}

/** The error for something that is larger than allowed. */
export function tooLarge(what: string): ServiceError {
  return policyError("too_large", { message: `multipart: ${what} is larger than allowed` });
}
