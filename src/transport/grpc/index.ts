/**
 * gRPC on node:http2: servers and clients of any contract, with messages by Protocol Buffers. Needs the package
 * `@bufbuild/protobuf`, an optional peer of this one.
 *
 * @module
 */
export { grpcServer } from "./server.ts";
export type { GrpcServerOptions, KeepaliveOptions } from "./server-settings.ts";
export type { GrpcReply, GrpcRequest } from "./server-message.ts";
export { grpcClient, type GrpcClientOptions } from "./client.ts";
export { foreign, type Foreign, type ForeignRpc, type ForeignRpcs } from "./foreign.ts";
export { codeOf, statusOf } from "./status.ts";
export type { GrpcClientRequest, GrpcClientResponse } from "./client-answer.ts";
export type { ClientKeepaliveOptions } from "./client-keepalive.ts";
