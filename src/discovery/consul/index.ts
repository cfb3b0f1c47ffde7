/**
 * Instances from consul.
 *
 * @module
 */
export {};
