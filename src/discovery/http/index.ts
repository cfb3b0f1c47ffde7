/**
 * What registries that speak HTTP share: a small client. For people who write a source or a registrar for a registry of
 * their own.
 *
 * @module
 */
export { registryHttp } from "./registry-http.ts";
export type {
  RegistryAnswer,
  RegistryHeaders,
  RegistryHttp,
  RegistryHttpOptions,
  RegistryRequest,
  RegistryStreamRequest,
} from "./registry-client.ts";
export { RegistryError, type RegistryErrorOptions } from "./registry-error.ts";
export type { RegistryTls } from "./targets.ts";
