/**
 * Instances from kubernetes.
 *
 * @module
 */
export {};
