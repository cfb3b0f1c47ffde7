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
  /** Further values of names that have several. */
  #more: [string, string][] | undefined = undefined;
  #chars = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size + (this.#more?.length ?? 0);
  }

  /** The value under `name`, in any case; of several the first. */
  get(name: string): string | undefined {
    return this.#entries.get(name.toLowerCase());
  }

  /**
   * Sets or replaces a value.
   *
   * @throws {RangeError} when the name or value has a character no protocol can carry, or the bounds are passed.
   */
  set(name: string, value: string): void {
    const lower = checked(name, value);
    const before = this.#entries.get(lower);
    let freed = before === undefined ? 0 : lower.length + before.length;
    const kept = this.#more?.filter(([one, further]) => {
      if (one === lower) freed += one.length + further.length;
      return one !== lower;
    });
    this.#grow(lower.length + value.length - freed, before);
    this.#entries.set(lower, value);
    this.#more = kept;
  }

  /**
   * Adds a value beside those a name has, for what may stand several times, such as `set-cookie`. Protocols that carry a
   * name once take one of them.
   *
   * @throws {RangeError} when the name or value has a character no protocol can carry, or the bounds are passed.
   */
  append(name: string, value: string): void {
    const lower = checked(name, value);
    this.#grow(lower.length + value.length, undefined);
    if (this.#entries.has(lower)) (this.#more ??= []).push([lower, value]);
    else this.#entries.set(lower, value);
  }

  #grow(chars: number, replaced: string | undefined): void {
    const sum = this.#chars + chars;
    if (sum > MAX_CHARS) throw new RangeError(`metadata should be at most ${MAX_CHARS} characters, got ${sum}`);
    if (replaced === undefined && this.size === MAX_ENTRIES)
      throw new RangeError(`metadata should have at most ${MAX_ENTRIES} entries, got one more`);
    this.#chars = sum;
  }

  /** All entries, names in lower case, in the order they were first set; further values of a name come last. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    if (this.#more === undefined) return this.#entries[Symbol.iterator]();
    return [...this.#entries, ...this.#more][Symbol.iterator]();
  }
}

function checked(name: string, value: string): string {
  const lower = name.toLowerCase();
  if (!NAME.test(lower))
    throw new RangeError(`metadata name should be letters, digits, "_", "." or "-", got ${shown(name)}`);
  if (!isPrintable(value)) throw new RangeError(`metadata ${lower} should be printable ASCII, got ${shown(value)}`);
  return lower;
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
