/**
 * Bytes as bodies, whole or piece by piece: uploads and downloads of one thing. For several things with names there is
 * multipart.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../../errors/index.ts";
import { checkNames, checkNumber, checkString } from "../../../internal/check.ts";
import { isByteStream, isStreamShape } from "../../bytes.ts";
import type { ByteStream, Codec } from "../../codec.ts";
import type { WriteReason } from "../../json/writer.ts";
import { boundedStream } from "../stream-bound.ts";

/** How bytes are read and written. */
export interface BytesCodecOptions {
  /** Their media type. Default: `application/octet-stream`. */
  readonly mediaType?: string | undefined;
  /**
   * The most bytes of a request that is read piece by piece, from 0. Default: 1 GiB. What is read whole is bounded by
   * `maxBodyBytes` of the limits.
   */
  readonly maxStreamBytes?: number | undefined;
}

const MEDIA = {
  pattern: /^[a-z0-9!#$&^_.+-]{1,100}\/[a-z0-9!#$&^_.+-]{1,100}$/,
  says: "a media type in lower case without parameters",
};

/**
 * Makes a codec of bytes: of messages that are a `Uint8Array` (`bytesSchema`), which are read whole, or a stream of them
 * (`byteStreamSchema`), which a handler gets while they arrive, and gives while they leave.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { byteStreamSchema } from "servicekit/transport";
 * import { bytesCodec, routes } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const reports = service("reports", { get: method({ request: z.object({ id: z.string() }), response: byteStreamSchema }) });
 * const pdf = bytesCodec({ mediaType: "application/pdf" });
 * routes(reports, { get: { path: "GET /reports/{id}", codec: pdf } }).routes[0]?.codec?.contentType; // => "application/pdf"
 * ```
 */
export function bytesCodec(options: BytesCodecOptions = {}): Codec {
  checkNames("bytesCodec", options, ["mediaType", "maxStreamBytes"]);
  const mediaType = checkString("mediaType", options.mediaType ?? "application/octet-stream", MEDIA);
  const maxBytes = checkNumber("maxStreamBytes", options.maxStreamBytes ?? 2 ** 30, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    integer: true,
  });
  return {
    mediaType,
    contentType: mediaType,
    form: "bytes",
    reader(shape) {
      return isStreamShape(shape) ? (body) => streamOf(body as Uint8Array) : (body) => body;
    },
    writer(_shape, where, reason) {
      return function writeBytes(value) {
        if (value instanceof Uint8Array) return value;
        throw unfit(`${where} should be a Uint8Array to be written as bytes`, reason);
      };
    },
    streamReader(shape) {
      return isStreamShape(shape) ? (body) => boundedStream(body, maxBytes) : undefined;
    },
    streamWriter(shape, where, reason) {
      if (!isStreamShape(shape)) return undefined;
      return function writeStream(value) {
        if (isByteStream(value)) return value;
        throw unfit(`${where} should be a stream of bytes`, reason);
      };
    },
  };
}

/**
 * The codec of bytes, `application/octet-stream`.
 *
 * @example
 * ```ts
 * import { shapeOf } from "servicekit/contract";
 * import { bytesSchema } from "servicekit/transport";
 * import { bytes } from "servicekit/transport/http";
 *
 * bytes.writer(shapeOf(bytesSchema), "files.get response")(new Uint8Array([1])); // => new Uint8Array([1])
 * ```
 */
export const bytes: Codec = bytesCodec();

// A transport that has the body whole: what wants a stream gets it in one piece.
function streamOf(body: Uint8Array): ByteStream {
  return {
    byteLength: body.length,
    async *[Symbol.asyncIterator]() {
      if (body.length > 0) yield body;
    },
  };
}

function unfit(problem: string, reason: WriteReason = "invalid_response"): ServiceError {
  return policyError(reason, { cause: new TypeError(problem) });
}
