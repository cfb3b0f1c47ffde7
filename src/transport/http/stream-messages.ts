/**
 * The messages of a request's body as a handler reads them: one at a time, read only as it asks. Knows no platform.
 *
 * @module
 */
import type { Validated } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { invalidRequest } from "../server-call.ts";
import type { FrameReader } from "./frames.ts";

/** Where the bytes of a body come from. */
export interface ByteSource {
  /** The next piece; undefined when the body is over. Rejects when it was cut. */
  read(): Promise<Uint8Array | undefined>;
  /** Nobody reads on: a read that waits rejects with `reason`. */
  stop(reason: Error): void;
}

/** What turns the bytes into messages, and who hears of them. */
export interface MessagesFrom {
  readonly source: ByteSource;
  readonly frames: FrameReader;
  /** Reads the wire value of one message. */
  read(text: string): unknown;
  validate(wire: unknown): Validated<unknown> | Promise<Validated<unknown>>;
  /** A piece has come, of so many bytes. */
  arrived(bytes: number): void;
  /** A message was read, of so many characters. */
  received(length: number): void;
  /** A message that cannot be taken ends the call, whatever the handler makes of it. */
  refused(error: unknown): void;
}

/** Reads, checks and gives message by message. Leaving off stops the reading. */
export async function* messages(from: MessagesFrom): AsyncGenerator<unknown, void, undefined> {
  const { source, frames } = from;
  try {
    for (let isOver = false; ;) {
      for (let text = frames.take(); text !== undefined; text = frames.take()) {
        from.received(text.length);
        let validated = from.validate(from.read(text));
        if (isPromise(validated)) validated = (await validated) as Validated<unknown>;
        if ((validated as Validated<unknown>).issues !== undefined)
          throw invalidRequest((validated as Validated<unknown>).issues!);
        yield (validated as { readonly value: unknown }).value;
      }
      if (isOver) return;
      const chunk = await source.read();
      if (chunk === undefined) {
        isOver = true;
        frames.end();
      } else {
        from.arrived(chunk.length);
        frames.push(chunk);
      }
    }
  } catch (error) {
    from.refused(error);
    throw error;
  }
}
