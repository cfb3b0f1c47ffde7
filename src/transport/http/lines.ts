/**
 * Lines out of bytes that arrive in pieces: bounded, UTF-8 checked, the same whatever the pieces. Knows no platform. A
 * line ends with LF or CRLF; nobody in use ends it with CR alone, which SSE would allow.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";

const LF = 10;

// A mark at the beginning is cut off once, by hand: the decoder would do so at the beginning of every piece.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Puts lines together. `push` a piece, then `take` until nothing comes. */
export class LineReader {
  readonly #maxBytes: number;
  /** A line that is not whole yet: room, and how much of it is filled. */
  #rest: Uint8Array = EMPTY;
  #restBytes = 0;
  /** Whole lines, decoded at once. */
  #text = "";
  #at = 0;
  /** Whole lines that are looked at one by one: one of them is too long, or not UTF-8. */
  #bytes: Uint8Array | undefined = undefined;
  /** The beginning of the next line; kept when the lines before it are taken, so that they come before its error. */
  #tail: Uint8Array | undefined = undefined;
  #hasBegun = false;

  /** @param maxBytes of one line. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Adds what has arrived, once all lines before it are taken.
   *
   * @throws {ServiceError} too_large when a line goes on beyond the bound.
   */
  push(chunk: Uint8Array): void {
    const last = chunk.lastIndexOf(LF);
    if (last < 0) return this.#keep(chunk);
    let block = last + 1 === chunk.length ? chunk : chunk.subarray(0, last + 1);
    if (this.#restBytes > 0) {
      const whole = new Uint8Array(this.#restBytes + block.length);
      whole.set(this.#rest.subarray(0, this.#restBytes));
      whole.set(block, this.#restBytes);
      block = whole;
      this.#restBytes = 0;
      this.#rest = EMPTY;
    }
    this.#decode(block);
    if (last + 1 < chunk.length) this.#tail = chunk.subarray(last + 1);
  }

  /** Nothing more comes: what is left is a line of its own. */
  end(): void {
    if (this.#restBytes === 0) return;
    const line = this.#rest.slice(0, this.#restBytes + 1);
    line[this.#restBytes] = LF;
    this.#restBytes = 0;
    this.#rest = EMPTY;
    this.#decode(line);
  }

  /**
   * The next whole line without its end; undefined when more bytes are needed.
   *
   * @throws {ServiceError} too_large, or malformed_message when it is not UTF-8.
   */
  take(): string | undefined {
    if (this.#bytes !== undefined) return this.#takeSlowly(this.#bytes);
    const end = this.#text.indexOf("\n", this.#at);
    if (end < 0) {
      this.#text = "";
      this.#at = 0;
      return this.#next();
    }
    const line = withoutReturn(this.#text.slice(this.#at, end));
    this.#at = end + 1;
    return line;
  }

  #next(): undefined {
    const tail = this.#tail;
    if (tail === undefined) return undefined;
    this.#tail = undefined;
    this.#keep(tail);
    return undefined;
  }

  #decode(block: Uint8Array): void {
    this.#at = 0;
    if (block.length <= this.#maxBytes + 1) {
      try {
        this.#text = this.#withoutMark(utf8.decode(block));
        return;
      } catch {
        // Which line it is must not depend on the pieces.
      }
    }
    this.#bytes = block;
  }

  #takeSlowly(bytes: Uint8Array): string | undefined {
    const end = bytes.indexOf(LF, this.#at);
    if (end < 0) {
      this.#bytes = undefined;
      return this.#next();
    }
    const line = bytes.subarray(this.#at, end);
    if (line.length > this.#maxBytes) throw policyError("too_large");
    this.#at = end + 1;
    try {
      return withoutReturn(this.#withoutMark(utf8.decode(line)));
    } catch {
      throw notUtf8();
    }
  }

  #withoutMark(text: string): string {
    if (this.#hasBegun) return text;
    this.#hasBegun = true;
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  // Room that doubles: a list of pieces would cost a hundred times the line where each of them is one byte.
  #keep(chunk: Uint8Array): void {
    const bytes = this.#restBytes + chunk.length;
    if (bytes > this.#maxBytes) throw policyError("too_large");
    if (bytes >= this.#rest.length) {
      const larger = new Uint8Array(Math.min(this.#maxBytes + 1, Math.max(1024, bytes * 2)));
      larger.set(this.#rest.subarray(0, this.#restBytes));
      this.#rest = larger;
    }
    this.#rest.set(chunk, this.#restBytes);
    this.#restBytes = bytes;
  }
}

const EMPTY = new Uint8Array(0);

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function notUtf8(): ServiceError {
  return policyError("malformed_message", { message: "the body is not UTF-8" });
}
