/**
 * ZooKeeper's way of writing records ("jute"): big-endian numbers, and texts with their length before them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { policyError, type ServiceError } from "../../errors/index.ts";

/** What came is not ZooKeeper. */
export function malformed(what: string): ServiceError {
  return policyError("malformed_message", { message: `what came is not ZooKeeper's protocol: ${what}` });
}

/** Writes one frame: its length, then what is written. */
export class JuteWriter {
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #end = 4;

  int(value: number): this {
    this.#end = this.#room(4).writeInt32BE(value, this.#end);
    return this;
  }

  long(value: bigint): this {
    this.#end = this.#room(8).writeBigInt64BE(value, this.#end);
    return this;
  }

  bool(value: boolean): this {
    this.#end = this.#room(1).writeUInt8(value ? 1 : 0, this.#end);
    return this;
  }

  buffer(value: Uint8Array): this {
    this.int(value.length);
    this.#room(value.length).set(value, this.#end);
    this.#end += value.length;
    return this;
  }

  string(value: string): this {
    return this.buffer(Buffer.from(value));
  }

  /** The frame; nothing is written after it. */
  frame(): Buffer {
    this.#bytes.writeInt32BE(this.#end - 4, 0);
    return this.#bytes.subarray(0, this.#end);
  }

  #room(more: number): Buffer {
    if (this.#end + more > this.#bytes.length) {
      const wider = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + more));
      this.#bytes.copy(wider, 0, 0, this.#end);
      this.#bytes = wider;
    }
    return this.#bytes;
  }
}

/** Reads one frame's content; throws when something would lie behind its end. */
export class JuteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  int(): number {
    const at = this.#pass(4);
    return this.#bytes.readInt32BE(at);
  }

  long(): bigint {
    const at = this.#pass(8);
    return this.#bytes.readBigInt64BE(at);
  }

  bool(): boolean {
    return this.#bytes[this.#pass(1)] !== 0;
  }

  /** Never undefined: an absent one (length -1) is empty. */
  buffer(): Buffer {
    const length = this.int();
    if (length < -1) throw malformed(`a length of ${length}`);
    const at = this.#pass(Math.max(length, 0));
    return this.#bytes.subarray(at, this.#at);
  }

  string(): string {
    return this.buffer().toString();
  }

  strings(): string[] {
    const count = this.int();
    // Each has four bytes of length: what is promised beyond that is not there.
    if (count < -1 || count > this.left / 4) throw malformed(`a list of ${count}`);
    return Array.from({ length: Math.max(count, 0) }, () => this.string());
  }

  #pass(length: number): number {
    if (length > this.left) throw malformed("a message ends too early");
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
