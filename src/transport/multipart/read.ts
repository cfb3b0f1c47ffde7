/**
 * The parts of a body one after the other, within bounds.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { readHead } from "./head.ts";
import type { MultipartSettings } from "./limits.ts";
import { IncomingPart, type Part } from "./part.ts";
import { Scanner, tooLarge } from "./scanner.ts";

/** What a body is read with. */
export interface ReadOptions {
  readonly boundary: string;
  readonly limits: MultipartSettings;
  /** The most that `text()` and `bytes()` of a part hold. */
  readonly maxBodyBytes: number;
}

/** Reads part by part, each when it is asked for. Leaving off stops the reading. */
export async function* readParts(
  pieces: AsyncIterator<Uint8Array>,
  { boundary, limits, maxBodyBytes }: ReadOptions,
): AsyncGenerator<Part, void, undefined> {
  const scanner = new Scanner(counted(pieces, limits.maxBytes), boundary);
  let isWhole = false;
  try {
    await scanner.preamble();
    for (let count = 1; await scanner.hasPart(); count++) {
      if (count > limits.maxParts)
        throw policyError("too_large", { message: "multipart: there are more parts than allowed" });
      const head = readHead(await scanner.head(limits.maxHeaderBytes), limits.maxHeaders);
      const content = new Content(scanner, head.filename === undefined ? limits.maxFieldBytes : limits.maxFileBytes);
      const part = new IncomingPart(head, content, maxBodyBytes);
      try {
        yield part;
      } finally {
        part.end();
      }
      await content.skip();
    }
    await scanner.epilogue();
    isWhole = true;
  } finally {
    if (!isWhole) await scanner.close();
  }
}

/** The content of one part, bounded. */
class Content {
  readonly #scanner: Scanner;
  readonly #maxBytes: number;
  #bytes = 0;
  #isOver = false;
  // A read that nobody waits for any more, because the next part was asked for meanwhile.
  #reading: Promise<Uint8Array | undefined> | undefined = undefined;

  constructor(scanner: Scanner, maxBytes: number) {
    this.#scanner = scanner;
    this.#maxBytes = maxBytes;
  }

  next(): Promise<Uint8Array | undefined> {
    return (this.#reading = this.#read());
  }

  async #read(): Promise<Uint8Array | undefined> {
    await this.#reading;
    if (this.#isOver) return undefined;
    const piece = await this.#scanner.content();
    if (piece === undefined) this.#isOver = true;
    else if ((this.#bytes += piece.length) > this.#maxBytes) throw tooLarge("a part");
    return piece;
  }

  /** Passes over what was not read. */
  async skip(): Promise<void> {
    while ((await this.next()) !== undefined);
  }
}

function counted(pieces: AsyncIterator<Uint8Array>, maxBytes: number): AsyncIterator<Uint8Array> {
  let bytes = 0;
  return {
    async next() {
      const result = await pieces.next();
      if (result.done !== true && (bytes += result.value.length) > maxBytes) throw tooLarge("the body");
      return result;
    },
    async return() {
      await pieces.return?.();
      return { done: true, value: undefined };
    },
  };
}
