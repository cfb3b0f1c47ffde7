/**
 * Messages compressed with gzip, the one coding that every gRPC peer has beside none. Small ones at once, larger ones on
 * another thread, so that no message holds up the loop.
 *
 * @module
 */
import { promisify } from "node:util";
import { gunzip, gunzipSync, gzip, gzipSync } from "node:zlib";
import { policyError, type ServiceError } from "../../errors/index.ts";

/** The codings there are, as `grpc-accept-encoding` lists them. */
export const CODINGS = "identity,gzip";

/** gzip gains at most a factor of 1032: what is no larger comes to a megabyte, a millisecond of work. */
const INFLATE_AT_ONCE = 1024;

/** A third of a millisecond of work. */
const DEFLATE_AT_ONCE = 16_384;

// Fast rather than small: between services, time is dearer than the last tenth.
const LEVEL = 3;

const gunzipLater = promisify(gunzip) as (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;
const gzipLater = promisify(gzip) as (data: Uint8Array, options: { level: number }) => Promise<Buffer>;

/** Whether a compressed message is small enough to be unpacked at once, whatever is in it. */
export function inflatesAtOnce(data: Uint8Array): boolean {
  return data.length <= INFLATE_AT_ONCE;
}

/** Whether a message is small enough to be packed at once. */
export function deflatesAtOnce(data: Uint8Array): boolean {
  return data.length <= DEFLATE_AT_ONCE;
}

/**
 * Unpacks a message.
 *
 * @throws {ServiceError} too_large as soon as more than `maxBytes` come out, malformed_message when it is no gzip.
 */
export function inflate(data: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return checked(gunzipSync(data, { maxOutputLength: bound(maxBytes) }), maxBytes);
  } catch (cause) {
    throw errorOf(cause);
  }
}

/** The same on another thread. */
export async function inflateLater(data: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return checked(await gunzipLater(data, { maxOutputLength: bound(maxBytes) }), maxBytes);
  } catch (cause) {
    throw errorOf(cause);
  }
}

/**
 * Unpacks a message that says it is compressed: small ones at once, larger ones on another thread.
 *
 * @throws {ServiceError} malformed_message when its coding is none; else as `inflate`, or rejects so.
 */
export function unpack(
  data: Uint8Array,
  encoding: string | string[] | undefined,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  if (encoding === undefined || encoding === "identity")
    throw policyError("malformed_message", { message: "a message is compressed, and grpc-encoding does not say how" });
  return inflatesAtOnce(data) ? inflate(data, maxBytes) : inflateLater(data, maxBytes);
}

/** Packs a message. */
export function deflate(data: Uint8Array): Uint8Array {
  return gzipSync(data, { level: LEVEL });
}

/** The same on another thread. */
export function deflateLater(data: Uint8Array): Promise<Uint8Array> {
  return gzipLater(data, { level: LEVEL });
}

// zlib does not take 0.
function bound(maxBytes: number): number {
  return Math.max(1, maxBytes);
}

function checked(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length > maxBytes) throw policyError("too_large");
  return bytes;
}

function errorOf(cause: unknown): ServiceError {
  const { code, reason } = cause as { readonly code?: string; readonly reason?: string };
  if (reason === "too_large") return cause as ServiceError;
  if (code === "ERR_BUFFER_TOO_LARGE") return policyError("too_large", { cause });
  return policyError("malformed_message", { message: "the message is not valid gzip", cause });
}
