/**
 * Compression by node:zlib, on its own threads. zstd where Node has it (22.15 and later).
 *
 * @module
 */
import { Readable, type Transform } from "node:stream";
import * as zlib from "node:zlib";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Coding, Packer } from "./compression.ts";

type Done = (error: Error | null, result: Buffer) => void;

/** What @types/node of the oldest line we run on does not know yet. */
interface Zstd {
  readonly zstdDecompress?: (body: Uint8Array, options: object, done: Done) => void;
  readonly zstdCompress?: (body: Uint8Array, options: object, done: Done) => void;
  readonly createZstdCompress?: (options: object) => Transform;
}

const { zstdDecompress, zstdCompress, createZstdCompress } = zlib as Zstd;
const { constants } = zlib;

const hasZstd = zstdCompress !== undefined;
// Brotli's own default, 11, is for files that are packed once: a hundred times slower for a tenth less.
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** A body that is compressed, and the most that may come out. */
export interface Packed {
  readonly coding: Coding;
  readonly body: Uint8Array;
  readonly maxBytes: number;
}

/** Unpacks it; `done` gets zlib's own error. */
export function unpack({ coding, body, maxBytes }: Packed, done: Done): void {
  // zlib asks for at least one.
  const options = { maxOutputLength: Math.max(1, maxBytes) };
  if (coding === "gzip") zlib.gunzip(body, options, done);
  else if (coding === "br") zlib.brotliDecompress(body, options, done);
  else if (coding === "zstd") zstdDecompress!(body, options, done);
  else if (hasZlibHeader(body)) zlib.inflate(body, options, done);
  else zlib.inflateRaw(body, options, done);
}

/** Whether zlib gave up because too much came out. */
export function isTooMuch(error: NodeJS.ErrnoException): boolean {
  return error.code === "ERR_BUFFER_TOO_LARGE";
}

// "deflate" means the zlib format, yet some peers send the bare stream (RFC 9110 §8.4.1.2). RFC 1950 §2.2: method 8,
// and the first two bytes are a multiple of 31.
function hasZlibHeader(body: Uint8Array): boolean {
  return body.length >= 2 && (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0;
}

function pack(coding: Coding, body: Uint8Array, done: Done): void {
  if (coding === "br")
    zlib.brotliCompress(body, { params: { ...BROTLI.params, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }, done);
  else if (coding === "zstd") zstdCompress!(body, {}, done);
  else if (coding === "gzip") zlib.gzip(body, done);
  else zlib.deflate(body, done);
}

function packing(coding: Coding, flushes: boolean): Transform {
  if (coding === "br")
    return zlib.createBrotliCompress(flushes ? { ...BROTLI, flush: constants.BROTLI_OPERATION_FLUSH } : BROTLI);
  // The number of ZSTD_e_flush, which older type declarations do not name.
  if (coding === "zstd") return createZstdCompress!(flushes ? { flush: 1 } : {});
  const options = flushes ? { flush: constants.Z_SYNC_FLUSH } : {};
  return coding === "gzip" ? zlib.createGzip(options) : zlib.createDeflate(options);
}

function unreadable(cause: NodeJS.ErrnoException): ServiceError {
  if (isTooMuch(cause)) return policyError("too_large", { cause });
  return policyError("malformed_message", { message: "the body cannot be decompressed", cause });
}

/** Node's own. */
export const nodePacker: Packer = {
  reads: hasZstd ? ["gzip", "deflate", "br", "zstd"] : ["gzip", "deflate", "br"],
  writes: hasZstd ? ["zstd", "br", "gzip"] : ["br", "gzip"],
  inflate(coding, body, maxBytes) {
    return new Promise((resolve, reject) => {
      unpack({ coding, body, maxBytes }, (error, plain) => {
        if (error !== null) reject(unreadable(error));
        else if (plain.length > maxBytes) reject(policyError("too_large"));
        else resolve(plain);
      });
    });
  },
  deflate(coding, body) {
    return new Promise((resolve, reject) => {
      pack(coding, body, (error, packed) => (error === null ? resolve(packed) : reject(error)));
    });
  },
  async *deflateStream(coding, body, { flushes = false } = {}) {
    const packed = packing(coding, flushes);
    const source = Readable.from(body, { highWaterMark: 1 });
    source.once("error", (error) => packed.destroy(error));
    source.pipe(packed);
    try {
      for await (const piece of packed) yield piece as Buffer;
    } finally {
      source.destroy();
      packed.destroy();
    }
  },
};
