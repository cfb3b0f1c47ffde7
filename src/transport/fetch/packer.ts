/**
 * Compression by the web's own streams.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { Coding, Packer } from "../http/compression.ts";

/** What the platform's streams know by these names. */
type Format = "gzip" | "deflate";

/** The platform's own. */
export const webPacker: Packer = {
  reads: ["gzip", "deflate"],
  writes: ["gzip"],
  async inflate(coding, body, maxBytes) {
    const plain = bodyOf(body).pipeThrough(new DecompressionStream(coding as Format));
    const reader = plain.getReader();
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return joined(pieces, length);
        length += value.length;
        if (length > maxBytes) break;
        pieces.push(value);
      }
    } catch (cause) {
      throw policyError("malformed_message", { message: "the body cannot be decompressed", cause });
    }
    reader.cancel().catch(() => undefined);
    throw policyError("too_large");
  },
  async deflate(coding, body) {
    const packed = bodyOf(body).pipeThrough(new CompressionStream(coding as Format));
    return new Uint8Array(await new Response(packed).arrayBuffer());
  },
  async *deflateStream(coding: Coding, body) {
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: () => undefined,
      pull: async (controller) => {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>);
      },
      cancel: async () => void (await pieces.return?.()),
    });
    const pieces = body[Symbol.asyncIterator]();
    const reader = source.pipeThrough(new CompressionStream(coding as Format)).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.cancel().catch(() => undefined);
    }
  },
};

function bodyOf(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
      controller.close();
    },
  });
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
