/**
 * What registries that speak HTTP share.
 *
 * @module
 */
export {};
