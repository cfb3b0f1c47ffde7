/**
 * Typed clients of a contract, with safe defaults.
 *
 * @module
 */
export { client, type ClosableClient } from "./client.ts";
export { close, describe } from "./handle.ts";
export type { ClientMethods, ClientOptions, LocalClientOptions } from "./options.ts";
