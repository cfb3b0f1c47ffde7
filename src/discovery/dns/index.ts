/**
 * Instances from dns.
 *
 * @module
 */
export {};
