/**
 * JSON-RPC 2.0 over HTTP.
 *
 * @module
 */
export { jsonrpcServer, type JsonrpcServerOptions } from "./server.ts";
export type { JsonrpcReply, JsonrpcRequest } from "./call.ts";
export type { RpcError, RpcId } from "./message.ts";

// For people who write adapters.
export { rpcCodeOf } from "./code.ts";
