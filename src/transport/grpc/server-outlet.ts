/**
 * The way out of a stream of messages: small ones go out together, in frames that are written into shared memory.
 *
 * @module
 */
import { PacedOutlet } from "../http/node-outlet.ts";
import { PREFIX, writePrefix } from "./frame.ts";

/** What one piece of memory has room for: as much as node's own streams buffer. */
const MOST = 16_384;

const LEAST = 128;

/** Writes messages in their frames. */
export class FrameOutlet extends PacedOutlet<Uint8Array> {
  #memory: Buffer | undefined = undefined;
  #at = 0;
  /** How much was gathered last time, which is likely to be how much it will be. */
  #hint = 0;
  #isPacked = false;

  /** Writes a message that is compressed. */
  writePacked(message: Uint8Array): number {
    this.#isPacked = true;
    const bytes = this.write(message);
    this.#isPacked = false;
    return bytes;
  }

  protected get gathered(): number {
    return this.#at;
  }

  protected gather(message: Uint8Array): number {
    const bytes = PREFIX + message.length;
    const memory = this.#room(bytes);
    writePrefix(memory, { at: this.#at, length: message.length, isCompressed: this.#isPacked });
    memory.set(message, this.#at + PREFIX);
    this.#at += bytes;
    return bytes;
  }

  #room(bytes: number): Buffer {
    const memory = this.#memory;
    const needed = this.#at + bytes;
    if (memory !== undefined && needed <= memory.length) return memory;
    if (memory === undefined) return (this.#memory = Buffer.allocUnsafe(Math.max(bytes, this.#hint)));
    const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(MOST, 2 * memory.length), LEAST));
    memory.copy(larger, 0, 0, this.#at);
    return (this.#memory = larger);
  }

  // Nothing is kept: streams that are quiet hold no memory.
  protected taken(): Uint8Array {
    const taken = this.#memory?.subarray(0, this.#at) ?? EMPTY;
    this.#memory = undefined;
    this.#hint = Math.min(this.#at, MOST);
    this.#at = 0;
    return taken;
  }
}

const EMPTY = Buffer.alloc(0);
