/**
 * The messages of a request as a handler reads them: one at a time, read only as it asks. Knows no protocol and no platform.
 *
 * @module
 */
import type { Validated } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import { invalidRequest } from "./server-call.ts";

/** Where the bytes of a body come from. */
export interface ByteSource {
  /** The next piece; undefined when the body is over. Rejects when it was cut. */
  read(): Promise<Uint8Array | undefined>;
  /** Nobody reads on: a read that waits rejects with `reason`. */
  stop(reason: Error): void;
}

/** Takes messages out of bytes: `push` a piece, then `take` until nothing comes. */
export interface Frames<F> {
  push(chunk: Uint8Array): void;
  take(): F | undefined;
  /** The body is over; throws when that was in the middle of a message. */
  end(): void;
}

/** What turns the bytes into messages, and who hears of them. */
export interface MessagesFrom<F> {
  readonly source: ByteSource;
  readonly frames: Frames<F>;
  /** Reads the wire value of one message; a promise where that takes long. */
  read(frame: F): unknown;
  validate(wire: unknown): Validated<unknown> | Promise<Validated<unknown>>;
  /** A piece has come, of so many bytes. */
  arrived(bytes: number): void;
  /** A message was read. */
  received(frame: F): void;
  /** A message that cannot be taken ends the call, whatever the handler makes of it. */
  refused(error: unknown): void;
}

type Result = IteratorResult<unknown, undefined>;

const END: Result = { done: true, value: undefined };

/**
 * Reads, checks and gives message by message. Leaving off stops the reading. What is there already costs one promise.
 */
export class IncomingMessages<F> implements AsyncIterableIterator<unknown, undefined> {
  readonly #from: MessagesFrom<F>;
  /** Whether the last piece has come. */
  #isEnded = false;
  /** Whether there is no more to give. */
  #isOver = false;
  #isReading = false;
  /** Why nobody is to read on; undefined while they may. */
  #stopped: Error | undefined = undefined;
  /** Those who ask before those who asked before them have got something. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(from: MessagesFrom<F>) {
    this.#from = from;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (!this.#isReading && this.#waiting === 0) return this.#next();
    this.#waiting++;
    const mine = (): Promise<Result> => {
      this.#waiting--;
      return this.#next();
    };
    const result = this.#last.then(mine, mine);
    this.#last = result;
    return result;
  }

  return(): Promise<Result> {
    this.#isOver = true;
    return Promise.resolve(END);
  }

  /** The call is over: who still reads fails with `reason`, also where messages have come and wait. */
  stop(reason: Error): void {
    this.#stopped ??= reason;
    this.#from.source.stop(reason);
  }

  #next(): Promise<Result> {
    if (this.#isOver) return Promise.resolve(END);
    if (this.#stopped !== undefined) return this.#refuse(this.#stopped);
    try {
      const frame = this.#from.frames.take();
      if (frame !== undefined) {
        const value = this.#read(frame);
        if (!isPromise(value)) return Promise.resolve({ done: false, value });
        return (this.#last = this.#given(value));
      }
      if (this.#isEnded) {
        this.#isOver = true;
        return Promise.resolve(END);
      }
    } catch (error) {
      return this.#refuse(error);
    }
    const result = this.#later();
    this.#last = result;
    return result;
  }

  async #given(value: Promise<unknown>): Promise<Result> {
    this.#isReading = true;
    try {
      return { done: false, value: await value };
    } catch (error) {
      return await this.#refuse(error);
    } finally {
      this.#isReading = false;
    }
  }

  async #later(): Promise<Result> {
    const { source, frames } = this.#from;
    this.#isReading = true;
    try {
      for (;;) {
        const chunk = await source.read();
        if (this.#isOver) return END;
        if (this.#stopped !== undefined) throw this.#stopped;
        if (chunk === undefined) {
          this.#isEnded = true;
          frames.end();
        } else {
          this.#from.arrived(chunk.length);
          frames.push(chunk);
        }
        const frame = frames.take();
        if (frame !== undefined) {
          const value = this.#read(frame);
          return { done: false, value: isPromise(value) ? await value : value };
        }
        if (this.#isEnded) {
          this.#isOver = true;
          return END;
        }
      }
    } catch (error) {
      return await this.#refuse(error);
    } finally {
      this.#isReading = false;
    }
  }

  /** The value of a message that fits, now or later. */
  #read(frame: F): unknown {
    this.#from.received(frame);
    const wire = this.#from.read(frame);
    if (isPromise(wire)) return wire.then((later) => this.#validated(later));
    return this.#validated(wire);
  }

  #validated(wire: unknown): unknown {
    const validated = this.#from.validate(wire);
    return isPromise(validated)
      ? (validated as Promise<Validated<unknown>>).then(valueOf)
      : valueOf(validated as Validated<unknown>);
  }

  #refuse(error: unknown): Promise<Result> {
    this.#isOver = true;
    this.#from.refused(error);
    return Promise.reject(error as Error);
  }
}

function valueOf(validated: Validated<unknown>): unknown {
  if (validated.issues !== undefined) throw invalidRequest(validated.issues);
  return validated.value;
}
