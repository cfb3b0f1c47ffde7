/**
 * Instances from file.
 *
 * @module
 */
export {};
