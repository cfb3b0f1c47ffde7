/**
 * A request's body as a handler reads it while it arrives: each piece is taken when it is asked for, so a peer sends no
 * faster than its bytes are used. Knows no platform.
 *
 * @module
 */
import type { ByteStream } from "../codec.ts";
import type { ByteSource } from "../incoming-messages.ts";

/** Where an incoming body comes from. */
export interface IncomingFrom {
  readonly contentType: string | undefined;
  /** As the peer declared it. */
  readonly byteLength: number | undefined;
  /** Begins to read, when the first piece is asked for. */
  open(): ByteSource;
  /** A piece has come, of so many bytes. */
  arrived(bytes: number): void;
}

type Result = IteratorResult<Uint8Array, undefined>;

const END: Result = { done: true, value: undefined };

/** The body of one request, read once. */
export class IncomingBody implements ByteStream, AsyncIterator<Uint8Array, undefined> {
  readonly contentType: string | undefined;
  readonly byteLength: number | undefined;
  readonly #from: IncomingFrom;
  #source: ByteSource | undefined = undefined;
  #isReading = false;
  #isOver = false;
  #error: Error | undefined = undefined;

  constructor(from: IncomingFrom) {
    this.contentType = from.contentType;
    this.byteLength = from.byteLength;
    this.#from = from;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this;
  }

  async next(): Promise<Result> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#isOver) return END;
    if (this.#isReading) throw new TypeError("a body should be read by one reader at a time");
    this.#isReading = true;
    try {
      this.#source ??= this.#from.open();
      const value = await this.#source.read();
      if (value === undefined) {
        this.#isOver = true;
        return END;
      }
      this.#from.arrived(value.length);
      return { done: false, value };
    } finally {
      this.#isReading = false;
    }
  }

  // Whoever stops reading leaves the rest to the transport, which reads a little of it or closes the connection.
  return(): Promise<Result> {
    this.#isOver = true;
    return Promise.resolve(END);
  }

  /** The call is over: who still reads fails with its error. */
  stop(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#source?.stop(error);
  }
}
