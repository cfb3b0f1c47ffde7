/**
 * Instances from eureka.
 *
 * @module
 */
export {};
