/**
 * Instances from etcd.
 *
 * @module
 */
export {};
