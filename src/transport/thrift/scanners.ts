/**
 * The scanners of each protocol.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { LEAST as BINARY_LEAST } from "./binary.ts";
import { LEAST as COMPACT_LEAST, TYPE_OF } from "./compact.ts";
import type { ThriftProtocol } from "./protocol.ts";
import { StructScanner, WAIT, type ScanLimits, type Scanner } from "./scanner.ts";
import { malformed, TYPE, tooDeep } from "./types.ts";

/** Makes the scanner of a protocol. */
export function scannerOf(protocol: ThriftProtocol, limits: ScanLimits): Scanner {
  if (protocol === "json") return new JsonScanner(limits);
  return protocol === "binary" ? new BinaryScanner(limits) : new CompactScanner(limits);
}

/** Bytes of the types whose values all have the same. */
const FIXED: readonly number[] = [0, 0, 1, 1, 8, 0, 2, 0, 4, 0, 8, 0, 0, 0, 0, 0, 16];

class BinaryScanner extends StructScanner {
  #isStrict = true;

  constructor(limits: ScanLimits) {
    super(limits, BINARY_LEAST);
  }

  protected readHead(): boolean | undefined {
    switch (this.part) {
      case 0: {
        if (!this.has(4)) return undefined;
        const first = this.bytes.readInt32BE(this.at);
        this.at += 4;
        this.#isStrict = first < 0;
        this.part = this.#isStrict ? 1 : 2;
        if (first >= 0) this.pass(first);
        return false;
      }
      case 1:
        if (!this.#string()) return undefined;
        this.part = 2;
        return false;
      default:
        this.pass(this.#isStrict ? 4 : 5);
        return true;
    }
  }

  protected readField(): number {
    if (!this.has(1)) return WAIT;
    const type = this.bytes.readInt8(this.at);
    if (type === TYPE.STOP) this.at++;
    else if (this.has(3)) this.at += 3;
    else return WAIT;
    return type;
  }

  protected readList(): boolean {
    if (!this.has(5)) return false;
    const type = this.bytes.readInt8(this.at);
    const size = this.bytes.readInt32BE(this.at + 1);
    this.at += 5;
    const fixed = FIXED[type] ?? 0;
    return fixed > 0 ? this.pass(size * fixed) : this.openList(size, type);
  }

  protected readMap(): boolean {
    if (!this.has(6)) return false;
    const { bytes, at } = this;
    this.at += 6;
    return this.openMap(bytes.readInt32BE(at + 2), bytes.readInt8(at), bytes.readInt8(at + 1));
  }

  protected readValue(type: number): boolean {
    return type === TYPE.STRING ? this.#string() : this.pass(FIXED[type]!);
  }

  #string(): boolean {
    if (!this.has(4)) return false;
    this.at += 4;
    return this.pass(this.bytes.readInt32BE(this.at - 4));
  }
}

class CompactScanner extends StructScanner {
  constructor(limits: ScanLimits) {
    super(limits, COMPACT_LEAST);
  }

  protected readHead(): boolean | undefined {
    switch (this.part++) {
      case 0:
        this.pass(2);
        return false;
      case 1:
        return this.#number(5) === undefined ? this.#again() : false;
      default:
        return this.#string() ? true : this.#again();
    }
  }

  #again(): undefined {
    this.part--;
    return undefined;
  }

  protected readField(): number {
    if (!this.has(1)) return WAIT;
    const head = this.bytes[this.at]!;
    const type = TYPE_OF[head & 0x0f];
    if (type === undefined) throw malformed("a type is not known");
    const { at } = this;
    this.at++;
    if (type !== TYPE.STOP && head >> 4 === 0 && this.#number(5) === undefined) {
      this.at = at;
      return WAIT;
    }
    return type;
  }

  protected readList(): boolean {
    if (!this.has(1)) return false;
    const { at } = this;
    const head = this.bytes[this.at++]!;
    const size = head >> 4 === 15 ? this.#number(5) : head >> 4;
    if (size === undefined) {
      this.at = at;
      return false;
    }
    return this.openList(size, TYPE_OF[head & 0x0f] ?? 0);
  }

  protected readMap(): boolean {
    const { at } = this;
    const size = this.#number(5);
    if (size === 0) return true;
    if (size === undefined || !this.has(1)) {
      this.at = at;
      return false;
    }
    const types = this.bytes[this.at++]!;
    return this.openMap(size, TYPE_OF[types >> 4] ?? 0, TYPE_OF[types & 0x0f] ?? 0);
  }

  protected readValue(type: number, isField: boolean): boolean {
    switch (type) {
      case TYPE.BOOL:
        return isField || this.pass(1);
      case TYPE.BYTE:
      case TYPE.DOUBLE:
      case TYPE.UUID:
        return this.pass(COMPACT_LEAST[type]!);
      case TYPE.STRING:
        return this.#string();
      default:
        return this.#number(type === TYPE.I64 ? 10 : 5) !== undefined;
    }
  }

  #string(): boolean {
    const length = this.#number(5);
    return length !== undefined && this.pass(length);
  }

  /** A number of seven bits to a byte; only short ones are exact, and asked for. */
  #number(most: number): number | undefined {
    let value = 0;
    for (let i = 0; i < most; i++) {
      if (!this.has(i + 1)) return undefined;
      const byte = this.bytes[this.at + i]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        this.at += i + 1;
        return value;
      }
    }
    throw malformed("a number is too long");
  }
}

class JsonScanner implements Scanner {
  readonly #limits: ScanLimits;
  #at = 0;
  #depth = 0;
  #isString = false;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
  }

  reset(): void {
    this.#at = this.#depth = 0;
    this.#isString = false;
  }

  scan(bytes: Buffer, end: number): number | undefined {
    const { maxBytes, maxDepth } = this.#limits;
    for (; this.#at < end; this.#at++) {
      const byte = bytes[this.#at]!;
      if (this.#isString) {
        if (byte === 0x22) this.#isString = false;
        // Whatever comes after it; it may not be here yet.
        else if (byte === 0x5c) this.#at++;
      } else if (byte === 0x22) this.#isString = true;
      else if (byte === 0x5b || byte === 0x7b) {
        // Three brackets for each level: the field's, the value's, and a map's.
        if (++this.#depth > 3 * maxDepth + 3) throw tooDeep(maxDepth);
      } else if ((byte === 0x5d || byte === 0x7d) && --this.#depth === 0) {
        if (++this.#at > maxBytes) break;
        return this.#at;
      }
      // Between messages there may be space, and nothing else.
      else if (this.#depth <= 0 && byte > 0x20) throw malformed("the message is no JSON");
    }
    if (this.#at > maxBytes) throw policyError("too_large");
    return undefined;
  }
}
