/**
 * The bytes of one message as they are read: never past their end, whatever they say of themselves.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import { cutShort, malformed, tooDeep, type CollectionHead, type FieldHead } from "./types.ts";

/** What the readers of all protocols have in common. */
export abstract class Input {
  protected readonly bytes: Buffer;
  protected at: number;
  protected readonly end: number;
  bigints = false;
  protected readonly field: FieldHead = { fname: "", ftype: 0, fid: 0 };
  protected readonly collection: CollectionHead = { etype: 0, ktype: 0, vtype: 0, size: 0 };
  readonly #maxDepth: number;
  #depth = 0;

  constructor(bytes: Buffer, maxDepth: number) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
    this.#maxDepth = maxDepth;
  }

  get isAtEnd(): boolean {
    return this.at === this.end;
  }

  /** Takes bytes that must be there, and says where they begin. */
  protected take(length: number): number {
    const { at } = this;
    if (length > this.end - at) throw cutShort();
    this.at = at + length;
    return at;
  }

  /** Something that holds others begins. */
  protected enter(): void {
    if (++this.#depth > this.#maxDepth) throw tooDeep(this.#maxDepth);
  }

  protected leave(): void {
    this.#depth--;
  }

  /** Refuses a number of elements that cannot be in what is left of the message, before anything is made of it. */
  protected checkSize(size: number, bytesEach: number): void {
    if (size < 0) throw malformed("a size is negative");
    if (size * bytesEach > this.end - this.at) throw cutShort();
  }

  protected utf8(length: number): string {
    if (length === 0) return "";
    const at = this.take(length);
    const text = this.bytes.toString("utf8", at, at + length);
    // Bytes that are none are shown so; seldom was that character meant.
    if (text.includes("\uFFFD") && !isUtf8(this.bytes.subarray(at, at + length)))
      throw malformed("a string is not UTF-8");
    return text;
  }

  protected copied(length: number): Buffer {
    const at = this.take(length);
    // Its own memory: a slice would keep all of what came with it.
    return Buffer.from(this.bytes.subarray(at, at + length));
  }

  readMessageEnd(): void {}
  incrementRecursionDepth(): void {}
  decrementRecursionDepth(): void {}
}

/** The error for an i64 that is no safe integer. */
export function beyondSafe(): Error {
  return malformed("an i64 is beyond ±(2^53 - 1)");
}

const HEX = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;

/** The sixteen bytes of a UUID. */
export function uuidBytes(text: string): Buffer {
  const parts = HEX.exec(text);
  if (parts === null) throw new RangeError("a uuid should be 32 hexadecimal digits in five groups");
  return Buffer.from(parts.slice(1).join(""), "hex");
}

/** A UUID as text. */
export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** An i64 to be written: a number, a bigint, or what the Apache libraries hold one in. */
export function int64Of(value: unknown): number | bigint {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return value;
    throw new RangeError("an i64 should be a safe integer, or a bigint");
  }
  if (typeof value === "bigint") {
    if (BigInt.asIntN(64, value) === value) return value;
    throw new RangeError("an i64 should have 64 bits at most");
  }
  if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) return int64Of(BigInt(value));
  const { buffer, offset = 0 } = (value ?? {}) as { readonly buffer?: unknown; readonly offset?: number };
  if (Buffer.isBuffer(buffer)) return buffer.readBigInt64BE(offset);
  throw new TypeError("an i64 should be a number or a bigint");
}

/** Bytes to be written as `binary`. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return Buffer.from(value, "latin1");
  throw new TypeError("a binary should be bytes");
}

/** Text to be written as `string`; bytes are taken to be UTF-8. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Buffer.isBuffer(value)) return value.toString("utf8");
  throw new TypeError("a string should be text");
}
