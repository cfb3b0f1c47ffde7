/**
 * Length-prefixed messages: a flag, four bytes of length, the message (gRPC over HTTP/2, "Length-Prefixed-Message"). Knows
 * neither client nor server.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";

/** Bytes before a message. */
export const PREFIX = 5;

/** What is kept of a message that has not come in full is as large as this at first: it grows with what comes. */
const FIRST_BYTES = 1024;

/** A message out of its frame. */
export interface Frame {
  readonly isCompressed: boolean;
  readonly data: Uint8Array;
}

/** Puts a message into its frame. */
export function frame(message: Uint8Array, compressed = false): Buffer {
  const { length } = message;
  const framed = Buffer.allocUnsafe(PREFIX + length);
  writePrefix(framed, { at: 0, length, isCompressed: compressed });
  framed.set(message, PREFIX);
  return framed;
}

/** What stands before a message, and where. */
export interface Prefix {
  readonly at: number;
  readonly length: number;
  readonly isCompressed: boolean;
}

/** Writes the prefix of a message into memory that has room for it. */
export function writePrefix(to: Uint8Array, { at, length, isCompressed }: Prefix): void {
  to[at] = isCompressed ? 1 : 0;
  to[at + 1] = length >>> 24;
  to[at + 2] = length >>> 16;
  to[at + 3] = length >>> 8;
  to[at + 4] = length;
}

/** The whole of a body that is one frame in one piece; undefined when it is anything else. */
export function onlyFrame(chunk: Uint8Array): Frame | undefined {
  if (chunk.length < PREFIX || chunk[0]! > 1 || lengthAt(chunk, 0) !== chunk.length - PREFIX) return undefined;
  return { isCompressed: chunk[0] === 1, data: chunk.subarray(PREFIX) };
}

/**
 * Takes bytes as they come and gives messages. A message that came in one piece is not copied; one that comes in many is
 * gathered in a buffer that grows with it, so neither a length that is only claimed nor a thousand small pieces take memory.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #chunk: Uint8Array | undefined = undefined;
  #at = 0;
  /** A frame that began in an earlier piece. */
  #partial: Buffer | undefined = undefined;
  #filled = 0;

  /** @param maxBytes The largest message as it travels, compressed or not. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a message has begun and not ended. */
  get isInside(): boolean {
    return this.#filled > 0 || this.#chunk !== undefined;
  }

  /** Adds a piece, which is the reader's from now on. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const rest = this.#chunk;
    this.#chunk = rest === undefined ? chunk : Buffer.concat([rest.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /**
   * The next message that is there in full.
   *
   * @throws {ServiceError} too_large as soon as a prefix announces more than the bound, malformed_message on an unknown flag.
   */
  take(): Frame | undefined {
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    if (this.#filled > 0) return this.#goOn(chunk);
    const left = chunk.length - this.#at;
    if (left < PREFIX) return this.#keep(chunk, PREFIX);
    const length = this.#checked(chunk, this.#at);
    if (left < PREFIX + length) return this.#keep(chunk, PREFIX + length);
    const isCompressed = chunk[this.#at] === 1;
    const begin = this.#at + PREFIX;
    const data = chunk.subarray(begin, begin + length);
    this.#advance(chunk, PREFIX + length);
    return { isCompressed, data };
  }

  /**
   * The peer has said its last.
   *
   * @throws {ServiceError} malformed_message when that was in the middle of a frame.
   */
  end(): void {
    if (!this.isInside) return;
    throw policyError("malformed_message", { message: "the stream ended in the middle of a message" });
  }

  // Fills the frame that has begun, first its prefix and then all of it.
  #goOn(chunk: Uint8Array): Frame | undefined {
    if (this.#filled < PREFIX) {
      this.#copy(chunk, PREFIX);
      if (this.#filled < PREFIX) return undefined;
    }
    const partial = this.#partial!;
    const whole = PREFIX + this.#checked(partial, 0);
    if (this.#chunk !== undefined) this.#copy(chunk, whole);
    if (this.#filled < whole) return undefined;
    const filled = this.#partial!;
    this.#partial = undefined;
    this.#filled = 0;
    return { isCompressed: filled[0] === 1, data: filled.subarray(PREFIX, whole) };
  }

  #keep(chunk: Uint8Array, whole: number): undefined {
    this.#copy(chunk, whole);
    return undefined;
  }

  /** Copies out of the piece until `whole` bytes of the frame are there, or the piece is used up. */
  #copy(chunk: Uint8Array, whole: number): void {
    const bytes = Math.min(whole - this.#filled, chunk.length - this.#at);
    this.#reserve(this.#filled + bytes, whole);
    this.#partial!.set(chunk.subarray(this.#at, this.#at + bytes), this.#filled);
    this.#filled += bytes;
    this.#advance(chunk, bytes);
  }

  #reserve(bytes: number, whole: number): void {
    const before = this.#partial;
    if (before !== undefined && before.length >= bytes) return;
    const doubled = Math.max(bytes, FIRST_BYTES, (before?.length ?? 0) * 2);
    const partial = Buffer.allocUnsafe(whole > PREFIX ? Math.min(whole, doubled) : PREFIX);
    if (before !== undefined) partial.set(before.subarray(0, this.#filled));
    this.#partial = partial;
  }

  #advance(chunk: Uint8Array, bytes: number): void {
    this.#at += bytes;
    if (this.#at === chunk.length) this.#chunk = undefined;
  }

  #checked(bytes: Uint8Array, at: number): number {
    if (bytes[at]! > 1)
      throw policyError("malformed_message", { message: "the first byte of a message should be 0 or 1" });
    const length = lengthAt(bytes, at);
    if (length > this.#maxBytes) throw policyError("too_large");
    return length;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at + 1]! * 0x1000000 + ((bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!);
}
