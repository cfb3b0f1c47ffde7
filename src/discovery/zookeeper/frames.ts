/**
 * Cuts a stream of bytes into frames: four bytes of length, then so many bytes.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { policyError } from "../../errors/index.ts";
import { malformed } from "./jute.ts";

/** Collects what comes until a frame is whole; never more than one frame and one chunk. */
export class Frames {
  readonly #maxBytes: number;
  readonly #frame: (content: Buffer) => void;
  #chunks: Buffer[] = [];
  #held = 0;
  /** The length of the frame that is coming; -1: not known yet. */
  #length = -1;

  constructor(maxBytes: number, frame: (content: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#frame = frame;
  }

  /** Takes what came; throws when a length cannot be. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    for (;;) {
      if (this.#length < 0) {
        if (this.#held < 4) return;
        this.#length = checkLength(this.#joined().readInt32BE(0), this.#maxBytes);
      }
      // Joined only when whole: a large frame comes in many chunks.
      if (this.#held < this.#length + 4) return;
      const bytes = this.#joined();
      const end = this.#length + 4;
      this.#chunks = bytes.length > end ? [bytes.subarray(end)] : [];
      this.#held = bytes.length - end;
      this.#length = -1;
      this.#frame(bytes.subarray(4, end));
    }
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}

function checkLength(length: number, maxBytes: number): number {
  if (length < 0) throw malformed(`a message of ${length} bytes`);
  if (length <= maxBytes) return length;
  throw policyError("too_large", {
    message: `a message of ${length} bytes is larger than maxMessageBytes (${maxBytes})`,
  });
}
