/**
 * HTTP/1.1 on node:http: server, client, REST routes, the mounted handler and the low doors.
 *
 * @module
 */
export { httpServer, type HttpServerOptions } from "./server.ts";
export { httpHandler, type HttpHandler } from "./handler.ts";
export { httpClient, type HttpClientOptions } from "./client.ts";
export { httpCall, type HttpCallOptions } from "./client-call.ts";
export type { HttpClientRequest } from "./client-draft.ts";
export type { HttpClientResponse } from "./client-response.ts";
export type { ClientHooks, ClientOutcome } from "./client-hooks.ts";
export type { PoolOptions, TlsOptions } from "./client-pool.ts";
export { debugServer } from "./debug.ts";
export { httpEndpoint, type HttpEndpointOptions, type HttpMessage } from "./endpoint.ts";
export { routes, type Bind, type Routes, type Template, type Verb } from "./routes.ts";
export type { HealthPaths } from "./health.ts";
export type { ListenOptions } from "./listener.ts";
export type { HttpReply, HttpRequest } from "./message.ts";
export type { ServingOptions } from "./serving.ts";

// For people who write adapters.
export type { Page, Pages, PlainAnswer, Served } from "./page.ts";
export { codeOf, statusOf } from "./status.ts";
