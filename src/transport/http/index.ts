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
export type { ClientHooks, ClientOutcome } from "../client-hooks.ts";
export type { PoolOptions, TlsOptions } from "./client-pool.ts";
export { httpEndpoint, type HttpEndpointOptions, type HttpMessage } from "./endpoint.ts";
export { attachment } from "./attachment.ts";
export { bytes, bytesCodec, type BytesCodecOptions } from "./codecs/bytes.ts";
export { form, formCodec, type FormCodecOptions } from "./codecs/form.ts";
export { text, textCodec, type TextCodecOptions } from "./codecs/text.ts";
export type { Coding, CompressOptions } from "./compression.ts";
export { routes, type Bind, type Routes, type Template, type Verb } from "./routes.ts";
export { cookie, deleteCookie, setCookie, type CookieOptions, type CookiePlace } from "./cookies.ts";
export type { CorsOptions } from "./cors.ts";
export type { HealthPaths } from "./health.ts";
export type { ListenOptions } from "./listener.ts";
export { peerIdentity, type PeerIdentity } from "./peer-identity.ts";
export type { Pem, ServerTlsOptions } from "./server-tls.ts";
export type { HttpReply, HttpRequest } from "./message.ts";
export type { ServingOptions } from "./serving.ts";
export type { StreamOptions } from "./stream-plan.ts";

// For people who write adapters.
export type { Upgrade, UpgradeServed, Upgrading } from "./upgrade.ts";
export type { Page, Pages, PlainAnswer, Served } from "./page.ts";
export { codeOf, statusOf } from "./status.ts";
