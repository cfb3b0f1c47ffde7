/**
 * JSON-RPC 2.0 over HTTP: server, client, notifications.
 *
 * @module
 */
export { jsonrpcServer, type JsonrpcServerOptions } from "./server.ts";
export { jsonrpcClient, type JsonrpcClientOptions } from "./client.ts";
export type { JsonrpcBatchOptions } from "./client-batch.ts";
export { notifications, type Notification, type Notifications } from "./notifications.ts";
export type { JsonrpcReply, JsonrpcRequest } from "./call.ts";
export type { RpcError, RpcId } from "./message.ts";

// For people who write adapters.
export { rpcCodeOf } from "./code.ts";
