/**
 * Serving implementations over transports, with safe defaults.
 *
 * @module
 */
export { serve, type Running, type ServeOptions } from "./serve.ts";
