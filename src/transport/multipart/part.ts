/**
 * One part of an upload as a handler sees it.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { checkNumber } from "../../internal/check.ts";
import type { PartHead } from "./head.ts";
import { malformed } from "./scanner.ts";

/**
 * One part: a field or a file. Its content is read once, while it arrives, and before the next part is asked for; what is
 * left of it then is passed over.
 */
export interface Part extends AsyncIterable<Uint8Array> {
  /** The name of the form's field. */
  readonly name: string;
  /**
   * What the sender calls the file, without a path; undefined for a field. Do not name anything by it: two may be the same,
   * or empty, or mean something to your system.
   */
  readonly filename: string | undefined;
  /** What the sender says it is, which need not be true. */
  readonly contentType: string;
  /**
   * All of it as text.
   *
   * @param maxBytes the most of it. Default: the server's `maxBodyBytes`.
   * @throws {ServiceError} too_large when there is more, malformed_message when it is not UTF-8.
   */
  text(maxBytes?: number): Promise<string>;
  /**
   * All of it in memory.
   *
   * @param maxBytes the most of it. Default: the server's `maxBodyBytes`.
   * @throws {ServiceError} too_large when there is more.
   */
  bytes(maxBytes?: number): Promise<Uint8Array>;
}

/** Where the content of a part comes from. */
export interface ContentSource {
  /** The next bytes; undefined at its end. */
  next(): Promise<Uint8Array | undefined>;
}

/** A part whose content still arrives. */
export class IncomingPart implements Part {
  readonly name: string;
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly #source: ContentSource;
  readonly #maxBytes: number;
  #isTaken = false;
  #isOver = false;

  constructor(head: PartHead, source: ContentSource, maxBytes: number) {
    this.name = head.name;
    this.filename = head.filename;
    this.contentType = head.contentType;
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** From now on it has no content: the next part has begun, or nobody reads on. */
  end(): void {
    this.#isOver = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#isTaken) throw new TypeError("the content of a part should be read once");
    if (this.#isOver) throw new TypeError("the content of a part should be read before the next part is asked for");
    this.#isTaken = true;
    while (!this.#isOver) {
      const piece = await this.#source.next();
      if (piece === undefined) return;
      yield piece;
    }
  }

  async bytes(maxBytes: number = this.#maxBytes): Promise<Uint8Array> {
    checkNumber("maxBytes", maxBytes, { min: 0 });
    let all = new Uint8Array(0);
    let length = 0;
    for await (const piece of this) {
      if (length + piece.length > maxBytes) throw policyError("too_large");
      if (length + piece.length > all.length) {
        // Twice as much each time: a list of pieces would cost a hundred times their bytes where each holds one.
        const larger = new Uint8Array(Math.max(1024, (length + piece.length) * 2));
        larger.set(all.subarray(0, length));
        all = larger;
      }
      all.set(piece, length);
      length += piece.length;
    }
    return all.subarray(0, length);
  }

  async text(maxBytes?: number): Promise<string> {
    const bytes = await this.bytes(maxBytes);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw malformed("a field is not UTF-8");
    }
  }
}
