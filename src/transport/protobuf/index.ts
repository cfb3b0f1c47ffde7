/**
 * Protocol Buffers services as contracts, and their messages in binary. Needs the package `@bufbuild/protobuf`, an optional
 * peer of this one. Not a transport: serve and call such a contract over any of them.
 *
 * @module
 */
export { proto, type ProtoOptions, type RpcOptions } from "./proto.ts";
export { protobufBinary } from "./binary.ts";
export { protoText } from "./proto-text.ts";

// For people who write adapters.
export type { ErrorsOf, ProtoMethods, ProtoTypes } from "./types.ts";
export { rpcsOf, type MessageWire, type Rpc, type RpcService } from "./rpc.ts";
