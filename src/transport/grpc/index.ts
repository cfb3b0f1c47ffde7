/**
 * gRPC on node:http2: servers and clients of any contract, with messages by Protocol Buffers. Needs the package
 * `@bufbuild/protobuf`, an optional peer of this one.
 *
 * @module
 */
export {};
