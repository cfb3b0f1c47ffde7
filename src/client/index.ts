/**
 * Typed clients of a contract, with safe defaults.
 *
 * @module
 */
export { client, type ClosableClient } from "./client.ts";
export type { ClientEvent } from "./events.ts";
export type { ClientChange, MethodChange } from "./adjust.ts";
export { adjust, close, describe, explain, type InstanceState } from "./handle.ts";
export type {
  BalanceOptions,
  ClientMethods,
  ClientOptions,
  ClientPolicy,
  From,
  LocalClientOptions,
} from "./options.ts";
