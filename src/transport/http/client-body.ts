/**
 * Decompressing an answer within a bound (RFC 9110 §8.4.1): what a peer sends small may be meant to grow a thousandfold.
 *
 * @module
 */
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { policyError, type ServiceError } from "../../errors/index.ts";

/** A content coding this client reads. */
export type Coding = "gzip" | "deflate" | "br";

/** What a client that wants compressed answers asks for. */
export const CODINGS = "gzip, deflate, br";

/** The coding under a header's value; undefined when it is none of ours, or several. */
export function codingOf(header: string): Coding | undefined {
  const name = header.trim().toLowerCase();
  if (name === "gzip" || name === "x-gzip") return "gzip";
  return name === "deflate" || name === "br" ? name : undefined;
}

/** How to decompress. */
export interface Decompression {
  readonly coding: Coding | undefined;
  /** At least 1, which zlib asks for: what it is applied to has bytes and was within the bound. */
  readonly maxBytes: number;
}

/** Decompresses `body`, giving up with `too_large` as soon as more than `maxBytes` come out. */
export function decompress(
  body: Buffer,
  { coding, maxBytes }: Decompression,
  done: (error: ServiceError | undefined, plain: Buffer | undefined) => void,
): void {
  const options = { maxOutputLength: maxBytes };
  function unpacked(error: Error | null, plain: Buffer): void {
    if (error !== null) return done(unpackError(error), undefined);
    done(undefined, plain.length === 0 ? undefined : plain);
  }
  switch (coding) {
    case "gzip":
      return gunzip(body, options, unpacked);
    case "br":
      return brotliDecompress(body, options, unpacked);
    case "deflate":
      return hasZlibHeader(body) ? inflate(body, options, unpacked) : inflateRaw(body, options, unpacked);
    case undefined:
      return done(policyError("invalid_response", { message: "the answer's coding is not supported" }), undefined);
  }
}

function unpackError(error: NodeJS.ErrnoException): ServiceError {
  if (error.code === "ERR_BUFFER_TOO_LARGE") return policyError("too_large", { cause: error });
  return policyError("invalid_response", { message: "the answer cannot be decompressed", cause: error });
}

// "deflate" means the zlib format, yet some servers send the bare stream (RFC 9110 §8.4.1.2). RFC 1950 §2.2: method 8,
// and the first two bytes are a multiple of 31.
function hasZlibHeader(body: Buffer): boolean {
  return body.length >= 2 && (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0;
}
