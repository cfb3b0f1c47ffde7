/**
 * Metadata: the names and values that travel beside a message, whatever the protocol calls them.
 *
 * @module
 */
import { shown } from "../internal/check.ts";

/** Reads metadata. Names are matched without regard to case. */
export interface Carrier {
  get(name: string): string | undefined;
}

/** The most entries a `Metadata` holds. */
const MAX_ENTRIES = 100;

/** The most characters its names and values have together. */
const MAX_CHARS = 16_384;

const NAME = /^[a-z0-9_.-]{1,128}$/;

/**
 * Metadata to be sent: bounded in number (100) and size (16 KiB), names in lower case. A name that ends in `-bin` holds
 * base64 of bytes, as in gRPC.
 *
 * @example
 * ```ts
 * import { Metadata } from "servicekit/endpoint";
 *
 * const sent = new Metadata();
 * sent.set("X-Tenant", "blue");
 * sent.get("x-tenant"); // => "blue"
 * ```
 */
export class Metadata implements Carrier {
  readonly #entries = new Map<string, string>();
  #chars = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value under `name`, in any case. */
  get(name: string): string | undefined {
    return this.#entries.get(name.toLowerCase());
  }

  /**
   * Sets or replaces a value.
   *
   * @throws {RangeError} when the name or value has a character no protocol can carry, or the bounds are passed.
   */
  set(name: string, value: string): void {
    const lower = name.toLowerCase();
    if (!NAME.test(lower))
      throw new RangeError(`metadata name should be letters, digits, "_", "." or "-", got ${shown(name)}`);
    if (!isPrintable(value)) throw new RangeError(`metadata ${lower} should be printable ASCII, got ${shown(value)}`);
    const before = this.#entries.get(lower);
    const chars = this.#chars - (before === undefined ? 0 : lower.length + before.length) + lower.length + value.length;
    if (chars > MAX_CHARS) throw new RangeError(`metadata should be at most ${MAX_CHARS} characters, got ${chars}`);
    if (before === undefined && this.#entries.size === MAX_ENTRIES) {
      throw new RangeError(`metadata should have at most ${MAX_ENTRIES} entries, got one more`);
    }
    this.#chars = chars;
    this.#entries.set(lower, value);
  }

  /** All entries, names in lower case, in the order they were first set. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#entries[Symbol.iterator]();
  }
}

/** Metadata that holds nothing. */
export const noMetadata: Carrier = { get: () => undefined };

// Header values of HTTP may not hold control characters; gRPC allows printable ASCII only (gRPC over HTTP/2, "ASCII-Value").
function isPrintable(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
