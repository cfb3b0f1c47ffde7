/**
 * Streams of bytes in other clothes: with a bound, or begun already.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { ByteStream } from "../codec.ts";

/**
 * The same stream, which fails with `too_large` as soon as more than `maxBytes` have come; at once when it says that they
 * will.
 */
export function boundedStream(body: ByteStream, maxBytes: number): ByteStream {
  if (body.byteLength !== undefined && body.byteLength > maxBytes) throw policyError("too_large");
  async function* bounded(): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > maxBytes) throw policyError("too_large");
      yield piece;
    }
  }
  return {
    contentType: body.contentType,
    byteLength: body.byteLength,
    [Symbol.asyncIterator]: bounded,
  };
}

/** The same stream once its first piece is there. When `isOver` says so by then, it is left at once. */
export async function begun(body: ByteStream, isOver: () => boolean): Promise<ByteStream> {
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (isOver()) await pieces.return?.();
  let isFirst = true;
  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      if (!isFirst) return pieces.next();
      isFirst = false;
      return Promise.resolve(first);
    },
    async return() {
      await pieces.return?.();
      return { done: true, value: undefined };
    },
  };
  return { contentType: body.contentType, byteLength: body.byteLength, [Symbol.asyncIterator]: () => iterator };
}
