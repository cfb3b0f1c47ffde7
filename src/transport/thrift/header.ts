/**
 * THeader (HeaderFormat.md): a frame with names and values before the message. Written here, since the Apache library's
 * reads with errors as its end, keeps the headers of one message for the next, and makes a protocol for each of them.
 *
 * @module
 */
import type { Carrier } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import type { Limits } from "../limits.ts";
import { byteLength, type Output } from "./output.ts";
import type { ThriftProtocol } from "./protocol.ts";
import { malformed } from "./types.ts";

/** What comes after the length of such a frame. */
export const MAGIC = 0x0fff;

/** Names and values before a message. */
const KEY_VALUE = 1;

/** The bytes before the variable part: magic, flags, seqid, its size in words. */
const FIXED_BYTES = 10;

const NUMBERS: Readonly<Record<ThriftProtocol, number>> = { binary: 0, json: 1, compact: 2 };

/** The metadata of a message, names in lower case. */
export class ThriftHeaders implements Carrier {
  /** Names and values in turn. */
  readonly #list: readonly string[];

  constructor(list: readonly string[]) {
    this.#list = list;
  }

  get(name: string): string | undefined {
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
    const lower = name.toLowerCase();
    return lower === name ? undefined : this.get(lower);
  }

  /** All names with their values. */
  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.#list.length; i += 2) yield [this.#list[i]!, this.#list[i + 1]!];
  }
}

/** What stands before a message. */
export interface Header {
  readonly protocol: ThriftProtocol;
  readonly headers: ThriftHeaders;
  /** Where the message begins. */
  readonly bodyAt: number;
}

/** Reads what a frame begins with; `frame` without its length. */
export function readHeader(frame: Buffer, limits: Limits): Header {
  if (frame.length < FIXED_BYTES) throw malformed("the header is cut short");
  const bytes = frame.readUInt16BE(8) * 4;
  const bodyAt = FIXED_BYTES + bytes;
  if (bytes > limits.maxHeaderBytes) throw policyError("too_many_headers");
  if (bodyAt > frame.length) throw malformed("the header is longer than its frame");
  const cursor = new Cursor(frame, FIXED_BYTES, bodyAt);
  const number = cursor.varint();
  const protocol = number === 0 ? "binary" : number === 1 ? "json" : number === 2 ? "compact" : undefined;
  if (protocol === undefined) throw malformed("the header names a protocol that is not known");
  if (cursor.varint() > 0) throw malformed("transforms of the header are not supported");
  const list: string[] = [];
  // What is not known may have any form, so nothing after it can be read; 0 is padding.
  while (!cursor.isAtEnd && cursor.varint() === KEY_VALUE) {
    let left = cursor.varint();
    if (left > limits.maxHeaders - list.length / 2) throw policyError("too_many_headers");
    for (; left > 0; left--) list.push(cursor.text().toLowerCase(), cursor.text());
  }
  return { protocol, headers: list.length === 0 ? NONE : new ThriftHeaders(list), bodyAt };
}

const NONE = new ThriftHeaders([]);

class Cursor {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      if (this.isAtEnd) throw malformed("the header is cut short");
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw malformed("a number in the header is too long");
  }

  text(): string {
    const length = this.varint();
    if (length > this.#end - this.#at) throw malformed("the header is cut short");
    this.#at += length;
    // The platform's fastest way to text; names and values of metadata are ASCII.
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }
}

/** What goes before a message. */
export interface Draft {
  readonly protocol: ThriftProtocol;
  readonly seqid: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/** Begins a frame with its header; gives where it began. */
export function beginHeader(out: Output, { protocol, seqid, headers }: Draft): number {
  const start = out.take(4);
  out.i16(MAGIC);
  out.i16(0);
  out.i32(seqid);
  out.i16(0);
  const from = out.at;
  out.varint(NUMBERS[protocol]);
  out.varint(0);
  if (headers.length > 0) {
    out.varint(KEY_VALUE);
    out.varint(headers.length / 2);
    for (const text of headers) {
      const length = byteLength(text);
      out.varint(length);
      out.text(text, length);
    }
  }
  while ((out.at - from) % 4 !== 0) out.u8(0);
  const words = (out.at - from) / 4;
  if (words > 0xffff) {
    // Of a frame that cannot be, nothing may be left among the others.
    out.at = start;
    throw policyError("too_many_headers");
  }
  out.bytes[from - 2] = words >> 8;
  out.bytes[from - 1] = words;
  return start;
}

/** Ends a frame that began at `start`. */
export function endFrame(out: Output, start: number): void {
  out.setI32(start, out.at - start - 4);
}
