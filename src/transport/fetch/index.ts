/**
 * HTTP as a function from `Request` to `Response`: for Bun, Deno, workers, Hono, and whatever else speaks the web's own
 * types. Reaches no module of a platform. On Node `httpServer` is several times faster.
 *
 * @module
 */
export { fetchHandler, type FetchHandler, type FetchHandlerOptions } from "./handler.ts";
// The same as in the door of HTTP on Node, which a worker could not load.
export { routes, type Bind, type Routes, type Template, type Verb } from "../http/routes.ts";
export type { ServingOptions } from "../http/serving.ts";
export type { HttpReply, HttpRequest } from "../http/message.ts";
