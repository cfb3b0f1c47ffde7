/**
 * Instances from zookeeper.
 *
 * @module
 */
export {};
