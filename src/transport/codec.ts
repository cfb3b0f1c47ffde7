/**
 * Codecs: bytes to a wire value and back. A transport has a default; a user may replace it for all methods or for one.
 *
 * @module
 */
import { checkFunction, checkOneOf, shown } from "../internal/check.ts";
import type { JsonSchemaObject, Shape } from "../contract/index.ts";
import type { Limits } from "./limits.ts";
import { parseJson } from "./json/parse.ts";
import { jsonWriter, type WriteReason } from "./json/writer.ts";

/** A body that comes or goes piece by piece and is never whole in memory. */
export interface ByteStream extends AsyncIterable<Uint8Array> {
  /** Its content type, with parameters: of what came, as the sender wrote it; of what goes, in place of the codec's. */
  readonly contentType?: string | undefined;
  /** How many bytes it has, where that is known beforehand. */
  readonly byteLength?: number | undefined;
}

/** Turns bodies into wire values (a schema's input form) and back. Readers and writers are made once per method. */
export interface Codec {
  /**
   * The media type it reads and writes, without parameters, in lower case: `application/json`. One that takes whatever comes
   * says any type, a star on each side of the slash.
   */
  readonly mediaType: string;
  /** The content type it announces. */
  readonly contentType: string;
  /** Whether bodies are text, which the transport decodes as UTF-8 and refuses when it is not, or bytes. */
  readonly form: "text" | "bytes";
  /** Makes the reader of messages of one shape; it throws a ServiceError on a body that cannot be read. */
  reader(shape: Shape, limits: Limits): (body: string | Uint8Array) => unknown;
  /**
   * Makes the writer of messages of one shape; it writes declared fields only. A value that does not fit fails with
   * `reason`, by default `invalid_response`.
   *
   * @throws {TypeError} when the shape cannot be written, naming `where` and what is missing.
   */
  writer(shape: Shape, where: string, reason?: WriteReason): (value: unknown) => string | Uint8Array;
  /**
   * Makes the reader of requests that are dispatched while their body still arrives; undefined where the shape wants it
   * whole. A transport without streams asks `reader` instead. Default: `reader` reads all.
   */
  readonly streamReader?: ((shape: Shape, limits: Limits) => ((body: ByteStream) => unknown) | undefined) | undefined;
  /** The same for what is written piece by piece. Default: `writer` writes all. */
  readonly streamWriter?:
    | ((shape: Shape, where: string, reason?: WriteReason) => ((value: unknown) => ByteStream) | undefined)
    | undefined;
  /** Writes the answers of a server, and reads them in a client, in place of this one. Default: this one does both. */
  readonly answers?: Codec | undefined;
}

/**
 * The JSON codec, the default everywhere: strict in reading (UTF-8, no duplicate keys, bounded depth) and compiled from
 * the schema in writing, so that an undeclared field never leaves.
 *
 * @example
 * ```ts
 * import { json, limitsOf } from "servicekit/transport";
 * import { shapeOf } from "servicekit/contract";
 * import { z } from "zod";
 *
 * const write = json.writer(shapeOf(z.object({ v: z.int() })), "add.sum response");
 * write({ v: 3, password: "x" }); // => '{"v":3}'
 * ```
 */
export const json: Codec = {
  mediaType: "application/json",
  contentType: "application/json",
  form: "text",
  reader(_shape, limits) {
    return function readJson(body) {
      return parseJson(body as string, limits);
    };
  },
  writer(shape, where, reason) {
    const { toJson } = shape;
    if (toJson !== undefined) return (value) => JSON.stringify(toJson(value));
    return jsonWriter(schemaOf(shape, where), where, reason);
  },
};

/** Throws a TypeError that names the option unless `codec` is one. */
export function checkCodec(name: string, codec: unknown): void {
  const { mediaType, form, reader, writer, answers } = (codec ?? {}) as Partial<Codec>;
  if (typeof mediaType !== "string") throw new TypeError(`${name} should be a codec, got ${shown(codec)}`);
  checkOneOf(`${name} ${mediaType}: form`, form, ["text", "bytes"]);
  checkFunction(`${name} ${mediaType}: reader`, reader);
  checkFunction(`${name} ${mediaType}: writer`, writer);
  if (answers !== undefined) checkCodec(`${name} ${mediaType}: answers`, answers);
}

/**
 * The JSON Schema of a shape; an error says which message lacks it.
 *
 * @throws {TypeError} when the shape's library cannot give one.
 *
 * @example
 * ```ts
 * import { shapeOf } from "servicekit/contract";
 * import { schemaOf } from "servicekit/transport";
 * import { z } from "zod";
 *
 * schemaOf(shapeOf(z.object({ v: z.string() })), "add.sum response")["required"]; // => ["v"]
 * ```
 */
export function schemaOf(shape: Shape, where: string): JsonSchemaObject {
  try {
    return shape.jsonSchema();
  } catch (error) {
    throw new TypeError(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
