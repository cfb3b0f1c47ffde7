/**
 * Messages in protobuf's binary form, as bodies of a transport that takes codecs.
 *
 * @module
 */
import type { Codec } from "../codec.ts";
import { binaryOf } from "./message-shape.ts";

/**
 * The binary codec for contracts made by `proto`, half the bytes of JSON and less. Fields that are not declared are
 * neither read nor written. Its media type is `application/x-protobuf` (Go kit `transport/http/proto`); for peers
 * that say `application/protobuf`, give a second codec: `{ ...protobufBinary, mediaType, contentType }`.
 *
 * A route that takes fields from the path, a query or headers may have it too, as long as the body is the request
 * itself (`body: "*"`) and not one field of it.
 *
 * @throws {TypeError} when the transport is made, when a message is not protobuf's or is to be written in part.
 *
 * @example
 * ```ts
 * import { json } from "servicekit/transport";
 * import { httpClient, httpServer } from "servicekit/transport/http";
 * import { protobufBinary } from "servicekit/transport/protobuf";
 *
 * httpServer({ port: 8081, codecs: [json, protobufBinary] }).name; // => "http"
 * httpClient({ codec: protobufBinary }).name; // => "http"
 * ```
 */
export const protobufBinary: Codec = {
  mediaType: "application/x-protobuf",
  contentType: "application/x-protobuf",
  form: "bytes",
  reader(shape, { maxDepth }) {
    const binary = binaryOf(shape);
    // Of a shape that is not protobuf's the writer, which knows the method's name, is made next, and refuses it.
    return function readBinary(body) {
      return binary?.read(body as Uint8Array, maxDepth);
    };
  },
  writer(shape, where) {
    const binary = binaryOf(shape);
    if (binary === undefined)
      throw new TypeError(`${where}: should be a message of a contract made by proto() to be written in binary`);
    if (shape.toJson === binary.toJson) return binary.write;
    if (shape.jsonSchema()["title"] === binary.desc.typeName) return binary.writeJson;
    throw new TypeError(`${where}: should be a whole ${binary.desc.typeName} to be written in binary`);
  },
};
