/**
 * Serving implementations over transports, with safe defaults.
 *
 * @module
 */
export { serve, type Running } from "./serve.ts";
export type { ServeOptions } from "./options.ts";
