/**
 * WebSockets: every method of a server on its HTTP port, for browsers and for networks that hold streams of HTTP back.
 *
 * @module
 */
export { webSockets, type WebSocketOptions } from "./server.ts";
export { webSocketClient, type WebSocketClientOptions } from "./client.ts";
export type { WebSocketReply } from "./call.ts";
