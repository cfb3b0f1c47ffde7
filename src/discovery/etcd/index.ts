/**
 * Instances from etcd v3: a source that follows a service, and a registrar that keeps an instance known under a lease. Over
 * etcd's JSON gateway, so nothing needs to be installed.
 *
 * @module
 */
export { etcd, type EtcdOptions } from "./etcd.ts";
export { etcdRegistrar, type EtcdRegistrarOptions } from "./etcd-registrar.ts";
export type { EtcdConnection } from "./gateway.ts";
export type { EtcdPlace } from "./layout.ts";
