/**
 * Decompressing an answer within a bound (RFC 9110 §8.4.1): what a peer sends small may be meant to grow a thousandfold.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import { codingNamed, type Coding } from "./compression.ts";
import { isTooMuch, nodePacker, unpack } from "./node-packer.ts";

/** What a client that wants compressed answers asks for. */
export const CODINGS: string = nodePacker.reads.join(", ");

/** The coding under a header's value; undefined when it is none of ours, or several. */
export function codingOf(header: string): Coding | undefined {
  return codingNamed(header, nodePacker.reads);
}

/** How to decompress. */
export interface Decompression {
  readonly coding: Coding | undefined;
  readonly maxBytes: number;
}

/** Decompresses `body`, giving up with `too_large` as soon as more than `maxBytes` come out. */
export function decompress(
  body: Buffer,
  { coding, maxBytes }: Decompression,
  done: (error: ServiceError | undefined, plain: Buffer | undefined) => void,
): void {
  if (coding === undefined)
    return done(policyError("invalid_response", { message: "the answer's coding is not supported" }), undefined);
  unpack({ coding, body, maxBytes }, function unpacked(error, plain) {
    if (error !== null) return done(unpackError(error), undefined);
    done(undefined, plain.length === 0 ? undefined : plain);
  });
}

function unpackError(error: NodeJS.ErrnoException): ServiceError {
  if (isTooMuch(error)) return policyError("too_large", { cause: error });
  return policyError("invalid_response", { message: "the answer cannot be decompressed", cause: error });
}
